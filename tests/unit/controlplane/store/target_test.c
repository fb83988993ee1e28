#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/base/str.h"
#include "controlplane/store/target.h"

static const struct gw_store_settings no_settings = {0};
static const struct gw_store_settings some_settings = {.host = "db.internal",
                                                       .port = 3307,
                                                       .user = "origin",
                                                       .password = "hidden",
                                                       .database = "gateway"};

/* What the URL leads to, or the words that refuse it, which must say `or_words`. */
static void expect(const char *url, const struct gw_store_settings *settings, const char *formatted, const char *or_words) {
  struct gw_store_target target;
  char *words = NULL;
  enum gw_err err = gw_store_target_init(url, settings, "/var/lib/gateway/gateway.db", &target, &words);
  if (or_words != NULL) {
    assert_int_equal(err, GW_ERR_INVALID);
    assert_non_null(strstr(words, or_words));
    free(words);
    return;
  }
  assert_int_equal(err, GW_OK);
  GW_CLEANUP(gw_free_ptr) char *text = gw_store_target_format(&target);
  assert_string_equal(text, formatted);
  gw_store_target_done(&target);
}

static void test_without_url_it_is_sqlite_or_what_settings_say(void **state) {
  (void)state;
  expect(NULL, &no_settings, "sqlite:///var/lib/gateway/gateway.db", NULL);
  expect(NULL, &some_settings, "mysql://origin@db.internal:3307/gateway", NULL);
}

static void test_url_goes_before_settings(void **state) {
  (void)state;
  expect("sqlite:///tmp/x.db", &some_settings, "sqlite:///tmp/x.db", NULL);
  expect("mysql://me@10.0.0.5:3310/keys", &some_settings, "mysql://me@10.0.0.5:3310/keys", NULL);
  expect("mysql://10.0.0.5", &some_settings, "mysql://origin@10.0.0.5:3307/gateway", NULL);
  expect("mysql://me@[::1]:3310/keys", &no_settings, "mysql://me@::1:3310/keys", NULL);
  expect("mysql://me@db/keys", &no_settings, "mysql://me@db:3306/keys", NULL);
}

static void test_password_comes_from_settings_and_is_never_shown(void **state) {
  (void)state;
  struct gw_store_target target;
  char *words = NULL;
  assert_int_equal(gw_store_target_init("mysql://me@db/keys", &some_settings, "/x", &target, &words), GW_OK);
  assert_string_equal(target.password, "hidden");
  GW_CLEANUP(gw_free_ptr) char *text = gw_store_target_format(&target);
  assert_null(strstr(text, "hidden"));
  gw_store_target_done(&target);
  expect("mysql://me:secret@db/keys", &no_settings, NULL, "MYSQL_PASSWORD");
}

static void test_what_is_no_database_is_refused_with_what_is_allowed(void **state) {
  (void)state;
  expect("postgres://x/y", &no_settings, NULL, "sqlite:///PATH and mysql://");
  expect("sqlite://relative.db", &no_settings, NULL, "absolute path");
  expect("sqlite:///folder/", &no_settings, NULL, "absolute path");
  expect("mysql://me@/keys", &no_settings, NULL, "MYSQL_HOST");
  expect("mysql://db/keys", &no_settings, NULL, "MYSQL_USER");
  expect("mysql://me@db", &no_settings, NULL, "MYSQL_DATABASE");
  static const char *const hosts[] = {"mysql://me@db:0/k", "mysql://me@db:/k", "mysql://me@db:70000/k", "mysql://me@[::1/k",
                                      "mysql://me@[]/k"};
  for (size_t i = 0; i < GW_ARRAY_LEN(hosts); i++)
    expect(hosts[i], &no_settings, NULL, "HOST[:PORT]");
}

/* How `host` is spoken to with these settings: 1 under TLS, 0 in plaintext, or the words of the mistake. */
static void expect_tls(const char *url, struct gw_store_settings settings, bool uses_tls, const char *ca, const char *or_words) {
  struct gw_store_target target;
  char *words = NULL;
  settings.user = settings.database = "x";
  settings.default_ca = "/etc/all.crt";
  enum gw_err err = gw_store_target_init(url, &settings, "/x", &target, &words);
  assert_int_equal(err, or_words == NULL ? GW_OK : GW_ERR_INVALID);
  if (or_words != NULL) {
    assert_non_null(strstr(words, or_words));
    free(words);
    return;
  }
  assert_int_equal(target.uses_tls, uses_tls);
  assert_string_equal(target.tls_ca, ca);
  gw_store_target_done(&target);
}

static void test_beyond_this_machine_there_is_tls_unless_told_otherwise(void **state) {
  (void)state;
  const struct gw_store_settings usual = {0}, with_ca = {.tls_ca = "/db.crt"}, on = {.tls = GW_STORE_TLS_ON},
                                 off = {.tls = GW_STORE_TLS_OFF};
  static const char *const far[] = {"mysql://db.internal", "mysql://10.0.0.5:3306", "mysql://[2001:db8::1]", "mysql://127.1",
                                    "mysql://localhost.evil"},
                           *const near[] = {"mysql://127.0.0.1", "mysql://127.8.9.1:3307", "mysql://[::1]:3306", "mysql://localhost"};
  for (size_t i = 0; i < GW_ARRAY_LEN(far); i++) {
    expect_tls(far[i], usual, true, "/etc/all.crt", NULL);
    expect_tls(far[i], off, false, "/etc/all.crt", NULL);
  }
  for (size_t i = 0; i < GW_ARRAY_LEN(near); i++) {
    expect_tls(near[i], usual, false, "/etc/all.crt", NULL);
    expect_tls(near[i], on, true, "/etc/all.crt", NULL);
    expect_tls(near[i], with_ca, true, "/db.crt", NULL);
  }
  expect_tls("mysql://db", (struct gw_store_settings){.tls_cert = "/a.crt"}, true, NULL, "go together");
  expect_tls("mysql://db", (struct gw_store_settings){.tls_key = "/a.key"}, true, NULL, "go together");
  expect_tls("mysql://db", (struct gw_store_settings){.tls = GW_STORE_TLS_OFF, .tls_ca = "/db.crt"}, true, NULL,
             "says that there is no TLS");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_without_url_it_is_sqlite_or_what_settings_say),
      cmocka_unit_test(test_url_goes_before_settings),
      cmocka_unit_test(test_beyond_this_machine_there_is_tls_unless_told_otherwise),
      cmocka_unit_test(test_password_comes_from_settings_and_is_never_shown),
      cmocka_unit_test(test_what_is_no_database_is_refused_with_what_is_allowed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
