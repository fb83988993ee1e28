#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "controlplane/cloud/huawei_config.h"

struct fixture {
  char path[64];
  struct gw_settings settings;
  struct gw_huawei_config config;
};

static int setup(void **state) {
  struct fixture *fixture = gw_calloc(1, sizeof(*fixture));
  snprintf(fixture->path, sizeof(fixture->path), "/tmp/gw-huawei-XXXXXX");
  int fd = mkstemp(fixture->path);
  assert_true(fd >= 0);
  close(fd);
  fixture->settings = (struct gw_settings){.huawei_region = "cn-north-4",
                                           .huawei_project_id = "",
                                           .huawei_access_key = "",
                                           .huawei_secret_key = "",
                                           .huawei_security_token = "",
                                           .huawei_user = "",
                                           .huawei_password = "",
                                           .huawei_domain = "",
                                           .huawei_credentials_file = fixture->path,
                                           .huawei_ecs_endpoint = "",
                                           .huawei_iam_endpoint = "http://127.0.0.1:1/",
                                           .huawei_timeout_ms = 1000,
                                           .ca_file = "ca.pem"};
  assert_int_equal(gw_huawei_config_init(&fixture->config, &fixture->settings), GW_OK);
  *state = fixture;
  return 0;
}

static int teardown(void **state) {
  struct fixture *fixture = *state;
  gw_huawei_config_done(&fixture->config);
  unlink(fixture->path);
  free(fixture);
  return 0;
}

static void write_file(const struct fixture *fixture, const char *text, mode_t mode) {
  FILE *file = fopen(fixture->path, "we");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
  assert_int_equal(chmod(fixture->path, mode), 0);
}

static void assert_refused(struct fixture *fixture, enum gw_err wanted, const char *part) {
  bool is_new;
  char *words = NULL;
  assert_int_equal(gw_huawei_config_refresh(&fixture->config, &is_new, &words), wanted);
  assert_false(is_new);
  assert_non_null(strstr(words, part));
  free(words);
}

static void assert_taken(struct fixture *fixture) {
  bool is_new;
  char *words = NULL;
  assert_int_equal(gw_huawei_config_refresh(&fixture->config, &is_new, &words), GW_OK);
  assert_true(is_new);
}

static void test_init_makes_the_regions_endpoints(void **state) {
  struct fixture *fixture = *state;
  assert_true(gw_str_equal(fixture->config.ecs_endpoint, GW_STR("https://ecs.cn-north-4.myhuaweicloud.com")));
  assert_true(gw_str_equal(fixture->config.iam_endpoint, GW_STR("http://127.0.0.1:1")));
  struct gw_huawei_config none;
  fixture->settings.huawei_credentials_file = "";
  assert_int_equal(gw_huawei_config_init(&none, &fixture->settings), GW_ERR_NOT_FOUND);
}

static void test_refresh_reads_a_file_once_and_again_when_it_is_another(void **state) {
  struct fixture *fixture = *state;
  bool is_new;
  char *words = NULL;
  write_file(fixture, "{\"credential\":{\"access\":\"A\",\"secret\":\"S\",\"securitytoken\":\"T\",\"expires_at\":\"x\"}}", 0600);
  assert_taken(fixture);
  assert_string_equal(fixture->config.credentials.access_key.data, "A");
  assert_string_equal(fixture->config.credentials.security_token.data, "T");
  assert_non_null(fixture->config.credentials.signing_key);
  assert_int_equal(gw_huawei_config_refresh(&fixture->config, &is_new, &words), GW_OK);
  assert_false(is_new);
  write_file(fixture, "{\"user\":\"u\",\"password\":\"p\",\"domain\":\"d\"}", 0640);
  assert_taken(fixture);
  assert_null(fixture->config.credentials.signing_key);
  assert_string_equal(fixture->config.credentials.user.data, "u");
}

static void test_refresh_keeps_what_it_has_when_the_file_is_bad(void **state) {
  struct fixture *fixture = *state;
  write_file(fixture, "{\"access\":\"A\",\"secret\":\"S\"}", 0600);
  assert_taken(fixture);
  write_file(fixture, "{\"access\":\"A\",", 0600);
  assert_refused(fixture, GW_ERR_INVALID, "is no JSON object");
  write_file(fixture, "{\"access\":\"A\"}", 0600);
  assert_refused(fixture, GW_ERR_INVALID, "holds neither");
  write_file(fixture, "{\"access\":\"A\\nB\",\"secret\":\"S\"}", 0600);
  assert_refused(fixture, GW_ERR_INVALID, "control characters");
  write_file(fixture, "{\"access\":\"A\",\"secret\":\"S2\"}", 0644);
  assert_refused(fixture, GW_ERR_DENIED, "can be read by everybody");
  unlink(fixture->path);
  assert_refused(fixture, GW_ERR_IO, "No such file");
  assert_string_equal(fixture->config.credentials.secret_key.data, "S");
}

static void test_mask_hides_each_secret(void **state) {
  struct fixture *fixture = *state;
  struct gw_strbuf text;
  write_file(fixture, "{\"access\":\"AKEY\",\"secret\":\"SECRET\",\"securitytoken\":\"TOKEN\"}", 0600);
  assert_taken(fixture);
  gw_strbuf_init(&text);
  gw_strbuf_printf(&text, "SECRETSECRET and x-security-token:TOKEN| of AKEY");
  gw_huawei_config_mask(&fixture->config, &text);
  assert_string_equal(text.data, "****** and x-security-token:***| of AKEY");
  gw_strbuf_done(&text);
}

static void test_is_equal_tells_other_settings(void **state) {
  struct fixture *fixture = *state;
  struct gw_huawei_config other;
  assert_int_equal(gw_huawei_config_init(&other, &fixture->settings), GW_OK);
  assert_true(gw_huawei_config_is_equal(&fixture->config, &other));
  gw_huawei_config_done(&other);
  fixture->settings.huawei_region = "cn-north-1";
  assert_int_equal(gw_huawei_config_init(&other, &fixture->settings), GW_OK);
  assert_false(gw_huawei_config_is_equal(&fixture->config, &other));
  gw_huawei_config_done(&other);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_init_makes_the_regions_endpoints, setup, teardown),
      cmocka_unit_test_setup_teardown(test_refresh_reads_a_file_once_and_again_when_it_is_another, setup, teardown),
      cmocka_unit_test_setup_teardown(test_refresh_keeps_what_it_has_when_the_file_is_bad, setup, teardown),
      cmocka_unit_test_setup_teardown(test_mask_hides_each_secret, setup, teardown),
      cmocka_unit_test_setup_teardown(test_is_equal_tells_other_settings, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
