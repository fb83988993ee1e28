#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "tests/unit/common/routing/table_builder.h"

struct fixture {
  struct table_builder b;
  struct gw_route_table *table;
  struct gw_arena scratch;
};

static void freeze(struct fixture *f) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  if (gw_route_table_build(&f->b.config, &errors, &f->table) != GW_OK) fail_msg("%s", gw_errors_format(&errors));
  gw_errors_done(&errors);
  gw_arena_init(&f->scratch, 1024);
}

static void done(struct fixture *f) {
  gw_route_table_free(f->table);
  gw_arena_done(&f->scratch);
  gw_arena_done(&f->b.arena);
}

/* The index of the route, or -1. */
static int match(struct fixture *f, struct gw_request_head head) {
  struct gw_route_hit hit, linear;
  gw_route_table_match(f->table, &head, &f->scratch, &hit);
  gw_route_table_match_linear(f->table, &head, &f->scratch, &linear);
  assert_ptr_equal(hit.route, linear.route);
  return hit.route == NULL ? -1 : (int)hit.route->index;
}

static int get(struct fixture *f, const char *path) {
  return match(f, builder_head("GET", path));
}

static void assert_build_fails(const struct gw_route_config *config, const char *expected) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_route_table *table = NULL;
  assert_int_equal(gw_route_table_build(config, &errors, &table), GW_ERR_INVALID);
  assert_null(table);
  char *text = gw_errors_format(&errors);
  assert_string_equal(text, expected);
  free(text);
  gw_errors_done(&errors);
  /* A check finds the same. */
  gw_errors_init(&errors);
  assert_int_equal(gw_route_table_check(config, &errors), GW_ERR_INVALID);
  text = gw_errors_format(&errors);
  assert_string_equal(text, expected);
  free(text);
  gw_errors_done(&errors);
}

static void test_match_of_first_in_order_wins_over_kinds(void **state) {
  (void)state;
  struct fixture f;
  builder_init(&f.b, 16);
  builder_add(&f.b, GW_PATH_MATCH_REGEX, "/r/[0-9]+");
  builder_add(&f.b, GW_PATH_MATCH_TEMPLATE, "/t/{id}");
  builder_add(&f.b, GW_PATH_MATCH_EXACT, "/t/1");
  builder_add(&f.b, GW_PATH_MATCH_SEPARATED_PREFIX, "/s");
  builder_add(&f.b, GW_PATH_MATCH_EXACT, "/r/1");
  builder_add(&f.b, GW_PATH_MATCH_EXACT, "/e");
  builder_add(&f.b, GW_PATH_MATCH_PREFIX, "/");
  freeze(&f);
  assert_int_equal(get(&f, "/r/1"), 0);
  assert_int_equal(get(&f, "/t/1"), 1);
  assert_int_equal(get(&f, "/s"), 3);
  assert_int_equal(get(&f, "/s/x"), 3);
  assert_int_equal(get(&f, "/sx"), 6);
  assert_int_equal(get(&f, "/e?q=1"), 5);
  assert_int_equal(get(&f, "/E"), 6);
  assert_int_equal(get(&f, "/r/x"), 6);
  assert_int_equal(get(&f, "*"), -1);
  done(&f);
}

static void test_match_of_method_lists_and_unknown_methods(void **state) {
  (void)state;
  struct fixture f;
  builder_init(&f.b, 16);
  builder_add_method(&f.b, builder_add(&f.b, GW_PATH_MATCH_EXACT, "/a"), GW_STRING_MATCH_REGEX, "GET|HEAD");
  builder_add_method(&f.b, builder_add(&f.b, GW_PATH_MATCH_EXACT, "/a"), GW_STRING_MATCH_EXACT, "POST");
  builder_add_method(&f.b, builder_add(&f.b, GW_PATH_MATCH_EXACT, "/a"), GW_STRING_MATCH_EXACT, "BREW");
  builder_add_method(&f.b, builder_add(&f.b, GW_PATH_MATCH_EXACT, "/a"), GW_STRING_MATCH_REGEX, "^(PUT|BAKE)$");
  freeze(&f);
  assert_int_equal(match(&f, builder_head("HEAD", "/a")), 0);
  assert_int_equal(match(&f, builder_head("POST", "/a")), 1);
  assert_int_equal(match(&f, builder_head("BREW", "/a")), 2);
  assert_int_equal(match(&f, builder_head("BAKE", "/a")), 3);
  assert_int_equal(match(&f, builder_head("PUT", "/a")), 3);
  assert_int_equal(match(&f, builder_head("get", "/a")), -1);
  assert_int_equal(match(&f, builder_head("DELETE", "/a")), -1);
  done(&f);
}

/* As seen from Envoy 1.40: a field that is not there matches nothing, also inverted; of several lines one is enough. */
static void test_match_of_headers_as_envoy_does(void **state) {
  (void)state;
  struct fixture f;
  builder_init(&f.b, 16);
  const struct gw_header_match matches[] = {
      {.name = GW_STR("x-a"), .kind = GW_STRING_MATCH_EXACT, .value = GW_STR("b"), .invert = true},
      {.name = GW_STR("x-a"), .kind = GW_STRING_MATCH_PRESENT, .invert = true},
      {.name = GW_STR("x-a"), .kind = GW_STRING_MATCH_EXACT, .value = GW_STR("B"), .ignore_case = true},
      {.name = GW_STR("host"), .kind = GW_STRING_MATCH_PREFIX, .value = GW_STR("example")},
      {.name = GW_STR(":path"), .kind = GW_STRING_MATCH_SUFFIX, .value = GW_STR("q=1")},
      {.name = GW_STR("content-length"), .kind = GW_STRING_MATCH_EXACT, .value = GW_STR("3")},
      {.name = GW_STR("x-a"), .kind = GW_STRING_MATCH_CONTAINS, .value = GW_STR("b")},
      {.name = GW_STR("x-a"), .kind = GW_STRING_MATCH_REGEX, .value = GW_STR("[bc]")},
      {.name = GW_STR("user-agent"), .kind = GW_STRING_MATCH_PRESENT},
  };
  static const char *const paths[] = {"/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8"};
  for (size_t i = 0; i < GW_ARRAY_LEN(matches); i++)
    builder_add_header(&f.b, builder_add(&f.b, GW_PATH_MATCH_EXACT, paths[i]), matches[i]);
  freeze(&f);
  /* Columns: no x-a; "b"; ""; "b" and "c"; "c, b". */
  static const char *const expected[] = {"00101", "10000", "01010", "11111", "00000", "00000", "01011", "01010", "00000"};
  for (size_t i = 0; i < GW_ARRAY_LEN(matches); i++) {
    for (int column = 0; column < 5; column++) {
      struct gw_request_head head = builder_head("GET", paths[i]);
      gw_headers_init(&head.headers, &f.scratch, 4);
      static const char *const first[] = {NULL, "b", "", "b", "c, b"};
      if (column > 0) gw_headers_add(&head.headers, &f.scratch, GW_HEADER_OTHER, GW_STR("X-A"), gw_str_from(first[column]));
      if (column == 3) gw_headers_add(&head.headers, &f.scratch, GW_HEADER_OTHER, GW_STR("x-a"), GW_STR("c"));
      if ((match(&f, head) >= 0) != (expected[i][column] == '1')) fail_msg("matcher %zu, column %d", i, column);
    }
  }
  struct gw_request_head head = builder_head("POST", "/5");
  head.content_length = 3;
  assert_int_equal(match(&f, head), 5);
  assert_int_equal(get(&f, "/4?q=1"), 4);
  head = builder_head("GET", "/8");
  gw_headers_init(&head.headers, &f.scratch, 1);
  gw_headers_add(&head.headers, &f.scratch, GW_HEADER_USER_AGENT, GW_STR("User-Agent"), GW_STR("x"));
  assert_int_equal(match(&f, head), 8);
  done(&f);
}

static void test_match_of_domains_exact_then_suffix_then_prefix_then_any(void **state) {
  (void)state;
  static const struct gw_str domains[] = {GW_STR("*"),
                                          GW_STR("example.com"),
                                          GW_STR("*.example.com"),
                                          GW_STR("*.b.example.com"),
                                          GW_STR("example.*"),
                                          GW_STR("example.com:8080")};
  struct gw_virtual_host hosts[GW_ARRAY_LEN(domains)] = {0};
  for (size_t i = 0; i < GW_ARRAY_LEN(domains); i++)
    hosts[i] = (struct gw_virtual_host){.name = domains[i], .domains = &domains[i], .domain_count = 1};
  struct gw_route_config config = {.virtual_hosts = hosts, .virtual_host_count = GW_ARRAY_LEN(domains)};
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_route_table *table = NULL;
  assert_int_equal(gw_route_table_check(&config, &errors), GW_OK);
  assert_int_equal(gw_route_table_build(&config, &errors, &table), GW_OK);
  static const struct {
    const char *authority;
    int host;
  } cases[] = {{"example.com", 1}, {"EXAMPLE.com", 1},    {"a.example.com", 2},    {"a.b.example.com", 3}, {".example.com", 0},
               {"example.org", 4}, {"example.com:81", 4}, {"example.com:8080", 5}, {"other", 0},           {"", 0},
               {"example.", 0}};
  struct gw_arena scratch;
  gw_arena_init(&scratch, 1024);
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_request_head head = builder_head("GET", "/");
    head.authority = gw_str_from(cases[i].authority);
    struct gw_route_hit hit;
    gw_route_table_match(table, &head, &scratch, &hit);
    assert_null(hit.route);
    if (hit.virtual_host != &hosts[cases[i].host]) fail_msg("%s", cases[i].authority);
  }
  gw_arena_done(&scratch);
  gw_route_table_free(table);
  gw_errors_done(&errors);
}

static void test_match_without_virtual_host_finds_nothing(void **state) {
  (void)state;
  struct fixture f;
  builder_init(&f.b, 16);
  builder_add(&f.b, GW_PATH_MATCH_PREFIX, "/");
  f.b.domain = GW_STR("other.example");
  freeze(&f);
  struct gw_request_head head = builder_head("GET", "/");
  struct gw_route_hit hit;
  gw_route_table_match(f.table, &head, &f.scratch, &hit);
  assert_null(hit.virtual_host);
  assert_null(hit.route);
  char long_name[400];
  memset(long_name, 'A', sizeof long_name);
  head.authority = (struct gw_str){long_name, sizeof long_name};
  gw_route_table_match(f.table, &head, &f.scratch, &hit);
  assert_null(hit.virtual_host);
  done(&f);
}

static void test_build_names_every_mistake(void **state) {
  (void)state;
  struct table_builder b;
  builder_init(&b, 64);
  builder_add(&b, GW_PATH_MATCH_EXACT, "/good");
  builder_add(&b, GW_PATH_MATCH_REGEX, "/a(?=b)");
  builder_add(&b, GW_PATH_MATCH_TEMPLATE, "/{x}/{x}");
  struct gw_header_match header = {.name = GW_STR("x-a"), .kind = GW_STRING_MATCH_REGEX, .value = GW_STR("(")};
  builder_add_header(&b, builder_add(&b, GW_PATH_MATCH_EXACT, "/h"), header);
  struct gw_route *route = builder_add(&b, GW_PATH_MATCH_PREFIX, "/p");
  route->forward.regex_rewrite_pattern = GW_STR("(a)");
  route->forward.regex_rewrite_substitution = GW_STR("\\2");
  route = builder_add(&b, GW_PATH_MATCH_PREFIX, "/q");
  route->forward.regex_rewrite_pattern = GW_STR("a");
  route->forward.regex_rewrite_substitution = GW_STR("x\\");
  assert_build_fails(&b.config,
                     "virtual_hosts[0].routes[1].match.safe_regex.regex: uses lookaround; allowed is RE2's syntax\n"
                     "virtual_hosts[0].routes[2].match.path_match_policy.typed_config.path_template: has two variables of the same name\n"
                     "virtual_hosts[0].routes[3].match.headers[0].string_match.safe_regex.regex: "
                     "is no regular expression: missing closing parenthesis at byte 1\n"
                     "virtual_hosts[0].routes[4].route.regex_rewrite.substitution: names a group that the pattern lacks\n"
                     "virtual_hosts[0].routes[5].route.regex_rewrite.substitution: ends in a single \\\n");
  gw_arena_done(&b.arena);
}

static void test_build_refuses_a_domain_twice(void **state) {
  (void)state;
  static const struct gw_str domains[] = {GW_STR("a.example"), GW_STR("*"), GW_STR("*.a.example")};
  const struct gw_virtual_host hosts[] = {{.name = GW_STR("one"), .domains = domains, .domain_count = 3},
                                          {.name = GW_STR("two"), .domains = domains, .domain_count = 3}};
  struct gw_route_config config = {.virtual_hosts = hosts, .virtual_host_count = 2};
  assert_build_fails(&config, "virtual_hosts[1].domains[0]: \"a.example\" is the domain of another virtual host already\n"
                              "virtual_hosts[1].domains[1]: \"*\" is the domain of another virtual host already\n"
                              "virtual_hosts[1].domains[2]: \"*.a.example\" is the domain of another virtual host already\n");
}

static void test_variables_of_plain_and_mixed_templates(void **state) {
  (void)state;
  static const struct {
    const char *template;
    const char *path;
    const char *expected;
  } cases[] = {
      {"/users/{id}", "/users/a%20b?x=1", "id=a%20b;"},
      {"/a/{x}/{y=**}", "/a/1/b/c", "x=1;y=b/c;"},
      {"/a/{y=**}", "/a/", "y=;"},
      {"/p/{x=a/*/b}/{z}", "/p/a/1/b/c", "x=a/1/b;z=c;"},
      {"/v{n}/{f}.json", "/v2/a.b.json", "n=2;f=a.b;"},
      {"/{all=**}/end/{z}", "/a/b/end/c", ""},
      {"/*/{b}", "/a/b", "b=b;"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct fixture f;
    builder_init(&f.b, 16);
    if (cases[i].expected[0] == '\0') { /* a wildcard behind ** */
      builder_add(&f.b, GW_PATH_MATCH_TEMPLATE, cases[i].template);
      assert_build_fails(&f.b.config, "virtual_hosts[0].routes[0].match.path_match_policy.typed_config.path_template: "
                                      "has a wildcard behind **\n");
      gw_arena_done(&f.b.arena);
      continue;
    }
    struct gw_route *route = builder_add(&f.b, GW_PATH_MATCH_TEMPLATE, cases[i].template);
    freeze(&f);
    assert_int_equal(get(&f, cases[i].path), 0);
    struct gw_route_variable variables[GW_ROUTE_VARIABLES_MAX];
    uint32_t count = gw_route_table_variables(f.table, route, gw_str_from(cases[i].path), variables);
    char text[128] = "";
    for (uint32_t v = 0; v < count; v++)
      snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s=%.*s;", GW_STR_ARG(variables[v].name),
               GW_STR_ARG(variables[v].value));
    assert_string_equal(text, cases[i].expected);
    assert_int_equal(gw_route_table_variables(f.table, route, GW_STR("/no/such/path/here/x"), variables), 0);
    done(&f);
  }
}

static void test_rewrite(void **state) {
  (void)state;
  static const struct {
    enum gw_path_match_kind kind;
    const char *match, *prefix, *pattern, *substitution, *path, *expected;
  } cases[] = {
      {GW_PATH_MATCH_PREFIX, "/a", "", "", "", "/a/b?c", "/a/b?c"},
      {GW_PATH_MATCH_PREFIX, "/a/", "/", "", "", "/a/b?c=/a/", "/b?c=/a/"},
      {GW_PATH_MATCH_SEPARATED_PREFIX, "/a", "/x", "", "", "/a/b?c", "/x/b?c"},
      {GW_PATH_MATCH_EXACT, "/a", "/x", "", "", "/a?c", "/x?c"},
      {GW_PATH_MATCH_REGEX, "/a/.*", "/x", "", "", "/a/b?c", "/x?c"},
      {GW_PATH_MATCH_TEMPLATE, "/a/{b}", "/x", "", "", "/a/b?c", "/x?c"},
      {GW_PATH_MATCH_PREFIX, "/", "", "^/", "/base/", "/a/b?c=/", "/base/a/b?c=/"},
      {GW_PATH_MATCH_PREFIX, "/", "", "^/v1/", "/v2/", "/a/v1/", "/a/v1/"},
      {GW_PATH_MATCH_PREFIX, "/", "", "^/users/([^/]+)(/.*)?$", "/u\\2/\\1", "/users/7/x?q", "/u/x/7?q"},
      {GW_PATH_MATCH_PREFIX, "/", "", "^/users/([^/]+)(/.*)?$", "/u\\2/\\1", "/users/7", "/u/7"},
      {GW_PATH_MATCH_PREFIX, "/", "", "a", "\\0\\\\b", "/a/a?a", "/a\\b/a\\b?a"},
      {GW_PATH_MATCH_PREFIX, "/", "", "x*", "-", "/ax", "-/-a-"},
      {GW_PATH_MATCH_PREFIX, "/", "", "nothing", "-", "/a?b", "/a?b"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct fixture f;
    builder_init(&f.b, 16);
    struct gw_route *route = builder_add(&f.b, cases[i].kind, cases[i].match);
    route->forward.prefix_rewrite = gw_str_from(cases[i].prefix);
    route->forward.regex_rewrite_pattern = gw_str_from(cases[i].pattern);
    route->forward.regex_rewrite_substitution = gw_str_from(cases[i].substitution);
    freeze(&f);
    struct gw_str result = gw_route_table_rewrite(f.table, route, gw_str_from(cases[i].path), &f.scratch);
    if (!gw_str_equal(result, gw_str_from(cases[i].expected))) fail_msg("case %zu: %.*s", i, GW_STR_ARG(result));
    done(&f);
  }
}

static void test_rewrite_stops_growing(void **state) {
  (void)state;
  struct fixture f;
  builder_init(&f.b, 16);
  struct gw_route *route = builder_add(&f.b, GW_PATH_MATCH_PREFIX, "/");
  char substitution[1000], path[10000];
  memset(substitution, 'x', sizeof substitution);
  memset(path, 'a', sizeof path);
  path[0] = '/';
  route->forward.regex_rewrite_pattern = GW_STR("a");
  route->forward.regex_rewrite_substitution = (struct gw_str){substitution, sizeof substitution};
  freeze(&f);
  struct gw_str result = gw_route_table_rewrite(f.table, route, (struct gw_str){path, sizeof path}, &f.scratch);
  assert_in_range(result.len, 65536, 2 * sizeof path + 65536 + sizeof substitution);
  assert_int_equal(result.data[result.len - 1], 'a');
  done(&f);
}

static void test_10000_routes_are_small(void **state) {
  (void)state;
  struct fixture f;
  builder_init(&f.b, 10000);
  for (int i = 0; i < 10000; i++) {
    enum gw_path_match_kind kind = i % 2 == 0 ? GW_PATH_MATCH_TEMPLATE : GW_PATH_MATCH_EXACT;
    builder_add(&f.b, kind, gw_arena_printf(&f.b.arena, i % 2 == 0 ? "/svc%d/items/{id}" : "/svc%d/items", i));
  }
  freeze(&f);
  assert_int_equal(get(&f, "/svc9998/items/7"), 9998);
  assert_int_equal(get(&f, "/svc9999/items"), 9999);
  assert_in_range(gw_route_table_bytes(f.table), 1, 10000 * 300);
  done(&f);
}

static void builder_add_query(struct table_builder *b, struct gw_route *route, struct gw_query_match query) {
  struct gw_query_match *one = gw_arena_calloc(&b->arena, 1, sizeof *one);
  *one = query;
  route->match.queries = one;
  route->match.query_count = 1;
}

static void test_match_of_the_query_is_of_the_first_parameter_as_it_is_written(void **state) {
  (void)state;
  struct fixture f;
  builder_init(&f.b, 8);
  const struct gw_query_match matches[] = {
      {.name = GW_STR("p"), .kind = GW_STRING_MATCH_EXACT, .value = GW_STR("1")},
      {.name = GW_STR("p"), .kind = GW_STRING_MATCH_REGEX, .value = GW_STR("[0-9]+")},
      {.name = GW_STR("p"), .kind = GW_STRING_MATCH_PREFIX, .value = GW_STR("AB"), .ignore_case = true},
      {.name = GW_STR("p"), .kind = GW_STRING_MATCH_PRESENT},
      {.name = GW_STR("p"), .kind = GW_STRING_MATCH_PRESENT, .invert = true},
  };
  static const char *const paths[] = {"/0", "/1", "/2", "/3", "/4"};
  for (size_t i = 0; i < GW_ARRAY_LEN(matches); i++)
    builder_add_query(&f.b, builder_add(&f.b, GW_PATH_MATCH_EXACT, paths[i]), matches[i]);
  freeze(&f);
  static const struct {
    const char *query;
    const char *expected; /* by matcher */
  } cases[] = {{"", "00001"},         {"?p=1", "11010"},   {"?p=12", "01010"},  {"?q=0&p=1", "11010"},
               {"?p=2&p=1", "01010"}, {"?p", "00010"},     {"?p=%31", "00010"}, {"?p=abc", "00110"},
               {"?P=1", "00001"},     {"?x=p=1", "00001"}, {"?p=", "00010"},    {"?p=1x", "00010"}};
  for (size_t c = 0; c < GW_ARRAY_LEN(cases); c++) {
    for (size_t i = 0; i < GW_ARRAY_LEN(matches); i++) {
      char path[64];
      snprintf(path, sizeof path, "%s%s", paths[i], cases[c].query);
      if ((get(&f, path) >= 0) != (cases[c].expected[i] == '1')) fail_msg("matcher %zu, %s", i, path);
    }
  }
  done(&f);
}

static void test_missing_field_that_is_taken_as_empty_is_not_something_else(void **state) {
  (void)state;
  struct fixture f;
  builder_init(&f.b, 4);
  const struct gw_header_match match_of_a = {.name = GW_STR("x-a"),
                                             .kind = GW_STRING_MATCH_EXACT,
                                             .value = GW_STR("b"),
                                             .invert = true,
                                             .takes_missing_as_empty = true};
  builder_add_header(&f.b, builder_add(&f.b, GW_PATH_MATCH_EXACT, "/a"), match_of_a);
  freeze(&f);
  struct gw_request_head head = builder_head("GET", "/a");
  assert_int_equal(match(&f, head), 0);
  gw_headers_init(&head.headers, &f.scratch, 2);
  gw_headers_add(&head.headers, &f.scratch, GW_HEADER_OTHER, GW_STR("x-a"), GW_STR("b"));
  assert_int_equal(match(&f, head), -1);
  done(&f);
}

static void test_port_of_a_host_counts_unless_it_is_ignored(void **state) {
  (void)state;
  for (int ignores = 0; ignores < 2; ignores++) {
    struct fixture f;
    builder_init(&f.b, 2);
    f.b.domain = GW_STR("example.com");
    f.b.config.ignores_port = ignores == 1;
    builder_add(&f.b, GW_PATH_MATCH_EXACT, "/a");
    freeze(&f);
    struct gw_request_head head = builder_head("GET", "/a");
    assert_int_equal(match(&f, head), 0);
    head.authority = GW_STR("Example.com:8080");
    assert_int_equal(match(&f, head), ignores == 1 ? 0 : -1);
    done(&f);
  }
}

/* Else a long path would lead around a route that protects something. */
static void test_a_route_that_can_not_be_decided_hides_those_behind_it(void **state) {
  (void)state;
  struct fixture f;
  builder_init(&f.b, 4);
  builder_add(&f.b, GW_PATH_MATCH_EXACT, "/before/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!b");
  builder_add(&f.b, GW_PATH_MATCH_REGEX, "/(?:before|secret)/(a*)*(a*)*(a*)*b");
  builder_add(&f.b, GW_PATH_MATCH_PREFIX, "/");
  freeze(&f);
  const char *const exploding = "/secret/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!b";
  struct gw_request_head head = builder_head("GET", exploding);
  struct gw_route_hit hit, linear;
  gw_route_table_match(f.table, &head, &f.scratch, &hit);
  gw_route_table_match_linear(f.table, &head, &f.scratch, &linear);
  assert_null(hit.route);
  assert_null(linear.route);
  assert_true(hit.is_undecided);
  assert_true(linear.is_undecided);
  /* What stands before it is still found. */
  assert_int_equal(get(&f, "/before/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!b"), 0);
  assert_int_equal(get(&f, "/secret/ab"), 1);
  assert_int_equal(get(&f, "/other"), 2);
  done(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_match_of_first_in_order_wins_over_kinds),
      cmocka_unit_test(test_match_of_method_lists_and_unknown_methods),
      cmocka_unit_test(test_match_of_headers_as_envoy_does),
      cmocka_unit_test(test_match_of_the_query_is_of_the_first_parameter_as_it_is_written),
      cmocka_unit_test(test_missing_field_that_is_taken_as_empty_is_not_something_else),
      cmocka_unit_test(test_port_of_a_host_counts_unless_it_is_ignored),
      cmocka_unit_test(test_a_route_that_can_not_be_decided_hides_those_behind_it),
      cmocka_unit_test(test_match_of_domains_exact_then_suffix_then_prefix_then_any),
      cmocka_unit_test(test_match_without_virtual_host_finds_nothing),
      cmocka_unit_test(test_build_names_every_mistake),
      cmocka_unit_test(test_build_refuses_a_domain_twice),
      cmocka_unit_test(test_variables_of_plain_and_mixed_templates),
      cmocka_unit_test(test_rewrite),
      cmocka_unit_test(test_rewrite_stops_growing),
      cmocka_unit_test(test_10000_routes_are_small),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
