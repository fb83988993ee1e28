/* Why: whose turn it is when some have more turns than others (earliest deadline first, in a heap): each turn moves a deadline on by 1 /
 * weight, so that shares are exact to one turn and heavy endpoints are spread, not served in bursts. O(log n) a turn.
 * Life: gw_turns_new … free(); gw_level_turns_init … gw_level_turns_done, shorter than level and worker.
 * Thread: one at a time. */
#ifndef GW_DATAPLANE_CLUSTER_LB_TURNS_H
#define GW_DATAPLANE_CLUSTER_LB_TURNS_H

#include <stdint.h>

#include "dataplane/cluster/lb/balancer.h"

struct gw_turn {
  uint64_t deadline;
  uint32_t position; /* breaks ties */
};

struct gw_turns {
  uint32_t count;
  struct gw_turn heap[]; /* earliest first */
};

/* All positions from 0 on with deadline 0: set those, then order. */
struct gw_turns *gw_turns_new(uint32_t count);
void gw_turns_order(struct gw_turns *turns);
/* The first one's next turn comes at `deadline`, which is not before its last. */
void gw_turns_move_first(struct gw_turns *turns, uint64_t deadline);

/* The turns of a level's endpoints, by the weights that they have at the time. */
struct gw_level_turns {
  const struct gw_load_level *level;
  const struct gw_balancer_worker *worker;
  struct gw_turns *turns; /* of positions in level->usable; NULL: all weights are equal now */
  bool is_slow;           /* weights depend on the time */
};

/* Each starts somewhere in its first turn, so that no two workers march in step. */
void gw_level_turns_init(struct gw_level_turns *turns, const struct gw_load_level *level, const struct gw_balancer_worker *worker);
void gw_level_turns_done(struct gw_level_turns *turns);
/* Whose turn it is, while turns->turns is there. */
static inline uint32_t gw_level_turns_first(const struct gw_level_turns *turns) {
  return turns->turns->heap[0].position;
}
/* That one had its turn; the next comes as if its weight were divided by `load` (at least 1). */
void gw_level_turns_take(struct gw_level_turns *turns, double load);

#endif
