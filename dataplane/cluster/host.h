/* Why: what all threads know together of one endpoint of a cluster: how its requests end, counted without locks, and whether main takes it
 * for well.
 * Life: ref-counted: by main, by the frozen clusters that list it, and by requests under way. Main's side ends with gw_host_leave.
 * Thread: gw_host_count, ref, unref: any. What is main's says so. */
#ifndef GW_DATAPLANE_CLUSTER_HOST_H
#define GW_DATAPLANE_CLUSTER_HOST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/event/mailbox.h"

/* Why an endpoint stands out. */
enum gw_outlier_cause { GW_OUTLIER_5XX, GW_OUTLIER_GATEWAY_FAILURE, GW_OUTLIER_SUCCESS_RATE };
#define GW_OUTLIER_CAUSE_COUNT 3

struct gw_host {
  atomic_uint refs;
  bool is_usable;           /* main's: what it would build a cluster with now */
  bool is_new;              /* main's: not usable, only since it waits for its first health check */
  struct gw_mailbox *inbox; /* main's, as long as there are workers */
  void *owner;              /* main's: whose it is there; NULL after gw_host_leave */
  atomic_bool has_traffic;  /* a request was sent there */
  /* How many in a row are told of; 0: never. */
  atomic_uint limit_5xx;
  atomic_uint limit_gateway_failure;
  atomic_uint run_5xx; /* so many in a row up to now */
  atomic_uint run_gateway_failure;
  atomic_ullong request_count; /* of this interval */
  atomic_ullong success_count;
};

/* What a worker tells main, by mail: an endpoint has failed as often in a row as its limit says. */
struct gw_host_notice {
  struct gw_mail mail;
  struct gw_host *host; /* a reference */
  enum gw_outlier_cause cause;
};

struct gw_host *gw_host_new(struct gw_mailbox *inbox, void *owner);
struct gw_host *gw_host_ref(struct gw_host *host);
void gw_host_unref(struct gw_host *host);
/* Main's: it is looked after no more. Gives main's reference back. */
void gw_host_leave(struct gw_host *host);

/* A request to it ended with that status; what never became an answer counts as 503, or 504 when time ran out (as in Envoy). */
void gw_host_count(struct gw_host *host, uint32_t status);
static inline void gw_host_mark_traffic(struct gw_host *host) {
  /* Written once: the line stays shared. */
  if (!atomic_load_explicit(&host->has_traffic, memory_order_relaxed))
    atomic_store_explicit(&host->has_traffic, true, memory_order_relaxed);
}
/* No failure in a row any more. */
void gw_host_forgive(struct gw_host *host);
/* What was counted since the last call. */
void gw_host_take_counts(struct gw_host *host, uint64_t *ret_requests, uint64_t *ret_successes);

#endif
