/* What services.yaml may say of the source huawei (source_yaml.c). */
#include "tests/unit/controlplane/policy/policy_fixture.h"

#include "controlplane/policy/source_yaml.h"

/* A policy of one service with this body; mistakes and warnings as text. */
static struct gw_policy *load(const char *types, const char *body, char **ret_told) {
  GW_CLEANUP(gw_free_ptr) char *type_flag = gw_asprintf("SERVICE_DISCOVERY_TYPE=%s", types);
  const char *const flags[] = {type_flag, "GATEWAY_HUAWEI_REGION=cn-north-4", "GATEWAY_HUAWEI_CREDENTIALS_FILE=/f", NULL};
  GW_CLEANUP(gw_free_ptr) char *services = gw_asprintf("services:\n  s: {%s}\n", body);
  struct gw_settings *settings = fixture_settings(flags);
  struct gw_policy_source routes_source = {"routes.yaml", GW_STR("routes: []\n")},
                          services_source = {"services.yaml", gw_str_from(services)};
  struct gw_policy *policy = NULL;
  struct gw_errors errors;
  gw_errors_init(&errors);
  gw_policy_load(&routes_source, &services_source, settings, &errors, &policy);
  *ret_told = gw_errors_format(&errors);
  gw_errors_done(&errors);
  gw_settings_free(settings);
  return policy;
}

static void assert_refused(const char *types, const char *body, const char *wanted) {
  GW_CLEANUP(gw_free_ptr) char *told = NULL;
  assert_null(load(types, body, &told));
  assert_string_equal(told, wanted);
}

static void test_a_service_says_tag_or_name_port_and_address(void **state) {
  (void)state;
  GW_CLEANUP(gw_free_ptr) char *told = NULL;
  struct gw_policy *policy = load("static,huawei", "source: huawei, huawei: {tag: role=web, port: 80, address: floating}", &told);
  assert_string_equal(told, "");
  assert_int_equal(policy->source_count, 1);
  const struct gw_source_spec *spec = &policy->sources[0];
  assert_string_equal(spec->kind, "huawei");
  assert_true(gw_str_equal(gw_source_spec_text(spec, "tag", GW_STR("")), GW_STR("role=web")));
  assert_true(gw_str_equal(gw_source_spec_text(spec, "port", GW_STR("")), GW_STR("80")));
  assert_true(gw_str_equal(gw_source_spec_text(spec, "address", GW_STR("")), GW_STR("floating")));
  assert_null(gw_source_spec_find(spec, "name"));
  gw_policy_free(policy);
}

static void test_what_is_missing_or_wrong_is_told(void **state) {
  (void)state;
  assert_refused("huawei", "source: huawei, huawei: {port: 80}", "services.yaml:2:31: service s needs tag or name of its source huawei\n");
  assert_refused("huawei", "source: huawei, huawei: {tag: a}",
                 "services.yaml:2:31: service s needs port of its source, huawei: {port: …}\n");
  assert_refused("huawei", "source: huawei",
                 "services.yaml:2:3: service s needs port of its source, huawei: {port: …}\n"
                 "services.yaml:2:3: service s needs tag or name of its source huawei\n");
  assert_refused("huawei", "source: huawei, huawei: {name: a, port: 0}", "services.yaml:2:47: port is a whole number from 1 to 65535\n");
  assert_refused("huawei", "source: huawei, huawei: {name: a, port: 80, address: public}",
                 "services.yaml:2:60: address: one of fixed,floating is allowed\n");
  assert_refused("static", "source: huawei, huawei: {name: a, port: 80}",
                 "services.yaml:2:15: SERVICE_DISCOVERY_TYPE (static) leaves huawei out\n");
}

static void test_it_is_no_registry_that_knows_services_by_name(void **state) {
  (void)state;
  GW_CLEANUP(gw_free_ptr) char *told = NULL;
  assert_null(load("huawei", "protocol: h2", &told));
  assert_non_null(strstr(told, "names no registry"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_service_says_tag_or_name_port_and_address),
      cmocka_unit_test(test_what_is_missing_or_wrong_is_told),
      cmocka_unit_test(test_it_is_no_registry_that_knows_services_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
