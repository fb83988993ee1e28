#include "common/routing/explain.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/message/uri.h"
#include "common/routing/explain_run.h"
#include "common/routing/request_form.h"

/* A route configuration that was asked for. */
struct compiled {
  const struct gw_route_config *config;
  struct gw_route_table *table;
};

struct gw_explainer {
  struct gw_snapshot *snapshot;
  struct compiled *compiled;
  uint32_t compiled_count;
};

struct gw_explainer *gw_explainer_new(struct gw_snapshot *snapshot) {
  struct gw_explainer *explainer = gw_calloc(1, sizeof(*explainer));
  explainer->snapshot = gw_snapshot_ref(snapshot);
  explainer->compiled = gw_calloc(snapshot->lists[GW_RESOURCE_LISTENER].count + 1u, sizeof(*explainer->compiled));
  return explainer;
}

void gw_explainer_free(struct gw_explainer *explainer) {
  if (explainer == NULL) return;
  for (uint32_t i = 0; i < explainer->compiled_count; i++)
    gw_route_table_free(explainer->compiled[i].table);
  free(explainer->compiled);
  gw_snapshot_unref(explainer->snapshot);
  free(explainer);
}

const struct gw_snapshot *gw_explainer_snapshot(const struct gw_explainer *explainer) {
  return explainer->snapshot;
}

/* NULL: there is none, or it can't be compiled, which is refused before it is served. */
static const struct gw_route_table *find_table(struct gw_explainer *explainer, const struct gw_listener *listener) {
  const struct gw_route_config *config = listener->http.inline_routes;
  if (config == NULL) {
    const struct gw_resource *found = gw_snapshot_find(explainer->snapshot, GW_RESOURCE_ROUTE_CONFIG, listener->http.route_config_name);
    if (found == NULL) return NULL;
    config = found->route_config;
  }
  for (uint32_t i = 0; i < explainer->compiled_count; i++)
    if (explainer->compiled[i].config == config) return explainer->compiled[i].table;
  struct gw_errors errors;
  struct gw_route_table *table = NULL;
  gw_errors_init(&errors);
  if (gw_route_table_build(config, &errors, &table) != GW_OK) table = NULL;
  gw_errors_done(&errors);
  explainer->compiled[explainer->compiled_count++] = (struct compiled){config, table};
  return table;
}

/* ---- what is asked ---- */

static uint32_t port_of(const struct gw_explain_request *request) {
  struct gw_str host = gw_uri_authority_host(request->authority);
  uint64_t port = gw_str_equal(request->scheme, GW_STR("https")) ? 443 : 80;
  if (request->authority.len > host.len + 1) gw_str_parse_u64(gw_str_skip(request->authority, host.len + 1), &port);
  return (uint32_t)port;
}

/* The port decides, where one listens there; else whether there is TLS. */
static uint32_t fitness(const struct gw_listener *listener, const struct gw_explain_request *request) {
  bool wants_tls = gw_str_equal(request->scheme, GW_STR("https"));
  return (listener->port == port_of(request) ? 2u : 0u) + (wants_tls == (listener->tls != NULL) ? 4u : 0u) + 1u;
}

static const struct gw_listener *find_listener(const struct gw_snapshot *snapshot, const struct gw_explain_request *request) {
  const struct gw_resource_list *list = &snapshot->lists[GW_RESOURCE_LISTENER];
  const struct gw_listener *best = NULL;
  uint32_t best_fitness = 0;
  for (uint32_t i = 0; i < list->count; i++) {
    const struct gw_listener *listener = list->items[i]->listener;
    if (listener->is_api_only) continue;
    if (request->listener.len > 0 && !gw_str_equal(listener->name, request->listener)) continue;
    uint32_t found = fitness(listener, request);
    if (found <= best_fitness) continue;
    best = listener;
    best_fitness = found;
  }
  return best;
}

static const char *check(const struct gw_explain_request *request, struct gw_arena *arena) {
  if (!gw_header_name_is_valid(request->method)) return "the method is no token, such as GET";
  if (!gw_str_equal(request->scheme, GW_STR("http")) && !gw_str_equal(request->scheme, GW_STR("https")))
    return gw_arena_printf(arena, "the scheme is \"%.*s\": http and https are allowed", GW_STR_ARG(request->scheme));
  if (!gw_uri_authority_is_valid(request->authority))
    return gw_arena_printf(arena, "\"%.*s\" is no HOST[:PORT]", GW_STR_ARG(request->authority));
  if (request->path.len == 0 || (request->path.data[0] != '/' && !gw_str_equal(request->path, GW_STR("*")))) return "a path begins with /";
  for (uint32_t i = 0; i < request->header_count; i++) {
    const struct gw_explain_header *header = &request->headers[i];
    if (!gw_header_name_is_valid(header->name) || !gw_header_value_is_valid(header->value))
      return gw_arena_printf(arena, "header \"%.*s\" is none: NAME: VALUE is wanted", GW_STR_ARG(header->name));
  }
  if (request->claims != NULL && request->claims->kind != GW_JSON_OBJECT) return "an identity is a JSON object of claims";
  return NULL;
}

static const char *take_client(struct gw_explain_run *run) {
  struct gw_str text = run->request->client;
  if (text.len == 0) {
    text = GW_STR("127.0.0.1");
    gw_explain_assume(run, "the client is 127.0.0.1");
  }
  if (gw_address_parse_ip(text, 0, &run->client) == GW_OK) return NULL;
  return gw_arena_printf(run->arena, "client \"%.*s\" is no IP address", GW_STR_ARG(text));
}

static void take_head(struct gw_explain_run *run) {
  const struct gw_explain_request *request = run->request;
  struct gw_request_head *head = &run->head;
  *head = (struct gw_request_head){.method = gw_method_find(request->method),
                                   .method_name = request->method,
                                   .path = request->path,
                                   .authority = request->authority,
                                   .scheme = request->scheme,
                                   .version = GW_HTTP_1_1,
                                   .content_length = GW_LENGTH_NONE};
  gw_headers_init(&head->headers, run->arena, request->header_count + 1);
  for (uint32_t i = 0; i < request->header_count; i++) {
    enum gw_header_id id = gw_header_id_find(request->headers[i].name);
    bool is_codecs = id == GW_HEADER_HOST || id == GW_HEADER_CONTENT_LENGTH || id == GW_HEADER_TRANSFER_ENCODING;
    if (!is_codecs) gw_headers_add(&head->headers, run->arena, id, request->headers[i].name, request->headers[i].value);
  }
}

/* ---- steps ---- */

__attribute__((format(printf, 5, 0))) static void vadd(struct gw_explain_run *run, struct gw_str filter, struct gw_str rule,
                                                       enum gw_explain_verdict verdict, const char *format, va_list args) {
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf words = {0};
  gw_strbuf_vprintf(&words, format, args);
  if (run->out->step_count == GW_EXPLAIN_STEPS_MAX) run->out->step_count--;
  run->steps[run->out->step_count++] = (struct gw_explain_step){.filter = filter,
                                                                .rule = rule,
                                                                .verdict = verdict,
                                                                .words = gw_arena_copy(run->arena, gw_strbuf_str(&words))};
}

void gw_explain_add(struct gw_explain_run *run, struct gw_str filter, struct gw_str rule, enum gw_explain_verdict verdict,
                    const char *format, ...) {
  va_list args;
  va_start(args, format);
  vadd(run, filter, rule, verdict, format, args);
  va_end(args);
}

bool gw_explain_answer(struct gw_explain_run *run, struct gw_str filter, struct gw_str rule, uint32_t status, struct gw_str detail,
                       const char *format, ...) {
  va_list args;
  va_start(args, format);
  vadd(run, filter, rule, GW_EXPLAIN_ANSWERS, format, args);
  va_end(args);
  run->out->status = status;
  run->out->detail = detail;
  run->out->filter = filter;
  run->out->rule = rule;
  return true;
}

void gw_explain_assume(struct gw_explain_run *run, const char *sentence) {
  struct gw_str text = gw_str_from(sentence);
  for (uint32_t i = 0; i < run->out->assumption_count; i++)
    if (gw_str_equal(run->assumptions[i], text)) return;
  if (run->out->assumption_count < GW_EXPLAIN_ASSUMPTIONS_MAX)
    run->assumptions[run->out->assumption_count++] = gw_arena_copy(run->arena, text);
}

/* ---- the whole ---- */

static uint32_t find_uri_limit(const struct gw_http_connection_manager *http) {
  for (uint32_t i = 0; i < http->filter_count; i++)
    if (http->filters[i].kind == GW_FILTER_LIMITS) return http->filters[i].settings.limits.max_uri_bytes;
  return 0;
}

/* The request's fields as they are when routes are looked at. */
static bool take_form(struct gw_explain_run *run) {
  const struct gw_http_connection_manager *http = &run->listener->http;
  struct gw_reserved_fields reserved;
  struct gw_form_answer answer;
  gw_reserved_fields_build(http, run->arena, &reserved);
  if (!gw_request_form_apply(http, find_uri_limit(http), &reserved, &run->head, run->arena, &answer)) {
    run->out->location = answer.location;
    return !gw_explain_answer(run, GW_STR("request"), (struct gw_str){NULL, 0}, answer.status, answer.detail, "%.*s",
                              GW_STR_ARG(answer.message));
  }
  gw_headers_remove_hop_by_hop(&run->head.headers);
  gw_headers_remove(&run->head.headers, GW_HEADER_EXPECT);
  return true;
}

static void find_route(struct gw_explain_run *run) {
  if (run->table == NULL) return;
  gw_route_table_match(run->table, &run->head, run->arena, &run->hit);
  if (run->hit.virtual_host != NULL) run->out->virtual_host = run->hit.virtual_host->name;
  if (run->hit.route != NULL) {
    run->out->has_route = true;
    run->out->route = run->hit.route->name;
    run->out->route_path = run->hit.route->match.path;
  }
  gw_explain_candidates(run);
}

static void walk(struct gw_explain_run *run) {
  const struct gw_http_connection_manager *http = &run->listener->http;
  bool is_whole = take_form(run), has_looked = false;
  run->out->path = run->head.path;
  if (!is_whole) return;
  for (uint32_t i = 0; i < http->filter_count; i++) {
    const struct gw_http_filter *filter = &http->filters[i];
    /* The one is no step of a request, the other comes before routes are looked at. */
    bool needs_route = filter->kind != GW_FILTER_LIMITS && filter->kind != GW_FILTER_NODE_ENDPOINTS;
    if (needs_route && !has_looked) find_route(run);
    has_looked = has_looked || needs_route;
    if (filter->kind != GW_FILTER_ROUTER && gw_explain_filter(run, filter)) return;
  }
  gw_explain_route(run);
}

enum gw_err gw_explainer_run(struct gw_explainer *explainer, const struct gw_explain_request *request, struct gw_arena *arena,
                             struct gw_explanation *ret_explanation, const char **ret_problem) {
  struct gw_explain_run run = {.request = request, .snapshot = explainer->snapshot, .arena = arena, .out = ret_explanation};
  *ret_explanation = (struct gw_explanation){.status = 0};
  run.steps = gw_arena_calloc(arena, GW_EXPLAIN_STEPS_MAX, sizeof(*run.steps));
  run.assumptions = gw_arena_calloc(arena, GW_EXPLAIN_ASSUMPTIONS_MAX, sizeof(*run.assumptions));
  *ret_problem = check(request, arena);
  if (*ret_problem == NULL) *ret_problem = take_client(&run);
  if (*ret_problem != NULL) return GW_ERR_INVALID;
  run.listener = find_listener(explainer->snapshot, request);
  if (run.listener == NULL) {
    *ret_problem = request->listener.len == 0 ? "there is no listener"
                                              : gw_arena_printf(arena, "there is no listener %.*s", GW_STR_ARG(request->listener));
    return GW_ERR_NOT_FOUND;
  }
  take_head(&run);
  run.table = find_table(explainer, run.listener);
  ret_explanation->listener = run.listener->name;
  ret_explanation->snapshot_version = gw_arena_copy(arena, gw_str_from(explainer->snapshot->version));
  walk(&run);
  ret_explanation->steps = run.steps;
  ret_explanation->assumptions = run.assumptions;
  return GW_OK;
}
