/* Least active requests, of those that this worker knows, as Envoy's LEAST_REQUEST:
 * - equal weights: the least loaded of `choice_count` drawn at random (the power of two choices); a cluster of a few endpoints is looked at
 * as a whole, which is never worse. Ties are drawn, so that idle endpoints share alike.
 * - differing weights, and while an endpoint starts slowly: turns by weight / (active requests + 1) ^ active_request_bias, as they are when
 *   the turn comes. Idle endpoints so share by weight; a full scan for the least active / weight would give all to the heaviest. */
#include <math.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "dataplane/cluster/lb/balancer.h"
#include "dataplane/cluster/lb/turns.h"

#define SCAN_MAX 8 /* so many counters are read about as fast as two others are drawn and found */

struct least_request {
  const struct gw_load_level *level;
  const struct gw_balancer_worker *worker;
  struct gw_level_turns turns;
};

static uint32_t count_active(const struct least_request *state, uint32_t position) {
  return state->worker->count_active(state->worker->arg, state->level->usable[position]);
}

static uint32_t scan(const struct least_request *state) {
  uint32_t least = UINT32_MAX, ties = 0, best = 0;
  for (uint32_t i = 0; i < state->level->usable_count; i++) {
    uint32_t active = count_active(state, i);
    if (active > least) continue;
    ties = active < least ? 1 : ties + 1;
    least = active;
    /* The k-th of equals takes over with a chance of 1/k: each is as likely as the other. */
    if (ties == 1 || gw_random_below(state->worker->random, ties) == 0) best = i;
  }
  return best;
}

static uint32_t draw(const struct least_request *state) {
  struct gw_random *random = state->worker->random;
  uint32_t count = state->level->usable_count;
  uint32_t best = (uint32_t)gw_random_below(random, count);
  uint32_t least = count_active(state, best);
  for (uint32_t i = 1; i < state->level->balancing->choice_count && least > 0; i++) {
    uint32_t other = (uint32_t)gw_random_below(random, count - 1);
    if (other >= best) other++;
    uint32_t active = count_active(state, other);
    if (active >= least) continue;
    best = other;
    least = active;
  }
  return best;
}

static uint32_t take_turn(struct least_request *state) {
  uint32_t position = gw_level_turns_first(&state->turns);
  double bias = state->level->balancing->active_request_bias;
  double load = (double)count_active(state, position) + 1;
  gw_level_turns_take(&state->turns, bias == 1 ? load : pow(load, bias));
  return position;
}

static uint32_t pick(void *arg, const struct gw_balancer_key *key) {
  (void)key;
  struct least_request *state = arg;
  const struct gw_load_level *level = state->level;
  if (state->turns.turns != NULL) return level->usable[take_turn(state)];
  bool is_few = level->usable_count <= SCAN_MAX || level->usable_count <= level->balancing->choice_count;
  return level->usable[is_few ? scan(state) : draw(state)];
}

static void *build(const struct gw_load_level *level, const struct gw_balancer_worker *worker) {
  struct least_request *state = gw_calloc(1, sizeof(*state));
  state->level = level;
  state->worker = worker;
  gw_level_turns_init(&state->turns, level, worker);
  return state;
}

static void free_state(void *arg) {
  struct least_request *state = arg;
  gw_level_turns_done(&state->turns);
  free(state);
}

const struct gw_balancer gw_balancer_least_request = {
    .build = build,
    .free = free_state,
    .pick = pick,
};
