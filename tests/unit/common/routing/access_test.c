#include "common/routing/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"

#define S(text) GW_STR(text)
#define PATH(...)                                                                                                                          \
  .path = (const struct gw_str[]){__VA_ARGS__}, .path_count = sizeof((const struct gw_str[]){__VA_ARGS__}) / sizeof(struct gw_str)
#define EXACT(text) ((struct gw_string_match){.kind = GW_STRING_MATCH_EXACT, .value = {text, sizeof(text) - 1}})
#define REGEX(text) ((struct gw_string_match){.kind = GW_STRING_MATCH_REGEX, .value = {text, sizeof(text) - 1}})

/* Rules. */
#define R struct gw_rbac_rule
#define V struct gw_value_match
#define LEN(...) (sizeof((const R[]){__VA_ARGS__}) / sizeof(R))
#define ANY ((R){.kind = GW_RBAC_ANY})
#define AND(...) ((R){.kind = GW_RBAC_AND, .children = (const R[]){__VA_ARGS__}, .child_count = LEN(__VA_ARGS__)})
#define OR(...) ((R){.kind = GW_RBAC_OR, .children = (const R[]){__VA_ARGS__}, .child_count = LEN(__VA_ARGS__)})
#define NOT(rule) ((R){.kind = GW_RBAC_NOT, .children = (const R[]){rule}, .child_count = 1})
#define HEADER(n, v)                                                                                                                       \
  ((R){.kind = GW_RBAC_HEADER, .header = &(const struct gw_header_match){.name = {n, sizeof(n) - 1}, .value = {v, sizeof(v) - 1}}})
#define URL(match) ((R){.kind = GW_RBAC_PATH, .text = &(const struct gw_string_match){match.kind, false, match.value}})
#define SUBJECT(match) ((R){.kind = GW_RBAC_AUTHENTICATED, .text = &(const struct gw_string_match){match.kind, false, match.value}})
#define TLS ((R){.kind = GW_RBAC_AUTHENTICATED})
#define REMOTE(range) ((R){.kind = GW_RBAC_REMOTE_IP, .cidr = {range, sizeof(range) - 1}})
#define PEER(range) ((R){.kind = GW_RBAC_DIRECT_REMOTE_IP, .cidr = {range, sizeof(range) - 1}})
#define CLAIM(v, ...) ((R){.kind = GW_RBAC_CLAIM, .claim = &(const struct gw_claim_match){PATH(S(GW_CLAIMS_KEY), __VA_ARGS__), .value = v}})
#define NO_CLAIM(v, ...)                                                                                                                   \
  ((R){.kind = GW_RBAC_CLAIM, .claim = &(const struct gw_claim_match){PATH(S(GW_CLAIMS_KEY), __VA_ARGS__), .value = v, .invert = true}})
#define PARAMETER(n, ...)                                                                                                                  \
  ((R){.kind = GW_RBAC_PARAMETER, .parameter = &(const struct gw_parameter_match){.name = S(n), PATH(S(GW_CLAIMS_KEY), __VA_ARGS__)}})
/* Values. */
#define STRING(match) ((V){.kind = GW_VALUE_MATCH_STRING, .string = match})
#define IS(text) STRING(EXACT(text))
#define LIST(value) ((V){.kind = GW_VALUE_MATCH_LIST, .values = (const V[]){value}, .value_count = 1})
#define EITHER(...)                                                                                                                        \
  ((V){.kind = GW_VALUE_MATCH_OR, .values = (const V[]){__VA_ARGS__}, .value_count = sizeof((const V[]){__VA_ARGS__}) / sizeof(V)})
#define ROLE(text) CLAIM(LIST(IS(text)), S("roles"))

#define CLAIMS                                                                                                                             \
  "{\"sub\":\"ann\",\"roles\":[\"viewer\",\"editor\",7],\"level\":3,\"ratio\":0.5,\"ok\":true,\"none\":null,\"project\":\"p 1\","          \
  "\"projects\":[\"p1\",2],\"number\":42,\"empty\":\"\",\"realm_access\":{\"roles\":[\"admin\"]}}"

static const struct gw_route_variable variables[] = {{S("id"), S("p%201")}, {S("other"), S("p1")}, {S("two"), S("2")},
                                                     {S("rest"), S("")},    {S("bad"), S("p%2")},  {S("n"), S("42")}};

struct rule_case {
  const char *what;
  R rule;
  bool is_match;
};

struct stage {
  struct gw_arena arena;
  struct gw_errors errors;
  struct gw_request_head head;
  struct gw_address remote;
  struct gw_address peer;
  struct gw_access_request request;
};

static const struct gw_json_value *parse(struct stage *s, const char *text) {
  const struct gw_json_value *value;
  const struct gw_json_limits limits = {.bytes_max = 4096, .depth_max = 8, .values_max = 100};
  assert_int_equal(gw_json_parse(gw_str_from(text), &limits, &s->arena, &value), GW_OK);
  return value;
}

static void set_up(struct stage *s) {
  static const struct gw_str uris[] = {{"spiffe://x/a", 12}}, names[] = {{"a.example", 9}};
  static const struct gw_access_certificate certificate = {uris, names, 1, 1, {"CN=ann", 6}};
  memset(s, 0, sizeof *s);
  gw_arena_init(&s->arena, 4096);
  gw_errors_init(&s->errors);
  s->head = (struct gw_request_head){.method = GW_METHOD_GET,
                                     .method_name = S("GET"),
                                     .path = S("/projects/p%201?x=1"),
                                     .content_length = GW_LENGTH_NONE};
  gw_headers_init(&s->head.headers, &s->arena, 4);
  gw_headers_add(&s->head.headers, &s->arena, GW_HEADER_OTHER, S("X-Tenant"), S("acme"));
  assert_int_equal(gw_address_parse_ip(S("10.1.2.3"), 1, &s->remote), GW_OK);
  assert_int_equal(gw_address_parse_ip(S("192.168.7.7"), 1, &s->peer), GW_OK);
  s->request = (struct gw_access_request){.head = &s->head,
                                          .remote = &s->remote,
                                          .peer = &s->peer,
                                          .is_tls = true,
                                          .certificate = &certificate,
                                          .claims = parse(s, CLAIMS),
                                          .variables = variables,
                                          .variable_count = GW_ARRAY_LEN(variables)};
}

static void tear_down(struct stage *s) {
  gw_errors_done(&s->errors);
  gw_arena_done(&s->arena);
}

static struct gw_rbac_policy policy(const char *name, R permission, R principal) {
  static R kept[64];
  static size_t used;
  R *own = &kept[used];
  used = (used + 2) % GW_ARRAY_LEN(kept);
  own[0] = permission;
  own[1] = principal;
  return (struct gw_rbac_policy){.name = gw_str_from(name),
                                 .permissions = {.kind = GW_RBAC_OR, .children = &own[0], .child_count = 1},
                                 .principals = {.kind = GW_RBAC_OR, .children = &own[1], .child_count = 1}};
}

static struct gw_access_decision decide(struct stage *s, enum gw_rbac_action action, const struct gw_rbac_policy *policies,
                                        uint32_t count) {
  const struct gw_rbac rbac = {.action = action, .policies = policies, .policy_count = count};
  const struct gw_access *access;
  struct gw_access_decision decision;
  assert_int_equal(gw_access_build(&rbac, "here", &s->arena, &s->errors, &access), GW_OK);
  gw_access_decide(access, &s->request, &s->arena, &decision);
  gw_access_free(access);
  return decision;
}

static void test_each_rule_matches_what_it_should_as_permission_and_as_principal(void **state) {
  (void)state;
  const struct rule_case cases[] = {
      {"any", ANY, true},
      {"not any", NOT(ANY), false},
      {"all of two", AND(ANY, ROLE("viewer")), true},
      {"all of two, one is not", AND(ANY, ROLE("admin")), false},
      {"one of two", OR(ROLE("admin"), ROLE("editor")), true},
      {"none of two", OR(ROLE("admin"), ROLE("owner")), false},
      {"a header", HEADER("x-tenant", "acme"), true},
      {"a header's other value", HEADER("x-tenant", "Acme"), false},
      {"a header that is not there", HEADER("x-other", ""), false},
      {"the method", HEADER(":method", "GET"), true},
      {"another method", HEADER(":method", "POST"), false},
      {"the path without its query", URL(EXACT("/projects/p%201")), true},
      {"the path with its query", URL(EXACT("/projects/p%201?x=1")), false},
      {"a path by regular expression", URL(REGEX("/projects/[^/]+")), true},
      {"a regular expression is of the whole path", URL(REGEX("/projects")), false},
      {"the client", REMOTE("10.1.0.0/16"), true},
      {"the client is not the peer", REMOTE("192.168.0.0/16"), false},
      {"the peer", PEER("192.168.0.0/16"), true},
      {"one of many ranges", OR(REMOTE("1.0.0.0/8"), REMOTE("2001:db8::/32"), REMOTE("10.0.0.0/8"), REMOTE("10.1.2.0/24")), true},
      {"none of many ranges", OR(REMOTE("1.0.0.0/8"), REMOTE("2001:db8::/32"), REMOTE("::/0"), REMOTE("10.1.3.0/24")), false},
      {"all addresses of IPv4", REMOTE("0.0.0.0/0"), true},
      {"any TLS connection", TLS, true},
      {"a URI name", SUBJECT(EXACT("spiffe://x/a")), true},
      {"a DNS name", SUBJECT(EXACT("a.example")), true},
      {"the subject", SUBJECT(EXACT("CN=ann")), true},
      {"another subject", SUBJECT(EXACT("CN=bob")), false},
      {"a claim", CLAIM(IS("ann"), S("sub")), true},
      {"a claim is no list", CLAIM(LIST(IS("ann")), S("sub")), false},
      {"a list is no claim", CLAIM(IS("viewer"), S("roles")), false},
      {"a claim's prefix is not the claim", CLAIM(IS("an"), S("sub")), false},
      {"a claim below another", CLAIM(LIST(IS("admin")), S("realm_access"), S("roles")), true},
      {"below what is no object", CLAIM(LIST(IS("admin")), S("sub"), S("roles")), false},
      {"a claim that is not there", CLAIM(IS("x"), S("nothing")), false},
      {"inverted, it matches", NO_CLAIM(IS("x"), S("nothing")), true},
      {"an inverted claim", NO_CLAIM(IS("ann"), S("sub")), false},
      {"an inverted claim is not joined with others", OR(NO_CLAIM(IS("ann"), S("sub")), CLAIM(IS("bob"), S("sub"))), false},
      {"an item that is no string", CLAIM(LIST(IS("7")), S("roles")), false},
      {"null", CLAIM(((V){.kind = GW_VALUE_MATCH_NULL}), S("none")), true},
      {"nothing is not null", CLAIM(((V){.kind = GW_VALUE_MATCH_NULL}), S("nothing")), false},
      {"a number", CLAIM(((V){.kind = GW_VALUE_MATCH_EXACT_NUMBER, .from = 3}), S("level")), true},
      {"another number", CLAIM(((V){.kind = GW_VALUE_MATCH_EXACT_NUMBER, .from = 3.5}), S("level")), false},
      {"a range", CLAIM(((V){.kind = GW_VALUE_MATCH_RANGE, .from = 0.5, .to = 1}), S("ratio")), true},
      {"a range ends before its end", CLAIM(((V){.kind = GW_VALUE_MATCH_RANGE, .from = 1, .to = 3}), S("level")), false},
      {"a text is no number", CLAIM(((V){.kind = GW_VALUE_MATCH_RANGE, .from = -1, .to = 99}), S("sub")), false},
      {"true", CLAIM(((V){.kind = GW_VALUE_MATCH_BOOL, .boolean = true}), S("ok")), true},
      {"true is not false", CLAIM(((V){.kind = GW_VALUE_MATCH_BOOL}), S("ok")), false},
      {"present", CLAIM(((V){.kind = GW_VALUE_MATCH_PRESENT, .boolean = true}), S("ok")), true},
      {"present, inverted in itself, is never", CLAIM(((V){.kind = GW_VALUE_MATCH_PRESENT}), S("nothing")), false},
      {"either", CLAIM(EITHER(LIST(IS("owner")), LIST(EITHER(IS("x"), IS("editor")))), S("roles")), true},
      {"either of strings and lists", CLAIM(EITHER(IS("bob"), LIST(IS("ann")), IS("ann")), S("sub")), true},
      {"either by regular expression", CLAIM(LIST(EITHER(IS("x"), STRING(REGEX("ed.*")))), S("roles")), true},
      {"either, none", CLAIM(EITHER(LIST(IS("owner")), LIST(EITHER(IS("x"), IS("edit")))), S("roles")), false},
      {"a parameter, decoded, is the claim", PARAMETER("id", S("project")), true},
      {"a parameter is not what is in a list", PARAMETER("id", S("projects")), false},
      {"a parameter is in a list", PARAMETER("other", S("projects")), true},
      {"a parameter is a number in a list", PARAMETER("two", S("projects")), true},
      {"a parameter that the path does not have", PARAMETER("none", S("project")), false},
      {"a parameter and no claim", PARAMETER("id", S("nothing")), false},
      {"an empty parameter is no empty claim", PARAMETER("rest", S("empty")), false},
      {"a parameter that can not be decoded", PARAMETER("bad", S("project")), false},
      {"a number is as it is written", PARAMETER("n", S("number")), true},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct stage s;
    set_up(&s);
    for (int side = 0; side < 2; side++) {
      struct gw_rbac_policy one = policy("one", side ? ANY : cases[i].rule, side ? cases[i].rule : ANY);
      struct gw_access_decision allow = decide(&s, GW_RBAC_ALLOW, &one, 1), deny = decide(&s, GW_RBAC_DENY, &one, 1);
      if (allow.is_allowed != cases[i].is_match || deny.is_allowed == cases[i].is_match)
        fail_msg("%s: allow %d, deny %d", cases[i].what, allow.is_allowed, deny.is_allowed);
      assert_true(gw_str_equal(allow.policy, cases[i].is_match ? S("one") : S("")));
    }
    tear_down(&s);
  }
}

static void test_first_policy_by_name_decides(void **state) {
  (void)state;
  struct stage s;
  set_up(&s);
  const struct gw_rbac_policy policies[] = {policy("b", ANY, ROLE("editor")), policy("c", ANY, ROLE("viewer")),
                                            policy("a", ANY, ROLE("admin")), policy("ab", ANY, ROLE("viewer"))};
  struct gw_access_decision decision = decide(&s, GW_RBAC_ALLOW, policies, 4);
  assert_true(decision.is_allowed && gw_str_equal(decision.policy, S("ab")));
  decision = decide(&s, GW_RBAC_DENY, policies, 4);
  assert_true(!decision.is_allowed && gw_str_equal(decision.policy, S("ab")));
  tear_down(&s);
}

static void test_without_policies_allow_refuses_all_and_deny_nothing(void **state) {
  (void)state;
  struct stage s;
  set_up(&s);
  assert_false(decide(&s, GW_RBAC_ALLOW, NULL, 0).is_allowed);
  assert_true(decide(&s, GW_RBAC_DENY, NULL, 0).is_allowed);
  tear_down(&s);
}

static void test_nobody_has_no_claims_and_no_certificate(void **state) {
  (void)state;
  struct stage s;
  set_up(&s);
  s.request.claims = NULL;
  s.request.certificate = NULL;
  const struct gw_rbac_policy by_role = policy("r", ANY, ROLE("viewer")), by_subject = policy("s", ANY, SUBJECT(EXACT("CN=ann"))),
                              by_tls = policy("t", ANY, TLS), by_parameter = policy("p", PARAMETER("id", S("project")), ANY);
  assert_false(decide(&s, GW_RBAC_ALLOW, &by_role, 1).is_allowed);
  assert_false(decide(&s, GW_RBAC_ALLOW, &by_subject, 1).is_allowed);
  assert_false(decide(&s, GW_RBAC_ALLOW, &by_parameter, 1).is_allowed);
  assert_true(decide(&s, GW_RBAC_ALLOW, &by_tls, 1).is_allowed);
  s.request.is_tls = false;
  assert_false(decide(&s, GW_RBAC_ALLOW, &by_tls, 1).is_allowed);
  tear_down(&s);
}

static void test_claims_are_found_under_their_providers_key_alone(void **state) {
  (void)state;
  struct stage s;
  set_up(&s);
  const struct gw_rbac_policy by_role = policy("r", ANY, ROLE("viewer"));
  s.request.claims_key = S("other");
  assert_false(decide(&s, GW_RBAC_ALLOW, &by_role, 1).is_allowed);
  s.request.claims_key = S(GW_CLAIMS_KEY);
  assert_true(decide(&s, GW_RBAC_ALLOW, &by_role, 1).is_allowed);
  tear_down(&s);
}

static void test_needs_say_what_has_to_be_found_out(void **state) {
  (void)state;
  struct stage s;
  set_up(&s);
  const struct gw_rbac_policy policies[] = {policy("a", OR(ANY, NOT(PARAMETER("id", S("project")))), ANY), policy("b", ANY, TLS),
                                            policy("c", ANY, AND(ANY, SUBJECT(EXACT("x"))))};
  static const unsigned needs[] = {GW_ACCESS_NEEDS_VARIABLES, 0, GW_ACCESS_NEEDS_CERTIFICATE};
  for (size_t i = 0; i < 3; i++) {
    const struct gw_rbac rbac = {.policies = &policies[i], .policy_count = 1};
    const struct gw_access *access;
    assert_int_equal(gw_access_build(&rbac, "here", &s.arena, &s.errors, &access), GW_OK);
    assert_int_equal(gw_access_needs(access), needs[i]);
    gw_access_free(access);
  }
  tear_down(&s);
}

static void test_bad_expressions_and_ranges_are_mistakes_all_at_once(void **state) {
  (void)state;
  struct stage s;
  set_up(&s);
  const struct gw_rbac_policy bad =
      policy("a", URL(REGEX("(")), OR(CLAIM(STRING(REGEX("[")), S("sub")), REMOTE("10.0.0.1/8"), URL(REGEX("good"))));
  const struct gw_rbac rbac = {.policies = &bad, .policy_count = 1};
  const struct gw_access *access = NULL;
  assert_int_equal(gw_access_build(&rbac, "here", &s.arena, &s.errors, &access), GW_ERR_INVALID);
  assert_null(access);
  assert_int_equal(s.errors.error_count, 3);
  assert_string_equal(s.errors.items[0].place, "here");
  tear_down(&s);
}

/* Fifty roles, in the order of names, or not, alone or in lists of their own: each is found, and no other. */
static void test_many_roles_are_one_set(void **state) {
  (void)state;
  struct stage s;
  set_up(&s);
  R roles[50];
  struct gw_claim_match claims[50];
  V values[50], items[50];
  char names[50][16];
  const struct gw_str path[] = {S(GW_CLAIMS_KEY), S("roles")};
  for (int i = 0; i < 50; i++) {
    snprintf(names[i], sizeof names[i], "role-%02d", i * 37 % 50);
    items[i] = (V){.kind = GW_VALUE_MATCH_STRING, .string = {.kind = GW_STRING_MATCH_EXACT, .value = gw_str_from(names[i])}};
    values[i] = (V){.kind = GW_VALUE_MATCH_LIST, .values = &items[i], .value_count = 1};
    claims[i] = (struct gw_claim_match){.path = path, .path_count = 2, .value = values[i]};
    roles[i] = (R){.kind = GW_RBAC_CLAIM, .claim = &claims[i]};
  }
  const struct gw_rbac_policy one = {.name = S("one"),
                                     .permissions = {.kind = GW_RBAC_OR, .children = &ANY, .child_count = 1},
                                     .principals = {.kind = GW_RBAC_OR, .children = roles, .child_count = 50}};
  for (int i = -1; i <= 50; i++) {
    char text[64];
    snprintf(text, sizeof text, "{\"roles\":[\"x\",\"role-%02d\"]}", i);
    s.request.claims = parse(&s, text);
    assert_int_equal(decide(&s, GW_RBAC_ALLOW, &one, 1).is_allowed, i >= 0 && i < 50);
  }
  tear_down(&s);
}

/* What is not known must not let anybody through, by NOT either. */
static void test_expression_that_gives_up_refuses(void **state) {
  (void)state;
  struct stage s;
  set_up(&s);
  size_t len = 60000;
  char *path = malloc(len);
  memset(path, 'a', len);
  path[0] = '/';
  path[len - 1] = 'b';
  s.head.path = (struct gw_str){path, len};
  const struct gw_rbac_policy hard = policy("h", NOT(URL(REGEX("/(a*)*(a*)*(a*)*c"))), ANY);
  struct gw_access_decision decision = decide(&s, GW_RBAC_ALLOW, &hard, 1);
  assert_true(decision.is_undecided);
  assert_false(decision.is_allowed);
  free(path);
  tear_down(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each_rule_matches_what_it_should_as_permission_and_as_principal),
      cmocka_unit_test(test_first_policy_by_name_decides),
      cmocka_unit_test(test_without_policies_allow_refuses_all_and_deny_nothing),
      cmocka_unit_test(test_nobody_has_no_claims_and_no_certificate),
      cmocka_unit_test(test_claims_are_found_under_their_providers_key_alone),
      cmocka_unit_test(test_needs_say_what_has_to_be_found_out),
      cmocka_unit_test(test_bad_expressions_and_ranges_are_mistakes_all_at_once),
      cmocka_unit_test(test_many_roles_are_one_set),
      cmocka_unit_test(test_expression_that_gives_up_refuses),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
