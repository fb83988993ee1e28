/* Whoever was kept out and gets in is told of: two tables of routes drawn by chance, and requests that explain is asked of by both. Where
 * one is refused before and reaches a service after, the route that refused it has to be named. */
#include "common/base/json_value.h"
#include "common/base/random.h"
#include "common/model/snapshot.h"
#include "common/routing/explain.h"
#include "controlplane/policy/loosening.h"
#include "tests/unit/controlplane/policy/policy_fixture.h"

#define PAIRS 300u
#define QUESTIONS 150u
#define ROUTES_MAX 6u
#define SEED 7u

#define AUTH "auth: {api_keys: {header: X-Key}}\n"

struct draft {
  const char *path; /* with its key */
  const char *host;
  const char *methods;
  const char *match;
  const char *protection;
  const char *action;
};

struct table {
  struct draft routes[ROUTES_MAX];
  uint32_t count;
};

#define PICK(random, words) ((words)[gw_random_below(random, GW_ARRAY_LEN(words))])

static struct draft draw_route(struct gw_random *random) {
  static const char *const paths[] = {"path: \"/a",
                                      "path: \"/b",
                                      "path: \"/{x}",
                                      "path: \"/{r=**}",
                                      "path: \"/a/b",
                                      "path: \"/a/{x}",
                                      "path: \"/{x}/b",
                                      "path: \"/{x}/{y}",
                                      "path: \"/a/{r=**}",
                                      "path: \"/a/b/c",
                                      "path: \"/a/{x}/c",
                                      "path: \"/a/b/{y}",
                                      "path: \"/{x}/b/c",
                                      "path: \"/{x}/{y}/c",
                                      "path: \"/{x}/{r=**}",
                                      "path_regex: \"/v[0-9]+",
                                      "path_regex: \"/(a|b)/[a-c]+",
                                      "path_regex: \"/a/b.*"};
  static const char *const hosts[] = {"", "", "", ", hosts: one.test", ", hosts: \"*.test\""};
  static const char *const methods[] = {"", "", "", ", methods: [GET]", ", methods: [POST]", ", methods: [GET, PUT]"};
  static const char *const matches[] = {"",
                                        "",
                                        "",
                                        "",
                                        ", match: {headers: {X-A: \"1\"}}",
                                        ", match: {headers: {X-A: {regex: \"[0-9]+\"}}}",
                                        ", match: {headers: {X-A: {present: true}}}",
                                        ", match: {headers: {X-A: {present: false}}}",
                                        ", match: {headers: {X-A: {exact: \"1\", invert: true}}}",
                                        ", match: {headers: {X-A: {exact: \"7\", invert: true}}}",
                                        ", match: {headers: {X-A: {prefix: \"1\"}}}",
                                        ", match: {headers: {X-A: {suffix: x}}}",
                                        ", match: {cookies: {c: {present: false}}}",
                                        ", match: {query: {q: {present: false}}}",
                                        ", match: {query: {q: \"1\"}}",
                                        ", match: {query: {q: {regex: \"[0-9]+\"}}}",
                                        ", match: {cookies: {c: \"1\"}}",
                                        ", match: {headers: {X-A: \"1\"}, query: {q: \"1\"}}"};
  static const char *const protections[] = {"",
                                            "",
                                            ", auth_required: true",
                                            ", auth_required: true, roles: [x]",
                                            ", auth_required: true, roles: [x, y]",
                                            ", auth_required: true, permissions: [p]",
                                            ", allow_from: [10.0.0.0/8]",
                                            ", deny_from: [192.0.2.0/24]"};
  static const char *const actions[] = {", service: s", ", service: s", ", service: t", ", respond: {status: 410}"};
  return (struct draft){PICK(random, paths),   PICK(random, hosts),       PICK(random, methods),
                        PICK(random, matches), PICK(random, protections), PICK(random, actions)};
}

static struct table draw_table(struct gw_random *random) {
  struct table table = {.count = 1 + (uint32_t)gw_random_below(random, ROUTES_MAX)};
  for (uint32_t i = 0; i < table.count; i++)
    table.routes[i] = draw_route(random);
  return table;
}

/* A small change: a route goes, comes, or is another in one respect. */
static struct table change_table(const struct table *from, struct gw_random *random) {
  struct table table = *from;
  struct draft fresh = draw_route(random);
  struct draft *route = &table.routes[gw_random_below(random, table.count)];
  switch (gw_random_below(random, 6)) {
  case 0:
    if (table.count > 1) *route = table.routes[--table.count];
    break;
  case 1:
    if (table.count < ROUTES_MAX) table.routes[table.count++] = fresh;
    break;
  case 2: route->protection = fresh.protection; break;
  case 3: route->match = fresh.match; break;
  case 4: route->methods = fresh.methods; break;
  default: route->path = fresh.path; break;
  }
  return table;
}

static char *write_table(const struct table *table) {
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  gw_strbuf_append_str(&out, gw_str_from(AUTH "access: {roles: {x: {}, y: {permissions: [p]}}}\nroutes:\n"));
  for (uint32_t i = 0; i < table->count; i++) {
    const struct draft *route = &table->routes[i];
    bool is_answer = strstr(route->action, "respond") != NULL;
    gw_strbuf_printf(&out, "- {%s\"%s%s%s%s%s}\n", route->path, route->host, route->methods, route->match,
                     is_answer ? "" : route->protection, route->action);
  }
  return gw_strbuf_take(&out);
}

/* NULL: it has mistakes, such as routes that are the same. */
static struct gw_policy *load(const char *text) {
  char *told;
  struct gw_policy *policy = fixture_load(text, FIXTURE_SERVICES, &told);
  free(told);
  return policy;
}

static void add(struct gw_snapshot_builder *builder, enum gw_resource_type type, struct gw_str name, const void *value) {
  struct gw_resource *resource = gw_resource_new(type);
  resource->name = name;
  resource->value = value;
  gw_snapshot_builder_add(builder, resource);
}

static struct gw_explainer *make_explainer(const struct gw_policy *policy) {
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  add(builder, GW_RESOURCE_LISTENER, policy->listeners[0].name, &policy->listeners[0]);
  add(builder, GW_RESOURCE_ROUTE_CONFIG, policy->route_configs[0].name, &policy->route_configs[0]);
  for (uint32_t i = 0; i < policy->cluster_count; i++)
    add(builder, GW_RESOURCE_CLUSTER, policy->clusters[i].name, &policy->clusters[i]);
  struct gw_snapshot *snapshot = gw_snapshot_builder_freeze(builder);
  struct gw_explainer *explainer = gw_explainer_new(snapshot);
  gw_snapshot_unref(snapshot);
  return explainer;
}

struct question {
  struct gw_explain_request request;
  struct gw_explain_header headers[2];
  const char *claims;
};

static void draw_question(struct gw_random *random, struct gw_arena *arena, struct question *question) {
  static const char *const paths[] = {"/a",   "/b",     "/z",     "/v1",    "/a/b",   "/a/z",   "/z/b",   "/z/z",
                                      "/b/a", "/a/b/c", "/a/z/c", "/a/b/z", "/z/b/c", "/z/z/c", "/z/z/z", "/a/bz"};
  static const char *const hosts[] = {"one.test", "two.test", "elsewhere.example"};
  static const char *const methods[] = {"GET", "POST", "PUT", "PURGE"};
  static const char *const values[] = {"1", "7", "x", "1x"};
  static const char *const clients[] = {"10.1.1.1", "192.0.2.1", "198.51.100.1"};
  static const char *const claims[] = {NULL, "{\"sub\": \"k\"}", "{\"sub\": \"k\", \"roles\": [\"x\"]}",
                                       "{\"sub\": \"k\", \"roles\": [\"y\"]}", "{\"sub\": \"k\", \"permissions\": [\"p\"]}"};
  *question = (struct question){.claims = PICK(random, claims)};
  struct gw_explain_request *request = &question->request;
  request->method = gw_str_from(PICK(random, methods));
  request->scheme = GW_STR("http");
  request->authority = gw_str_from(PICK(random, hosts));
  request->path = gw_str_from(PICK(random, paths));
  if (gw_random_below(random, 2) == 0)
    request->path = gw_str_from(gw_arena_printf(arena, "%.*s?q=%s", GW_STR_ARG(request->path), PICK(random, values)));
  request->headers = question->headers;
  if (gw_random_below(random, 2) == 0)
    question->headers[request->header_count++] = (struct gw_explain_header){GW_STR("x-a"), gw_str_from(PICK(random, values))};
  if (gw_random_below(random, 3) == 0)
    question->headers[request->header_count++] =
        (struct gw_explain_header){GW_STR("cookie"), gw_str_from(gw_arena_printf(arena, "c=%s", PICK(random, values)))};
  request->client = gw_str_from(PICK(random, clients));
  request->is_api_key = question->claims != NULL;
  const struct gw_json_limits limits = {4096, 8, 100};
  if (question->claims != NULL) assert_int_equal(gw_json_parse(gw_str_from(question->claims), &limits, arena, &request->claims), GW_OK);
}

static void ask(struct gw_explainer *explainer, const struct gw_explain_request *request, struct gw_arena *arena,
                struct gw_explanation *ret_explanation) {
  const char *problem = NULL;
  if (gw_explainer_run(explainer, request, arena, ret_explanation, &problem) != GW_OK) fail_msg("%s", problem);
}

static bool is_refused(const struct gw_explanation *explanation) {
  return explanation->status == 401 || explanation->status == 403;
}

static bool is_named(const struct gw_loosening *loosenings, uint32_t count, struct gw_str route) {
  for (uint32_t i = 0; i < count; i++)
    if (gw_str_equal(loosenings[i].route, route)) return true;
  return false;
}

struct two {
  char *text[2];
  struct gw_policy *policy[2];
  struct gw_explainer *explainer[2];
};

/* How many requests got in that did not before. */
static uint32_t compare(const struct two *two, struct gw_random *random) {
  struct gw_arena arena;
  gw_arena_init(&arena, 65536);
  const struct gw_loosening *loosenings;
  uint32_t count = gw_loosening_find(two->policy[0], two->policy[1], &arena, &loosenings), opened = 0;
  for (uint32_t i = 0; i < QUESTIONS; i++) {
    struct question question;
    struct gw_explanation before, after;
    draw_question(random, &arena, &question);
    ask(two->explainer[0], &question.request, &arena, &before);
    if (!is_refused(&before)) continue;
    ask(two->explainer[1], &question.request, &arena, &after);
    if (after.status != 0) continue;
    opened++;
    if (is_named(loosenings, count, before.route)) continue;
    print_error("%s", two->text[0]);
    print_error("%s", two->text[1]);
    fail_msg("%.*s is not among the %u that are named: %.*s %.*s%.*s of %s (%u headers)", GW_STR_ARG(before.route), count,
             GW_STR_ARG(question.request.method), GW_STR_ARG(question.request.authority), GW_STR_ARG(question.request.path),
             question.claims != NULL ? question.claims : "nobody", question.request.header_count);
  }
  gw_arena_done(&arena);
  return opened;
}

static uint32_t try_pair(const struct table *before, const struct table *after, struct gw_random *random) {
  struct two two = {.text = {write_table(before), write_table(after)}};
  for (size_t i = 0; i < 2; i++)
    two.policy[i] = load(two.text[i]);
  uint32_t opened = 0;
  if (two.policy[0] != NULL && two.policy[1] != NULL) {
    for (size_t i = 0; i < 2; i++)
      two.explainer[i] = make_explainer(two.policy[i]);
    opened = compare(&two, random);
  }
  for (size_t i = 0; i < 2; i++) {
    gw_explainer_free(two.explainer[i]);
    gw_policy_free(two.policy[i]);
    free(two.text[i]);
  }
  return opened;
}

static void test_who_gets_in_that_did_not_before_is_told_of(void **state) {
  (void)state;
  const char *wanted = getenv("GW_TEST_SEED"); /* in place of ours */
  struct gw_random random;
  gw_random_init(&random, wanted != NULL ? strtoull(wanted, NULL, 10) : SEED);
  uint32_t opened = 0;
  for (uint32_t i = 0; i < PAIRS; i++) {
    struct table before = draw_table(&random), after = i % 4 == 0 ? draw_table(&random) : change_table(&before, &random);
    opened += try_pair(&before, &after, &random);
  }
  assert_true(opened > 0); /* else there was nothing to find */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_who_gets_in_that_did_not_before_is_told_of)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
