#include "dataplane/server/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"

#define PARSE(options, exit_code, ...) parse((char *[]){(char *)"gateway-dataplane", __VA_ARGS__ __VA_OPT__(, ) NULL}, options, exit_code)

static enum gw_err parse(char **argv, struct gw_options *options, int *exit_code) {
  int argc = 0;
  while (argv[argc] != NULL)
    argc++;
  return gw_options_parse(argc, argv, options, exit_code);
}

static void assert_refused(char **argv) {
  struct gw_options options;
  int exit_code = -1;
  assert_int_equal(parse(argv, &options, &exit_code), GW_ERR_INVALID);
  assert_int_equal(exit_code, GW_EXIT_USAGE);
}
#define ASSERT_REFUSED(...) assert_refused((char *[]){(char *)"gateway-dataplane", __VA_ARGS__, NULL})

static void test_parse_of_nothing_gives_the_defaults(void **state) {
  (void)state;
  struct gw_options options;
  int exit_code;
  assert_int_equal(PARSE(&options, &exit_code), GW_OK);
  assert_string_equal(options.targets[0], "127.0.0.1:18000");
  assert_null(options.targets[1]);
  assert_string_equal(options.node_cluster, "default");
  assert_true(options.node_id[0] != '\0');
  assert_true(options.workers >= 1);
  assert_int_equal(gw_address_port(&options.status_http), 9903);
  assert_int_equal(gw_address_port(&options.admin_http), 9901);
  assert_int_equal(gw_address_port(&options.admin_grpc), 9902);
  assert_int_equal(options.cache_max_age_ms, 24 * 3600 * 1000);
  assert_int_equal(options.drain_delay_ms, 5000);
  assert_int_equal(options.drain_time_ms, 30000);
  assert_false(options.has_listen);
  assert_false(options.is_insecure);
  gw_options_done(&options);
}

static void test_parse_takes_every_flag(void **state) {
  (void)state;
  struct gw_options options;
  int exit_code;
  assert_int_equal(PARSE(&options, &exit_code, "--xds", "localhost:1,[::1]:2", "--node-id", "n", "--node-cluster", "c", "--workers", "3",
                         "--listen", "0.0.0.0:0", "--status-http", "0.0.0.0:1", "--admin-http", "127.0.0.1:2", "--admin-grpc", "[::1]:3",
                         "--cache-dir", "/d", "--cache-key-file", "/k", "--cache-max-age", "90m", "--admin-token-file", "/t",
                         "--drain-delay", "250ms", "--drain-time", "7", "--ports-file", "/p", "--log-level", "debug", "--log-format",
                         "json", "--log-file", "/l", "--access-log-file", "/a"),
                   GW_OK);
  assert_string_equal(options.targets[0], "localhost:1");
  assert_string_equal(options.targets[1], "[::1]:2");
  assert_null(options.targets[2]);
  assert_int_equal(options.workers, 3);
  assert_true(options.has_listen);
  assert_int_equal(options.cache_max_age_ms, 90 * 60 * 1000);
  assert_int_equal(options.drain_delay_ms, 250);
  assert_int_equal(options.drain_time_ms, 7000);
  assert_string_equal(options.cache_key_file, "/k");
  assert_int_equal(options.log_level, GW_LOG_DEBUG);
  assert_int_equal(options.log_format, GW_LOG_JSON);
  assert_string_equal(options.log_file, "/l");
  assert_string_equal(options.access_log_file, "/a");
  gw_options_done(&options);
}

static void test_parse_takes_the_environment_and_flags_win(void **state) {
  (void)state;
  setenv("GATEWAY_NODE_ID", "from-environment", 1);
  setenv("GATEWAY_DRAIN_DELAY", "1s", 1);
  setenv("GATEWAY_XDS", "10.0.0.1:18000", 1);
  setenv("GATEWAY_INSECURE", "true", 1);
  struct gw_options options;
  int exit_code;
  assert_int_equal(PARSE(&options, &exit_code, "--drain-delay", "2s"), GW_OK);
  assert_string_equal(options.node_id, "from-environment");
  assert_int_equal(options.drain_delay_ms, 2000);
  assert_string_equal(options.targets[0], "10.0.0.1:18000");
  gw_options_done(&options);
  setenv("GATEWAY_INSECURE", "maybe", 1);
  ASSERT_REFUSED("--workers", "1");
  unsetenv("GATEWAY_NODE_ID");
  unsetenv("GATEWAY_DRAIN_DELAY");
  unsetenv("GATEWAY_XDS");
  unsetenv("GATEWAY_INSECURE");
}

static void test_parse_of_bad_values_is_a_usage_mistake(void **state) {
  (void)state;
  ASSERT_REFUSED("--xds", "nowhere");
  ASSERT_REFUSED("--xds", "127.0.0.1:0");
  ASSERT_REFUSED("--xds", "127.0.0.1:1,");
  ASSERT_REFUSED("--xds", "");
  ASSERT_REFUSED("--workers", "0");
  ASSERT_REFUSED("--workers", "257");
  ASSERT_REFUSED("--workers", "two");
  ASSERT_REFUSED("--listen", "localhost:80");
  ASSERT_REFUSED("--drain-delay", "5 s");
  ASSERT_REFUSED("--drain-delay", "");
  ASSERT_REFUSED("--cache-max-age", "99999999h");
  ASSERT_REFUSED("--cache-key-file", "/k");
  ASSERT_REFUSED("--node-id", "");
  ASSERT_REFUSED("--log-level", "loud");
  ASSERT_REFUSED("--log-format", "xml");
  ASSERT_REFUSED("--no-such-flag");
  ASSERT_REFUSED("something");
}

static void test_parse_wants_all_three_tls_files(void **state) {
  (void)state;
  ASSERT_REFUSED("--xds-tls-ca", "/ca");
  ASSERT_REFUSED("--xds-tls-cert", "/cert", "--xds-tls-key", "/key");
  ASSERT_REFUSED("--xds-tls-ca", "/ca", "--xds-tls-cert", "/cert");
}

static void test_parse_with_tls_lets_xds_reach_beyond_loopback(void **state) {
  (void)state;
  struct gw_options options;
  int exit_code;
  assert_int_equal(PARSE(&options, &exit_code, "--xds", "control.example:18000", "--xds-tls-ca", "/ca", "--xds-tls-cert", "/cert",
                         "--xds-tls-key", "/key"),
                   GW_OK);
  assert_string_equal(options.xds_tls_key, "/key");
  gw_options_done(&options);
  ASSERT_REFUSED("--admin-http", "0.0.0.0:9901", "--xds-tls-ca", "/ca", "--xds-tls-cert", "/cert", "--xds-tls-key", "/key");
}

static void test_parse_wants_insecure_for_plaintext_beyond_loopback(void **state) {
  (void)state;
  ASSERT_REFUSED("--xds", "10.0.0.1:18000");
  ASSERT_REFUSED("--xds", "127.0.0.1:18000,control.example:18000");
  ASSERT_REFUSED("--admin-http", "0.0.0.0:9901");
  ASSERT_REFUSED("--admin-grpc", "0.0.0.0:9902");
  struct gw_options options;
  int exit_code;
  assert_int_equal(PARSE(&options, &exit_code, "--xds", "control.example:18000", "--admin-http", "0.0.0.0:9901", "--insecure"), GW_OK);
  gw_options_done(&options);
  assert_int_equal(PARSE(&options, &exit_code, "--status-http", "0.0.0.0:9903"), GW_OK);
  gw_options_done(&options);
}

static void test_parse_of_version_and_help_ends_with_0(void **state) {
  (void)state;
  struct gw_options options;
  int exit_code = -1;
  assert_int_equal(PARSE(&options, &exit_code, "--version"), GW_ERR_INVALID);
  assert_int_equal(exit_code, GW_EXIT_OK);
  exit_code = -1;
  assert_int_equal(PARSE(&options, &exit_code, "--help"), GW_ERR_INVALID);
  assert_int_equal(exit_code, GW_EXIT_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parse_of_nothing_gives_the_defaults),
      cmocka_unit_test(test_parse_takes_every_flag),
      cmocka_unit_test(test_parse_takes_the_environment_and_flags_win),
      cmocka_unit_test(test_parse_of_bad_values_is_a_usage_mistake),
      cmocka_unit_test(test_parse_wants_all_three_tls_files),
      cmocka_unit_test(test_parse_with_tls_lets_xds_reach_beyond_loopback),
      cmocka_unit_test(test_parse_wants_insecure_for_plaintext_beyond_loopback),
      cmocka_unit_test(test_parse_of_version_and_help_ends_with_0),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
