/* Why: asks a Consul agent, with its token and its TLS.
 * Life: gw_consul_client_new … gw_consul_client_free, which cleanses; a call is a fetch.
 * Thread: the loop's. */
#ifndef GW_CONTROLPLANE_DISCOVERY_CONSUL_CLIENT_H
#define GW_CONTROLPLANE_DISCOVERY_CONSUL_CLIENT_H

#include "common/observe/log.h"
#include "controlplane/fetch/fetch.h"
#include "controlplane/policy/settings.h"

struct gw_consul_client;

/* What it needs of the settings is copied. */
struct gw_consul_client *gw_consul_client_new(struct gw_fetcher *fetcher, const struct gw_settings *settings);
void gw_consul_client_free(struct gw_consul_client *client);
/* Says so when the token travels in the clear. */
void gw_consul_client_warn(const struct gw_consul_client *client, struct gw_log *log);
/* "http://127.0.0.1:8500". */
const char *gw_consul_client_url(const struct gw_consul_client *client);

struct gw_consul_call {
  const char *method; /* NULL: GET */
  const char *path;   /* with its query: "/v1/agent/services" */
  struct gw_str body; /* data NULL: none */
  uint64_t timeout_ms;
  size_t bytes_max;
};
/* Any status is taken. NULL: the token's file can't be read, *ret_reason says why and is freed by the caller. */
struct gw_fetch *gw_consul_client_call(const struct gw_consul_client *client, const struct gw_consul_call *call, gw_fetch_fn fn, void *arg,
                                       char **ret_reason);

#endif
