#include "common/model/rbac.h"

#include "envoy/config/rbac/v3/rbac.pb-c.h"
#include "envoy/extensions/filters/http/rbac/v3/rbac.pb-c.h"
#include "tests/unit/common/xds/refusals.h"

#define S(text)                                                                                                                            \
  { text, sizeof(text) - 1 }
#define R struct gw_rbac_rule
#define V struct gw_value_match

static const struct gw_str path[] = {S("payload"), S("roles")};
static const V items[] = {{.kind = GW_VALUE_MATCH_STRING, .string = {GW_STRING_MATCH_EXACT, false, S("admin")}},
                          {.kind = GW_VALUE_MATCH_STRING, .string = {GW_STRING_MATCH_PREFIX, true, S("ed")}},
                          {.kind = GW_VALUE_MATCH_NULL},
                          {.kind = GW_VALUE_MATCH_EXACT_NUMBER, .from = 1.5},
                          {.kind = GW_VALUE_MATCH_RANGE, .from = -1, .to = 7},
                          {.kind = GW_VALUE_MATCH_BOOL, .boolean = true},
                          {.kind = GW_VALUE_MATCH_PRESENT, .boolean = true}};
static const V any_item = {.kind = GW_VALUE_MATCH_OR, .values = items, .value_count = GW_ARRAY_LEN(items)};
static const struct gw_claim_match claims[] = {
    {.path = path, .path_count = 2, .value = {.kind = GW_VALUE_MATCH_LIST, .values = &any_item, .value_count = 1}},
    {.path = path, .path_count = 2, .invert = true, .value = {.kind = GW_VALUE_MATCH_BOOL}},
};
static const struct gw_header_match header = {.name = S(":method"), .kind = GW_STRING_MATCH_REGEX, .value = S("GET|HEAD"), .invert = true};
static const struct gw_string_match text = {GW_STRING_MATCH_SUFFIX, false, S(".example")};
static const struct gw_parameter_match parameter = {.name = S("id"), .path = path, .path_count = 2};
static const R any = {.kind = GW_RBAC_ANY};
static const R two[] = {{.kind = GW_RBAC_HEADER, .header = &header}, {.kind = GW_RBAC_CLAIM, .claim = &claims[1]}};
static const R permissions[] = {
    {.kind = GW_RBAC_ANY},
    {.kind = GW_RBAC_AND, .children = two, .child_count = 2},
    {.kind = GW_RBAC_OR, .children = two, .child_count = 1},
    {.kind = GW_RBAC_NOT, .children = &two[1], .child_count = 1},
    {.kind = GW_RBAC_PATH, .text = &text},
    {.kind = GW_RBAC_PARAMETER, .parameter = &parameter},
};
static const R principals[] = {
    {.kind = GW_RBAC_CLAIM, .claim = &claims[0]},
    {.kind = GW_RBAC_AUTHENTICATED, .text = &text},
    {.kind = GW_RBAC_AUTHENTICATED},
    {.kind = GW_RBAC_REMOTE_IP, .cidr = S("10.0.0.0/8")},
    {.kind = GW_RBAC_DIRECT_REMOTE_IP, .cidr = S("2001:db8::/32")},
    {.kind = GW_RBAC_NOT, .children = &two[0], .child_count = 1},
    {.kind = GW_RBAC_AND, .children = two, .child_count = 2},
    {.kind = GW_RBAC_OR, .children = two, .child_count = 2},
    {.kind = GW_RBAC_PATH, .text = &text},
};
#define OR_OF(rules)                                                                                                                       \
  { .kind = GW_RBAC_OR, .children = rules, .child_count = GW_ARRAY_LEN(rules) }
#define ONLY_ANY                                                                                                                           \
  { .kind = GW_RBAC_OR, .children = &any, .child_count = 1 }
static const struct gw_rbac_policy policies[] = {{S("a"), OR_OF(permissions), OR_OF(principals)}, {S("b"), ONLY_ANY, ONLY_ANY}};
static const struct gw_rbac allow = {GW_RBAC_ALLOW, 2, policies}, deny = {GW_RBAC_DENY, 1, &policies[1]};
static const struct gw_rbac_route of_allow = {{&allow, NULL}}, of_deny = {{NULL, &deny}}, of_nothing = {{NULL, NULL}};
static const struct gw_route_filters filters[] = {{.rbac = &of_allow, .rbac_deny = &of_deny}, {.rbac = &of_nothing}};

static struct gw_resource *encode(struct gw_route routes[4]) {
  static const struct gw_str domain = S("*");
  for (uint32_t i = 0; i < 4; i++) {
    routes[i] = (struct gw_route){.name = S("r"), .index = i, .action = GW_ROUTE_DIRECT_RESPONSE, .direct = {.status = 200}};
    routes[i].match.path = GW_STR("/");
    if (i > 0) routes[i].filters = &filters[i == 3];
  }
  struct gw_virtual_host host = {.name = S("h"), .domains = &domain, .domain_count = 1, .routes = routes, .route_count = 4};
  struct gw_route_config config = {.name = S("c"), .virtual_hosts = &host, .virtual_host_count = 1, .route_count = 4};
  return gw_xds_encode_route_config(&config);
}

static void assert_model(const struct gw_route_config *config) {
  const struct gw_route *routes = config->virtual_hosts[0].routes;
  assert_null(routes[0].filters);
  assert_ptr_equal(routes[1].filters, routes[2].filters);
  assert_null(routes[3].filters->rbac->rules.rules);
  const struct gw_rbac *got = routes[1].filters->rbac->rules.rules, *shadow = routes[1].filters->rbac_deny->rules.shadow;
  assert_null(routes[1].filters->rbac_deny->rules.rules);
  assert_int_equal(got->action, GW_RBAC_ALLOW);
  assert_int_equal(shadow->action, GW_RBAC_DENY);
  assert_int_equal(got->policy_count, 2);
  assert_int_equal(got->policies[0].permissions.child_count, GW_ARRAY_LEN(permissions));
  assert_int_equal(got->policies[0].principals.child_count, GW_ARRAY_LEN(principals));
  for (size_t i = 0; i < GW_ARRAY_LEN(permissions); i++)
    assert_int_equal(got->policies[0].permissions.children[i].kind, permissions[i].kind);
  const struct gw_rbac_rule *rules = got->policies[0].principals.children;
  for (size_t i = 0; i < GW_ARRAY_LEN(principals); i++)
    assert_int_equal(rules[i].kind, principals[i].kind);
  assert_int_equal(rules[0].claim->value.values[0].value_count, GW_ARRAY_LEN(items));
  for (size_t i = 0; i < GW_ARRAY_LEN(items); i++)
    assert_int_equal(rules[0].claim->value.values[0].values[i].kind, items[i].kind);
  assert_true(rules[0].claim->value.values[0].values[4].to > 6.5);
  assert_true(gw_str_equal(rules[0].claim->path[1], path[1]));
  assert_true(rules[6].children[1].claim->invert);
  assert_true(rules[5].children[0].header->invert);
  assert_null(rules[2].text);
  assert_true(gw_str_equal(rules[4].cidr, principals[4].cidr));
  assert_true(gw_str_equal(got->policies[0].permissions.children[5].parameter->name, parameter.name));
}

static void test_everything_comes_back_by_wire_and_by_copy(void **state) {
  (void)state;
  struct gw_route routes[4];
  struct gw_arena arena;
  struct gw_errors errors;
  gw_arena_init(&arena, 1024);
  gw_errors_init(&errors);
  struct gw_resource *copied = encode(routes), *decoded = NULL;
  assert_model(copied->route_config);
  assert_int_equal(gw_xds_decode_resource(GW_RESOURCE_ROUTE_CONFIG, copied->any, &errors, &arena, NULL, &decoded), GW_OK);
  assert_model(decoded->route_config);
  struct gw_resource *again[] = {gw_xds_encode_route_config(copied->route_config), gw_xds_encode_route_config(decoded->route_config)};
  for (int i = 0; i < 2; i++) {
    assert_int_equal(again[i]->any->len, copied->any->len);
    assert_memory_equal(again[i]->any->data, copied->any->data, copied->any->len);
    gw_resource_unref(again[i]);
  }
  gw_resource_unref(decoded);
  gw_resource_unref(copied);
  gw_errors_done(&errors);
  gw_arena_done(&arena);
}

typedef Envoy__Config__Rbac__V3__RBAC Rbac;
#define CHANGE(name) static void name(struct gw_arena *arena, void *m)
#define POLICY(m) ((Rbac *)(m))->policies[0]->value
#define PRINCIPAL(m, i) POLICY(m)->principals[i]
#define PERMISSION(m, i) POLICY(m)->permissions[i]
#define UNUSED (void)arena

CHANGE(log_action) {
  UNUSED;
  ((Rbac *)m)->action = ENVOY__CONFIG__RBAC__V3__RBAC__ACTION__LOG;
}
CHANGE(audit) {
  add_unknown(arena, m, 3);
}
CHANGE(condition) {
  add_unknown(arena, &POLICY(m)->base, 3);
}
CHANGE(no_principals) {
  UNUSED;
  POLICY(m)->n_principals = 0;
}
CHANGE(twice) {
  UNUSED;
  ((Rbac *)m)->policies[1]->key = ((Rbac *)m)->policies[0]->key;
}
CHANGE(any_false) {
  UNUSED;
  PERMISSION(m, 0)->any = false;
}
CHANGE(port_permission) {
  UNUSED;
  PERMISSION(m, 0)->rule_case = 0;
  add_unknown(arena, &PERMISSION(m, 0)->base, 6);
}
CHANGE(route_metadata) {
  UNUSED;
  PRINCIPAL(m, 0)->sourced_metadata->metadata_source = ENVOY__CONFIG__RBAC__V3__METADATA_SOURCE__ROUTE;
}
CHANGE(other_filter) {
  PRINCIPAL(m, 0)->sourced_metadata->metadata_matcher->filter = gw_xds_encode_str(arena, GW_STR("envoy.lb"));
}
CHANGE(no_value) {
  UNUSED;
  PRINCIPAL(m, 0)->sourced_metadata->metadata_matcher->value = NULL;
}
CHANGE(no_claim_path) {
  UNUSED;
  PRINCIPAL(m, 0)->sourced_metadata->metadata_matcher->n_path = 0;
}
CHANGE(or_of_one) {
  UNUSED;
  PRINCIPAL(m, 0)->sourced_metadata->metadata_matcher->value->list_match->one_of->or_match->n_value_matchers = 1;
}
CHANGE(bad_range) {
  UNUSED;
  PRINCIPAL(m, 3)->remote_ip->prefix_len->value = 33;
}
CHANGE(foreign_matcher) {
  PERMISSION(m, 5)->matcher->typed_config->type_url = gw_xds_encode_str(arena, GW_STR("t/x.Y"));
}

static const struct refusal refusals[] = {
    {log_action, "rules.action: LOG is not supported"},
    {audit, "audit_logging_options: not supported"},
    {condition, "condition: not supported"},
    {no_principals, "rules.policies[0].principals: must not be empty"},
    {twice, "rules.policies: have \"a\" twice"},
    {any_false, "rules.policies[0].permissions[0].any: must be true"},
    {port_permission, "destination_port: not supported"},
    {route_metadata, "principals[0].sourced_metadata.metadata_source: ROUTE is not supported"},
    {other_filter, "metadata_matcher.filter: \"envoy.lb\" is not supported"},
    {no_value, "metadata_matcher.value: is missing"},
    {no_claim_path, "metadata_matcher.path: has 0 segments"},
    {or_of_one, "or_match.value_matchers: are 1"},
    {bad_range, "principals[3].remote_ip.address_prefix[0]: \"10.0.0.0/33\" is not like"},
    {foreign_matcher, "permissions[5].matcher.typed_config: type \"t/x.Y\" is not supported here"},
};

static void test_what_is_not_supported_is_refused_with_its_place(void **state) {
  (void)state;
  for (size_t i = 0; i < GW_ARRAY_LEN(refusals); i++) {
    struct gw_route routes[4];
    struct gw_arena arena;
    gw_arena_init(&arena, 4096);
    struct gw_resource *resource = encode(routes);
    Envoy__Config__Route__V3__RouteConfiguration *config = gw_xds_encode_route_config_message(&arena, resource->route_config);
    Google__Protobuf__Any *packed = config->virtual_hosts[0]->routes[1]->typed_per_filter_config[0]->value;
    ProtobufCMessage *unpacked;
    assert_int_equal(gw_wire_unpack(&envoy__extensions__filters__http__rbac__v3__rbacper_route__descriptor,
                                    (struct gw_str){(const char *)packed->value.data, packed->value.len}, &arena, &unpacked),
                     GW_OK);
    refusals[i].change(&arena, ((Envoy__Extensions__Filters__Http__Rbac__V3__RBACPerRoute *)unpacked)->rbac->rules);
    config->virtual_hosts[0]->routes[1]->typed_per_filter_config[0]->value = gw_xds_encode_any(&arena, unpacked);
    char *said = decode_packed(&arena, GW_RESOURCE_ROUTE_CONFIG, &config->base);
    assert_mistake(said, refusals[i].mistake);
    free(said);
    gw_resource_unref(resource);
    gw_arena_done(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_everything_comes_back_by_wire_and_by_copy),
      cmocka_unit_test(test_what_is_not_supported_is_refused_with_its_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
