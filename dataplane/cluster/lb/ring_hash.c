/* Ketama's ring, point for point as Envoy builds it: an endpoint has points at XXH64("ADDRESS:PORT_0"), …_1 and so on, as many as its
 * weight says, and a request goes to the next point at or behind its hash. O(1) a pick. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/base/xxh64.h"
#include "dataplane/cluster/lb/alias.h"
#include "dataplane/cluster/lb/stateless.h"

struct point {
  uint64_t hash;
  uint32_t endpoint;
};

struct ring {
  const struct gw_alias *alias;
  const uint64_t *hashes; /* rising; apart from the endpoints, since the search looks at them alone */
  const uint32_t *endpoints;
  uint32_t count;
  uint32_t slice_shift;         /* the circle has as many slices as points, or up to twice as many … */
  const uint32_t *slice_points; /* … and this is the first point in each, or behind it: hashes are even, so few are to be passed over */
};

static int compare_points(const void *a, const void *b) {
  const struct point *x = a;
  const struct point *y = b;
  if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
  return (x->endpoint > y->endpoint) - (x->endpoint < y->endpoint);
}

static uint64_t hash_point(struct gw_str endpoint, uint32_t number) {
  char key[GW_ADDRESS_TEXT_SIZE + 12];
  int len = snprintf(key, sizeof(key), "%.*s_%u", GW_STR_ARG(endpoint), number);
  return gw_xxh64((struct gw_str){key, (size_t)len}, 0);
}

/* The lightest endpoint has a whole number of points, so that shares are right; the ring so has the least size or a bit more. Parts of
 * points are carried over from one endpoint to the next. Returns how many there are. */
static uint32_t place_points(const struct gw_load_level *level, struct point *points, uint32_t points_max, double scale, double sum) {
  double target = 0;
  uint32_t count = 0;
  for (uint32_t i = 0; i < level->usable_count; i++) {
    const struct gw_frozen_endpoint *endpoint = &level->endpoints[level->usable[i]];
    target += scale * (endpoint->weight / sum);
    for (uint32_t number = 0; (double)count < target && count < points_max; number++)
      points[count++] = (struct point){.hash = hash_point(endpoint->text, number), .endpoint = level->usable[i]};
  }
  return count;
}

static void slice(struct ring *ring, struct gw_arena *arena) {
  uint32_t bits = 1;
  while ((UINT32_C(1) << bits) < ring->count)
    bits++;
  uint32_t *slice_points = gw_arena_calloc(arena, (size_t)1 << bits, sizeof(*slice_points)), at = 0;
  ring->slice_shift = 64 - bits;
  for (uint64_t i = 0; i < UINT64_C(1) << bits; i++) {
    while (at < ring->count && ring->hashes[at] < i << ring->slice_shift)
      at++;
    slice_points[i] = at;
  }
  ring->slice_points = slice_points;
}

static const void *plan(const struct gw_load_level *level, struct gw_arena *arena) {
  double sum = (double)level->weight_sum, least_part = level->weight_min / sum;
  double scale = ceil(least_part * level->balancing->ring_size_min) / least_part;
  if (scale > level->balancing->ring_size_max) scale = level->balancing->ring_size_max;
  uint32_t points_max = (uint32_t)ceil(scale) + 1; /* sums of doubles may end just above */
  GW_CLEANUP(gw_free_ptr) struct point *points = gw_calloc(points_max, sizeof(*points));
  struct ring *ring = gw_arena_calloc(arena, 1, sizeof(*ring));
  ring->count = place_points(level, points, points_max, scale, sum);
  qsort(points, ring->count, sizeof(*points), compare_points);
  uint64_t *hashes = gw_arena_calloc(arena, ring->count, sizeof(*hashes));
  uint32_t *endpoints = gw_arena_calloc(arena, ring->count, sizeof(*endpoints));
  for (uint32_t i = 0; i < ring->count; i++) {
    hashes[i] = points[i].hash;
    endpoints[i] = points[i].endpoint;
  }
  ring->hashes = hashes;
  ring->endpoints = endpoints;
  slice(ring, arena);
  ring->alias = gw_alias_build(level, arena);
  return ring;
}

static uint32_t pick(void *arg, const struct gw_balancer_key *key) {
  const struct gw_stateless *state = arg;
  const struct ring *ring = state->level->plan;
  if (!key->has_hash) return state->level->usable[gw_alias_draw(ring->alias, state->random)];
  uint32_t at = ring->slice_points[key->hash >> ring->slice_shift];
  while (at < ring->count && ring->hashes[at] < key->hash)
    at++;
  return ring->endpoints[at < ring->count ? at : 0];
}

const struct gw_balancer gw_balancer_ring_hash = {
    .has_hash = true,
    .plan = plan,
    .build = gw_stateless_build,
    .free = free,
    .pick = pick,
};
