/* Any endpoint is as likely as any other, whatever the weights: as Envoy's RANDOM. Where weights shall count, a hash policy's balancer
 * without a hash draws by weight (alias.h). */
#include <stdlib.h>

#include "dataplane/cluster/lb/stateless.h"

static uint32_t pick(void *arg, const struct gw_balancer_key *key) {
  (void)key;
  const struct gw_stateless *state = arg;
  return state->level->usable[gw_random_below(state->random, state->level->usable_count)];
}

const struct gw_balancer gw_balancer_random = {
    .build = gw_stateless_build,
    .free = free,
    .pick = pick,
};
