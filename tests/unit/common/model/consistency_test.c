#include "common/model/consistency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/model/cluster.h"
#include "common/model/listener.h"

static const struct gw_route routes[] = {
    {.action = GW_ROUTE_FORWARD, .forward = {.cluster = GW_STR("c")}},
    {.action = GW_ROUTE_FORWARD, .forward = {.cluster = GW_STR("c")}},
    {.action = GW_ROUTE_DIRECT_RESPONSE, .direct = {404, {NULL, 0}}},
};
static const struct gw_virtual_host host = {.routes = routes, .route_count = 3};
static const struct gw_route_config config = {GW_STR("r"), &host, 1, 3, false};
static const struct gw_listener listener = {.name = GW_STR("l"), .http = {.route_config_name = GW_STR("r")}};
static const struct gw_listener inline_listener = {.name = GW_STR("l"), .http = {.inline_routes = &config}};
static const struct gw_listener api_listener = {.name = GW_STR("l"), .is_api_only = true};
static const struct gw_cluster eds_cluster = {.name = GW_STR("c"), .kind = GW_CLUSTER_EDS, .eds_service_name = GW_STR("e")};
static const struct gw_cluster dns_cluster = {.name = GW_STR("c"), .kind = GW_CLUSTER_STRICT_DNS};
static const struct gw_endpoints endpoints = {.cluster_name = GW_STR("e")};

struct part {
  enum gw_resource_type type;
  struct gw_str name;
  const void *value;
};

/* Checks a snapshot of those parts; the caller ends the errors. */
static struct gw_errors check(const struct part *parts, size_t count, enum gw_consistency of) {
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  for (size_t i = 0; i < count; i++) {
    struct gw_resource *resource = gw_resource_new(parts[i].type);
    resource->name = parts[i].name;
    resource->value = parts[i].value;
    gw_snapshot_builder_add(builder, resource);
  }
  struct gw_snapshot *snapshot = gw_snapshot_builder_freeze(builder);
  struct gw_errors errors;
  gw_errors_init(&errors);
  gw_consistency_check(snapshot, of, &errors);
  gw_snapshot_unref(snapshot);
  return errors;
}

#define CHECK(of, ...) check((const struct part[]){__VA_ARGS__}, sizeof((const struct part[]){__VA_ARGS__}) / sizeof(struct part), of)
#define LISTENER                                                                                                                           \
  { GW_RESOURCE_LISTENER, GW_STR("l"), &listener }
#define CONFIG                                                                                                                             \
  { GW_RESOURCE_ROUTE_CONFIG, GW_STR("r"), &config }
#define CLUSTER                                                                                                                            \
  { GW_RESOURCE_CLUSTER, GW_STR("c"), &eds_cluster }
#define ENDPOINTS                                                                                                                          \
  { GW_RESOURCE_ENDPOINTS, GW_STR("e"), &endpoints }

static void assert_one(struct gw_errors errors, const char *place, const char *sentence) {
  assert_int_equal(errors.error_count, 1);
  assert_string_equal(errors.items[0].place, place);
  assert_string_equal(errors.items[0].sentence, sentence);
  gw_errors_done(&errors);
}

static void assert_none(struct gw_errors errors) {
  assert_int_equal(errors.error_count, 0);
  gw_errors_done(&errors);
}

static void test_whole_snapshot_has_no_mistake(void **state) {
  (void)state;
  assert_none(CHECK(GW_CONSISTENCY_WANTED, LISTENER, CONFIG, CLUSTER, ENDPOINTS));
}

static void test_missing_route_configuration_is_named(void **state) {
  (void)state;
  assert_one(CHECK(GW_CONSISTENCY_SERVED, LISTENER, CLUSTER, ENDPOINTS), "listener \"l\"",
             "names route configuration \"r\", of which there is none");
}

static void test_missing_endpoints_are_named(void **state) {
  (void)state;
  assert_one(CHECK(GW_CONSISTENCY_SERVED, LISTENER, CONFIG, CLUSTER), "cluster \"c\"", "names endpoints \"e\", of which there is none");
}

static void test_missing_cluster_is_named_once_and_only_when_wanted(void **state) {
  (void)state;
  assert_one(CHECK(GW_CONSISTENCY_WANTED, LISTENER, CONFIG), "route configuration \"r\"", "names cluster \"c\", of which there is none");
  assert_none(CHECK(GW_CONSISTENCY_SERVED, LISTENER, CONFIG));
}

static void test_inline_routes_are_looked_at_too(void **state) {
  (void)state;
  assert_one(CHECK(GW_CONSISTENCY_WANTED, {GW_RESOURCE_LISTENER, GW_STR("l"), &inline_listener}), "listener \"l\"",
             "names cluster \"c\", of which there is none");
  assert_none(CHECK(GW_CONSISTENCY_SERVED, {GW_RESOURCE_LISTENER, GW_STR("l"), &inline_listener}));
}

static void test_api_listener_and_dns_cluster_need_nothing(void **state) {
  (void)state;
  assert_none(
      CHECK(GW_CONSISTENCY_WANTED, {GW_RESOURCE_LISTENER, GW_STR("l"), &api_listener}, {GW_RESOURCE_CLUSTER, GW_STR("c"), &dns_cluster}));
}

static const struct gw_str certificates[] = {GW_STR("one"), GW_STR("two")};
static const struct gw_downstream_tls tls = {.params = {.certificates = certificates, .certificate_count = 2, .validation = GW_STR("ca")},
                                             .ticket_keys = GW_STR("tickets")};
static const struct gw_listener tls_listener = {.name = GW_STR("l"), .http = {.inline_routes = &config}, .tls = &tls};
static const struct gw_upstream_tls upstream_tls = {.params = {.validation = GW_STR("ca")}};
static const struct gw_cluster tls_cluster = {.name = GW_STR("c"), .kind = GW_CLUSTER_STATIC, .tls = &upstream_tls};

static void test_secrets_are_wanted_where_they_are_served(void **state) {
  (void)state;
  struct gw_errors errors = CHECK(GW_CONSISTENCY_SERVED, {GW_RESOURCE_LISTENER, GW_STR("l"), &tls_listener});
  assert_int_equal(errors.error_count, 4);
  assert_string_equal(errors.items[1].sentence, "names secret \"two\", of which there is none");
  gw_errors_done(&errors);
  assert_one(CHECK(GW_CONSISTENCY_SERVED, {GW_RESOURCE_CLUSTER, GW_STR("c"), &tls_cluster}), "cluster \"c\"",
             "names secret \"ca\", of which there is none");
  assert_none(
      CHECK(GW_CONSISTENCY_WANTED, {GW_RESOURCE_LISTENER, GW_STR("l"), &tls_listener}, {GW_RESOURCE_CLUSTER, GW_STR("c"), &tls_cluster}));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_whole_snapshot_has_no_mistake),
      cmocka_unit_test(test_missing_route_configuration_is_named),
      cmocka_unit_test(test_missing_endpoints_are_named),
      cmocka_unit_test(test_missing_cluster_is_named_once_and_only_when_wanted),
      cmocka_unit_test(test_inline_routes_are_looked_at_too),
      cmocka_unit_test(test_api_listener_and_dns_cluster_need_nothing),
      cmocka_unit_test(test_secrets_are_wanted_where_they_are_served),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
