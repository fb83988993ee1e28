#include "dataplane/cluster/host.h"

#include <stdlib.h>

#include "common/base/mem.h"

struct gw_host *gw_host_new(struct gw_mailbox *inbox, void *owner) {
  struct gw_host *host = gw_calloc(1, sizeof(*host));
  host->refs = 1;
  host->is_usable = true;
  host->inbox = inbox;
  host->owner = owner;
  return host;
}

struct gw_host *gw_host_ref(struct gw_host *host) {
  atomic_fetch_add_explicit(&host->refs, 1, memory_order_relaxed);
  return host;
}

void gw_host_unref(struct gw_host *host) {
  if (host == NULL || atomic_fetch_sub_explicit(&host->refs, 1, memory_order_acq_rel) != 1) return;
  free(host);
}

void gw_host_leave(struct gw_host *host) {
  host->owner = NULL;
  gw_host_unref(host);
}

static void tell(struct gw_host *host, enum gw_outlier_cause cause) {
  struct gw_host_notice *notice = gw_calloc(1, sizeof(*notice));
  notice->host = gw_host_ref(host);
  notice->cause = cause;
  gw_mailbox_post(host->inbox, &notice->mail);
}

/* Who brings the run to the limit tells, and nobody else: further failures count on until a success, or main, begins anew. */
static void add_failure(struct gw_host *host, atomic_uint *run, atomic_uint *limit, enum gw_outlier_cause cause) {
  unsigned count = atomic_fetch_add_explicit(run, 1, memory_order_relaxed) + 1;
  if (count == atomic_load_explicit(limit, memory_order_relaxed)) tell(host, cause);
}

static void end_run(atomic_uint *run) {
  /* Mostly there is none, and then nothing is written. */
  if (atomic_load_explicit(run, memory_order_relaxed) != 0) atomic_store_explicit(run, 0, memory_order_relaxed);
}

void gw_host_count(struct gw_host *host, uint32_t status) {
  atomic_fetch_add_explicit(&host->request_count, 1, memory_order_relaxed);
  if (status < 500 || status > 599) {
    atomic_fetch_add_explicit(&host->success_count, 1, memory_order_relaxed);
    gw_host_forgive(host);
    return;
  }
  if (status >= 502 && status <= 504) {
    add_failure(host, &host->run_gateway_failure, &host->limit_gateway_failure, GW_OUTLIER_GATEWAY_FAILURE);
  } else {
    end_run(&host->run_gateway_failure);
  }
  add_failure(host, &host->run_5xx, &host->limit_5xx, GW_OUTLIER_5XX);
}

void gw_host_forgive(struct gw_host *host) {
  end_run(&host->run_5xx);
  end_run(&host->run_gateway_failure);
}

void gw_host_take_counts(struct gw_host *host, uint64_t *ret_requests, uint64_t *ret_successes) {
  /* Successes first: what is added in between makes the rate too low by at most those under way, never above one. */
  *ret_successes = atomic_exchange_explicit(&host->success_count, 0, memory_order_relaxed);
  *ret_requests = atomic_exchange_explicit(&host->request_count, 0, memory_order_relaxed);
}
