#include "controlplane/policy/settings.h"

#include <stdio.h>
#include <unistd.h>

#include "tests/unit/controlplane/policy/policy_fixture.h"

/* Runs in a folder of its own, with an environment that says nothing. */
struct folder {
  char path[64];
};

static int setup(void **state) {
  struct folder *folder = gw_calloc(1, sizeof(*folder));
  snprintf(folder->path, sizeof(folder->path), "/tmp/gw-settings-XXXXXX");
  assert_non_null(mkdtemp(folder->path));
  assert_int_equal(chdir(folder->path), 0);
  clearenv();
  *state = folder;
  return 0;
}

static int teardown(void **state) {
  struct folder *folder = *state;
  static const char *const files[] = {".env", ".env.dev", ".env.prod", "my.env"};
  for (size_t i = 0; i < GW_ARRAY_LEN(files); i++)
    unlink(files[i]);
  assert_int_equal(chdir("/"), 0);
  assert_int_equal(rmdir(folder->path), 0);
  free(folder);
  return 0;
}

static void write_file(const char *name, const char *text) {
  FILE *file = fopen(name, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static struct gw_settings *load(const char *env_file, const char *const *overrides, char **ret_told) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_settings *settings = NULL;
  enum gw_err err = gw_settings_load(env_file, overrides, &errors, &settings);
  assert_int_equal(err, errors.error_count > 0 ? GW_ERR_INVALID : GW_OK);
  *ret_told = gw_errors_format(&errors);
  gw_errors_done(&errors);
  return settings;
}

static void assert_line(const struct gw_settings *settings, const char *line) {
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  gw_settings_print(settings, &out);
  char *wanted = gw_asprintf("%s\n", line), *found = strstr(out.data, wanted);
  if (found == NULL || (found != out.data && found[-1] != '\n')) fail_msg("no line \"%s\" in:\n%s", line, out.data);
  free(wanted);
  gw_strbuf_done(&out);
}

static void assert_refused(const char *env, const char *expected) {
  char *told;
  write_file("my.env", env);
  assert_null(load("my.env", NULL, &told));
  assert_string_equal(told, expected);
  free(told);
}

static void test_defaults(void **state) {
  (void)state;
  char *told;
  struct gw_settings *settings = load(NULL, NULL, &told);
  assert_non_null(settings);
  assert_string_equal(told, "");
  free(told);
  assert_string_equal(settings->environment, "default");
  assert_string_equal(settings->host, "0.0.0.0");
  assert_int_equal(settings->port, 8000);
  assert_string_equal(settings->discovery_type, "static");
  assert_int_equal(settings->access_log, GW_ACCESS_LOG_JSON);
  assert_true(settings->has_health && settings->has_ready && settings->has_metrics);
  assert_int_equal(settings->connect_timeout_ms, 5000);
  assert_int_equal(settings->max_request_headers_kb, 60);
  assert_line(settings, "PORT=8000  (default)");
  gw_settings_free(settings);
}

static void test_sizes_have_units_and_bounds(void **state) {
  (void)state;
  char *told;
  write_file("my.env", "GATEWAY_MAX_REQUEST_BODY=1GiB\nGATEWAY_HTTP2_STREAM_WINDOW=65535\nGATEWAY_HTTP2_HEADER_TABLE=0\n"
                       "GATEWAY_HTTP2_CONNECTION_WINDOW=2 MiB\n");
  struct gw_settings *settings = load("my.env", NULL, &told);
  if (settings == NULL) fail_msg("%s", told);
  free(told);
  assert_int_equal(settings->max_request_body_bytes, 1u << 30);
  assert_int_equal(settings->http2_stream_window, 65535);
  assert_int_equal(settings->http2_header_table, 0);
  assert_int_equal(settings->http2_connection_window, 2 << 20);
  assert_line(settings, "GATEWAY_HTTP2_MAX_STREAMS=128  (default)");
  gw_settings_free(settings);
  assert_refused("GATEWAY_HTTP2_STREAM_WINDOW=1KiB\n", "my.env:1:29: GATEWAY_HTTP2_STREAM_WINDOW: bytes from 65535 to 2147483647 are "
                                                       "allowed, such as 65536, 64KiB or 100MiB\n");
  assert_refused("GATEWAY_MAX_REQUEST_BODY=10MB\n",
                 "my.env:1:26: GATEWAY_MAX_REQUEST_BODY: bytes from 0 to 4294967295 are allowed, such as "
                 "65536, 64KiB or 100MiB\n");
  assert_refused("GATEWAY_OVERLOAD_MEMORY_PERCENT=101\n",
                 "my.env:1:33: GATEWAY_OVERLOAD_MEMORY_PERCENT: a whole number from 0 to 100 is allowed\n");
}

static void test_the_access_logs_settings_have_bounds(void **state) {
  (void)state;
  char *told;
  write_file("my.env", "GATEWAY_ACCESS_LOG_SAMPLE_PERCENT=0.25\nGATEWAY_ACCESS_LOG_ALWAYS_STATUS=500\n"
                       "GATEWAY_ACCESS_LOG_ALWAYS_DURATION=2s\nGATEWAY_ACCESS_LOG_REDACT=X-Pin, x-other\n");
  struct gw_settings *settings = load("my.env", NULL, &told);
  if (settings == NULL) fail_msg("%s", told);
  free(told);
  assert_int_equal(settings->access_log_sample_millionths, 2500);
  assert_int_equal(settings->access_log_always_status, 500);
  assert_int_equal(settings->access_log_always_ms, 2000);
  assert_string_equal(settings->access_log_redact, "X-Pin, x-other");
  assert_line(settings, "GATEWAY_ACCESS_LOG_REQUESTS=false  (default)");
  gw_settings_free(settings);
  assert_refused("GATEWAY_ACCESS_LOG_SAMPLE_PERCENT=some\n",
                 "my.env:1:35: GATEWAY_ACCESS_LOG_SAMPLE_PERCENT: a number from 0 to 100, with up to four decimals is allowed\n");
  assert_refused("GATEWAY_ACCESS_LOG_ALWAYS_STATUS=600\n",
                 "my.env:1:34: GATEWAY_ACCESS_LOG_ALWAYS_STATUS: a whole number from 0 to 599 is allowed\n");
  assert_refused("GATEWAY_ACCESS_LOG_REQUEST_HEADERS=a,,b\n",
                 "my.env:1:36: GATEWAY_ACCESS_LOG_REQUEST_HEADERS: up to 64 names of header fields with commas are allowed\n");
}

static void test_trust_is_by_number_or_by_address(void **state) {
  (void)state;
  assert_refused("GATEWAY_TRUSTED_PROXIES=10.0.0.0/8\nGATEWAY_XFF_NUM_TRUSTED_HOPS=1\n",
                 "my.env:2:30: GATEWAY_XFF_NUM_TRUSTED_HOPS and GATEWAY_TRUSTED_PROXIES (my.env:1:25) exclude each other: by number, or by "
                 "address\n");
  assert_refused("GATEWAY_TRUSTED_PROXIES=lb\n", "my.env:1:25: GATEWAY_TRUSTED_PROXIES: address ranges with commas are allowed, such as "
                                                 "10.0.0.0/8,2001:db8::/32\n");
}

static void test_flag_goes_before_environment_before_file_before_default(void **state) {
  (void)state;
  char *told;
  write_file(".env", "HOST=127.0.0.1\nPORT=1\nGATEWAY_IDLE_TIMEOUT=1s\n");
  setenv("PORT", "2", 1);
  setenv("GATEWAY_IDLE_TIMEOUT", "2s", 1);
  const char *overrides[] = {"GATEWAY_IDLE_TIMEOUT=3s", NULL};
  struct gw_settings *settings = load(NULL, overrides, &told);
  assert_non_null(settings);
  free(told);
  assert_string_equal(settings->host, "127.0.0.1");
  assert_int_equal(settings->port, 2);
  assert_int_equal(settings->idle_timeout_ms, 3000);
  assert_line(settings, "HOST=127.0.0.1  (.env:1:6)");
  assert_line(settings, "PORT=2  (environment)");
  assert_line(settings, "GATEWAY_IDLE_TIMEOUT=3s  (flag)");
  gw_settings_free(settings);
}

static void test_environment_picks_the_file(void **state) {
  (void)state;
  char *told;
  write_file(".env", "PORT=1\n");
  write_file(".env.dev", "PORT=2\n");
  write_file(".env.prod", "PORT=3\n");
  static const struct {
    const char *environment;
    uint16_t port;
  } cases[] = {{"default", 1}, {"dev", 2}, {"prod", 3}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    setenv("ENVIRONMENT", cases[i].environment, 1);
    struct gw_settings *settings = load(NULL, NULL, &told);
    assert_non_null(settings);
    free(told);
    assert_int_equal(settings->port, cases[i].port);
    gw_settings_free(settings);
  }
  setenv("ENVIRONMENT", "staging", 1);
  assert_null(load(NULL, NULL, &told));
  assert_string_equal(told, "environment ENVIRONMENT: ENVIRONMENT: one of default,dev,prod is allowed\n");
  free(told);
}

static void test_file_that_is_named_must_be_there(void **state) {
  (void)state;
  char *told;
  assert_null(load("my.env", NULL, &told));
  assert_string_equal(told, "my.env: cannot be opened: No such file or directory\n");
  free(told);
}

static void test_bad_values_are_told_with_their_place(void **state) {
  (void)state;
  assert_refused("PORT=65536\nHOST=localhost\n# comment\nGATEWAY_ACCESS_LOG=loud\n  "
                 "GATEWAY_HEALTH_ENDPOINT=maybe\nGATEWAY_IDLE_TIMEOUT=soon\n"
                 "GATEWAY_MAX_HEADERS_COUNT=0\nGATEWAY_METRICS_ALLOW=10.0.0.1/8\nGATEWAY_PROT=1\n",
                 "my.env:9:1: GATEWAY_PROT is not a setting; --print-settings shows them all\n"
                 "my.env:2:6: HOST: a numeric address is allowed, such as 0.0.0.0, 127.0.0.1 or ::\n"
                 "my.env:1:6: PORT: a whole number from 0 to 65535 is allowed\n"
                 "my.env:4:20: GATEWAY_ACCESS_LOG: one of json,text,off is allowed\n"
                 "my.env:5:27: GATEWAY_HEALTH_ENDPOINT: true or false is allowed\n"
                 "my.env:8:23: GATEWAY_METRICS_ALLOW: address ranges with commas are allowed, such as 10.0.0.0/8,2001:db8::/32\n"
                 "my.env:6:22: GATEWAY_IDLE_TIMEOUT: a whole number of seconds, or with a unit: 250ms, 30s, 5m, 24h is allowed\n"
                 "my.env:7:27: GATEWAY_MAX_HEADERS_COUNT: a whole number from 1 to 10000 is allowed\n");
}

static void test_sources_that_nobody_knows_are_refused(void **state) {
  (void)state;
  assert_refused("SERVICE_DISCOVERY_TYPE=zookeeper\n",
                 "my.env:1:24: SERVICE_DISCOVERY_TYPE: zookeeper is no source; static, consul, nacos, dns, huawei "
                 "are allowed, also several with commas\n");
}

static void test_secrets_are_masked(void **state) {
  (void)state;
  char *told;
  write_file("my.env", "JWT_SECRET_KEY=hunter2\nREDIS_HOST=redis\nREDIS_PASSWORD=hunter2\nMYSQL_PASSWORD=hunter2\nOTHER=1\n");
  struct gw_settings *settings = load("my.env", NULL, &told);
  assert_non_null(settings);
  assert_null(strstr(told, "hunter2"));
  free(told);
  assert_string_equal(settings->redis_password, "hunter2");
  assert_line(settings, "JWT_SECRET_KEY=********  (my.env:1:16)");
  assert_line(settings, "REDIS_HOST=redis  (my.env:2:12)");
  assert_line(settings, "REDIS_PASSWORD=********  (my.env:3:16)");
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  gw_settings_print(settings, &out);
  assert_null(strstr(out.data, "hunter2"));
  gw_strbuf_done(&out);
  gw_settings_free(settings);
}

/* `ps` shows flags. */
static void test_secrets_are_not_taken_from_flags(void **state) {
  (void)state;
  static const char *const names[] = {"JWT_SECRET_KEY", "REDIS_PASSWORD", "MYSQL_PASSWORD", "GATEWAY_API_KEY_PEPPER"};
  for (size_t i = 0; i < GW_ARRAY_LEN(names); i++) {
    char *told, flag[64], wanted[64];
    snprintf(flag, sizeof(flag), "%s=hunter2", names[i]);
    snprintf(wanted, sizeof(wanted), "%s is a secret, and flags are shown by ps", names[i]);
    const char *overrides[] = {flag, NULL};
    assert_null(load(NULL, overrides, &told));
    assert_non_null(strstr(told, wanted));
    assert_null(strstr(told, "hunter2"));
    free(told);
  }
}

static void test_a_redis_that_can_not_be_is_refused(void **state) {
  (void)state;
  assert_refused("REDIS_HOST=rediss://redis\n", "my.env:1:12: REDIS_HOST: TLS (rediss://) is not available; a name or an address is "
                                                "allowed, in a network that is trusted\n");
  assert_refused("REDIS_HOST=a:1,b:2\n",
                 "my.env:1:12: REDIS_HOST: Cluster and Sentinel are not available; the name or address of one server is allowed\n");
  assert_refused("REDIS_HOST=redis://redis/0\n",
                 "my.env:1:12: REDIS_HOST: a name or an address is allowed; the port is REDIS_PORT, the database GATEWAY_REDIS_DATABASE\n");
  assert_refused("GATEWAY_REDIS_ON_FAILURE=wait\n", "my.env:1:26: GATEWAY_REDIS_ON_FAILURE: one of local,open,closed is allowed\n");
  assert_refused("GATEWAY_REDIS_PREFIX=\"a b\"\n", "my.env:1:22: GATEWAY_REDIS_PREFIX: ASCII without spaces is allowed\n");
}

/* A container's environment holds the data plane's settings and Kubernetes' names as well: they are no mistake. */
static void test_unknown_names_of_the_environment_are_no_mistake(void **state) {
  (void)state;
  char *told;
  setenv("GATEWAY_PROT", "1", 1);
  setenv("GATEWAY_XDS", "127.0.0.1:18000", 1);
  setenv("GATEWAY_SERVICE_HOST", "10.0.0.1", 1);
  setenv("GATEWAY_PORT_8000_TCP", "tcp://10.0.0.1:8000", 1);
  struct gw_settings *settings = load(NULL, NULL, &told);
  assert_non_null(settings);
  assert_non_null(strstr(told, "GATEWAY_PROT is not a setting"));
  assert_null(strstr(told, "GATEWAY_XDS"));
  assert_null(strstr(told, "GATEWAY_SERVICE_HOST"));
  assert_null(strstr(told, "GATEWAY_PORT_8000_TCP"));
  free(told);
  gw_settings_free(settings);
}

static void test_shipped_env_files_load(void **state) {
  (void)state;
  static const char *const files[] = {GW_SOURCE_DIR "/.env.dev", GW_SOURCE_DIR "/.env.prod"};
  for (size_t i = 0; i < GW_ARRAY_LEN(files); i++) {
    char *told;
    struct gw_settings *settings = load(files[i], NULL, &told);
    if (settings == NULL) fail_msg("%s", told);
    free(told);
    gw_settings_free(settings);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
      cmocka_unit_test_setup_teardown(test_sizes_have_units_and_bounds, setup, teardown),
      cmocka_unit_test_setup_teardown(test_the_access_logs_settings_have_bounds, setup, teardown),
      cmocka_unit_test_setup_teardown(test_trust_is_by_number_or_by_address, setup, teardown),
      cmocka_unit_test_setup_teardown(test_secrets_are_not_taken_from_flags, setup, teardown),
      cmocka_unit_test_setup_teardown(test_flag_goes_before_environment_before_file_before_default, setup, teardown),
      cmocka_unit_test_setup_teardown(test_environment_picks_the_file, setup, teardown),
      cmocka_unit_test_setup_teardown(test_file_that_is_named_must_be_there, setup, teardown),
      cmocka_unit_test_setup_teardown(test_bad_values_are_told_with_their_place, setup, teardown),
      cmocka_unit_test_setup_teardown(test_sources_that_nobody_knows_are_refused, setup, teardown),
      cmocka_unit_test_setup_teardown(test_secrets_are_masked, setup, teardown),
      cmocka_unit_test_setup_teardown(test_a_redis_that_can_not_be_is_refused, setup, teardown),
      cmocka_unit_test_setup_teardown(test_unknown_names_of_the_environment_are_no_mistake, setup, teardown),
      cmocka_unit_test_setup_teardown(test_shipped_env_files_load, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
