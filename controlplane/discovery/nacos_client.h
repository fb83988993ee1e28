/* Why: asks Nacos: one of several servers, the next one when it does not answer; with the token of a user, which is renewed in time.
 * Life: gw_nacos_client_new … gw_nacos_client_free, after all calls; a call ends with its callback or gw_nacos_call_cancel.
 * Thread: the loop's. */
#ifndef GW_CONTROLPLANE_DISCOVERY_NACOS_CLIENT_H
#define GW_CONTROLPLANE_DISCOVERY_NACOS_CLIENT_H

#include "common/event/loop.h"
#include "common/observe/log.h"
#include "controlplane/fetch/fetch.h"
#include "controlplane/policy/settings.h"

/* Calls under way at once; more wait. Long polls are beside. */
#define GW_NACOS_CALLS_MAX 32u

struct gw_nacos_client;
struct gw_nacos_call;

/* Names of the settings that a client and those who use it depend on; NULL ends them. */
extern const char *const gw_nacos_client_settings[];

/* What it needs of the settings is copied. `log` may be NULL: who asks is told in any case. */
struct gw_nacos_client *gw_nacos_client_new(struct gw_loop *loop, struct gw_log *log, struct gw_fetcher *fetcher,
                                            const struct gw_settings *settings);
void gw_nacos_client_free(struct gw_nacos_client *client);
/* The server that is asked now: "http://10.0.0.1:8848/nacos". */
const char *gw_nacos_client_describe(const struct gw_nacos_client *client);

/* Copied, all of it. */
struct gw_nacos_request {
  const char *method;
  const char *path;    /* "/v1/ns/instance/list" */
  struct gw_str query; /* "a=b&c=d", encoded; or empty */
  struct gw_str form;  /* the body, likewise; data NULL: none */
  const char *header;  /* "Name: value"; NULL: no more than what all have */
  uint64_t timeout_ms; /* of each server */
  size_t bytes_max;
  bool is_long_poll;
};

/* Borrowed until the callback's end. */
struct gw_nacos_answer {
  bool is_good;           /* 200 */
  uint32_t status;        /* 0: no server answered */
  struct gw_str body;     /* of is_good */
  struct gw_str local_ip; /* by which that server was reached */
  const char *words;      /* why it is not good: a sentence */
};
typedef void (*gw_nacos_answer_fn)(void *arg, const struct gw_nacos_answer *answer);

/* The callback comes later. Each server is asked once at most, and a second time after a login when it refuses our token. */
struct gw_nacos_call *gw_nacos_client_call(struct gw_nacos_client *client, const struct gw_nacos_request *request, gw_nacos_answer_fn fn,
                                           void *arg);
/* Without a callback; NULL is accepted. */
void gw_nacos_call_cancel(struct gw_nacos_call *call);

/* Appends "&name=value", or "name=value" to an empty buffer, the value encoded. */
void gw_nacos_append_param(struct gw_strbuf *buf, const char *name, struct gw_str value);

#endif
