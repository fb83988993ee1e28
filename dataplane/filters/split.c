#include "dataplane/filters/split.h"

uint32_t gw_split_choose(const struct gw_route_split *split, const struct gw_balancer_key *key, struct gw_random *random) {
  uint64_t number = split->by_hash && key->has_hash ? key->hash : gw_random_next(random);
  uint64_t at = number % split->total_weight;
  uint32_t i = 0;
  for (; i + 1 < split->count && at >= split->clusters[i].weight; i++)
    at -= split->clusters[i].weight;
  return i + 1;
}
