#include "controlplane/policy/source_yaml.h"
#include "policy_fixture.h"

#define ROUTES "routes: [{path: /, service: s}]"

/* NULL: there were mistakes, which *ret_told has. */
static struct gw_policy *load(const char *types, const char *service, char **ret_told) {
  GW_CLEANUP(gw_free_ptr) char *type = gw_asprintf("SERVICE_DISCOVERY_TYPE=%s", types);
  GW_CLEANUP(gw_free_ptr) char *text = gw_asprintf("services:\n  s: %s\n", service);
  const char *const overrides[] = {type, NULL};
  struct gw_settings *settings = fixture_settings(overrides);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_policy *policy = NULL;
  struct gw_policy_source routes = {"routes.yaml", GW_STR(ROUTES)}, services = {"services.yaml", gw_str_from(text)};
  gw_policy_load(&routes, &services, settings, &errors, &policy);
  *ret_told = gw_errors_format(&errors);
  gw_errors_done(&errors);
  gw_settings_free(settings);
  return policy;
}

static struct gw_policy *good(const char *types, const char *service) {
  char *told;
  struct gw_policy *policy = load(types, service, &told);
  if (policy == NULL) fail_msg("%s", told);
  free(told);
  assert_int_equal(policy->source_count, 1);
  assert_int_equal(policy->clusters[0].kind, GW_CLUSTER_EDS);
  return policy;
}

static void refused(const char *types, const char *service, const char *expected) {
  char *told;
  assert_null(load(types, service, &told));
  assert_string_equal(told, expected);
  free(told);
}

static void test_service_without_instances_is_of_the_first_registry(void **state) {
  (void)state;
  struct gw_policy *policy = good("static,dns,consul", "{}");
  assert_string_equal(policy->sources[0].kind, "consul");
  assert_null(policy->sources[0].endpoints);
  assert_int_equal(policy->static_endpoints_count, 0);
  gw_policy_free(policy);
}

static void test_service_with_instances_is_static(void **state) {
  (void)state;
  static const char *const forms[] = {"{instances: [{url: \"http://127.0.0.1:1\"}]}", "{source: static, instances: []}"};
  for (size_t i = 0; i < GW_ARRAY_LEN(forms); i++) {
    struct gw_policy *policy = good("consul", forms[i]);
    assert_string_equal(policy->sources[0].kind, "static");
    assert_ptr_equal(policy->sources[0].endpoints, &policy->static_endpoints[0]);
    gw_policy_free(policy);
  }
}

static void test_section_of_the_source_is_kept_as_it_is_written(void **state) {
  (void)state;
  struct gw_policy *policy = good("consul", "{source: consul, consul: {service: shop, tags: [a, b], include_warning: true}, tls: {}}");
  const struct gw_source_spec *spec = &policy->sources[0];
  assert_string_equal(spec->place, "services.yaml:2:3");
  assert_true(gw_str_equal(gw_source_spec_text(spec, "service", GW_STR("")), GW_STR("shop")));
  assert_true(gw_str_equal(gw_source_spec_text(spec, "include_warning", GW_STR("")), GW_STR("true")));
  assert_true(gw_str_equal(gw_source_spec_text(spec, "datacenter", GW_STR("none")), GW_STR("none")));
  const struct gw_source_value *tags = gw_source_spec_find(spec, "tags");
  assert_int_equal(tags->count, 2);
  assert_true(gw_str_equal(tags->texts[1], GW_STR("b")));
  assert_non_null(policy->clusters[0].tls); /* a registry does not say the scheme */
  gw_policy_free(policy);
}

static void test_mistakes_say_what_is_allowed(void **state) {
  (void)state;
  static const struct {
    const char *types, *service, *expected;
  } cases[] = {
      {"static", "{}",
       "services.yaml:2:3: service s needs instances: a list, which may be empty; or a source: SERVICE_DISCOVERY_TYPE (static) names no "
       "registry\n"},
      {"dns", "{}",
       "services.yaml:2:3: service s needs instances: a list, which may be empty; or a source: SERVICE_DISCOVERY_TYPE (dns) names no "
       "registry\n"},
      {"static", "{source: consul}", "services.yaml:2:15: SERVICE_DISCOVERY_TYPE (static) leaves consul out\n"},
      {"consul", "{source: static}", "services.yaml:2:3: service s needs instances: a list, which may be empty\n"},
      {"consul", "{source: consul, instances: []}",
       "services.yaml:2:34: the instances of service s come from consul (line 2): instances of its own can't stand here\n"},
      {"consul", "{source: []}", "services.yaml:2:15: source is text that is not empty, not a list\n"},
      {"consul,dns", "{source: dns}", "services.yaml:2:3: service s needs srv of its source, dns: {srv: …}\n"},
      {"consul,dns", "{source: dns, dns: {}}", "services.yaml:2:25: service s needs srv of its source, dns: {srv: …}\n"},
      {"consul,dns", "{source: consul, dns: {srv: x}}", "services.yaml:2:28: dns is for services of that source; service s is of consul\n"},
      {"consul", "{instances: [], consul: {}}", "services.yaml:2:30: consul is for services of that source; service s is of static\n"},
      {"consul", "{consul: {services: x}}",
       "services.yaml:2:16: consul has no key services (service?); allowed: service, tags, datacenter, namespace, include_warning\n"},
      {"consul", "{consul: {tags: [a, \"b\\nc\"]}}", "services.yaml:2:26: tags has 1 to 255 printable characters\n"},
      {"consul", "{consul: {tags: a}}", "services.yaml:2:22: tags is a list (- … or [ … ]), not a single value\n"},
      {"consul", "{consul: {service: \"\"}}", "services.yaml:2:25: service is text that is not empty, not nothing\n"},
      {"consul", "{consul: {include_warning: 7}}", "services.yaml:2:33: include_warning is true or false\n"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++)
    refused(cases[i].types, cases[i].service, cases[i].expected);
}

static void test_unknown_source_lists_those_that_are_known(void **state) {
  (void)state;
  char *told;
  assert_null(load("consul", "{source: zookeeper}", &told));
  assert_true(gw_str_has_prefix(gw_str_from(told), GW_STR("services.yaml:2:15: zookeeper is no source; static, consul, dns")));
  free(told);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_service_without_instances_is_of_the_first_registry), cmocka_unit_test(test_service_with_instances_is_static),
      cmocka_unit_test(test_section_of_the_source_is_kept_as_it_is_written),     cmocka_unit_test(test_mistakes_say_what_is_allowed),
      cmocka_unit_test(test_unknown_source_lists_those_that_are_known),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
