#include "common/routing/claim_rule.h"

#include <stdlib.h>

struct gw_regex *gw_rule_build_regex(struct gw_rule_build *build, struct gw_str pattern) {
  char why[GW_REGEX_WHY_SIZE];
  struct gw_regex *regex;
  const struct gw_regex_options options = {.mode = GW_REGEX_WHOLE};
  if (gw_regex_new(pattern, options, why, &regex) != GW_OK) {
    gw_errors_add(build->errors, build->place, "regular expression \"%.*s\": %s", GW_STR_ARG(pattern), why);
    return NULL;
  }
  struct gw_regex_list *item = gw_arena_alloc(build->arena, sizeof *item);
  *item = (struct gw_regex_list){regex, build->regexes};
  build->regexes = item;
  return regex;
}

void gw_regex_list_free(struct gw_regex_list *list) {
  for (; list != NULL; list = list->next)
    gw_regex_free(list->regex);
}

void gw_rule_build_text(struct gw_rule_build *build, const struct gw_string_match *match, struct gw_text_rule *ret_rule) {
  *ret_rule = (struct gw_text_rule){.kind = match->kind, .ignore_case = match->ignore_case, .wanted = match->value};
  if (match->kind == GW_STRING_MATCH_REGEX) ret_rule->regex = gw_rule_build_regex(build, match->value);
}

static int compare_strings(const void *left, const void *right) {
  return gw_str_compare(*(const struct gw_str *)left, *(const struct gw_str *)right);
}

static bool is_plain_string(const struct gw_value_match *match) {
  return match->kind == GW_VALUE_MATCH_STRING && match->string.kind == GW_STRING_MATCH_EXACT && !match->string.ignore_case;
}

/* An OR's alternatives: OR in OR is one OR, strings are one set, and lists are one list of which an item may be any of the alternatives. */
struct alternatives {
  struct gw_str *set;
  struct gw_value_match *items; /* of lists */
  struct gw_value_match *others;
  uint32_t set_count;
  uint32_t item_count;
  uint32_t other_count;
};

static uint32_t count_alternatives(const struct gw_value_match *match) {
  uint32_t count = match->kind != GW_VALUE_MATCH_OR;
  for (uint32_t i = 0; match->kind == GW_VALUE_MATCH_OR && i < match->value_count; i++)
    count += count_alternatives(&match->values[i]);
  return count;
}

static void collect(const struct gw_value_match *match, struct alternatives *all) {
  for (uint32_t i = 0; i < match->value_count; i++) {
    const struct gw_value_match *value = &match->values[i];
    if (value->kind == GW_VALUE_MATCH_OR)
      collect(value, all);
    else if (is_plain_string(value))
      all->set[all->set_count++] = value->string.value;
    else if (value->kind == GW_VALUE_MATCH_LIST)
      all->items[all->item_count++] = value->values[0];
    else
      all->others[all->other_count++] = *value;
  }
}

static void build_or(struct gw_rule_build *build, const struct gw_value_match *match, struct gw_value_rule *rule) {
  uint32_t count = count_alternatives(match);
  struct alternatives all = {.set = gw_arena_calloc(build->arena, count, sizeof(struct gw_str)),
                             .items = gw_arena_calloc(build->arena, count, sizeof(struct gw_value_match)),
                             .others = gw_arena_calloc(build->arena, count, sizeof(struct gw_value_match))};
  collect(match, &all);
  if (all.set_count > 1) qsort(all.set, all.set_count, sizeof *all.set, compare_strings);
  rule->set = all.set;
  rule->set_count = all.set_count;
  struct gw_value_rule *values = gw_arena_calloc(build->arena, all.other_count + 1u, sizeof *values);
  for (uint32_t i = 0; i < all.other_count; i++)
    gw_value_rule_build(build, &all.others[i], &values[rule->value_count++]);
  if (all.item_count > 0) {
    const struct gw_value_match any = {.kind = GW_VALUE_MATCH_OR, .values = all.items, .value_count = all.item_count};
    const struct gw_value_match list = {.kind = GW_VALUE_MATCH_LIST, .values = &any, .value_count = 1};
    gw_value_rule_build(build, &list, &values[rule->value_count++]);
  }
  rule->values = values;
}

void gw_value_rule_build(struct gw_rule_build *build, const struct gw_value_match *match, struct gw_value_rule *ret_rule) {
  *ret_rule = (struct gw_value_rule){.kind = match->kind, .boolean = match->boolean, .from = match->from, .to = match->to};
  if (match->kind == GW_VALUE_MATCH_STRING) gw_rule_build_text(build, &match->string, &ret_rule->text);
  if (match->kind == GW_VALUE_MATCH_OR) build_or(build, match, ret_rule);
  if (match->kind != GW_VALUE_MATCH_LIST) return;
  struct gw_value_rule *item = gw_arena_alloc(build->arena, sizeof *item);
  gw_value_rule_build(build, &match->values[0], item);
  ret_rule->values = item;
  ret_rule->value_count = 1;
}

static bool is_in_set(const struct gw_value_rule *rule, struct gw_str text) {
  uint32_t low = 0, high = rule->set_count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    int order = gw_str_compare(rule->set[middle], text);
    if (order == 0) return true;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return false;
}

static bool match_or(const struct gw_value_rule *rule, const struct gw_json_value *value, struct gw_route_work *work) {
  if (value->kind == GW_JSON_STRING && is_in_set(rule, value->string)) return true;
  for (uint32_t i = 0; i < rule->value_count; i++)
    if (gw_value_rule_match(&rule->values[i], value, work)) return true;
  return false;
}

static bool match_list(const struct gw_value_rule *rule, const struct gw_json_value *value, struct gw_route_work *work) {
  if (value->kind != GW_JSON_ARRAY) return false;
  for (uint32_t i = 0; i < value->count; i++)
    if (gw_value_rule_match(rule->values, &value->items[i], work)) return true;
  return false;
}

bool gw_value_rule_match(const struct gw_value_rule *rule, const struct gw_json_value *value, struct gw_route_work *work) {
  double number;
  if (value == NULL) return false;
  switch (rule->kind) {
  case GW_VALUE_MATCH_NULL: return value->kind == GW_JSON_NULL;
  case GW_VALUE_MATCH_EXACT_NUMBER: return gw_json_number(value, &number) && number >= rule->from && number <= rule->from;
  case GW_VALUE_MATCH_RANGE: return gw_json_number(value, &number) && number >= rule->from && number < rule->to;
  case GW_VALUE_MATCH_STRING: return value->kind == GW_JSON_STRING && gw_text_rule_match(&rule->text, value->string, work);
  case GW_VALUE_MATCH_BOOL: return value->kind == GW_JSON_BOOL && value->boolean == rule->boolean;
  case GW_VALUE_MATCH_PRESENT: return rule->boolean;
  case GW_VALUE_MATCH_LIST: return match_list(rule, value, work);
  case GW_VALUE_MATCH_OR: return match_or(rule, value, work);
  }
  return false;
}
