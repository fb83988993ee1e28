/* Why: one worker's connections to one address: idle ones wait here, newest first, so that the fewest stay in use.
 * Life: gw_upstream_pool_new … gw_upstream_pool_free; attempts that are open then go on, and the pool goes with the last of them.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_UPSTREAM_POOL_H
#define GW_DATAPLANE_UPSTREAM_POOL_H

#include <stdint.h>

#include "common/base/random.h"
#include "common/event/loop.h"
#include "common/model/cluster.h"
#include "common/net/address.h"
#include "common/net/tls.h"
#include "common/observe/metrics.h"
#include "dataplane/upstream/usage.h"

struct gw_upstream_pool;

/* How attempts ended: 1 to 5: answered by a status of that hundred (whatever gRPC says in it); 0: no answer came. */
#define GW_ANSWER_CLASSES 6

/* What the attempts of one cluster count together. The cluster and its pools have a reference each, since a pool may outlive its cluster: a
 * connection has something to send yet. The worker's. */
struct gw_upstream_counts {
  uint32_t refs;
  uint64_t connections_active;
  uint64_t connections_total;
  uint64_t connect_failures_total;
  uint64_t requests_active;
  uint64_t retries_total;
  uint64_t overflows_total[GW_CONCURRENCY_COUNT]; /* by the limit that was reached */
  uint64_t circuit_changes_total[3];              /* of the circuit breaker that this worker made; by gw_circuit_state */
  uint64_t circuit_refusals_total;                /* answered by it */
  uint64_t retries_refused_total;                 /* by the budget */
  uint64_t retries_exhausted_total;               /* all that the policy allows were made */
  uint64_t try_timeouts_total;
  struct gw_histogram response_times;           /* from an attempt's begin to its answer's head */
  uint64_t departed_answers[GW_ANSWER_CLASSES]; /* of endpoints that are gone, so that sums never go back */
};

struct gw_upstream_counts *gw_upstream_counts_new(void);
struct gw_upstream_counts *gw_upstream_counts_ref(struct gw_upstream_counts *counts);
void gw_upstream_counts_unref(struct gw_upstream_counts *counts);

/* Beyond this number of idle connections the oldest is closed. */
#define GW_UPSTREAM_IDLE_MAX 1024

struct gw_upstream_pool_options {
  struct gw_loop *loop;
  struct gw_upstream_counts *counts; /* the pool takes a reference */
  struct gw_upstream_usage *usage;   /* NULL: without limits; the pool takes a reference */
  uint64_t connect_timeout_ms;       /* TLS handshake included; 0: none, here and below */
  uint64_t idle_timeout_ms;
  enum gw_upstream_protocol protocol;
  struct gw_random *random;
  struct gw_address address;
  struct gw_http2_options http2;
  struct gw_tls_context *tls;                 /* NULL: plaintext; the pool takes a reference */
  struct gw_str sni;                          /* the pool takes a copy: it may outlive the configuration that it was made for */
  const struct gw_concurrency_limits *limits; /* NULL: none; the pool copies them */
};

struct gw_upstream_pool *gw_upstream_pool_new(const struct gw_upstream_pool_options *options);
void gw_upstream_pool_free(struct gw_upstream_pool *pool);
/* It gets a request soon: what that touches first is fetched into the caches meanwhile. */
void gw_upstream_pool_prefetch(const struct gw_upstream_pool *pool);
bool gw_upstream_pool_has_tls(const struct gw_upstream_pool *pool);
/* Attempts under way to its address. NULL: 0. */
uint32_t gw_upstream_pool_count_active(const struct gw_upstream_pool *pool);
/* How those before ended, by class. */
const uint64_t *gw_upstream_pool_answers(const struct gw_upstream_pool *pool);
/* For connections made, or idle, from now on. */
void gw_upstream_pool_set_timeouts(struct gw_upstream_pool *pool, uint64_t connect_timeout_ms, uint64_t idle_timeout_ms);
/* For what begins from now on. NULL: none. */
void gw_upstream_pool_set_limits(struct gw_upstream_pool *pool, const struct gw_concurrency_limits *limits);

#endif
