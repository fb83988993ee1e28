/* Why: asks DNS servers on the control plane's loop (c-ares), with retries, and TCP where an answer does not fit.
 * Life: gw_dns_client_new … free, which ends what is under way without a word. A query ends with its callback, or gw_dns_query_cancel.
 * Thread: the loop's. */
#ifndef GW_CONTROLPLANE_DISCOVERY_DNS_CLIENT_H
#define GW_CONTROLPLANE_DISCOVERY_DNS_CLIENT_H

#include "common/base/err.h"
#include "common/event/loop.h"

struct gw_dns_client;
struct gw_dns_query;

/* `servers`: "127.0.0.1:53,[::1]:53"; "": the system's. */
struct gw_dns_client *gw_dns_client_new(struct gw_loop *loop, const char *servers);
void gw_dns_client_free(struct gw_dns_client *client);

enum gw_dns_type { GW_DNS_TYPE_A = 1, GW_DNS_TYPE_AAAA = 28, GW_DNS_TYPE_SRV = 33 };
/* GW_OK: the answer's bytes; GW_ERR_NOT_FOUND: there is no such name, or nothing of that type; else why, in `words`. */
typedef void (*gw_dns_fn)(void *arg, enum gw_err err, const unsigned char *bytes, size_t len, const char *words);
/* The callback may come at once, from inside. Then NULL is returned. */
struct gw_dns_query *gw_dns_query_start(struct gw_dns_client *client, const char *name, enum gw_dns_type type, gw_dns_fn fn, void *arg);
/* Without a callback; NULL is accepted. */
void gw_dns_query_cancel(struct gw_dns_query *query);

#endif
