#include "dataplane/cluster/cluster_set.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "dataplane/cluster/lb/balancer.h"

struct gw_worker_cluster {
  uint32_t refs;
  struct gw_loop *loop;
  struct gw_random *random;
  struct gw_frozen_cluster *frozen;
  struct gw_upstream_pool **pools; /* by endpoint; NULL until the first request */
  const struct gw_balancer *balancer;
  struct gw_balancer_worker balancer_worker;
  void **balancer_states; /* by level of the load */
  struct gw_upstream_counts *counts;
  struct gw_retry_budget *retry_budget;
  uint32_t retry_place; /* where it counts there */
};

struct gw_cluster_set {
  uint32_t count;
  struct gw_worker_cluster *items[]; /* by name */
};

static uint64_t now_ms(void *arg) {
  return gw_loop_now_ms(((struct gw_worker_cluster *)arg)->loop);
}

static uint32_t count_active(void *arg, uint32_t endpoint) {
  return gw_upstream_pool_count_active(((struct gw_worker_cluster *)arg)->pools[endpoint]);
}

/* Those of cluster->frozen. */
static void free_balancers(struct gw_worker_cluster *cluster) {
  for (uint32_t i = 0; i < cluster->frozen->load->level_count; i++)
    cluster->balancer->free(cluster->balancer_states[i]);
  free(cluster->balancer_states);
}

static void build_balancers(struct gw_worker_cluster *cluster) {
  const struct gw_load *load = cluster->frozen->load;
  cluster->balancer = gw_balancer_get(cluster->frozen->model->balancing.policy);
  cluster->balancer_worker =
      (struct gw_balancer_worker){.random = cluster->random, .now_ms = now_ms, .count_active = count_active, .arg = cluster};
  cluster->balancer_states = gw_calloc(load->level_count, sizeof(void *));
  for (uint32_t i = 0; i < load->level_count; i++)
    cluster->balancer_states[i] = cluster->balancer->build(&load->levels[i], &cluster->balancer_worker);
}

static struct gw_worker_cluster *cluster_new(struct gw_loop *loop, struct gw_random *random, struct gw_frozen_cluster *frozen) {
  struct gw_worker_cluster *cluster = gw_calloc(1, sizeof(*cluster));
  cluster->refs = 1;
  cluster->loop = loop;
  cluster->random = random;
  cluster->frozen = gw_frozen_cluster_ref(frozen);
  cluster->pools = gw_calloc(frozen->endpoint_count, sizeof(void *));
  cluster->counts = gw_upstream_counts_new();
  cluster->retry_budget = gw_retry_budget_ref(frozen->retry_budget);
  cluster->retry_place = gw_retry_budget_take_place(cluster->retry_budget);
  build_balancers(cluster);
  return cluster;
}

static void cluster_unref(struct gw_worker_cluster *cluster) {
  if (--cluster->refs > 0) return;
  for (uint32_t i = 0; i < cluster->frozen->endpoint_count; i++)
    gw_upstream_pool_free(cluster->pools[i]);
  free(cluster->pools);
  free_balancers(cluster);
  gw_upstream_counts_unref(cluster->counts);
  gw_retry_budget_unref(cluster->retry_budget);
  gw_frozen_cluster_unref(cluster->frozen);
  free(cluster);
}

/* What is spoken with the endpoints is the same: connections may be kept. */
static bool speaks_the_same(const struct gw_frozen_cluster *a, const struct gw_frozen_cluster *b) {
  const struct gw_cluster *x = a->model;
  const struct gw_cluster *y = b->model;
  if (x == y) return a->tls == b->tls;
  return a->tls == b->tls && x->protocol == y->protocol && gw_http2_options_equal(&x->http2, &y->http2) &&
         (x->tls == NULL || gw_str_equal(x->tls->sni, y->tls->sni));
}

/* Takes over new endpoints: pools of addresses that stayed are kept, the others drain. Both sides are sorted by address. */
static void cluster_update(struct gw_worker_cluster *cluster, struct gw_frozen_cluster *frozen) {
  struct gw_frozen_cluster *old = cluster->frozen;
  struct gw_upstream_pool **pools = gw_calloc(frozen->endpoint_count, sizeof(void *));
  bool may_keep = speaks_the_same(old, frozen);
  uint32_t at = 0;
  for (uint32_t i = 0; i < old->endpoint_count; i++) {
    if (cluster->pools[i] == NULL) continue;
    int order = -1;
    while (at < frozen->endpoint_count && (order = gw_str_compare(frozen->endpoints[at].text, old->endpoints[i].text)) < 0)
      at++;
    if (may_keep && at < frozen->endpoint_count && order == 0) {
      pools[at] = cluster->pools[i];
      gw_upstream_pool_set_timeouts(pools[at], frozen->model->connect_timeout_ms, frozen->model->upstream_idle_timeout_ms);
      gw_upstream_pool_set_limits(pools[at], frozen->model->limits);
    } else {
      gw_upstream_pool_free(cluster->pools[i]);
    }
  }
  free(cluster->pools);
  cluster->pools = pools;
  free_balancers(cluster);
  cluster->frozen = gw_frozen_cluster_ref(frozen);
  build_balancers(cluster);
  gw_frozen_cluster_unref(old);
}

struct gw_cluster_set *gw_cluster_set_new(struct gw_loop *loop, struct gw_random *random, struct gw_frozen_cluster *const *frozen,
                                          uint32_t count, const struct gw_cluster_set *previous) {
  struct gw_cluster_set *set = gw_malloc(sizeof(*set) + count * sizeof(void *));
  set->count = count;
  uint32_t previous_count = previous != NULL ? previous->count : 0;
  uint32_t at = 0;
  for (uint32_t i = 0; i < count; i++) {
    int order = -1;
    /* Mostly nothing changed: then the pointers are equal and no name is compared. */
    while (at < previous_count && (order = previous->items[at]->frozen == frozen[i]
                                               ? 0
                                               : gw_str_compare(previous->items[at]->frozen->model->name, frozen[i]->model->name)) < 0)
      at++;
    if (at >= previous_count || order != 0) {
      set->items[i] = cluster_new(loop, random, frozen[i]);
      continue;
    }
    struct gw_worker_cluster *cluster = previous->items[at++];
    cluster->refs++;
    if (cluster->frozen != frozen[i]) cluster_update(cluster, frozen[i]);
    set->items[i] = cluster;
  }
  return set;
}

void gw_cluster_set_free(struct gw_cluster_set *set) {
  if (set == NULL) return;
  for (uint32_t i = 0; i < set->count; i++)
    cluster_unref(set->items[i]);
  free(set);
}

uint32_t gw_cluster_set_count(const struct gw_cluster_set *set) {
  return set->count;
}

struct gw_worker_cluster *gw_cluster_set_get(const struct gw_cluster_set *set, uint32_t index) {
  return set->items[index];
}

struct gw_str gw_worker_cluster_name(const struct gw_worker_cluster *cluster) {
  return cluster->frozen->model->name;
}

struct gw_upstream_counts *gw_worker_cluster_counts(struct gw_worker_cluster *cluster) {
  return cluster->counts;
}

bool gw_worker_cluster_next_used(const struct gw_worker_cluster *cluster, uint32_t *cursor, struct gw_str *ret_endpoint,
                                 const struct gw_upstream_pool **ret_pool) {
  const struct gw_frozen_cluster *frozen = cluster->frozen;
  while (*cursor < frozen->endpoint_count && cluster->pools[*cursor] == NULL)
    ++*cursor;
  if (*cursor == frozen->endpoint_count) return false;
  *ret_endpoint = frozen->endpoints[*cursor].text;
  *ret_pool = cluster->pools[(*cursor)++];
  return true;
}

struct gw_circuit_breaker *gw_worker_cluster_breaker(const struct gw_worker_cluster *cluster) {
  return cluster->frozen->breaker;
}

bool gw_worker_cluster_wants_hash(const struct gw_worker_cluster *cluster) {
  return cluster->balancer->has_hash;
}

static struct gw_upstream_pool *new_pool(struct gw_worker_cluster *cluster, const struct gw_frozen_endpoint *endpoint) {
  const struct gw_cluster *model = cluster->frozen->model;
  struct gw_upstream_pool_options options = {
      .loop = cluster->loop,
      .random = cluster->random,
      .address = endpoint->address,
      .connect_timeout_ms = model->connect_timeout_ms,
      .idle_timeout_ms = model->upstream_idle_timeout_ms,
      .protocol = model->protocol,
      .http2 = model->http2,
      .tls = cluster->frozen->tls,
      .sni = model->tls != NULL ? model->tls->sni : (struct gw_str){0},
      .counts = cluster->counts,
      .usage = cluster->frozen->usage,
      .limits = model->limits,
  };
  return gw_upstream_pool_new(&options);
}

/* The level that gets this request: drawn by their shares, or by the hash, so that equal keys stay together. */
static uint32_t pick_level(const struct gw_worker_cluster *cluster, const struct gw_balancer_key *key) {
  const struct gw_load *load = cluster->frozen->load;
  if (load->level_count == 1) return 0;
  uint32_t percent = (uint32_t)(key->has_hash ? key->hash % 100 : gw_random_below(cluster->random, 100));
  uint32_t level = 0;
  for (; level + 1 < load->level_count && percent >= load->levels[level].share; level++)
    percent -= load->levels[level].share;
  return level;
}

static void take(struct gw_worker_cluster *cluster, uint32_t index, struct gw_upstream_pick *ret_pick) {
  const struct gw_frozen_endpoint *endpoint = &cluster->frozen->endpoints[index];
  if (cluster->pools[index] == NULL) cluster->pools[index] = new_pool(cluster, endpoint);
  ret_pick->pool = cluster->pools[index];
  gw_upstream_pool_prefetch(ret_pick->pool);
  ret_pick->endpoint = endpoint->text;
  ret_pick->host = NULL;
  if (endpoint->host == NULL) return;
  gw_host_mark_traffic(endpoint->host);
  if (cluster->frozen->model->outlier != NULL) ret_pick->host = gw_host_ref(endpoint->host);
}

enum gw_err gw_worker_cluster_pick(struct gw_worker_cluster *cluster, const struct gw_balancer_key *key,
                                   struct gw_upstream_pick *ret_pick) {
  if (cluster->frozen->load->level_count == 0) return GW_ERR_NOT_FOUND;
  take(cluster, cluster->balancer->pick(cluster->balancer_states[pick_level(cluster, key)], key), ret_pick);
  return GW_OK;
}

static bool was_tried(const struct gw_worker_cluster *cluster, uint32_t index, const struct gw_tried_endpoints *tried) {
  for (uint32_t i = 0; i < tried->count; i++)
    if (gw_str_equal(cluster->frozen->endpoints[index].text, tried->items[i])) return true;
  return false;
}

/* Of the usable ones the next that was not tried, from somewhere on; UINT32_MAX when there is none. */
static uint32_t find_other(const struct gw_worker_cluster *cluster, const struct gw_load_level *level,
                           const struct gw_tried_endpoints *tried) {
  uint32_t at = (uint32_t)gw_random_below(cluster->random, level->usable_count);
  /* One more than were tried is enough. */
  for (uint32_t i = 0; i < level->usable_count && i <= tried->count; i++) {
    uint32_t other = level->usable[at];
    if (!was_tried(cluster, other, tried)) return other;
    at = at + 1 < level->usable_count ? at + 1 : 0;
  }
  return UINT32_MAX;
}

/* A hash leads to the same endpoint each time: another try has another one (of Maglev, Envoy's). */
enum gw_err gw_worker_cluster_pick_other(struct gw_worker_cluster *cluster, const struct gw_balancer_key *key, uint32_t attempts,
                                         const struct gw_tried_endpoints *tried, struct gw_upstream_pick *ret_pick) {
  if (cluster->frozen->load->level_count == 0) return GW_ERR_NOT_FOUND;
  struct gw_balancer_key varied = *key;
  uint32_t level = 0, index = 0;
  for (uint32_t i = 0; i <= attempts; i++) {
    if (i > 0) varied.hash = key->hash ^ (UINT64_MAX - i + 1);
    level = pick_level(cluster, &varied);
    index = cluster->balancer->pick(cluster->balancer_states[level], &varied);
    if (!was_tried(cluster, index, tried)) break;
  }
  const struct gw_load *load = cluster->frozen->load;
  uint32_t other = was_tried(cluster, index, tried) ? find_other(cluster, &load->levels[level], tried) : index;
  for (uint32_t i = 0; other == UINT32_MAX && i < load->level_count; i++)
    other = find_other(cluster, &load->levels[i], tried);
  take(cluster, other != UINT32_MAX ? other : index, ret_pick);
  return GW_OK;
}

void gw_worker_cluster_begin_request(struct gw_worker_cluster *cluster) {
  gw_retry_budget_begin(cluster->retry_budget, cluster->retry_place);
}

void gw_worker_cluster_end_request(struct gw_worker_cluster *cluster) {
  gw_retry_budget_end(cluster->retry_budget, cluster->retry_place);
}

bool gw_worker_cluster_take_retry(struct gw_worker_cluster *cluster) {
  if (gw_retry_budget_take(cluster->retry_budget, &cluster->frozen->model->retry_budget)) return true;
  cluster->counts->retries_refused_total++;
  return false;
}

void gw_worker_cluster_give_back_retry(struct gw_worker_cluster *cluster, int outcome) {
  if (outcome != 0) gw_retry_budget_judge(cluster->retry_budget, outcome > 0);
  gw_retry_budget_give_back(cluster->retry_budget);
}
