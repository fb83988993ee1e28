#include "dataplane/cluster/lb/hashed.h"

#include "common/base/mem.h"

void *gw_hashed_build(const struct gw_load_level *level, const struct gw_balancer_worker *worker) {
  struct gw_hashed *state = gw_calloc(1, sizeof(*state));
  *state = (struct gw_hashed){.level = level, .random = worker->random};
  return state;
}

void gw_hashed_weigh(const struct gw_load_level *level, uint64_t *ret_sum, uint32_t *ret_least, uint32_t *ret_greatest) {
  uint64_t sum = 0;
  uint32_t least = UINT32_MAX, greatest = 0;
  for (uint32_t i = 0; i < level->usable_count; i++) {
    uint32_t weight = level->endpoints[level->usable[i]].weight;
    sum += weight;
    if (weight < least) least = weight;
    if (weight > greatest) greatest = weight;
  }
  *ret_sum = sum;
  *ret_least = least;
  *ret_greatest = greatest;
}
