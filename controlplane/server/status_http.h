/* Why: the control plane's read-only HTTP: /health, /ready, /metrics.
 * Life: gw_status_http_new … gw_status_http_free. What it tells of is borrowed.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SERVER_STATUS_HTTP_H
#define GW_CONTROLPLANE_SERVER_STATUS_HTTP_H

#include "common/event/loop.h"
#include "common/net/address.h"
#include "controlplane/api/agent_service.h"
#include "controlplane/server/channel_tls.h"
#include "controlplane/server/discovery.h"
#include "controlplane/server/files.h"
#include "controlplane/server/storage.h"
#include "controlplane/snapshot/cache.h"
#include "controlplane/snapshot/node_table.h"

struct gw_status_http;

struct gw_status_http_options {
  struct gw_loop *loop;
  struct gw_address listen;
  struct gw_files *files;
  struct gw_snapshot_cache *cache;
  const struct gw_node_table *nodes;
  const struct gw_channel_tls *tls;
  const struct gw_storage *storage;
  const struct gw_discovery *discovery;
  const struct gw_agent_service *agents;
  const struct gw_log *log;
  const struct gw_change_trace *trace;
};

/* GW_ERR_IO with errno: the address can't be bound. */
enum gw_err gw_status_http_new(const struct gw_status_http_options *options, struct gw_status_http **ret_status);
void gw_status_http_free(struct gw_status_http *status);
uint16_t gw_status_http_port(const struct gw_status_http *status);
/* From now on /ready says 503. */
void gw_status_http_set_stopping(struct gw_status_http *status);

#endif
