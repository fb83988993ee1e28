#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <getopt.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "controlplane/server/options.h"

/* Parses the words behind the program's name. */
static enum gw_err parse(struct gw_options *options, int *ret_exit, const char *const *words) {
  const char *argv[16] = {"gateway-controlplane"};
  int argc = 1;
  for (; words[argc - 1] != NULL; argc++)
    argv[argc] = words[argc - 1];
  optind = 0; /* getopt starts anew */
  return gw_options_parse(argc, (char **)argv, options, ret_exit);
}

#define PARSE(options, exit, ...) parse(options, exit, (const char *const[]){__VA_ARGS__, NULL})

static void assert_refused(int expected_exit, const char *const *words) {
  struct gw_options options;
  int exit_code = 0;
  assert_int_equal(parse(&options, &exit_code, words), GW_ERR_INVALID);
  assert_int_equal(exit_code, expected_exit);
}
#define ASSERT_USAGE(...) assert_refused(GW_EXIT_USAGE, (const char *const[]){__VA_ARGS__, NULL})

static void test_defaults_are_the_documented_ones(void **state) {
  (void)state;
  struct gw_options options;
  int exit_code;
  assert_int_equal(parse(&options, &exit_code, (const char *const[]){NULL}), GW_OK);
  assert_string_equal(options.routes, "config/routes.yaml");
  assert_string_equal(options.services, "config/services.yaml");
  assert_int_equal(gw_address_port(&options.xds_listen), 18000);
  assert_int_equal(gw_address_port(&options.admin_listen), 18001);
  assert_int_equal(gw_address_port(&options.http_listen), 18002);
  assert_true(gw_address_is_loopback(&options.xds_listen));
  assert_null(options.settings[0]);
  gw_options_done(&options);
}

static void test_settings_are_collected_in_order(void **state) {
  (void)state;
  struct gw_options options;
  int exit_code;
  assert_int_equal(PARSE(&options, &exit_code, "--set", "PORT=1", "--set", "HOST=::1"), GW_OK);
  assert_string_equal(options.settings[0], "PORT=1");
  assert_string_equal(options.settings[1], "HOST=::1");
  assert_null(options.settings[2]);
  gw_options_done(&options);
}

static void test_setting_without_a_name_is_refused(void **state) {
  (void)state;
  ASSERT_USAGE("--set", "PORT");
  ASSERT_USAGE("--set", "=1");
}

static void test_addresses_beyond_loopback_want_insecure(void **state) {
  (void)state;
  ASSERT_USAGE("--xds-listen", "0.0.0.0:1");
  ASSERT_USAGE("--admin-listen", "[::]:1");
  struct gw_options options;
  int exit_code;
  assert_int_equal(PARSE(&options, &exit_code, "--xds-listen", "0.0.0.0:1", "--insecure"), GW_OK);
  gw_options_done(&options);
  assert_int_equal(PARSE(&options, &exit_code, "--http-listen", "0.0.0.0:1"), GW_OK);
  gw_options_done(&options);
}

static void test_tls_wants_all_three_files(void **state) {
  (void)state;
  ASSERT_USAGE("--xds-tls-ca", "a");
  ASSERT_USAGE("--xds-tls-cert", "b", "--xds-tls-key", "c");
  ASSERT_USAGE("--admin-tls-ca", "a", "--admin-tls-key", "c");
  ASSERT_USAGE("--xds-tls-ca", "a", "--admin-tls-cert", "b", "--admin-tls-key", "c");
}

static void test_tls_lets_a_port_reach_beyond_loopback(void **state) {
  (void)state;
  struct gw_options options;
  int exit_code;
  assert_int_equal(PARSE(&options, &exit_code, "--xds-listen", "0.0.0.0:1", "--xds-tls-ca", "a", "--xds-tls-cert", "b", "--xds-tls-key",
                         "c"),
                   GW_OK);
  assert_string_equal(options.xds_tls.ca, "a");
  assert_string_equal(options.xds_tls.cert, "b");
  assert_string_equal(options.xds_tls.key, "c");
  assert_null(options.admin_tls.ca);
  gw_options_done(&options);
  /* Each port for itself. */
  ASSERT_USAGE("--admin-listen", "0.0.0.0:1", "--xds-tls-ca", "a", "--xds-tls-cert", "b", "--xds-tls-key", "c");
}

static void test_wrong_words_are_refused(void **state) {
  (void)state;
  ASSERT_USAGE("--no-such-flag");
  ASSERT_USAGE("word");
  ASSERT_USAGE("--xds-listen", "localhost");
  ASSERT_USAGE("--log-level", "loud");
  ASSERT_USAGE("--log-format", "xml");
}

static void test_the_log_may_be_set_by_the_environment_and_flags_win(void **state) {
  (void)state;
  const char *const argv[] = {"gateway-controlplane", "--log-level", "error"};
  struct gw_options options;
  int code = -1;
  setenv("GATEWAY_LOG_LEVEL", "debug", 1);
  setenv("GATEWAY_LOG_FORMAT", "json", 1);
  optind = 0;
  assert_int_equal(gw_options_parse(3, (char **)(uintptr_t)argv, &options, &code), GW_OK);
  assert_int_equal(options.log_level, GW_LOG_ERROR);
  assert_int_equal(options.log_format, GW_LOG_JSON);
  gw_options_done(&options);
  setenv("GATEWAY_LOG_LEVEL", "loud", 1);
  ASSERT_USAGE("--log-format", "text");
  unsetenv("GATEWAY_LOG_LEVEL");
  unsetenv("GATEWAY_LOG_FORMAT");
}

static void test_help_ends_with_0(void **state) {
  (void)state;
  assert_refused(GW_EXIT_OK, (const char *const[]){"--help", NULL});
  assert_refused(GW_EXIT_OK, (const char *const[]){"--version", NULL});
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_defaults_are_the_documented_ones),
      cmocka_unit_test(test_settings_are_collected_in_order),
      cmocka_unit_test(test_setting_without_a_name_is_refused),
      cmocka_unit_test(test_addresses_beyond_loopback_want_insecure),
      cmocka_unit_test(test_tls_wants_all_three_files),
      cmocka_unit_test(test_tls_lets_a_port_reach_beyond_loopback),
      cmocka_unit_test(test_wrong_words_are_refused),
      cmocka_unit_test(test_the_log_may_be_set_by_the_environment_and_flags_win),
      cmocka_unit_test(test_help_ends_with_0),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
