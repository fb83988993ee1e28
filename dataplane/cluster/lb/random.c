/* Any endpoint is as likely as any other, whatever the weights: as Envoy's RANDOM. Where weights shall count, a hash policy's balancer
 * without a hash draws by weight (alias.h). */
#include <stdlib.h>

#include "common/base/mem.h"
#include "dataplane/cluster/lb/balancer.h"

struct random {
  const struct gw_load_level *level;
  struct gw_random *random;
};

static uint32_t pick(void *arg, const struct gw_balancer_key *key) {
  (void)key;
  struct random *state = arg;
  return state->level->usable[gw_random_below(state->random, state->level->usable_count)];
}

static void *build(const struct gw_load_level *level, const struct gw_balancer_worker *worker) {
  struct random *state = gw_calloc(1, sizeof(*state));
  *state = (struct random){.level = level, .random = worker->random};
  return state;
}

const struct gw_balancer gw_balancer_random = {
    .policy = GW_LB_RANDOM,
    .name = "random",
    .build = build,
    .free = free,
    .pick = pick,
};
