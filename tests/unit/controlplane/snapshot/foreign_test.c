/* What stock Envoy gets instead of what only our data planes understand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/model/forwarded_identity.h"
#include "common/model/jwt_authn.h"
#include "common/model/rbac.h"
#include "common/xds/codec.h"
#include "controlplane/snapshot/foreign.h"

static const struct gw_jwt_header bearer = {.name = GW_STR("authorization"), .prefix = GW_STR("Bearer ")};
static const struct gw_str claims[] = {GW_STR("tenant")};
static const struct gw_jwt_provider providers[] = {
    {.name = GW_STR("hmac"), .jwks = GW_STR(GW_JWT_NO_KEYS), .secret = GW_STR("jwt/hmac"), .headers = &bearer, .header_count = 1},
    {.name = GW_STR("picky"),
     .jwks = GW_STR(GW_JWT_NO_KEYS),
     .required_claims = claims,
     .required_claim_count = 1,
     .headers = &bearer,
     .header_count = 1},
    {.name = GW_STR("rsa"), .jwks = GW_STR("{\"keys\":[{}]}"), .headers = &bearer, .header_count = 1},
};
static const struct gw_jwt_requirement of_any[] = {{.kind = GW_JWT_REQUIRES_PROVIDER, .provider = 2},
                                                   {.kind = GW_JWT_REQUIRES_PROVIDER, .provider = 0}};
static const struct gw_jwt_named_requirement requirements[] = {
    {GW_STR("any"), {.kind = GW_JWT_REQUIRES_ANY, .children = of_any, .child_count = 2}},
    {GW_STR("picky"), {.kind = GW_JWT_REQUIRES_PROVIDER, .provider = 1}},
    {GW_STR("rsa"), {.kind = GW_JWT_REQUIRES_PROVIDER, .provider = 2}},
};
static const struct gw_jwt_authn authn = {.providers = providers,
                                          .provider_count = 3,
                                          .requirements = requirements,
                                          .requirement_count = 3};
static const struct gw_forwarded_identity identity = {.user_id = GW_STR("x-user-id"), .request_id = GW_STR("x-request-id")};

static const struct gw_access_log_route one_of_ten = {.filter = {.kind = GW_LOG_FILTER_SAMPLE, .numerator = 10, .denominator = 100}};

static struct gw_snapshot *make_with(const struct gw_jwt_authn *tokens, const char *const *route_requirements, uint32_t count) {
  static const struct gw_str trusted = {"10.0.0.0/8", 10};
  struct gw_http_filter filters[] = {
      {.name = GW_STR("gateway.filters.http.limits"), .kind = GW_FILTER_LIMITS},
      {.name = GW_STR("envoy.filters.http.jwt_authn"), .kind = GW_FILTER_JWT_AUTHN, .settings.jwt_authn = tokens},
      {.name = GW_STR("gateway.filters.http.identity"), .kind = GW_FILTER_IDENTITY, .settings.forwarded_identity = &identity},
      {.name = GW_STR("envoy.filters.http.router"), .kind = GW_FILTER_ROUTER},
  };
  struct gw_listener listener = {.name = GW_STR("gateway"),
                                 .address = GW_STR("127.0.0.1"),
                                 .http = {.route_config_name = GW_STR("gateway"),
                                          .filters = filters,
                                          .filter_count = 4,
                                          .use_remote_address = true,
                                          .trusted_cidrs = &trusted,
                                          .trusted_cidr_count = 1,
                                          .max_request_headers_kb = 60,
                                          .max_headers_count = 100,
                                          .http2 = {.hpack_table_size = 4096,
                                                    .max_concurrent_streams = 100,
                                                    .initial_stream_window = 65535,
                                                    .initial_connection_window = 65535,
                                                    .max_outbound_control_frames = 1000,
                                                    .max_window_updates = 10}}};
  struct gw_route routes[8] = {0};
  struct gw_jwt_route jwt[8] = {0};
  struct gw_route_filters of_routes[8] = {0};
  for (uint32_t i = 0; i < count; i++) {
    jwt[i].requirement = gw_str_from(route_requirements[i]);
    of_routes[i].jwt = &jwt[i];
    of_routes[i].access_log = &one_of_ten;
    routes[i] = (struct gw_route){.index = i,
                                  .name = GW_STR("r"),
                                  .match = {.kind = GW_PATH_MATCH_PREFIX, .path = GW_STR("/")},
                                  .action = GW_ROUTE_FORWARD,
                                  .forward.cluster = GW_STR("c"),
                                  .has_body_limit = true,
                                  .filters = route_requirements[i] != NULL ? &of_routes[i] : NULL};
  }
  struct gw_str domain = GW_STR("*");
  struct gw_virtual_host host = {.name = GW_STR("all"), .domains = &domain, .domain_count = 1, .routes = routes, .route_count = count};
  struct gw_route_config config = {.name = GW_STR("gateway"), .virtual_hosts = &host, .virtual_host_count = 1, .route_count = count};
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  gw_snapshot_builder_add(builder, gw_xds_encode_listener(&listener));
  gw_snapshot_builder_add(builder, gw_xds_encode_route_config(&config));
  return gw_snapshot_builder_freeze(builder);
}

static struct gw_snapshot *make(const char *const *route_requirements, uint32_t count) {
  return make_with(&authn, route_requirements, count);
}

static const struct gw_route *route_of(const struct gw_snapshot *snapshot, uint32_t index) {
  const struct gw_resource *resource = gw_snapshot_find(snapshot, GW_RESOURCE_ROUTE_CONFIG, GW_STR("gateway"));
  assert_non_null(resource);
  return &resource->route_config->virtual_hosts[0].routes[index];
}

static void test_path_parameters_in_access_rules_are_ours_alone(void **state) {
  (void)state;
  const struct gw_parameter_match match = {.name = GW_STR("id"), .path = claims, .path_count = 1};
  const struct gw_rbac_rule leaf = {.kind = GW_RBAC_PARAMETER, .parameter = &match}, any = {.kind = GW_RBAC_ANY},
                            both[] = {any, {.kind = GW_RBAC_NOT, .children = &leaf, .child_count = 1}};
  struct gw_rbac_policy policy = {.name = GW_STR("p"),
                                  .permissions = {.kind = GW_RBAC_OR, .children = both, .child_count = 2},
                                  .principals = {.kind = GW_RBAC_OR, .children = &any, .child_count = 1}};
  const struct gw_rbac rbac = {.policies = &policy, .policy_count = 1};
  const struct gw_rbac_route rules = {{&rbac, NULL}}, shadow = {{NULL, &rbac}};
  const struct gw_route_filters filters[] = {{.rbac = &rules}, {.rbac_deny = &shadow}};
  const struct gw_http_connection_manager http = {0};
  for (int i = 0; i < 2; i++) {
    const struct gw_route route = {.filters = &filters[i]};
    assert_string_equal(gw_foreign_route_fault(&http, &route), "path parameters that must be as a claim says");
  }
  policy.permissions.child_count = 1;
  const struct gw_route plain = {.filters = &filters[0]};
  assert_null(gw_foreign_route_fault(&http, &plain));
}

static void test_what_only_we_enforce_is_501_and_the_rest_is_served(void **state) {
  (void)state;
  static const char *const wanted[] = {"rsa", "any", "picky", NULL};
  struct gw_snapshot *snapshot = make(wanted, 4);
  struct gw_foreign *foreign = gw_foreign_new();
  struct gw_snapshot *theirs = gw_foreign_make(foreign, snapshot);
  assert_int_equal(route_of(theirs, 0)->action, GW_ROUTE_FORWARD);
  assert_non_null(route_of(theirs, 0)->filters->jwt);
  for (uint32_t i = 1; i < 3; i++) {
    assert_int_equal(route_of(theirs, i)->action, GW_ROUTE_DIRECT_RESPONSE);
    assert_int_equal(route_of(theirs, i)->direct.status, 501);
    assert_null(route_of(theirs, i)->filters);
  }
  assert_non_null(memmem(route_of(theirs, 1)->direct.body.data, route_of(theirs, 1)->direct.body.len, "symmetric keys", 14));
  assert_int_equal(route_of(theirs, 3)->action, GW_ROUTE_FORWARD);
  GW_CLEANUP(gw_free_ptr) char *words = gw_str_dup(gw_foreign_words(foreign));
  assert_non_null(strstr(words, "1 route answers 501 here: only our data planes enforce tokens with symmetric keys"));
  assert_non_null(strstr(words, "1 route answers 501 here: only our data planes enforce required claims"));
  gw_snapshot_unref(theirs);
  gw_snapshot_unref(snapshot);
  gw_foreign_free(foreign);
}

static void test_listener_has_only_what_they_know(void **state) {
  (void)state;
  static const char *const wanted[] = {"rsa"};
  struct gw_snapshot *snapshot = make(wanted, 1);
  struct gw_foreign *foreign = gw_foreign_new();
  struct gw_snapshot *theirs = gw_foreign_make(foreign, snapshot);
  const struct gw_http_connection_manager *http = &gw_snapshot_find(theirs, GW_RESOURCE_LISTENER, GW_STR("gateway"))->listener->http;
  assert_int_equal(http->filter_count, 2);
  assert_int_equal(http->filters[0].kind, GW_FILTER_JWT_AUTHN);
  const struct gw_jwt_authn *left = http->filters[0].settings.jwt_authn;
  assert_int_equal(http->trusted_cidr_count, 0);
  assert_int_equal(left->provider_count, 1); /* it refuses listeners with a provider that has no keys */
  assert_true(gw_str_equal(left->providers[0].name, GW_STR("rsa")));
  assert_int_equal(left->requirement_count, 1);
  assert_int_equal(left->requirements[0].requirement.provider, 0);
  assert_false(route_of(theirs, 0)->has_body_limit);
  assert_non_null(route_of(snapshot, 0)->filters->access_log);
  assert_null(route_of(theirs, 0)->filters->access_log);
  /* It can't print a message that it does not know, optional or not. */
  const struct gw_bytes *any = gw_snapshot_find(theirs, GW_RESOURCE_LISTENER, GW_STR("gateway"))->any;
  assert_null(memmem(any->data, any->len, "gateway.filters", 15));
  /* Nobody tells the service who asks there, so nobody may claim to. */
  const struct gw_header_changes *changes = route_of(theirs, 0)->request_headers;
  assert_int_equal(changes->remove_count, 1);
  assert_true(gw_str_equal(changes->remove[0], GW_STR("x-user-id")));
  gw_snapshot_unref(theirs);
  gw_snapshot_unref(snapshot);
  gw_foreign_free(foreign);
}

/* As with JWT_SECRET_KEY and nothing else. */
static void test_listener_without_a_provider_that_they_could_use_has_no_token_filter(void **state) {
  (void)state;
  static const struct gw_jwt_named_requirement only[] = {{GW_STR("hmac"), {.kind = GW_JWT_REQUIRES_PROVIDER, .provider = 0}}};
  static const struct gw_jwt_authn symmetric = {.providers = providers, .provider_count = 1, .requirements = only, .requirement_count = 1};
  static const char *const wanted[] = {"hmac", NULL};
  struct gw_snapshot *snapshot = make_with(&symmetric, wanted, 2);
  struct gw_foreign *foreign = gw_foreign_new();
  struct gw_snapshot *theirs = gw_foreign_make(foreign, snapshot);
  const struct gw_http_connection_manager *http = &gw_snapshot_find(theirs, GW_RESOURCE_LISTENER, GW_STR("gateway"))->listener->http;
  assert_int_equal(http->filter_count, 1);
  assert_int_equal(http->filters[0].kind, GW_FILTER_ROUTER);
  assert_int_equal(route_of(theirs, 0)->direct.status, 501);
  assert_int_equal(route_of(theirs, 1)->action, GW_ROUTE_FORWARD);
  gw_snapshot_unref(theirs);
  gw_snapshot_unref(snapshot);
  gw_foreign_free(foreign);
}

static void test_what_did_not_change_stays_the_very_resource(void **state) {
  (void)state;
  static const char *const wanted[] = {"any"};
  struct gw_snapshot *snapshot = make(wanted, 1);
  struct gw_foreign *foreign = gw_foreign_new();
  struct gw_snapshot *first = gw_foreign_make(foreign, snapshot), *second = gw_foreign_make(foreign, snapshot);
  assert_string_equal(first->version, second->version);
  assert_ptr_equal(first->lists[GW_RESOURCE_ROUTE_CONFIG].items[0], second->lists[GW_RESOURCE_ROUTE_CONFIG].items[0]);
  assert_ptr_equal(first->lists[GW_RESOURCE_LISTENER].items[0], second->lists[GW_RESOURCE_LISTENER].items[0]);
  assert_string_not_equal(first->version, snapshot->version);
  gw_snapshot_unref(first);
  gw_snapshot_unref(second);
  gw_snapshot_unref(snapshot);
  gw_foreign_free(foreign);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_path_parameters_in_access_rules_are_ours_alone),
      cmocka_unit_test(test_what_only_we_enforce_is_501_and_the_rest_is_served),
      cmocka_unit_test(test_listener_has_only_what_they_know),
      cmocka_unit_test(test_listener_without_a_provider_that_they_could_use_has_no_token_filter),
      cmocka_unit_test(test_what_did_not_change_stays_the_very_resource),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
