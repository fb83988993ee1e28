/* Equal weights: a cursor. Other weights, and while an endpoint starts slowly: turns by weight. */
#include <stdlib.h>

#include "common/base/mem.h"
#include "dataplane/cluster/lb/balancer.h"
#include "dataplane/cluster/lb/turns.h"

struct round_robin {
  const struct gw_load_level *level;
  uint32_t cursor;
  struct gw_level_turns turns;
};

static uint32_t pick(void *arg, const struct gw_balancer_key *key) {
  (void)key;
  struct round_robin *state = arg;
  const struct gw_load_level *level = state->level;
  uint32_t position;
  if (state->turns.turns != NULL) {
    position = gw_level_turns_first(&state->turns);
    gw_level_turns_take(&state->turns, 1);
  } else {
    position = state->cursor;
    state->cursor = position + 1 < level->usable_count ? position + 1 : 0;
  }
  return level->usable[position];
}

static void *build(const struct gw_load_level *level, const struct gw_balancer_worker *worker) {
  struct round_robin *state = gw_calloc(1, sizeof(*state));
  state->level = level;
  state->cursor = (uint32_t)gw_random_below(worker->random, level->usable_count);
  gw_level_turns_init(&state->turns, level, worker);
  return state;
}

static void free_state(void *arg) {
  struct round_robin *state = arg;
  gw_level_turns_done(&state->turns);
  free(state);
}

const struct gw_balancer gw_balancer_round_robin = {
    .build = build,
    .free = free_state,
    .pick = pick,
};
