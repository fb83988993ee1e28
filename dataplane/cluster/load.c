#include "dataplane/cluster/load.h"

#include <math.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "dataplane/cluster/lb/balancer.h"

#define OVERPROVISIONING_PERCENT 140 /* ClusterLoadAssignment.policy.overprovisioning_factor's default */

static uint32_t min_u32(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

/* What is left of 100 % by rounding goes to the first that gets anything. */
static void give_rest(struct gw_load_part *parts, uint32_t count, uint32_t rest) {
  for (uint32_t i = 0; i < count && rest > 0; i++) {
    if (parts[i].ret_share == 0) continue;
    parts[i].ret_share += rest;
    rest = 0;
  }
}

static void spread_by_health(struct gw_load_part *parts, uint32_t count, uint32_t total) {
  uint32_t rest = 100;
  for (uint32_t i = 0; i < count; i++) {
    parts[i].ret_share = min_u32(rest, parts[i].ret_share * 100 / total);
    rest -= parts[i].ret_share;
  }
  give_rest(parts, count, rest);
}

static void spread_by_number(struct gw_load_part *parts, uint32_t count) {
  uint64_t total = 0;
  for (uint32_t i = 0; i < count; i++)
    total += parts[i].endpoint_count;
  uint32_t rest = 100;
  for (uint32_t i = 0; i < count; i++) {
    parts[i].ret_share = (uint32_t)(UINT64_C(100) * parts[i].endpoint_count / total);
    rest -= parts[i].ret_share;
  }
  give_rest(parts, count, rest);
}

void gw_load_spread(struct gw_load_part *parts, uint32_t count, uint32_t panic_threshold_percent) {
  uint32_t total = 0, endpoint_count = 0;
  for (uint32_t i = 0; i < count; i++) {
    struct gw_load_part *part = &parts[i];
    endpoint_count += part->endpoint_count;
    part->ret_is_panicking = false;
    part->ret_share = 0;
    if (part->endpoint_count == 0) continue;
    part->ret_share = min_u32(100, (uint32_t)((uint64_t)OVERPROVISIONING_PERCENT * part->healthy_count / part->endpoint_count));
    total = min_u32(100, total + part->ret_share);
  }
  if (endpoint_count == 0) return;
  bool is_panic_everywhere = total < 100 && panic_threshold_percent > 0;
  for (uint32_t i = 0; i < count && total < 100; i++) {
    const struct gw_load_part *part = &parts[i];
    uint64_t percent = part->endpoint_count > 0 ? UINT64_C(100) * part->healthy_count / part->endpoint_count : 0;
    parts[i].ret_is_panicking = percent < panic_threshold_percent;
    is_panic_everywhere = is_panic_everywhere && parts[i].ret_is_panicking;
  }
  if (is_panic_everywhere) {
    spread_by_number(parts, count);
  } else if (total > 0) {
    spread_by_health(parts, count, total);
  } else {
    parts[0].ret_share = 100;
  }
}

static uint32_t count_of(const struct gw_load_level *blank, uint32_t endpoint_count, uint32_t priority) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < endpoint_count; i++)
    count += blank->endpoints[i].priority == priority ? 1 : 0;
  return count;
}

/* In a panic all are used, new ones too. */
static void add_level(struct gw_load *load, const struct gw_load_level *blank, const struct gw_load_part *part, uint32_t priority,
                      uint32_t endpoint_count) {
  uint32_t *usable = gw_arena_calloc(&load->arena, count_of(blank, endpoint_count, priority), sizeof(*usable));
  struct gw_load_level *level = &load->levels[load->level_count];
  *level = *blank;
  level->priority = priority;
  level->share = part->ret_share;
  level->is_panicking = part->ret_is_panicking;
  level->usable = usable;
  level->weight_min = UINT32_MAX;
  uint64_t window_ms = blank->balancing->slow_start.window_ms;
  for (uint32_t i = 0; i < endpoint_count; i++) {
    const struct gw_frozen_endpoint *endpoint = &blank->endpoints[i];
    if (endpoint->priority != priority || (!endpoint->is_healthy && !level->is_panicking)) continue;
    usable[level->usable_count++] = i;
    level->weight_sum += endpoint->weight;
    if (endpoint->weight < level->weight_min) level->weight_min = endpoint->weight;
    if (endpoint->weight > level->weight_max) level->weight_max = endpoint->weight;
    if (window_ms == 0 || endpoint->fresh_ms == 0) continue;
    if (endpoint->fresh_ms + window_ms > level->slow_until_ms) level->slow_until_ms = endpoint->fresh_ms + window_ms;
  }
  if (level->usable_count == 0) return;
  const struct gw_balancer *balancer = gw_balancer_get(blank->balancing->policy);
  if (balancer->plan != NULL) level->plan = balancer->plan(level, &load->arena);
  load->level_count++;
}

/* Returns how many count; without any, nobody is new. */
static uint32_t count_parts(const struct gw_frozen_endpoint *endpoints, uint32_t count, bool has_uncounted_new,
                            struct gw_load_part *parts) {
  uint32_t counted = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (has_uncounted_new && endpoints[i].is_new) continue;
    parts[endpoints[i].priority].endpoint_count++;
    parts[endpoints[i].priority].healthy_count += endpoints[i].is_healthy ? 1 : 0;
    counted++;
  }
  return counted;
}

struct gw_load *gw_load_build(const struct gw_load_balancing *balancing, const struct gw_frozen_endpoint *endpoints, uint32_t count) {
  struct gw_load *load = gw_calloc(1, sizeof(*load));
  gw_arena_init(&load->arena, 256);
  uint32_t part_count = 0;
  for (uint32_t i = 0; i < count; i++)
    if (endpoints[i].priority >= part_count) part_count = endpoints[i].priority + 1;
  GW_CLEANUP(gw_free_ptr) struct gw_load_part *parts = gw_calloc(part_count + 1u, sizeof(*parts));
  if (count_parts(endpoints, count, balancing->has_uncounted_new, parts) == 0) count_parts(endpoints, count, false, parts);
  gw_load_spread(parts, part_count, balancing->panic_threshold_percent);
  const struct gw_load_level blank = {.balancing = balancing, .endpoints = endpoints};
  load->levels = gw_arena_calloc(&load->arena, part_count, sizeof(*load->levels));
  for (uint32_t i = 0; i < part_count; i++)
    if (parts[i].ret_share > 0) add_level(load, &blank, &parts[i], i, count);
  return load;
}

void gw_load_free(struct gw_load *load) {
  if (load == NULL) return;
  gw_arena_done(&load->arena);
  free(load);
}

double gw_load_weight(const struct gw_load_level *level, uint32_t position, uint64_t now_ms) {
  const struct gw_frozen_endpoint *endpoint = &level->endpoints[level->usable[position]];
  const struct gw_slow_start *slow = &level->balancing->slow_start;
  double weight = endpoint->weight;
  if (endpoint->fresh_ms == 0 || now_ms >= endpoint->fresh_ms + slow->window_ms) return weight;
  double age_ms = now_ms > endpoint->fresh_ms ? (double)(now_ms - endpoint->fresh_ms) : 1;
  double grown = pow(age_ms / (double)slow->window_ms, 1 / slow->aggression);
  double least = slow->min_weight_percent / 100;
  return weight * (grown > least ? grown : least);
}
