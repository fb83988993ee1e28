/* What routes.yaml asks of callers, judged by what becomes of it. */
#include "common/model/rbac.h"
#include "common/routing/access.h"
#include "tests/unit/controlplane/policy/policy_fixture.h"

#define HEAD                                                                                                                               \
  "access:\n"                                                                                                                              \
  "  roles:\n"                                                                                                                             \
  "    admin: {includes: [editor, auditor], permissions: \"*\"}\n"                                                                         \
  "    editor: {includes: viewer, permissions: [projects:write]}\n"                                                                        \
  "    viewer: {permissions: [\"projects:read\", \"files:*\"]}\n"                                                                          \
  "    auditor: {}\n"                                                                                                                      \
  "  claims: {roles: [roles, realm_access.roles], permissions: [permissions, scope]}\n"                                                    \
  "routes:\n"

struct access_case {
  const char *route; /* what the route has beside path and service */
  const char *claims;
  const char *method;
  const char *path;
  const char *remote;
  bool is_allowed;
  const char *policy;
};

#define GET "GET", "/p/7", "10.1.2.3"
static const struct access_case cases[] = {
    /* roles and who includes them */
    {"roles: [editor]", "{\"roles\":[\"editor\"]}", GET, true, "requirement"},
    {"roles: editor", "{\"roles\":[\"editor\"]}", GET, true, "requirement"},
    {"roles: [editor]", "{\"roles\":[\"admin\"]}", GET, true, "requirement"},
    {"roles: [viewer]", "{\"roles\":[\"x\",\"admin\"]}", GET, true, "requirement"},
    {"roles: [editor]", "{\"roles\":[\"viewer\"]}", GET, false, ""},
    {"roles: [editor]", "{\"roles\":[\"Editor\"]}", GET, false, ""},
    {"roles: [editor]", "{\"roles\":\"editor\"}", GET, true, "requirement"},
    {"roles: [editor]", "{\"roles\":\"viewer editor\"}", GET, false, ""},
    {"roles: [editor]", "{\"roles\":{\"editor\":true}}", GET, false, ""},
    {"roles: [editor]", "{\"roles\":[[\"editor\"]]}", GET, false, ""},
    {"roles: [editor]", "{\"realm_access\":{\"roles\":[\"editor\"]}}", GET, true, "requirement"},
    {"roles: [editor]", "{\"realm_access.roles\":[\"editor\"]}", GET, false, ""},
    {"roles: [editor]", "{}", GET, false, ""},
    {"roles: [viewer, auditor]", "{\"roles\":[\"auditor\"]}", GET, true, "requirement"},
    {"roles: [editor, auditor], require: all", "{\"roles\":[\"auditor\"]}", GET, false, ""},
    {"roles: [editor, auditor], require: all", "{\"roles\":[\"auditor\",\"editor\"]}", GET, true, "requirement"},
    {"roles: [editor, auditor], require: all", "{\"roles\":[\"admin\"]}", GET, true, "requirement"},
    /* permissions, wildcards and roles that have them */
    {"permissions: [projects:read]", "{\"permissions\":[\"projects:read\"]}", GET, true, "requirement"},
    {"permissions: [projects:read]", "{\"permissions\":[\"projects:*\"]}", GET, true, "requirement"},
    {"permissions: [projects:read]", "{\"permissions\":[\"*\"]}", GET, true, "requirement"},
    {"permissions: [projects:read]", "{\"permissions\":[\"project:*\"]}", GET, false, ""},
    {"permissions: [projects:read]", "{\"permissions\":[\"projects:\"]}", GET, false, ""},
    {"permissions: [projects:read]", "{\"permissions\":[\"projects:re*\"]}", GET, false, ""},
    {"permissions: [projects:read]", "{\"permissions\":[\"projects\"]}", GET, false, ""},
    {"permissions: [a:b:c]", "{\"permissions\":[\"a:*\"]}", GET, true, "requirement"},
    {"permissions: [a:b:c]", "{\"permissions\":[\"a:b:*\"]}", GET, true, "requirement"},
    {"permissions: [a:b]", "{\"permissions\":[\"a:b:*\"]}", GET, false, ""},
    {"permissions: [projects:read]", "{\"scope\":\"openid projects:read\"}", GET, true, "requirement"},
    {"permissions: [projects:read]", "{\"scope\":\"openid projects:reader\"}", GET, false, ""},
    {"permissions: [projects:read]", "{\"scope\":\"projects:*\"}", GET, true, "requirement"},
    {"permissions: [projects:read]", "{\"roles\":[\"viewer\"]}", GET, true, "requirement"},
    {"permissions: [projects:read]", "{\"roles\":[\"editor\"]}", GET, true, "requirement"},
    {"permissions: [projects:write]", "{\"roles\":[\"viewer\"]}", GET, false, ""},
    {"permissions: [files:delete]", "{\"roles\":[\"viewer\"]}", GET, true, "requirement"},
    {"permissions: [billing:pay]", "{\"roles\":[\"editor\"]}", GET, false, ""},
    {"permissions: [billing:pay]", "{\"roles\":[\"admin\"]}", GET, true, "requirement"},
    {"permissions: [billing:pay, projects:read], require: all", "{\"roles\":[\"viewer\"],\"permissions\":[\"billing:pay\"]}", GET, true,
     "requirement"},
    {"permissions: [billing:pay, projects:read], require: all", "{\"roles\":[\"viewer\"]}", GET, false, ""},
    /* both lists are asked */
    {"roles: [auditor], permissions: [projects:read]", "{\"roles\":[\"auditor\"]}", GET, false, ""},
    {"roles: [auditor], permissions: [projects:read]", "{\"roles\":[\"auditor\"],\"permissions\":[\"projects:read\"]}", GET, true,
     "requirement"},
    /* rules */
    {"rules: [{allow: {methods: [GET]}}]", "{}", GET, true, "rule-01"},
    {"rules: [{allow: {methods: [GET]}}]", "{}", "HEAD", "/p/7", "10.1.2.3", true, "rule-01"},
    {"rules: [{allow: {methods: [GET]}}]", "{}", "POST", "/p/7", "10.1.2.3", false, ""},
    {"rules: [{allow: {parameters: {id: project}}}]", "{\"project\":\"7\"}", GET, true, "rule-01"},
    {"rules: [{allow: {parameters: {id: project}}}]", "{\"project\":7}", GET, true, "rule-01"},
    {"rules: [{allow: {parameters: {id: project}}}]", "{\"project\":[\"6\",\"7\"]}", GET, true, "rule-01"},
    {"rules: [{allow: {parameters: {id: project}}}]", "{\"project\":\"8\"}", GET, false, ""},
    {"rules: [{allow: {parameters: {id: project}}}]", "{}", GET, false, ""},
    {"rules: [{allow: {parameters: {id: org.project}}}]", "{\"org\":{\"project\":\"a b\"}}", "GET", "/p/a%20b", "10.1.2.3", true,
     "rule-01"},
    {"rules: [{allow: {client_addresses: [10.0.0.0/8, 192.0.2.1]}}]", "{}", GET, true, "rule-01"},
    {"rules: [{allow: {client_addresses: [10.0.0.0/8, 192.0.2.1]}}]", "{}", "GET", "/p/7", "192.0.2.1", true, "rule-01"},
    {"rules: [{allow: {client_addresses: [10.0.0.0/8, 192.0.2.1]}}]", "{}", "GET", "/p/7", "192.0.2.2", false, ""},
    {"rules: [{allow: {claims: {tenant: [acme, 7]}}}]", "{\"tenant\":\"acme\"}", GET, true, "rule-01"},
    {"rules: [{allow: {claims: {tenant: [acme, 7]}}}]", "{\"tenant\":7}", GET, true, "rule-01"},
    {"rules: [{allow: {claims: {tenant: [acme, 7]}}}]", "{\"tenant\":\"other\"}", GET, false, ""},
    {"rules: [{allow: {claims: {mfa: true}}}]", "{\"mfa\":true}", GET, true, "rule-01"},
    {"rules: [{allow: {claims: {mfa: true}}}]", "{\"mfa\":false}", GET, false, ""},
    {"rules: [{allow: {roles: admin}}, {name: own, allow: {roles: viewer, parameters: {id: project}}}]", "{\"roles\":[\"admin\"]}", GET,
     true, "rule-01"},
    {"rules: [{allow: {roles: admin}}, {name: own, allow: {roles: viewer, parameters: {id: project}}}]",
     "{\"roles\":[\"viewer\"],\"project\":\"7\"}", GET, true, "own"},
    {"rules: [{allow: {roles: admin}}, {name: own, allow: {roles: viewer, parameters: {id: project}}}]",
     "{\"roles\":[\"viewer\"],\"project\":\"8\"}", GET, false, ""},
    /* what the route asks of all is asked by each rule */
    {"roles: [viewer], rules: [{allow: {methods: [GET]}}]", "{\"roles\":[\"viewer\"]}", GET, true, "rule-01"},
    {"roles: [viewer], rules: [{allow: {methods: [GET]}}]", "{\"roles\":[\"viewer\"]}", "PUT", "/p/7", "10.1.2.3", false, ""},
    {"roles: [viewer], rules: [{allow: {methods: [GET]}}]", "{}", GET, false, ""},
    /* denying comes first, and of the very role */
    {"roles: [viewer], rules: [{name: night, deny: {client_addresses: 10.0.0.0/8}}]", "{\"roles\":[\"viewer\"]}", GET, false, "night"},
    {"roles: [viewer], rules: [{name: night, deny: {client_addresses: 10.0.0.0/8}}]", "{\"roles\":[\"viewer\"]}", "GET", "/p/7", "11.0.0.1",
     true, "requirement"},
    {"rules: [{allow: {}}, {name: no-editors, deny: {roles: editor}}]", "{\"roles\":[\"editor\"]}", GET, false, "no-editors"},
    {"rules: [{allow: {}}, {name: no-editors, deny: {roles: editor}}]", "{\"roles\":[\"admin\"]}", GET, true, "rule-01"},
};

static struct gw_policy *load(const char *text, char **ret_told) {
  setenv("JWT_SECRET_KEY", "0123456789abcdef0123456789abcdef", 1);
  struct gw_settings *settings = fixture_settings(NULL);
  unsetenv("JWT_SECRET_KEY");
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_policy *policy = NULL;
  struct gw_policy_source routes = {"routes.yaml", gw_str_from(text)}, services = {"services.yaml", GW_STR(FIXTURE_SERVICES)};
  gw_policy_load(&routes, &services, settings, &errors, &policy);
  *ret_told = gw_errors_format(&errors);
  gw_errors_done(&errors);
  gw_settings_free(settings);
  return policy;
}

/* Denying first, as in the chain. */
static struct gw_access_decision decide(const struct gw_route *route, const struct gw_access_request *request, struct gw_arena *arena) {
  const struct gw_rbac_route *parts[] = {route->filters->rbac_deny, route->filters->rbac};
  struct gw_access_decision decision = {.is_allowed = true};
  struct gw_errors errors;
  gw_errors_init(&errors);
  for (int i = 0; i < 2 && decision.is_allowed; i++) {
    const struct gw_access *access;
    if (parts[i] == NULL) continue;
    assert_int_equal(gw_access_build(parts[i]->rules.rules, "x", arena, &errors, &access), GW_OK);
    gw_access_decide(access, request, arena, &decision);
    gw_access_free(access);
  }
  gw_errors_done(&errors);
  return decision;
}

static void check(const struct access_case *c, struct gw_arena *arena) {
  char *told;
  struct gw_policy *policy = load(gw_arena_printf(arena, HEAD "  - {path: \"/p/{id}\", service: s, %s}\n", c->route), &told);
  if (policy == NULL) fail_msg("%s: %s", c->route, told);
  free(told);
  struct gw_route_table *table;
  struct gw_errors errors;
  gw_errors_init(&errors);
  assert_int_equal(gw_route_table_build(&policy->route_configs[0], &errors, &table), GW_OK);
  const struct gw_route *route = &policy->route_configs[0].virtual_hosts[0].routes[0];
  struct gw_route_variable variables[GW_ROUTE_VARIABLES_MAX];
  struct gw_request_head head = {.method = gw_method_find(gw_str_from(c->method)),
                                 .method_name = gw_str_from(c->method),
                                 .path = gw_str_from(c->path)};
  struct gw_address remote;
  const struct gw_json_value *claims;
  const struct gw_json_limits limits = {.bytes_max = 4096, .depth_max = 8, .values_max = 100};
  assert_int_equal(gw_json_parse(gw_str_from(c->claims), &limits, arena, &claims), GW_OK);
  assert_int_equal(gw_address_parse_ip(gw_str_from(c->remote), 0, &remote), GW_OK);
  struct gw_access_request request = {.head = &head, .remote = &remote, .peer = &remote, .claims = claims, .variables = variables};
  request.variable_count = gw_route_table_variables(table, route, head.path, variables);
  struct gw_access_decision decision = decide(route, &request, arena);
  if (decision.is_allowed != c->is_allowed || !gw_str_equal(decision.policy, gw_str_from(c->policy)))
    fail_msg("%s for %s: %d by \"%.*s\"", c->route, c->claims, decision.is_allowed, GW_STR_ARG(decision.policy));
  gw_route_table_free(table);
  gw_errors_done(&errors);
  gw_policy_free(policy);
}

static void test_routes_let_through_whom_they_say(void **state) {
  (void)state;
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_arena arena;
    gw_arena_init(&arena, 16384);
    check(&cases[i], &arena);
    gw_arena_done(&arena);
  }
}

static void test_equal_routes_share_their_rules_and_shadow_refuses_nothing(void **state) {
  (void)state;
  char *told;
  struct gw_policy *policy = load("access: {shadow: true}\nroutes:\n"
                                  "  - {path: /a, service: s, roles: [x], rules: [{allow: {}}, {deny: {methods: [PUT]}}]}\n"
                                  "  - {path: /b, service: s, rules: [{allow: {}}, {deny: {methods: [PUT]}}], roles: [x]}\n"
                                  "  - {path: /c, service: s, roles: [y]}\n  - {path: /d, service: s}\n",
                                  &told);
  if (policy == NULL) fail_msg("%s", told);
  free(told);
  const struct gw_route *routes = policy->route_configs[0].virtual_hosts[0].routes;
  assert_ptr_equal(routes[0].filters, routes[1].filters);
  assert_ptr_not_equal(routes[0].filters, routes[2].filters);
  assert_null(routes[3].filters);
  assert_null(routes[0].filters->rbac->rules.rules);
  assert_null(routes[0].filters->rbac_deny->rules.rules);
  assert_int_equal(routes[0].filters->rbac->rules.shadow->action, GW_RBAC_ALLOW);
  assert_int_equal(routes[0].filters->rbac_deny->rules.shadow->action, GW_RBAC_DENY);
  assert_non_null(routes[0].filters->jwt);
  gw_policy_free(policy);
}

static void test_without_claims_that_tell_of_roles_nobody_has_one(void **state) {
  (void)state;
  char *told;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  struct gw_policy *policy = load("routes:\n  - {path: /a, service: s, roles: [x], permissions: [y]}\n", &told);
  if (policy == NULL) fail_msg("%s", told);
  free(told);
  struct gw_request_head head = {.method = GW_METHOD_GET, .method_name = GW_STR("GET"), .path = GW_STR("/a")};
  struct gw_address remote;
  assert_int_equal(gw_address_parse_ip(GW_STR("1.1.1.1"), 0, &remote), GW_OK);
  struct gw_access_request request = {.head = &head, .remote = &remote, .peer = &remote};
  assert_false(decide(&policy->route_configs[0].virtual_hosts[0].routes[0], &request, &arena).is_allowed);
  gw_policy_free(policy);
  gw_arena_done(&arena);
}

static const struct {
  const char *text;
  const char *told;
} mistakes[] = {
    {"routes:\n  - {path: /a, service: s, auth_required: false, roles: [x]}\n",
     "routes.yaml:2:43: auth_required: false, but the route asks for roles, permissions or claims, which only who is known can have; leave "
     "it "
     "out, or write true\n"},
    {"routes:\n  - {path: /a, service: s, roles: []}\n",
     "routes.yaml:2:35: roles has 1 to 1000 entries; leave it out to ask for nothing\n"},
    {"routes:\n  - {path: /a, service: s, roles: [\"a b\"]}\n",
     "routes.yaml:2:36: a b: no role; roles have letters, digits and . _ - / @ + :\n"},
    {"routes:\n  - {path: /a, service: s, roles: [a, a]}\n", "routes.yaml:2:39: a stands here twice\n"},
    {"routes:\n  - {path: /a, service: s, permissions: [\"projects:*\"]}\n",
     "routes.yaml:2:42: projects:*: no permission; write it without wildcards, such as projects:read: who holds projects:* or * has it\n"},
    {"routes:\n  - {path: /a, service: s, roles: [a], require: both}\n", "routes.yaml:2:49: both is not any or all\n"},
    {"routes:\n  - {path: /a, service: s, require: all}\n",
     "routes.yaml:2:37: require says how many of roles and permissions are needed; there are none\n"},
    {"routes:\n  - {path: /a, service: s, rules: [{deny: {methods: [PUT]}}]}\n",
     "routes.yaml:2:35: what no rule allows is refused, and none of these allows anything; add - allow: {} for all others\n"},
    {"routes:\n  - {path: /a, service: s, rules: [{deny: {}}, {allow: {}}]}\n", "routes.yaml:2:43: this denies everybody; say whom\n"},
    {"routes:\n  - {path: /a, service: s, rules: [{allow: {}, deny: {roles: [x]}}]}\n",
     "routes.yaml:2:36: a rule has either allow or deny\n"},
    {"routes:\n  - {path: /a, service: s, rules: [{name: x, allow: {}}, {name: x, allow: {}}]}\n",
     "routes.yaml:2:58: two rules are called x\n"},
    {"routes:\n  - {path: /a, service: s, rules: [{name: none, allow: {}}]}\n",
     "routes.yaml:2:43: a rule's name has letters, digits and . _ - / @ + :, and is not none\n"},
    {"routes:\n  - {path: /a, service: s, rules: [{allow: {parameters: {id: project}}}]}\n",
     "routes.yaml:2:58: id is no variable of the path (which needs at most 5, with names of at most 16 characters)\n"},
    {"routes:\n  - {path: /a, service: s, rules: [{allow: {client_addresses: 10.0.0.1/8}}]}\n",
     "routes.yaml:2:63: 10.0.0.1/8: no range of addresses, such as 10.0.0.0/8 or 2001:db8::/32, or it has bits set behind its prefix\n"},
    {"routes:\n  - {path: /a, service: s, rules: [{allow: {certificates: \"a*b\"}}]}\n",
     "routes.yaml:2:59: a*b: no name of a certificate; a * may stand at the end, such as spiffe://example.com/team/*\n"},
    {"routes:\n  - {path: /a, service: s, rules: [{allow: {method: GET}}]}\n",
     "routes.yaml:2:45: allow has no key method (methods?); allowed: roles, permissions, require, methods, parameters, client_addresses, "
     "certificates, claims\n"},
    {"access: {roles: {a: {includes: [b]}, b: {includes: [a]}}}\nroutes: []\n",
     "routes.yaml:1:18: a includes itself, by way of what it includes\nroutes.yaml:1:38: b includes itself, by way of what it includes\n"},
    {"access: {roles: {a: {includes: [b]}}}\nroutes: []\n", "routes.yaml:1:18: a includes b, which is no role of this list\n"},
    {"access: {roles: {a: {permissions: [\"x*\"]}}}\nroutes: []\n",
     "routes.yaml:1:36: x*: no permission; allowed are projects:read, projects:* and *\n"},
    {"access: {claims: {roles: [a..b]}}\nroutes: []\n",
     "routes.yaml:1:27: a..b is no claim; write its name, realm_access.roles for one inside another, or a JSON pointer\n"},
    {"access: {shadow: perhaps}\nroutes: []\n", "routes.yaml:1:18: shadow is true or false\n"},
};

static void test_every_mistake_is_told_with_its_place(void **state) {
  (void)state;
  for (size_t i = 0; i < GW_ARRAY_LEN(mistakes); i++) {
    char *told;
    struct gw_policy *policy = load(mistakes[i].text, &told);
    if (policy != NULL) fail_msg("accepted: %s", mistakes[i].text);
    assert_string_equal(told, mistakes[i].told);
    free(told);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_routes_let_through_whom_they_say),
      cmocka_unit_test(test_equal_routes_share_their_rules_and_shadow_refuses_nothing),
      cmocka_unit_test(test_without_claims_that_tell_of_roles_nobody_has_one),
      cmocka_unit_test(test_every_mistake_is_told_with_its_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
