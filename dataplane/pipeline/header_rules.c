#include "dataplane/pipeline/header_rules.h"

#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "dataplane/pipeline/access_log.h"
#include "dataplane/pipeline/stream.h"

struct gw_header_rules {
  struct gw_map *plans_by_text;                      /* struct gw_access_log_plan */
  const struct gw_access_log_plan *const **of_route; /* [2 * index], of answers [… + 1]: by option; NULL: no operators there */
  struct gw_arena arena;
};

static bool has_format(const struct gw_header_changes *changes) {
  for (uint32_t i = 0; changes != NULL && i < changes->add_count; i++)
    if (changes->add[i].is_format) return true;
  return false;
}

static const struct gw_access_log_plan *get_plan(struct gw_header_rules *rules, struct gw_str format, struct gw_errors *errors,
                                                 const char *place) {
  struct gw_access_log_plan *plan = gw_map_find(rules->plans_by_text, format);
  if (plan != NULL) return plan;
  plan = gw_access_log_plan_build_value(format, errors, place);
  if (plan != NULL) gw_map_put(rules->plans_by_text, format, plan);
  return plan;
}

static const struct gw_access_log_plan *const *build_plans(struct gw_header_rules *rules, const struct gw_header_changes *changes,
                                                           struct gw_errors *errors, const char *place) {
  if (changes == NULL || !has_format(changes)) return NULL;
  const struct gw_access_log_plan **plans = gw_arena_calloc(&rules->arena, changes->add_count, sizeof(void *));
  for (uint32_t i = 0; i < changes->add_count; i++)
    if (changes->add[i].is_format) plans[i] = get_plan(rules, changes->add[i].value, errors, place);
  return plans;
}

static bool config_has_format(const struct gw_route_config *config) {
  for (uint32_t h = 0; h < config->virtual_host_count; h++) {
    for (uint32_t i = 0; i < config->virtual_hosts[h].route_count; i++) {
      const struct gw_route *route = &config->virtual_hosts[h].routes[i];
      if (has_format(route->request_headers) || has_format(route->response_headers)) return true;
    }
  }
  return false;
}

static void build_route(struct gw_header_rules *rules, const struct gw_route *route, uint32_t h, uint32_t i, struct gw_errors *errors) {
  if (route->request_headers == NULL && route->response_headers == NULL) return;
  GW_CLEANUP(gw_free_ptr) char *place = gw_asprintf("virtual_hosts[%u].routes[%u]", h, i);
  rules->of_route[2 * (size_t)route->index] = build_plans(rules, route->request_headers, errors, place);
  rules->of_route[2 * (size_t)route->index + 1] = build_plans(rules, route->response_headers, errors, place);
}

enum gw_err gw_header_rules_build(const struct gw_route_config *config, struct gw_errors *errors, struct gw_header_rules **ret_rules) {
  *ret_rules = NULL;
  if (!config_has_format(config)) return GW_OK;
  size_t errors_before = errors->error_count;
  struct gw_header_rules *rules = gw_calloc(1, sizeof(*rules));
  gw_arena_init(&rules->arena, 1024);
  rules->plans_by_text = gw_map_new();
  rules->of_route = gw_arena_calloc(&rules->arena, 2 * (size_t)config->route_count, sizeof(void *));
  for (uint32_t h = 0; h < config->virtual_host_count; h++)
    for (uint32_t i = 0; i < config->virtual_hosts[h].route_count; i++)
      build_route(rules, &config->virtual_hosts[h].routes[i], h, i, errors);
  if (errors->error_count > errors_before) {
    gw_header_rules_free(rules);
    return GW_ERR_INVALID;
  }
  *ret_rules = rules;
  return GW_OK;
}

void gw_header_rules_free(struct gw_header_rules *rules) {
  if (rules == NULL) return;
  struct gw_str text;
  void *plan;
  for (size_t cursor = 0; gw_map_next(rules->plans_by_text, &cursor, &text, &plan);)
    gw_access_log_plan_free(plan);
  gw_map_free(rules->plans_by_text);
  gw_arena_done(&rules->arena);
  free(rules);
}

/* ---- apply ---- */

static bool is_there(const struct gw_headers *headers, struct gw_str name) {
  return gw_headers_find_name(headers, name) != NULL;
}

/* NULL data: it adds nothing. */
static struct gw_str value_of(struct gw_stream *stream, const struct gw_header_option *option, const struct gw_access_log_plan *plan,
                              const struct gw_headers *headers) {
  const struct gw_str nothing = {NULL, 0};
  if (option->action == GW_HEADER_ADD_IF_ABSENT && is_there(headers, option->name)) return nothing;
  if (option->action == GW_HEADER_OVERWRITE_IF_EXISTS && !is_there(headers, option->name)) return nothing;
  if (plan == NULL) return option->value.data != NULL ? option->value : GW_STR("");
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  gw_access_log_plan_write_value(plan, stream, &buf);
  if (buf.len == 0) return option->keeps_empty ? GW_STR("") : nothing;
  struct gw_str value = gw_arena_copy(&stream->arena, gw_strbuf_str(&buf));
  return gw_header_value_is_valid(value) ? value : nothing;
}

void gw_header_rules_apply(struct gw_stream *stream, bool is_response, struct gw_headers *headers) {
  const struct gw_route *route = stream->route;
  const struct gw_header_changes *changes = is_response ? route->response_headers : route->request_headers;
  const struct gw_header_rules *rules = gw_stream_find_routes(stream)->header_rules;
  const struct gw_access_log_plan *const *plans = rules != NULL ? rules->of_route[2 * (size_t)route->index + is_response] : NULL;
  for (uint32_t i = 0; i < changes->remove_count; i++)
    gw_headers_remove_name(headers, changes->remove[i]);
  struct gw_str *values = gw_arena_calloc(&stream->arena, changes->add_count, sizeof(*values));
  for (uint32_t i = 0; i < changes->add_count; i++)
    values[i] = value_of(stream, &changes->add[i], plans != NULL ? plans[i] : NULL, headers);
  for (uint32_t i = 0; i < changes->add_count; i++) {
    bool overwrites = changes->add[i].action == GW_HEADER_OVERWRITE || changes->add[i].action == GW_HEADER_OVERWRITE_IF_EXISTS;
    if (!overwrites || values[i].data == NULL) continue;
    gw_headers_remove_name(headers, changes->add[i].name);
    gw_headers_add(headers, &stream->arena, GW_HEADER_OTHER, changes->add[i].name, values[i]);
  }
  for (uint32_t i = 0; i < changes->add_count; i++) {
    bool adds = changes->add[i].action == GW_HEADER_APPEND || changes->add[i].action == GW_HEADER_ADD_IF_ABSENT;
    if (adds && values[i].data != NULL) gw_headers_add(headers, &stream->arena, GW_HEADER_OTHER, changes->add[i].name, values[i]);
  }
}
