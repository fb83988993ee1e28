#include "dataplane/cluster/lb/turns.h"

#include <stdlib.h>

#include "common/base/mem.h"

/* The turn of weight w comes each 2^40 / w; one that would come later than 2^62 comes then. */
#define TURN 0x1p40
#define LATEST (UINT64_C(1) << 62)

static bool is_before(const struct gw_turn *a, const struct gw_turn *b) {
  return a->deadline < b->deadline || (a->deadline == b->deadline && a->position < b->position);
}

/* Whose turn was is mostly among the last again: so the place goes down to a leaf, and the moved one looks for its own from there. */
static void sift_down(struct gw_turns *turns, uint32_t top) {
  struct gw_turn *heap = turns->heap;
  struct gw_turn moved = heap[top];
  uint32_t at = top, child;
  while ((child = 2 * at + 2) < turns->count) {
    child -= is_before(&heap[child - 1], &heap[child]);
    heap[at] = heap[child];
    at = child;
  }
  if (child == turns->count) { /* the last one has no sibling */
    heap[at] = heap[child - 1];
    at = child - 1;
  }
  for (; at > top && is_before(&moved, &heap[(at - 1) / 2]); at = (at - 1) / 2)
    heap[at] = heap[(at - 1) / 2];
  heap[at] = moved;
}

struct gw_turns *gw_turns_new(uint32_t count) {
  struct gw_turns *turns = gw_calloc(1, sizeof(*turns) + count * sizeof(struct gw_turn));
  turns->count = count;
  for (uint32_t i = 0; i < count; i++)
    turns->heap[i].position = i;
  return turns;
}

void gw_turns_order(struct gw_turns *turns) {
  for (uint32_t i = turns->count / 2; i-- > 0;)
    sift_down(turns, i);
}

void gw_turns_move_first(struct gw_turns *turns, uint64_t deadline) {
  turns->heap[0].deadline = deadline;
  sift_down(turns, 0);
}

static uint64_t stride_of(double weight) {
  double stride = TURN / weight;
  return stride < (double)LATEST ? (uint64_t)stride : LATEST;
}

void gw_level_turns_init(struct gw_level_turns *turns, const struct gw_load_level *level, const struct gw_balancer_worker *worker) {
  uint64_t now_ms = level->slow_until_ms > 0 ? worker->now_ms(worker->arg) : 0;
  *turns = (struct gw_level_turns){.level = level, .worker = worker, .is_slow = now_ms < level->slow_until_ms};
  if (level->weight_min == level->weight_max && !turns->is_slow) return;
  turns->turns = gw_turns_new(level->usable_count);
  for (uint32_t i = 0; i < level->usable_count; i++)
    turns->turns->heap[i].deadline = gw_random_below(worker->random, stride_of(gw_load_weight(level, i, now_ms)) + 1);
  gw_turns_order(turns->turns);
}

void gw_level_turns_done(struct gw_level_turns *turns) {
  free(turns->turns);
  turns->turns = NULL;
}

/* Deadlines that have grown large are all set back together. */
static void take(struct gw_turns *turns, double weight) {
  uint64_t least = turns->heap[0].deadline;
  if (least > LATEST) {
    for (uint32_t i = 0; i < turns->count; i++)
      turns->heap[i].deadline -= least;
    least = 0;
  }
  gw_turns_move_first(turns, least + stride_of(weight));
}

void gw_level_turns_take(struct gw_level_turns *turns, double load) {
  const struct gw_load_level *level = turns->level;
  uint32_t position = gw_level_turns_first(turns);
  double weight = level->endpoints[level->usable[position]].weight;
  if (turns->is_slow) {
    uint64_t now_ms = turns->worker->now_ms(turns->worker->arg);
    weight = gw_load_weight(level, position, now_ms);
    turns->is_slow = now_ms < level->slow_until_ms;
  }
  take(turns->turns, weight / load);
  if (!turns->is_slow && level->weight_min == level->weight_max) gw_level_turns_done(turns);
}
