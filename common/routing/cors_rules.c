#include "common/routing/cors_rules.h"

void gw_cors_rules_build(const struct gw_cors_route *model, const char *place, struct gw_arena *arena, struct gw_errors *errors,
                         struct gw_cors_rules *ret_rules) {
  struct gw_rule_build build = {.arena = arena, .errors = errors, .place = place};
  ret_rules->model = model;
  ret_rules->origins = gw_arena_calloc(arena, model->origin_count, sizeof(*ret_rules->origins));
  for (uint32_t i = 0; i < model->origin_count; i++)
    gw_rule_build_text(&build, &model->origins[i], &ret_rules->origins[i]);
  ret_rules->regexes = build.regexes;
}

void gw_cors_rules_done(const struct gw_cors_rules *rules) {
  gw_regex_list_free(rules->regexes);
}

/* A matcher that takes "*" takes all, as in Envoy. */
static bool is_allowed(const struct gw_cors_rules *rules, struct gw_str origin, struct gw_arena *scratch) {
  struct gw_route_work work = {.scratch = scratch};
  for (uint32_t i = 0; i < rules->model->origin_count; i++) {
    const struct gw_text_rule *rule = &rules->origins[i];
    if (gw_text_rule_match(rule, GW_STR("*"), &work) || gw_text_rule_match(rule, origin, &work)) return true;
  }
  return false;
}

bool gw_cors_is_preflight(const struct gw_request_head *head) {
  if (head->method != GW_METHOD_OPTIONS) return false;
  const struct gw_header *method = gw_headers_find_name(&head->headers, GW_STR("access-control-request-method"));
  return method != NULL && method->value.len > 0;
}

bool gw_cors_is_whole_preflight(const struct gw_request_head *head) {
  const struct gw_header *origin = gw_headers_find(&head->headers, GW_HEADER_ORIGIN);
  return origin != NULL && origin->value.len > 0 && gw_cors_is_preflight(head);
}

enum gw_cors_verdict gw_cors_rules_judge(const struct gw_cors_rules *rules, const struct gw_request_head *head, struct gw_arena *scratch) {
  const struct gw_header *origin = gw_headers_find(&head->headers, GW_HEADER_ORIGIN);
  if (origin == NULL || origin->value.len == 0) return GW_CORS_NONE;
  bool is_preflight = gw_cors_is_preflight(head);
  if (is_allowed(rules, origin->value, scratch)) return is_preflight ? GW_CORS_PREFLIGHT : GW_CORS_ALLOWED;
  return is_preflight && rules->model->refuses_other_preflights ? GW_CORS_PREFLIGHT_REFUSED : GW_CORS_OTHER;
}
