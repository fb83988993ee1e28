/* The indexes against a linear scan, on random tables and requests drawn from few bytes, so that they meet often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/base/random.h"
#include "tests/unit/common/routing/table_builder.h"

#define TABLES 1500
#define REQUESTS 100 /* a table: 150,000 pairs in all */

static const char *pick(struct gw_random *random, const char *const *items, size_t count) {
  return items[gw_random_below(random, count)];
}
#define PICK(random, items) pick(random, items, GW_ARRAY_LEN(items))

static const char *const segments[] = {"a", "b", "ab", "a.b", "", "c\"", "x%20", "a*"};

static char *random_path(struct gw_random *random, struct gw_arena *arena) {
  char *path = gw_arena_strdup(arena, "");
  size_t count = 1 + gw_random_below(random, 5);
  for (size_t i = 0; i < count; i++)
    path = gw_arena_printf(arena, "%s/%s", path, PICK(random, segments));
  return path;
}

static char *random_template(struct gw_random *random, struct gw_arena *arena) {
  static const char *const parts[] = {"a",      "b",        "ab",         "*",       "*",       "a.b",
                                      "{v%zu}", "{v%zu=*}", "{v%zu=a/*}", "a{v%zu}", "{v%zu}b", "{v%zu=ab}b"};
  static const char *const ends[] = {"", "", "", "/", "/**", "/{r=**}", "/**/b", "/*b", "/**b", "/{r=**}/a"};
  char *path = gw_arena_strdup(arena, "");
  size_t count = gw_random_below(random, 4);
  for (size_t i = 0; i < count; i++) {
    const char *part = PICK(random, parts);
    const char *number = strstr(part, "%zu");
    path = number == NULL ? gw_arena_printf(arena, "%s/%s", path, part)
                          : gw_arena_printf(arena, "%s/%.*s%zu%s", path, (int)(number - part), part, i, number + 3);
  }
  const char *end = PICK(random, ends);
  return gw_arena_printf(arena, "%s%s", path, path[0] == '\0' && end[0] == '\0' ? "/" : end);
}

static const char *random_regex(struct gw_random *random) {
  static const char *const patterns[] = {"/a/.*", "/[ab]+",       "/a|/b",    "(?i)/A/B",   "/ab?/.*", "/a/b$", "^/a",
                                         ".*",    "/(a|b)/(a|b)", "/a\\.b.*", "/a{1,2}b.*", "/x%20/?", "(/a)+", "/a/[^/]+/b",
                                         "/ab*",  "/a/b+",        ""};
  return PICK(random, patterns);
}

static void add_random_headers(struct gw_random *random, struct table_builder *b, struct gw_route *route) {
  static const char *const methods[] = {"GET", "POST", "BREW"};
  static const char *const lists[] = {"GET|HEAD", "^(POST|PUT)$", "(?:GET)", "GET|BREW", "P.*"};
  static const char *const values[] = {"1", "2", "12"};
  if (gw_random_below(random, 3) == 0) builder_add_method(b, route, GW_STRING_MATCH_EXACT, PICK(random, methods));
  if (gw_random_below(random, 4) == 0) {
    builder_add_method(b, route, GW_STRING_MATCH_REGEX, PICK(random, lists));
    if (gw_random_below(random, 3) == 0) ((struct gw_header_match *)route->match.headers)[route->match.header_count - 1].invert = true;
  }
  if (gw_random_below(random, 5) == 0) {
    struct gw_query_match *query = gw_arena_calloc(&b->arena, 1, sizeof *query);
    *query = (struct gw_query_match){.name = GW_STR("q"),
                                     .kind = gw_random_below(random, 2) == 0 ? GW_STRING_MATCH_PRESENT : GW_STRING_MATCH_EXACT,
                                     .value = GW_STR("/a"),
                                     .invert = gw_random_below(random, 2) == 0};
    route->match.queries = query;
    route->match.query_count = 1;
  }
  if (gw_random_below(random, 5) != 0) return;
  builder_add_header(b, route,
                     (struct gw_header_match){.name = GW_STR("x-a"),
                                              .kind = (enum gw_string_match_kind)gw_random_below(random, 6),
                                              .value = gw_str_from(PICK(random, values)),
                                              .invert = gw_random_below(random, 3) == 0});
}

static void add_random_route(struct gw_random *random, struct table_builder *b) {
  enum gw_path_match_kind kind = (enum gw_path_match_kind)gw_random_below(random, 5);
  struct gw_route *route = NULL;
  switch (kind) {
  case GW_PATH_MATCH_TEMPLATE: route = builder_add(b, kind, random_template(random, &b->arena)); break;
  case GW_PATH_MATCH_REGEX: route = builder_add(b, kind, random_regex(random)); break;
  case GW_PATH_MATCH_PREFIX: {
    route = builder_add(b, kind, random_path(random, &b->arena));
    if (gw_random_below(random, 2) == 0) route->match.path.len = gw_random_below(random, route->match.path.len + 1);
    break;
  }
  default: route = builder_add(b, kind, random_path(random, &b->arena));
  }
  bool may_ignore_case = kind != GW_PATH_MATCH_REGEX && kind != GW_PATH_MATCH_TEMPLATE;
  route->match.ignore_case = may_ignore_case && gw_random_below(random, 8) == 0;
  add_random_headers(random, b, route);
}

static struct gw_request_head random_head(struct gw_random *random, struct gw_arena *arena) {
  static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "BREW"};
  static const char *const values[] = {"1", "2", "12", ""};
  char *path = random_path(random, arena);
  size_t len = strlen(path);
  if (len > 1 && gw_random_below(random, 8) == 0) path[1 + gw_random_below(random, len - 1)] = 'A';
  if (gw_random_below(random, 8) == 0) path = gw_arena_printf(arena, "%s?q=/a", path);
  struct gw_request_head head = builder_head(PICK(random, methods), path);
  gw_headers_init(&head.headers, arena, 4);
  for (size_t i = gw_random_below(random, 3); i-- > 0;)
    gw_headers_add(&head.headers, arena, GW_HEADER_OTHER, GW_STR("X-A"), gw_str_from(PICK(random, values)));
  return head;
}

/* Of each route by itself: the first that has nothing against the request is the one that wins. */
static void assert_judged(const struct gw_route_table *table, const struct table_builder *b, const struct gw_request_head *head,
                          struct gw_arena *scratch, const struct gw_route *winner) {
  const struct gw_route *first = NULL;
  for (uint32_t i = 0; i < b->host.route_count && first == NULL; i++) {
    struct gw_route_judgement judgement;
    gw_route_table_judge(table, &b->routes[i], head, scratch, &judgement);
    if (judgement.fails == GW_ROUTE_PART_NONE) first = &b->routes[i];
    assert_true((judgement.header != NULL) == (judgement.fails == GW_ROUTE_PART_HEADER));
    assert_true((judgement.query != NULL) == (judgement.fails == GW_ROUTE_PART_QUERY));
  }
  assert_ptr_equal(first, winner);
}

static void check_table(struct gw_random *random, uint64_t *hits) {
  struct table_builder b;
  builder_init(&b, 64);
  size_t count = 1 + gw_random_below(random, 40);
  for (size_t i = 0; i < count; i++)
    add_random_route(random, &b);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_route_table *table = NULL;
  if (gw_route_table_build(&b.config, &errors, &table) != GW_OK) fail_msg("%s", gw_errors_format(&errors));
  struct gw_arena scratch;
  gw_arena_init(&scratch, 4096);
  for (int i = 0; i < REQUESTS; i++) {
    struct gw_request_head head = random_head(random, &scratch);
    struct gw_route_hit indexed, linear;
    gw_route_table_match(table, &head, &scratch, &indexed);
    gw_route_table_match_linear(table, &head, &scratch, &linear);
    if (indexed.route != linear.route) {
      fail_msg("%.*s %.*s: indexed %s, linear %s", GW_STR_ARG(head.method_name), GW_STR_ARG(head.path),
               indexed.route ? indexed.route->match.path.data : "none", linear.route ? linear.route->match.path.data : "none");
    }
    assert_judged(table, &b, &head, &scratch, indexed.route);
    *hits += indexed.route != NULL;
  }
  gw_arena_done(&scratch);
  gw_route_table_free(table);
  gw_errors_done(&errors);
  gw_arena_done(&b.arena);
}

static void test_match_is_equal_to_a_linear_scan(void **state) {
  (void)state;
  struct gw_random random;
  gw_random_init(&random, 20261124);
  uint64_t hits = 0;
  for (int i = 0; i < TABLES; i++)
    check_table(&random, &hits);
  /* Neither all nor nothing: else the test would say little. */
  assert_in_range(hits, TABLES * REQUESTS / 10, TABLES * REQUESTS * 9 / 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_match_is_equal_to_a_linear_scan)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
