/* Equal weights: a cursor. Other weights: earliest deadline first, where each pick moves an endpoint's deadline on by 1/weight, so that the
 * shares are exact over each full round and heavy endpoints are spread, not served in bursts. */
#include <stdlib.h>

#include "common/base/mem.h"
#include "dataplane/cluster/lb/balancer.h"

struct entry {
  uint64_t deadline;
  uint64_t stride;
  uint32_t position; /* in usable; breaks ties */
};

struct round_robin {
  const struct gw_frozen_cluster *cluster;
  uint32_t cursor;
  struct entry heap[]; /* earliest first; none with equal weights */
};

static bool is_before(const struct entry *a, const struct entry *b) {
  return a->deadline != b->deadline ? a->deadline < b->deadline : a->position < b->position;
}

static void sift_down(struct entry *heap, uint32_t count, uint32_t at) {
  struct entry moved = heap[at];
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= count) break;
    if (child + 1 < count && is_before(&heap[child + 1], &heap[child])) child++;
    if (!is_before(&heap[child], &moved)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = moved;
}

/* The weight w's turn comes each 2^40 / w. Deadlines last for 2^24 turns of weight 1; then all are set back together. */
#define TURN (UINT64_C(1) << 40)

static void set_back(struct round_robin *state) {
  uint64_t least = state->heap[0].deadline;
  for (uint32_t i = 0; i < state->cluster->usable_count; i++)
    state->heap[i].deadline -= least;
}

static uint32_t pick_weighted(struct round_robin *state) {
  struct entry *first = &state->heap[0];
  uint32_t position = first->position;
  if (first->deadline > UINT64_MAX - 2 * TURN) set_back(state);
  first->deadline += first->stride;
  sift_down(state->heap, state->cluster->usable_count, 0);
  return position;
}

static uint32_t pick(void *arg) {
  struct round_robin *state = arg;
  const struct gw_frozen_cluster *cluster = state->cluster;
  if (!cluster->has_equal_weights) return cluster->usable[pick_weighted(state)];
  uint32_t position = state->cursor;
  state->cursor = position + 1 < cluster->usable_count ? position + 1 : 0;
  return cluster->usable[position];
}

static void *build(const struct gw_frozen_cluster *cluster, struct gw_random *random) {
  uint32_t count = cluster->usable_count;
  uint32_t entries = cluster->has_equal_weights ? 0 : count;
  struct round_robin *state = gw_calloc(1, sizeof(*state) + entries * sizeof(struct entry));
  state->cluster = cluster;
  if (entries == 0) {
    state->cursor = (uint32_t)gw_random_below(random, count);
    return state;
  }
  for (uint32_t i = 0; i < count; i++) {
    uint64_t stride = TURN / cluster->endpoints[cluster->usable[i]].weight;
    state->heap[i] = (struct entry){.deadline = stride, .stride = stride, .position = i};
  }
  for (uint32_t i = count / 2; i-- > 0;)
    sift_down(state->heap, count, i);
  /* Somewhere in the first rounds, so that workers that start together don't all send to the same endpoint. */
  for (uint64_t skip = gw_random_below(random, 2 * (uint64_t)count); skip > 0; skip--)
    pick_weighted(state);
  return state;
}

const struct gw_balancer gw_balancer_round_robin = {
    .policy = GW_LB_ROUND_ROBIN,
    .name = "round_robin",
    .build = build,
    .free = free,
    .pick = pick,
};
