/* What an attempt, or a connection, holds of its cluster's limits. */
#include "dataplane/upstream/connection.h"

static unsigned bit_of(enum gw_concurrency limit) {
  return 1u << limit;
}

bool gw_attempt_take_slot(struct gw_attempt *attempt, struct gw_upstream_pool *pool, enum gw_concurrency limit) {
  if (!pool->is_limited || (attempt->slots & bit_of(limit)) != 0) return true;
  if (!gw_upstream_usage_take(pool->options.usage, limit, gw_concurrency_limit(&pool->limits, limit))) return false;
  attempt->usage = pool->options.usage;
  attempt->slots |= (uint8_t)bit_of(limit);
  return true;
}

void gw_attempt_give_slot(struct gw_attempt *attempt, enum gw_concurrency limit) {
  if ((attempt->slots & bit_of(limit)) == 0) return;
  attempt->slots &= (uint8_t)~bit_of(limit);
  gw_upstream_usage_give(attempt->usage, limit);
}

bool gw_upstream_pool_take_connection(struct gw_upstream_pool *pool) {
  if (!pool->is_limited) return true;
  struct gw_upstream_usage *usage = pool->options.usage;
  if (gw_upstream_usage_take(usage, GW_CONCURRENCY_CONNECTIONS, pool->limits.max_connections)) return true;
  /* Nothing of this pool would ever end, and those who wait would wait for others for ever: one is always allowed, as in Envoy. */
  if (pool->connection_count > 0) return false;
  gw_upstream_usage_take_anyway(usage, GW_CONCURRENCY_CONNECTIONS);
  return true;
}

void gw_upstream_pool_set_limits(struct gw_upstream_pool *pool, const struct gw_concurrency_limits *limits) {
  pool->is_limited = pool->options.usage != NULL && limits != NULL;
  if (pool->is_limited) pool->limits = *limits;
}
