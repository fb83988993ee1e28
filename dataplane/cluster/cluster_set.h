/* Why: a worker's clusters: what it may change of them (balancers, pools, counters), kept by name from one configuration to the next.
 * Life: a set belongs to a view; its clusters are shared by the sets that know them and go with the last. Endpoints follow the newest set
 * in older ones too, since an endpoint that has left should get no new request.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_CLUSTER_CLUSTER_SET_H
#define GW_DATAPLANE_CLUSTER_CLUSTER_SET_H

#include "common/base/random.h"
#include "common/event/loop.h"
#include "dataplane/cluster/frozen_cluster.h"
#include "dataplane/cluster/lb/balancer.h"
#include "dataplane/upstream/pool.h"

struct gw_cluster_set;
struct gw_worker_cluster;

/* `frozen`: sorted by name; the set takes its own references. `previous` (may be NULL) stays valid. */
struct gw_cluster_set *gw_cluster_set_new(struct gw_loop *loop, struct gw_random *random, struct gw_frozen_cluster *const *frozen,
                                          uint32_t count, const struct gw_cluster_set *previous);
void gw_cluster_set_free(struct gw_cluster_set *set);
uint32_t gw_cluster_set_count(const struct gw_cluster_set *set);
/* `index`: as in `frozen`. */
struct gw_worker_cluster *gw_cluster_set_get(const struct gw_cluster_set *set, uint32_t index);

struct gw_str gw_worker_cluster_name(const struct gw_worker_cluster *cluster);
struct gw_upstream_counts *gw_worker_cluster_counts(struct gw_worker_cluster *cluster);
/* The endpoints that were sent something, by address ("127.0.0.1:80", borrowed); *cursor begins at 0. false: there are no more. */
bool gw_worker_cluster_next_used(const struct gw_worker_cluster *cluster, uint32_t *cursor, struct gw_str *ret_endpoint,
                                 const struct gw_upstream_pool **ret_pool);
/* NULL: none. May be another one after the next configuration. */
struct gw_circuit_breaker *gw_worker_cluster_breaker(const struct gw_worker_cluster *cluster);
/* Its policy looks at the key's hash. */
bool gw_worker_cluster_wants_hash(const struct gw_worker_cluster *cluster);
struct gw_upstream_pick {
  struct gw_upstream_pool *pool;
  struct gw_str endpoint; /* "127.0.0.1:80", copied by who keeps it beyond the callback */
  struct gw_host *host;   /* who is to be told how it ends (gw_host_count), one reference; NULL: nobody */
};
/* The endpoint that the cluster's policy chooses. GW_ERR_NOT_FOUND: none is usable. */
enum gw_err gw_worker_cluster_pick(struct gw_worker_cluster *cluster, const struct gw_balancer_key *key, struct gw_upstream_pick *ret_pick);
/* The same for a retry, which wants none of those that were tried: the policy is asked `attempts` times more, then what comes next is
 * taken. Only when there is no other does it go to one of them. */
#define GW_TRIED_MAX 8
struct gw_tried_endpoints {
  uint32_t count;
  struct gw_str items[GW_TRIED_MAX]; /* "127.0.0.1:80" */
};
enum gw_err gw_worker_cluster_pick_other(struct gw_worker_cluster *cluster, const struct gw_balancer_key *key, uint32_t attempts,
                                         const struct gw_tried_endpoints *tried, struct gw_upstream_pick *ret_pick);

/* ---- what the cluster bears of retries; each begin has its end, each true its give_back ---- */
void gw_worker_cluster_begin_request(struct gw_worker_cluster *cluster);
void gw_worker_cluster_end_request(struct gw_worker_cluster *cluster);
/* false: the budget is used up. */
bool gw_worker_cluster_take_retry(struct gw_worker_cluster *cluster);
/* `outcome`: more than 0: it brought an answer that was wanted; less: not; 0: that is not known. */
void gw_worker_cluster_give_back_retry(struct gw_worker_cluster *cluster, int outcome);

#endif
