/* Maglev's table (Eisenbud et al., NSDI 2016, section 3.4), slot for slot as Envoy fills it: each endpoint has its own order of the slots
 * and takes the next free one when its turn comes, the heaviest each round, the others as often as their weight says. O(1) a pick. */
#include <math.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/base/xxh64.h"
#include "dataplane/cluster/lb/alias.h"
#include "dataplane/cluster/lb/stateless.h"
#include "dataplane/cluster/lb/turns.h"

struct table {
  const struct gw_alias *alias;
  uint32_t size;
  uint32_t endpoints[]; /* by slot */
};

struct filler {
  uint32_t endpoint;
  struct gw_str text; /* its address */
  uint64_t at;        /* the next slot of its order */
  uint64_t skip;
  double weight; /* its part of all */
  double target; /* its turn comes in the first round with round × weight >= target */
};

#define FREE UINT32_MAX

/* The first one after `last` (0: none yet) in which it has a turn. What doubles make of the quotient is set right by the rule itself. */
static uint64_t next_round(const struct filler *filler, uint64_t last) {
  double round = ceil(filler->target / filler->weight);
  while (round > 1 && (round - 1) * filler->weight >= filler->target)
    round--;
  while (round < 1 || round * filler->weight < filler->target)
    round++;
  return (uint64_t)round > last ? (uint64_t)round : last + 1; /* one turn a round */
}

static void take_slot(struct table *table, struct filler *filler) {
  while (table->endpoints[filler->at] != FREE)
    filler->at = (filler->at + filler->skip) % table->size;
  table->endpoints[filler->at] = filler->endpoint;
  filler->at = (filler->at + filler->skip) % table->size;
}

/* In Envoy whose turn comes in the same round take it in the order of their addresses as texts, whatever the order that they came in. */
static int by_text(const void *a, const void *b) {
  const struct filler *x = a, *y = b;
  return gw_str_compare(x->text, y->text);
}

static void fill(struct table *table, const struct gw_load_level *level) {
  GW_ASSERT(table->size > 1); /* a prime */
  double sum = (double)level->weight_sum, greatest_part = level->weight_max / sum;
  GW_CLEANUP(gw_free_ptr) struct filler *fillers = gw_calloc(level->usable_count, sizeof(*fillers));
  GW_CLEANUP(gw_free_ptr) struct gw_turns *turns = gw_turns_new(level->usable_count);
  for (uint32_t i = 0; i < level->usable_count; i++) {
    const struct gw_frozen_endpoint *endpoint = &level->endpoints[level->usable[i]];
    fillers[i].endpoint = level->usable[i];
    fillers[i].text = endpoint->text;
    fillers[i].at = gw_xxh64(endpoint->text, 0) % table->size;
    fillers[i].skip = gw_xxh64(endpoint->text, 1) % (table->size - 1) + 1;
    fillers[i].weight = endpoint->weight / sum;
    fillers[i].target = 0;
  }
  qsort(fillers, level->usable_count, sizeof(*fillers), by_text);
  for (uint32_t i = 0; i < level->usable_count; i++)
    turns->heap[i].deadline = next_round(&fillers[i], 0);
  gw_turns_order(turns);
  for (uint32_t taken = 0; taken < table->size; taken++) {
    uint32_t position = turns->heap[0].position;
    uint64_t round = turns->heap[0].deadline;
    take_slot(table, &fillers[position]);
    fillers[position].target += greatest_part;
    gw_turns_move_first(turns, next_round(&fillers[position], round));
  }
}

static const void *plan(const struct gw_load_level *level, struct gw_arena *arena) {
  uint32_t size = level->balancing->table_size;
  struct table *table = gw_arena_calloc(arena, 1, sizeof(*table) + size * sizeof(uint32_t));
  table->size = size;
  for (uint32_t i = 0; i < size; i++)
    table->endpoints[i] = FREE;
  fill(table, level);
  table->alias = gw_alias_build(level, arena);
  return table;
}

static uint32_t pick(void *arg, const struct gw_balancer_key *key) {
  const struct gw_stateless *state = arg;
  const struct table *table = state->level->plan;
  if (!key->has_hash) return state->level->usable[gw_alias_draw(table->alias, state->random)];
  return table->endpoints[key->hash % table->size];
}

const struct gw_balancer gw_balancer_maglev = {
    .has_hash = true,
    .plan = plan,
    .build = gw_stateless_build,
    .free = free,
    .pick = pick,
};
