/* How many requests may come, and how large they may be. */
#include "common/base/mem.h"
#include "controlplane/policy/loosening_internal.h"

/* All limits that count for a route: its own, its service's, everybody's, and the plans'. */
struct limits {
  const struct gw_limit_entry *items[3 * GW_LIMITS_MAX + 1];
  uint32_t count;
};

static const struct gw_limits_entry none = {0};

static const struct gw_limits_entry *of_service(const struct gw_loosening_side *side) {
  const struct gw_service_entry *service = gw_route_actions_service(&side->route->actions);
  const struct gw_common_limits *common = &side->parts->limits;
  for (uint32_t i = 0; service != NULL && i < common->service_count; i++)
    if (gw_str_equal(common->services[i].service, service->name)) return &common->services[i].limits;
  return &none;
}

static struct limits list_limits(const struct gw_loosening_side *side) {
  const struct gw_common_limits *common = &side->parts->limits;
  const struct gw_limits_entry *lists[] = {&side->route->limits, of_service(side), &common->global};
  struct limits limits = {.count = 0};
  for (size_t i = 0; i < GW_ARRAY_LEN(lists); i++)
    for (uint32_t k = 0; k < lists[i]->count; k++)
      limits.items[limits.count++] = &lists[i]->items[k];
  if (common->has_plans) limits.items[limits.count++] = &common->plans;
  return limits;
}

static bool has_key(const struct gw_limit_entry *limit, const struct gw_rate_limit_key *key) {
  for (uint32_t i = 0; i < limit->key_count; i++)
    if (limit->keys[i].kind == key->kind && gw_str_equal(limit->keys[i].name, key->name)) return true;
  return false;
}

/* What `narrow` counts together `wide` counts together as well: it counts by no more, over no less. */
static bool counts_at_least(const struct gw_limit_entry *wide, const struct gw_limit_entry *narrow) {
  for (uint32_t i = 0; i < wide->key_count; i++)
    if (!has_key(narrow, &wide->keys[i])) return false;
  bool is_shared = !wide->has_shared || wide->is_shared, was_shared = !narrow->has_shared || narrow->is_shared;
  if (was_shared && !is_shared) return false;
  bool has_plan_scope = wide->scope == GW_RATE_LIMIT_SCOPE_PLAN || narrow->scope == GW_RATE_LIMIT_SCOPE_PLAN;
  return has_plan_scope ? wide->scope == narrow->scope : wide->scope >= narrow->scope;
}

/* For callers of that plan; empty: those of none that is named. */
static const struct gw_rate_limit_numbers *numbers_of(const struct gw_limit_entry *limit, struct gw_str plan) {
  for (uint32_t i = 0; plan.len > 0 && i < limit->plan_count; i++)
    if (gw_str_equal(limit->plans[i].name, plan)) return &limit->plans[i].numbers;
  return &limit->numbers;
}

/* 0 requests: no limit. */
static bool is_as_strict(const struct gw_rate_limit_numbers *after, const struct gw_rate_limit_numbers *before) {
  if (before->requests == 0) return true;
  if (after->requests == 0) return false;
  double before_rate = (double)before->requests / (double)before->per_ms, after_rate = (double)after->requests / (double)after->per_ms;
  return after_rate <= before_rate && after->burst <= before->burst;
}

static bool holds(const struct gw_limit_entry *after, const struct gw_limit_entry *before) {
  if (!counts_at_least(after, before) || !is_as_strict(&after->numbers, &before->numbers)) return false;
  const struct gw_limit_entry *sides[] = {before, after};
  for (int side = 0; side < 2; side++) {
    for (uint32_t i = 0; i < sides[side]->plan_count; i++) {
      struct gw_str plan = sides[side]->plans[i].name;
      if (!is_as_strict(numbers_of(after, plan), numbers_of(before, plan))) return false;
    }
  }
  return true;
}

static void tell(const struct gw_loosening_pair *pair, const struct gw_limit_entry *limit) {
  struct gw_str scope = gw_rate_limit_scope_name(limit->scope);
  if (limit->numbers.requests == 0)
    gw_loosening_add(pair, GW_LOOSENING_LIMITS, "the limits of plans (scope %.*s) are gone, or less strict", GW_STR_ARG(scope));
  else
    gw_loosening_add(pair, GW_LOOSENING_LIMITS, "the limit of %u requests in %llu s (scope %.*s, burst %u) is gone, or less strict",
                     limit->numbers.requests, (unsigned long long)(limit->numbers.per_ms / 1000), GW_STR_ARG(scope), limit->numbers.burst);
}

/* The listeners' limit, for routes that don't say. */
static uint64_t body_limit(const struct gw_loosening_side *side) {
  if (side->route->actions.has_body_limit) return side->route->actions.max_request_body_bytes;
  const struct gw_listener *listener = side->policy->listener_count > 0 ? &side->policy->listeners[0] : NULL;
  for (uint32_t i = 0; listener != NULL && i < listener->http.filter_count; i++)
    if (listener->http.filters[i].kind == GW_FILTER_LIMITS) return listener->http.filters[i].settings.limits.max_request_body_bytes;
  return 0;
}

void gw_loosening_compare_limits(const struct gw_loosening_pair *pair) {
  struct limits before = list_limits(&pair->before), after = list_limits(&pair->after);
  for (uint32_t i = 0; i < before.count; i++) {
    bool is_held = false;
    for (uint32_t k = 0; k < after.count && !is_held; k++)
      is_held = holds(after.items[k], before.items[i]);
    if (!is_held) tell(pair, before.items[i]);
  }
  uint64_t was = body_limit(&pair->before), is = body_limit(&pair->after);
  if (was != 0 && (is == 0 || is > was))
    gw_loosening_add(pair, GW_LOOSENING_LIMITS, "request bodies may be larger than %llu bytes", (unsigned long long)was);
}
