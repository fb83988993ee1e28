#include "dataplane/cluster/lb/alias.h"

#include "common/base/mem.h"

/* Each column is `total` high: up to `threshold` its own, above that another's. */
struct column {
  uint64_t threshold;
  uint32_t other;
};

struct gw_alias {
  uint64_t total; /* of all weights */
  uint32_t count;
  struct column columns[];
};

const struct gw_alias *gw_alias_build(const struct gw_load_level *level, struct gw_arena *arena) {
  uint32_t count = level->usable_count;
  struct gw_alias *alias = gw_arena_calloc(arena, 1, sizeof(*alias) + count * sizeof(struct column));
  alias->count = count;
  alias->total = level->weight_sum;
  /* Those with less than a column's height from the front, the others from the back. */
  GW_CLEANUP(gw_free_ptr) uint32_t *work = gw_calloc(count, sizeof(*work));
  uint32_t small = 0, large = count;
  for (uint32_t i = 0; i < count; i++) {
    /* At most 2^17 endpoints of 2^32: no overflow. */
    alias->columns[i] = (struct column){.threshold = (uint64_t)level->endpoints[level->usable[i]].weight * count, .other = i};
    if (alias->columns[i].threshold < alias->total) {
      work[small++] = i;
    } else {
      work[--large] = i;
    }
  }
  /* Each small column is filled up from a large one, which may become small by that. Sums are exact, so both kinds run out together. */
  while (small > 0) {
    struct column *filled = &alias->columns[work[--small]];
    struct column *from = &alias->columns[work[large]];
    filled->other = work[large];
    from->threshold -= alias->total - filled->threshold;
    if (from->threshold < alias->total) work[small++] = work[large++];
  }
  return alias;
}

uint32_t gw_alias_draw(const struct gw_alias *alias, struct gw_random *random) {
  uint32_t at = (uint32_t)gw_random_below(random, alias->count);
  const struct column *column = &alias->columns[at];
  return gw_random_below(random, alias->total) < column->threshold ? at : column->other;
}
