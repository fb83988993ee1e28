/* Why: policies from two texts, and mistakes as one text, for the tests of this folder.
 * Life: a policy is freed with gw_policy_free, a text with free().
 * Thread: the test's own. */
#ifndef GW_TESTS_UNIT_CONTROLPLANE_POLICY_FIXTURE_H
#define GW_TESTS_UNIT_CONTROLPLANE_POLICY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "controlplane/policy/policy.h"

static inline struct gw_settings *fixture_settings(const char *const *overrides) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_settings *settings = NULL;
  if (gw_settings_load("/dev/null", overrides, &errors, &settings) != GW_OK) fail_msg("%s", gw_errors_format(&errors));
  gw_errors_done(&errors);
  return settings;
}

/* NULL: there were mistakes. *ret_told: mistakes and warnings. */
static inline struct gw_policy *fixture_load(const char *routes, const char *services, char **ret_told) {
  struct gw_settings *settings = fixture_settings(NULL);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_policy *policy = NULL;
  struct gw_policy_source routes_source = {"routes.yaml", gw_str_from(routes)}, services_source = {"services.yaml", gw_str_from(services)};
  enum gw_err err = gw_policy_load(&routes_source, &services_source, settings, &errors, &policy);
  assert_int_equal(err, errors.error_count > 0 ? GW_ERR_INVALID : GW_OK);
  *ret_told = gw_errors_format(&errors);
  gw_errors_done(&errors);
  /* What a policy says outlives the settings that it was made with. */
  gw_settings_free(settings);
  return policy;
}

#define FIXTURE_SERVICES "services: {s: {instances: [{url: \"http://127.0.0.1:9001\"}]}, t: {instances: []}}"

static inline struct gw_policy *fixture_good(const char *routes, const char *services) {
  char *told;
  struct gw_policy *policy = fixture_load(routes, services, &told);
  if (policy == NULL) fail_msg("%s", told);
  free(told);
  return policy;
}

static inline void fixture_refused(const char *routes, const char *services, const char *expected) {
  char *told;
  struct gw_policy *policy = fixture_load(routes, services, &told);
  assert_null(policy);
  assert_string_equal(told, expected);
  free(told);
}

#endif
