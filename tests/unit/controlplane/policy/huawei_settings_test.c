#include "controlplane/policy/huawei_settings.h"

#include <stdio.h>
#include <unistd.h>

#include "tests/unit/controlplane/policy/policy_fixture.h"

/* What is told of "NAME=VALUE" flags, and of "NAME=VALUE" in the environment. */
static char *told(const char *const *flags, char *const *environment) {
  clearenv();
  for (; *environment != NULL; environment++)
    assert_int_equal(putenv(*environment), 0);
  struct gw_errors errors;
  struct gw_settings *settings = NULL;
  gw_errors_init(&errors);
  gw_settings_load("/dev/null", flags, &errors, &settings);
  gw_settings_free(settings);
  char *text = gw_errors_format(&errors);
  gw_errors_done(&errors);
  return text;
}

#define ENV(...) ((char *const[]){__VA_ARGS__, NULL})
#define NO_FLAGS ((const char *const[]){NULL})

static void assert_told(char *const *environment, const char *wanted) {
  GW_CLEANUP(gw_free_ptr) char *text = told(NO_FLAGS, environment);
  if (wanted[0] == '\0')
    assert_string_equal(text, "");
  else if (strstr(text, wanted) == NULL)
    fail_msg("no \"%s\" in:\n%s", wanted, text);
}

#define REGION "GATEWAY_HUAWEI_REGION=cn-north-4"
#define ACCESS "GATEWAY_HUAWEI_ACCESS_KEY=A"
#define SECRET "GATEWAY_HUAWEI_SECRET_KEY=sixteen-letters-"
#define USER "GATEWAY_HUAWEI_USER=u"
#define PASSWORD "GATEWAY_HUAWEI_PASSWORD=p"
#define DOMAIN "GATEWAY_HUAWEI_DOMAIN=d"
#define FILE_ "GATEWAY_HUAWEI_CREDENTIALS_FILE=/f"

static void test_a_key_a_user_or_a_file_are_good(void **state) {
  (void)state;
  assert_told(ENV(REGION, ACCESS, SECRET), "");
  assert_told(ENV(REGION, ACCESS, SECRET, "GATEWAY_HUAWEI_SECURITY_TOKEN=t"), "");
  assert_told(ENV(REGION, USER, PASSWORD, DOMAIN), "");
  assert_told(ENV(REGION, FILE_), "");
}

static void test_halves_and_two_ways_at_once_are_told(void **state) {
  (void)state;
  assert_told(ENV(REGION, ACCESS),
              "environment GATEWAY_HUAWEI_ACCESS_KEY: GATEWAY_HUAWEI_ACCESS_KEY is given without GATEWAY_HUAWEI_SECRET_KEY");
  assert_told(ENV(REGION, SECRET), "GATEWAY_HUAWEI_SECRET_KEY is given without GATEWAY_HUAWEI_ACCESS_KEY");
  assert_told(ENV(REGION, USER, PASSWORD), "GATEWAY_HUAWEI_USER is given without GATEWAY_HUAWEI_DOMAIN");
  assert_told(ENV(REGION, "GATEWAY_HUAWEI_SECURITY_TOKEN=t"), "without the key that it belongs to");
  assert_told(ENV(REGION, ACCESS, SECRET, "GATEWAY_HUAWEI_SECURITY_TOKEN=t t"), "ASCII without spaces");
  assert_told(ENV(REGION, ACCESS, SECRET, USER, PASSWORD, DOMAIN), "GATEWAY_HUAWEI_ACCESS_KEY and GATEWAY_HUAWEI_USER exclude each other");
  assert_told(ENV(REGION, ACCESS, SECRET, FILE_), "exclude each other: a key, a user, or a file");
}

static void test_a_region_is_wanted_with_credentials_and_credentials_with_the_source(void **state) {
  (void)state;
  assert_told(ENV(ACCESS, SECRET), "GATEWAY_HUAWEI_REGION is wanted, such as cn-north-4");
  assert_told(ENV(REGION), "");
  assert_told(ENV("GATEWAY_HUAWEI_REGION=evil.example.com/"), "the name of a region is allowed");
  assert_told(ENV(REGION, "GATEWAY_HUAWEI_PROJECT_ID=a/../b"), "the id of a project is allowed");
  assert_told(ENV("SERVICE_DISCOVERY_TYPE=static,huawei"), "SERVICE_DISCOVERY_TYPE names huawei, and there are no credentials");
  assert_told(ENV("SERVICE_DISCOVERY_TYPE=static,huawei", REGION, ACCESS, SECRET), "");
  assert_told(ENV("GATEWAY_HUAWEI_REFRESH=100ms"), "GATEWAY_HUAWEI_REFRESH: 1s or more is wanted");
}

static void test_endpoints_are_https_or_on_loopback(void **state) {
  (void)state;
  assert_told(ENV("GATEWAY_HUAWEI_ECS_ENDPOINT=https://ecs.example.com"), "");
  assert_told(ENV("GATEWAY_HUAWEI_ECS_ENDPOINT=http://127.0.0.1:8080/"), "");
  assert_told(ENV("GATEWAY_HUAWEI_IAM_ENDPOINT=http://localhost:8080"), "");
  assert_told(ENV("GATEWAY_HUAWEI_IAM_ENDPOINT=http://iam.example.com:80"), "http:// is allowed on loopback only");
  assert_told(ENV("GATEWAY_HUAWEI_IAM_ENDPOINT=http://127.0.0.1.example.com:80"), "http:// is allowed on loopback only");
  assert_told(ENV("GATEWAY_HUAWEI_IAM_ENDPOINT=http://127.0.0.1:80@example.com"), "https://HOST[:PORT] is allowed");
  assert_told(ENV("GATEWAY_HUAWEI_IAM_ENDPOINT=https://"), "https://HOST[:PORT] is allowed");
  assert_told(ENV("GATEWAY_HUAWEI_IAM_ENDPOINT=iam.example.com"), "https://HOST[:PORT] is allowed");
  assert_told(ENV("GATEWAY_HUAWEI_IAM_ENDPOINT=https://iam.example.com/v3"), "https://HOST[:PORT] is allowed");
}

static void test_secrets_are_refused_as_flags(void **state) {
  (void)state;
  static const char *const names[] = {GW_HUAWEI_SECRETS};
  for (size_t i = 0; i < GW_ARRAY_LEN(names); i++) {
    GW_CLEANUP(gw_free_ptr) char *flag = gw_asprintf("%s=hush-hush", names[i]);
    GW_CLEANUP(gw_free_ptr) char *text = told((const char *const[]){flag, NULL}, ENV(REGION));
    assert_non_null(strstr(text, names[i]));
    assert_non_null(strstr(text, "is a secret, and flags are shown by ps"));
    assert_null(strstr(text, "hush"));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_key_a_user_or_a_file_are_good),
      cmocka_unit_test(test_halves_and_two_ways_at_once_are_told),
      cmocka_unit_test(test_a_region_is_wanted_with_credentials_and_credentials_with_the_source),
      cmocka_unit_test(test_endpoints_are_https_or_on_loopback),
      cmocka_unit_test(test_secrets_are_refused_as_flags),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
