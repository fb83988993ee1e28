#include "common/routing/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/model/api_key_auth.h"
#include "common/model/cluster.h"
#include "common/model/endpoint.h"
#include "common/model/forwarded_identity.h"
#include "common/model/jwt_authn.h"
#include "common/model/listener.h"
#include "tests/unit/common/routing/table_builder.h"

#define S(text) GW_STR(text)
#define EXACT(text) ((struct gw_string_match){.kind = GW_STRING_MATCH_EXACT, .value = {text, sizeof(text) - 1}})

static const struct gw_jwt_provider providers[] = {{.name = {"main", 4},
                                                    .issuer = {"https://main", 12},
                                                    .audiences = &(struct gw_str){"shop", 4},
                                                    .audience_count = 1,
                                                    .payload_metadata = {GW_CLAIMS_KEY, 3}}};
static const struct gw_jwt_requirement missing_too[] = {{.kind = GW_JWT_REQUIRES_PROVIDER}, {.kind = GW_JWT_ALLOWS_MISSING}};
static const struct gw_jwt_named_requirement requirements[] =
    {{.name = {"main", 4}, .requirement = {.kind = GW_JWT_REQUIRES_PROVIDER}},
     {.name = {"main|missing", 12}, .requirement = {.kind = GW_JWT_REQUIRES_ANY, .children = missing_too, .child_count = 2}}};
static const struct gw_jwt_authn authn = {.providers = providers,
                                          .provider_count = 1,
                                          .requirements = requirements,
                                          .requirement_count = 2};
static const struct gw_api_key_auth keys = {.header = {"x-api-key", 9}};
static const struct gw_forwarded_identity forwarded = {.user_id = {"x-user-id", 9}};
static const struct gw_rate_limit_plan plans[] = {{.name = {"gold", 4}, .numbers = {500, 500, 60000}}};
static const struct gw_rate_limit_key by_client[] = {{.kind = GW_RATE_LIMIT_KEY_CLIENT}};
static const struct gw_rate_limit limits[] = {{.name = {"everything", 10},
                                               .scope = GW_RATE_LIMIT_SCOPE_GLOBAL,
                                               .numbers = {100, 20, 60000},
                                               .plans = plans,
                                               .plan_count = 1,
                                               .keys = by_client,
                                               .key_count = 1}};

static const struct gw_http_filter filters[] = {
    {.name = {"limits", 6}, .kind = GW_FILTER_LIMITS},
    {.name = {"endpoints", 9}, .kind = GW_FILTER_NODE_ENDPOINTS, .settings.node_endpoints = {.has_health = true}},
    {.name = {"access", 6}, .kind = GW_FILTER_ACCESS},
    {.name = {"cors", 4}, .kind = GW_FILTER_CORS},
    {.name = {"jwt", 3}, .kind = GW_FILTER_JWT_AUTHN, .settings.jwt_authn = &authn},
    {.name = {"api_key", 7}, .kind = GW_FILTER_API_KEY, .settings.api_key = &keys},
    {.name = {"limit", 5}, .kind = GW_FILTER_SHARED_LIMIT, .settings.shared_limit = {.limits = limits, .count = 1}},
    {.name = {"deny", 4}, .kind = GW_FILTER_RBAC_DENY},
    {.name = {"rbac", 4}, .kind = GW_FILTER_RBAC},
    {.name = {"identity", 8}, .kind = GW_FILTER_IDENTITY, .settings.forwarded_identity = &forwarded},
    {.name = {"router", 6}, .kind = GW_FILTER_ROUTER},
};

/* A listener `plain` with these filters and the builder's routes, a cluster `shop` with one instance, and one, `empty`, without. */
struct stage {
  struct table_builder table;
  struct gw_listener listener;
  struct gw_cluster clusters[2];
  struct gw_endpoints endpoints[2];
  struct gw_snapshot *snapshot;
  struct gw_explainer *explainer;
  struct gw_explain_request request;
  struct gw_explanation said;
};

static const struct gw_endpoint instance = {.address = {"10.0.0.1", 8}, .port = 80, .weight = 1};

static struct stage *stage_new(void) {
  struct stage *stage = gw_calloc(1, sizeof(*stage));
  builder_init(&stage->table, 1500);
  stage->listener = (struct gw_listener){.name = S("plain"), .address = S("127.0.0.1"), .port = 8000};
  stage->listener.http = (struct gw_http_connection_manager){.inline_routes = &stage->table.config,
                                                             .filters = filters,
                                                             .filter_count = GW_ARRAY_LEN(filters),
                                                             .normalize_path = true,
                                                             .merge_slashes = true,
                                                             .escaped_slashes = GW_ESCAPED_SLASHES_REJECT};
  stage->request = (struct gw_explain_request){.method = S("GET"), .scheme = S("http"), .authority = S("example.com"), .path = S("/")};
  return stage;
}

static void stage_free(struct stage *stage) {
  gw_explainer_free(stage->explainer);
  gw_snapshot_unref(stage->snapshot);
  gw_arena_done(&stage->table.arena);
  free(stage);
}

static struct gw_route *add_route(struct stage *stage, const char *name, const char *path, const char *cluster) {
  struct gw_route *route = builder_add(&stage->table, GW_PATH_MATCH_EXACT, path);
  route->name = gw_str_from(name);
  route->forward.cluster = gw_str_from(cluster);
  return route;
}

static struct gw_route_filters *filters_of(struct stage *stage, struct gw_route *route) {
  struct gw_route_filters *made = gw_arena_calloc(&stage->table.arena, 1, sizeof(*made));
  route->filters = made;
  return made;
}

static void add(struct gw_snapshot_builder *builder, enum gw_resource_type type, struct gw_str name, const void *value) {
  struct gw_resource *resource = gw_resource_new(type);
  resource->name = name;
  resource->value = value;
  gw_snapshot_builder_add(builder, resource);
}

static void freeze(struct stage *stage) {
  static const char *const names[] = {"shop", "empty"};
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  add(builder, GW_RESOURCE_LISTENER, stage->listener.name, &stage->listener);
  for (size_t i = 0; i < 2; i++) {
    stage->clusters[i] = (struct gw_cluster){.name = gw_str_from(names[i]), .eds_service_name = gw_str_from(names[i])};
    stage->endpoints[i] = (struct gw_endpoints){.cluster_name = gw_str_from(names[i]), .items = &instance, .count = i == 0};
    add(builder, GW_RESOURCE_CLUSTER, stage->clusters[i].name, &stage->clusters[i]);
    add(builder, GW_RESOURCE_ENDPOINTS, stage->clusters[i].name, &stage->endpoints[i]);
  }
  stage->snapshot = gw_snapshot_builder_freeze(builder);
  stage->explainer = gw_explainer_new(stage->snapshot);
}

static void ask(struct stage *stage, const char *method, const char *path) {
  const char *problem = NULL;
  if (stage->explainer == NULL) freeze(stage);
  stage->request.method = gw_str_from(method);
  stage->request.path = gw_str_from(path);
  assert_int_equal(gw_explainer_run(stage->explainer, &stage->request, &stage->table.arena, &stage->said, &problem), GW_OK);
}

static void be(struct stage *stage, const char *claims) {
  static const struct gw_json_limits json = {.bytes_max = 1000, .depth_max = 10, .values_max = 100};
  stage->request.claims = NULL;
  if (claims != NULL) assert_int_equal(gw_json_parse(gw_str_from(claims), &json, &stage->table.arena, &stage->request.claims), GW_OK);
}

static void assert_text(struct gw_str text, const char *expected) {
  assert_string_equal(text.data != NULL ? text.data : "", expected);
}

static void assert_said(const struct stage *stage, uint32_t status, const char *detail, const char *filter, const char *rule) {
  assert_int_equal(stage->said.status, status);
  assert_true(gw_str_equal(stage->said.detail, gw_str_from(detail)));
  assert_true(gw_str_equal(stage->said.filter, gw_str_from(filter)));
  assert_true(gw_str_equal(stage->said.rule, gw_str_from(rule)));
  assert_true(stage->said.step_count > 0);
  assert_int_equal(stage->said.steps[stage->said.step_count - 1].verdict, GW_EXPLAIN_ANSWERS);
}

static void assert_candidate(const struct stage *stage, uint32_t index, const char *route, enum gw_explain_part part, const char *words) {
  assert_true(index < stage->said.candidate_count);
  const struct gw_explain_candidate *candidate = &stage->said.candidates[index];
  assert_true(gw_str_equal(candidate->route, gw_str_from(route)));
  assert_int_equal(candidate->part, part);
  assert_text(candidate->words, words);
}

static void assert_step(const struct stage *stage, uint32_t index, const char *filter, const char *rule, enum gw_explain_verdict verdict,
                        const char *words) {
  assert_true(index < stage->said.step_count);
  const struct gw_explain_step *step = &stage->said.steps[index];
  assert_true(gw_str_equal(step->filter, gw_str_from(filter)));
  assert_true(gw_str_equal(step->rule, gw_str_from(rule)));
  assert_int_equal(step->verdict, verdict);
  assert_text(step->words, words);
}

/* ---- routes ---- */

static void test_losers_are_told_with_what_fails_first(void **state) {
  (void)state;
  struct stage *stage = stage_new();
  add_route(stage, "other", "/b", "shop");
  builder_add_method(&stage->table, add_route(stage, "writers", "/a", "shop"), GW_STRING_MATCH_REGEX, "POST|PUT");
  builder_add_header(&stage->table, add_route(stage, "canary", "/a", "shop"),
                     (struct gw_header_match){.name = S("x-canary"), .value = S("1")});
  struct gw_route *query = add_route(stage, "paged", "/a", "shop");
  static const struct gw_query_match page = {.name = {"page", 4}, .kind = GW_STRING_MATCH_PRESENT};
  query->match.queries = &page;
  query->match.query_count = 1;
  add_route(stage, "winner", "/a", "shop");
  add_route(stage, "late", "/a", "shop");
  ask(stage, "GET", "/a");
  assert_said(stage, 0, "via_upstream", "route", "winner");
  assert_text(stage->said.route, "winner");
  assert_int_equal(stage->said.candidate_count, 5);
  assert_candidate(stage, 0, "other", GW_EXPLAIN_PATH, "path is /b");
  assert_candidate(stage, 1, "writers", GW_EXPLAIN_METHOD, "method matches POST|PUT");
  assert_candidate(stage, 2, "canary", GW_EXPLAIN_HEADER, "header x-canary is 1");
  assert_candidate(stage, 3, "paged", GW_EXPLAIN_QUERY, "query page is there");
  assert_candidate(stage, 4, "late", GW_EXPLAIN_BEHIND, "would match, too, but stands behind the one that wins");
  assert_int_equal(stage->said.services[0].endpoint_count, 1);
  assert_text(stage->said.services[0].endpoints[0].address, "10.0.0.1");
  stage_free(stage);
}

static void test_many_losers_leave_out_other_paths_first(void **state) {
  (void)state;
  struct stage *stage = stage_new();
  for (uint32_t i = 0; i < 1200; i++)
    add_route(stage, "far", gw_arena_printf(&stage->table.arena, "/r%u", i), "shop");
  add_route(stage, "winner", "/a", "shop");
  builder_add_method(&stage->table, add_route(stage, "near", "/a", "shop"), GW_STRING_MATCH_EXACT, "POST");
  ask(stage, "GET", "/a");
  assert_int_equal(stage->said.candidate_count, GW_EXPLAIN_CANDIDATES_MAX);
  assert_int_equal(stage->said.left_out_candidates, 201);
  assert_candidate(stage, GW_EXPLAIN_CANDIDATES_MAX - 1, "near", GW_EXPLAIN_METHOD, "method is POST");
  stage_free(stage);
}

static void test_what_has_no_service_to_go_to_is_answered(void **state) {
  (void)state;
  struct stage *stage = stage_new();
  add_route(stage, "gone", "/gone", "nobody");
  add_route(stage, "bare", "/bare", "empty");
  struct gw_route *direct = add_route(stage, "direct", "/direct", "");
  direct->action = GW_ROUTE_DIRECT_RESPONSE;
  direct->direct.status = 405;
  static const struct gw_route_redirect elsewhere = {.status = 302, .path = {"/new", 4}};
  struct gw_route *redirect = add_route(stage, "old", "/old", "");
  redirect->action = GW_ROUTE_REDIRECT;
  redirect->redirect = &elsewhere;
  add_route(stage, "hidden", "/health", "shop");
  ask(stage, "GET", "/gone");
  assert_said(stage, 503, "cluster_not_found", "route", "gone");
  ask(stage, "GET", "/bare");
  assert_said(stage, 503, "no_healthy_upstream", "route", "bare");
  ask(stage, "GET", "/direct");
  assert_said(stage, 405, "direct_response", "route", "direct");
  ask(stage, "GET", "/old");
  assert_said(stage, 302, "redirect", "route", "old");
  assert_text(stage->said.location, "http://example.com/new");
  ask(stage, "GET", "/none");
  assert_said(stage, 404, "route_not_found", "route", "");
  assert_false(stage->said.has_route);
  ask(stage, "GET", "/%zz");
  assert_said(stage, 400, "path_normalization_failed", "request", "");
  ask(stage, "TRACE", "/gone");
  assert_said(stage, 405, "method_not_allowed", "request", "");
  ask(stage, "GET", "/x/../health");
  assert_said(stage, 200, "node_health", "endpoints", "");
  assert_false(stage->said.has_route);
  stage_free(stage);
}

static void test_upgrades_are_looked_at(void **state) {
  (void)state;
  struct stage *stage = stage_new();
  static const struct gw_explain_header handshake[] = {{{"Connection", 10}, {"Upgrade", 7}},
                                                       {{"Upgrade", 7}, {"websocket", 9}},
                                                       {{"Sec-WebSocket-Version", 21}, {"13", 2}},
                                                       {{"Sec-WebSocket-Key", 17}, {"dGhlIHNhbXBsZSBub25jZQ==", 24}}};
  add_route(stage, "r", "/a", "shop");
  stage->request.headers = handshake;
  stage->request.header_count = 4;
  ask(stage, "GET", "/a");
  assert_said(stage, 403, "upgrade_failed", "request", "");
  stage->request.header_count = 3;
  ask(stage, "GET", "/a");
  assert_said(stage, 400, "bad_websocket_handshake", "request", "");
  stage->listener.http.has_websocket = true;
  stage->request.header_count = 4;
  ask(stage, "GET", "/a");
  assert_said(stage, 0, "via_upstream", "route", "r");
  stage_free(stage);
}

static void test_fields_that_only_the_gateway_sets_are_not_looked_at(void **state) {
  (void)state;
  struct stage *stage = stage_new();
  static const struct gw_explain_header made_up[] = {{{"X-User-Id", 9}, {"1", 1}}};
  builder_add_header(&stage->table, add_route(stage, "by-user", "/a", "shop"),
                     (struct gw_header_match){.name = S("x-user-id"), .kind = GW_STRING_MATCH_PRESENT});
  stage->request.headers = made_up;
  stage->request.header_count = 1;
  ask(stage, "GET", "/a");
  assert_said(stage, 404, "route_not_found", "route", "");
  assert_candidate(stage, 0, "by-user", GW_EXPLAIN_HEADER, "header x-user-id is there");
  stage_free(stage);
}

/* ---- filters ---- */

static void test_addresses_decide_before_credentials(void **state) {
  (void)state;
  struct stage *stage = stage_new();
  static const struct gw_str allow[] = {{"10.0.0.0/8", 10}}, deny[] = {{"10.1.0.0/16", 11}};
  static const struct gw_access_route ranges = {.allow = allow, .allow_count = 1, .deny = deny, .deny_count = 1};
  static const struct gw_jwt_route token = {.requirement = {"main", 4}};
  struct gw_route_filters *own = filters_of(stage, add_route(stage, "r", "/a", "shop"));
  own->access = &ranges;
  own->jwt = &token;
  ask(stage, "GET", "/a");
  assert_said(stage, 403, "address_not_allowed", "access", "allow_from");
  assert_text(stage->said.assumptions[0], "the client is 127.0.0.1");
  stage->request.client = S("10.1.2.3");
  ask(stage, "GET", "/a");
  assert_said(stage, 403, "address_not_allowed", "access", "deny_from");
  stage->request.client = S("10.2.2.3");
  ask(stage, "GET", "/a");
  assert_said(stage, 401, "jwt_authn_access_denied{Jwt_is_missing}", "jwt", "main");
  stage_free(stage);
}

static void test_identities_are_checked_as_tokens_are(void **state) {
  (void)state;
  struct stage *stage = stage_new();
  static const struct gw_jwt_route token = {.requirement = {"main", 4}};
  filters_of(stage, add_route(stage, "r", "/a", "shop"))->jwt = &token;
  be(stage, "{\"sub\":\"ann\"}");
  ask(stage, "GET", "/a");
  assert_said(stage, 0, "via_upstream", "route", "r");
  assert_step(stage, 0, "jwt", "main", GW_EXPLAIN_PASSES, "a token of main");
  be(stage, "{\"iss\":\"https://else\"}");
  ask(stage, "GET", "/a");
  assert_said(stage, 401, "jwt_authn_access_denied{Jwt_issuer_is_not_configured}", "jwt", "main");
  be(stage, "{\"iss\":\"https://main\",\"aud\":\"else\"}");
  ask(stage, "GET", "/a");
  assert_said(stage, 403, "jwt_authn_access_denied{Audiences_in_Jwt_are_not_allowed}", "jwt", "main");
  be(stage, "{\"iss\":\"https://main\",\"aud\":[\"x\",\"shop\"]}");
  ask(stage, "GET", "/a");
  assert_said(stage, 0, "via_upstream", "route", "r");
  stage_free(stage);
}

static void test_api_keys_stand_in_for_tokens_and_bring_a_plan(void **state) {
  (void)state;
  struct stage *stage = stage_new();
  static const struct gw_jwt_route token = {.requirement = {"main|missing", 12}};
  static const struct gw_api_key_route either = {.is_required = true, .accepts_jwt = true};
  struct gw_route_filters *own = filters_of(stage, add_route(stage, "r", "/a", "shop"));
  own->jwt = &token;
  own->api_key = &either;
  ask(stage, "GET", "/a");
  assert_said(stage, 401, "api_key_access_denied{missing}", "api_key", "");
  be(stage, "{\"sub\":\"ann\"}");
  ask(stage, "GET", "/a");
  assert_said(stage, 0, "via_upstream", "route", "r");
  assert_step(stage, 2, "limit", "everything", GW_EXPLAIN_COUNTS,
              "100 requests in 1m, at most 20 at once, by client, scope global, on each data plane");
  stage->request.is_api_key = true;
  stage->request.plan = S("gold");
  ask(stage, "GET", "/a");
  assert_step(stage, 0, "jwt", "main|missing", GW_EXPLAIN_PASSES, "no token, which may be missing here");
  assert_step(stage, 1, "api_key", "", GW_EXPLAIN_PASSES, "an API key with plan gold");
  assert_step(stage, 2, "limit", "everything", GW_EXPLAIN_COUNTS, "500 requests in 1m, by client, scope global, on each data plane");
  stage_free(stage);
}

static void test_access_rules_are_told_one_by_one_until_one_decides(void **state) {
  (void)state;
  struct stage *stage = stage_new();
  static const struct gw_jwt_route token = {.requirement = {"main", 4}};
  static const struct gw_str role_path[] = {{GW_CLAIMS_KEY, 3}, {"roles", 5}};
  static const struct gw_value_match admin = {.kind = GW_VALUE_MATCH_STRING, .string = {.value = {"admin", 5}}};
  static const struct gw_value_match one_of[] = {{.kind = GW_VALUE_MATCH_LIST, .values = &admin, .value_count = 1},
                                                 {.kind = GW_VALUE_MATCH_STRING, .string = {.value = {"admin", 5}}}};
  static const struct gw_claim_match has_role = {.path = role_path,
                                                 .path_count = 2,
                                                 .value = {.kind = GW_VALUE_MATCH_OR, .values = one_of, .value_count = 2}};
  static const struct gw_rbac_rule any = {.kind = GW_RBAC_ANY}, inside = {.kind = GW_RBAC_REMOTE_IP, .cidr = {"10.0.0.0/8", 10}};
  static const struct gw_rbac_rule admins = {.kind = GW_RBAC_CLAIM, .claim = &has_role};
  static const struct gw_rbac_policy policies[] = {{.name = {"inside", 6},
                                                    .permissions = {.kind = GW_RBAC_OR, .children = &any, .child_count = 1},
                                                    .principals = {.kind = GW_RBAC_OR, .children = &inside, .child_count = 1}},
                                                   {.name = {"admins", 6},
                                                    .permissions = {.kind = GW_RBAC_OR, .children = &any, .child_count = 1},
                                                    .principals = {.kind = GW_RBAC_OR, .children = &admins, .child_count = 1}}};
  static const struct gw_rbac rbac = {.action = GW_RBAC_ALLOW, .policies = policies, .policy_count = 2};
  static const struct gw_rbac_route allow = {.rules = {.rules = &rbac}};
  struct gw_route_filters *own = filters_of(stage, add_route(stage, "r", "/a", "shop"));
  own->jwt = &token;
  own->rbac = &allow;
  be(stage, "{\"roles\":[\"guest\"]}");
  ask(stage, "GET", "/a");
  assert_said(stage, 403, "rbac_access_denied_matched_policy[none]", "rbac", "");
  assert_step(stage, 2, "rbac", "admins", GW_EXPLAIN_DIFFERS, "not met: claim roles has one of admin");
  assert_step(stage, 3, "rbac", "inside", GW_EXPLAIN_DIFFERS, "not met: client in 10.0.0.0/8");
  be(stage, "{\"roles\":[\"admin\"]}");
  ask(stage, "GET", "/a");
  assert_said(stage, 0, "via_upstream", "route", "r");
  assert_step(stage, 2, "rbac", "admins", GW_EXPLAIN_MATCHES, "all conditions are met");
  assert_step(stage, 3, "rbac", "admins", GW_EXPLAIN_PASSES, "a rule lets it through");
  stage_free(stage);
}

/* ---- questions ---- */

static void assert_refused(struct stage *stage, enum gw_err err, const char *expected) {
  const char *problem = NULL;
  struct gw_explain_request good = stage->request;
  assert_int_equal(gw_explainer_run(stage->explainer, &stage->request, &stage->table.arena, &stage->said, &problem), err);
  assert_string_equal(problem, expected);
  stage->request = good;
}

static void test_questions_that_make_no_sense_are_refused(void **state) {
  (void)state;
  struct stage *stage = stage_new();
  add_route(stage, "r", "/a", "shop");
  ask(stage, "GET", "/a");
  const struct gw_explain_request good = stage->request;
  stage->request.method = S("G T");
  assert_refused(stage, GW_ERR_INVALID, "the method is no token, such as GET");
  stage->request = good;
  stage->request.scheme = S("ftp");
  assert_refused(stage, GW_ERR_INVALID, "the scheme is \"ftp\": http and https are allowed");
  stage->request = good;
  stage->request.path = S("a");
  assert_refused(stage, GW_ERR_INVALID, "a path begins with /");
  stage->request = good;
  stage->request.client = S("nowhere");
  assert_refused(stage, GW_ERR_INVALID, "client \"nowhere\" is no IP address");
  stage->request = good;
  stage->request.listener = S("tls");
  assert_refused(stage, GW_ERR_NOT_FOUND, "there is no listener tls");
  stage_free(stage);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_losers_are_told_with_what_fails_first),
      cmocka_unit_test(test_many_losers_leave_out_other_paths_first),
      cmocka_unit_test(test_what_has_no_service_to_go_to_is_answered),
      cmocka_unit_test(test_upgrades_are_looked_at),
      cmocka_unit_test(test_fields_that_only_the_gateway_sets_are_not_looked_at),
      cmocka_unit_test(test_addresses_decide_before_credentials),
      cmocka_unit_test(test_identities_are_checked_as_tokens_are),
      cmocka_unit_test(test_api_keys_stand_in_for_tokens_and_bring_a_plan),
      cmocka_unit_test(test_access_rules_are_told_one_by_one_until_one_decides),
      cmocka_unit_test(test_questions_that_make_no_sense_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
