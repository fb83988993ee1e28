/* Who may call the admin API: roles in certificates' names, and the file of tokens. */
#include "controlplane/api/admin_roles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET "0123456789abcdef0123456789abcdef"

static void test_roles_of_certificates(void **state) {
  (void)state;
  enum gw_admin_role role;
  struct gw_str name;
  assert_true(gw_admin_role_of_uri(GW_STR("spiffe://d.example/gateway-viewer/bob"), &role, &name));
  assert_int_equal(role, GW_ADMIN_ROLE_VIEWER);
  assert_true(gw_str_equal(name, GW_STR("bob")));
  assert_true(gw_admin_role_of_uri(GW_STR("spiffe://d/gateway-operator/ci"), &role, &name));
  assert_int_equal(role, GW_ADMIN_ROLE_OPERATOR);
  assert_true(gw_admin_role_of_uri(GW_STR("spiffe://d/gateway-admin/a"), &role, &name));
  assert_int_equal(role, GW_ADMIN_ROLE_ADMIN);
  static const char *const others[] = {"spiffe://d/gateway/edge/node-1", "spiffe://d/gateway-root/a",  "spiffe://d/gateway-/a",
                                       "spiffe://d/gateway-admin/",      "spiffe:///gateway-admin/a",  "spiffe://d/gateway-admin/a/b",
                                       "https://d/gateway-admin/a",      "spiffe://d/gateway-Admin/a", ""};
  for (size_t i = 0; i < GW_ARRAY_LEN(others); i++)
    if (gw_admin_role_of_uri(gw_str_from(others[i]), &role, &name)) fail_msg("%s", others[i]);
}

/* The reason, without the path; NULL: it was taken. Freed by the caller. */
static char *refusal_of(const char *text, mode_t mode) {
  char path[] = "/tmp/gw-tokens-XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  assert_int_equal(fchmod(fd, mode), 0);
  close(fd);
  struct gw_admin_tokens *tokens = NULL;
  char *reason = NULL;
  if (gw_admin_tokens_new(GW_STR("the administrator's"), path, &tokens, &reason) == GW_OK) assert_null(reason);
  gw_admin_tokens_free(tokens);
  unlink(path);
  if (reason == NULL) return NULL;
  assert_null(strstr(reason, SECRET));
  const char *at = strstr(reason, path);
  assert_non_null(at);
  char *rest = strdup(at + strlen(path));
  free(reason);
  return rest;
}

static void assert_refused(const char *text, const char *expected) {
  char *reason = refusal_of(text, 0600);
  assert_non_null(reason);
  assert_string_equal(reason, expected);
  free(reason);
}

static void test_tokens_file_is_lines_of_three_words(void **state) {
  (void)state;
  assert_null(refusal_of("# who\n\nalice viewer  " SECRET "\r\nci operator x" SECRET "\n", 0600));
  assert_null(refusal_of("", 0640));
  assert_refused("alice viewer\n", ":1: three words are wanted: NAME ROLE TOKEN");
  assert_refused("\nalice viewer " SECRET " more\n", ":2: three words are wanted: NAME ROLE TOKEN");
  assert_refused("alice king " SECRET "\n", ":1: a role is viewer, operator or admin");
  assert_refused("alice viewer short\n", ":1: a token has at least 32 printable characters");
  assert_refused("alice viewer " SECRET "\nalice admin x" SECRET "\n", ":2: this name is taken");
  assert_refused("alice viewer " SECRET "\nbob admin " SECRET "\n", ":2: this token is another one's, too");
}

static void test_tokens_file_that_others_may_read_is_refused(void **state) {
  (void)state;
  char *reason = refusal_of("alice viewer " SECRET "\n", 0644);
  assert_non_null(reason);
  assert_string_equal(reason, " is open to others: chmod 600 it");
  free(reason);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_roles_of_certificates),
      cmocka_unit_test(test_tokens_file_is_lines_of_three_words),
      cmocka_unit_test(test_tokens_file_that_others_may_read_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
