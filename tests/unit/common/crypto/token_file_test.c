#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/crypto/token_file.h"

struct fixture {
  char folder[64];
  char *path;
  char *token;
  char *reason;
};

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  snprintf(f->folder, sizeof(f->folder), "/tmp/gw-token-XXXXXX");
  assert_non_null(mkdtemp(f->folder));
  f->path = gw_asprintf("%s/state/deep/admin.token", f->folder);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  unlink(f->path);
  for (char *slash; strlen(f->path) > strlen(f->folder) && (slash = strrchr(f->path, '/')) != NULL;) {
    *slash = '\0';
    rmdir(f->path);
  }
  free(f->path);
  free(f->token);
  free(f->reason);
  free(f);
  return 0;
}

static void put(struct fixture *f, const char *text, mode_t mode) {
  char *token = NULL, *reason = NULL;
  assert_int_equal(gw_token_file_read_or_make(f->path, &token, &reason), GW_OK); /* makes the folders */
  free(token);
  FILE *file = fopen(f->path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
  assert_int_equal(chmod(f->path, mode), 0);
}

static void test_absent_file_is_not_found(void **state) {
  struct fixture *f = *state;
  assert_int_equal(gw_token_file_read(f->path, &f->token, &f->reason), GW_ERR_NOT_FOUND);
  assert_non_null(strstr(f->reason, "No such file"));
}

static void test_made_file_is_private_and_read_again(void **state) {
  struct fixture *f = *state;
  assert_int_equal(gw_token_file_read_or_make(f->path, &f->token, &f->reason), GW_OK);
  assert_int_equal(strlen(f->token), 43);
  struct stat status;
  assert_int_equal(stat(f->path, &status), 0);
  assert_int_equal(status.st_mode & 0777, 0600);
  char *again = NULL;
  assert_int_equal(gw_token_file_read_or_make(f->path, &again, &f->reason), GW_OK);
  assert_string_equal(again, f->token);
  free(again);
}

static void test_file_that_others_may_read_is_denied(void **state) {
  struct fixture *f = *state;
  put(f, "secret\n", 0644);
  assert_int_equal(gw_token_file_read(f->path, &f->token, &f->reason), GW_ERR_DENIED);
  assert_non_null(strstr(f->reason, "mode 644"));
}

static void test_file_of_owner_and_group_is_read(void **state) {
  struct fixture *f = *state;
  put(f, "secret\r\n", 0440);
  assert_int_equal(gw_token_file_read(f->path, &f->token, &f->reason), GW_OK);
  assert_string_equal(f->token, "secret");
}

static void test_file_without_a_token_is_invalid(void **state) {
  struct fixture *f = *state;
  put(f, "\n", 0600);
  assert_int_equal(gw_token_file_read(f->path, &f->token, &f->reason), GW_ERR_INVALID);
}

static void test_file_with_several_lines_is_invalid(void **state) {
  struct fixture *f = *state;
  put(f, "one\ntwo\n", 0600);
  assert_int_equal(gw_token_file_read(f->path, &f->token, &f->reason), GW_ERR_INVALID);
}

static void test_default_path_follows_the_state_folder(void **state) {
  (void)state;
  setenv("XDG_STATE_HOME", "/state", 1);
  char *path = gw_token_file_default_path();
  assert_string_equal(path, "/state/gateway/admin.token");
  free(path);
  unsetenv("XDG_STATE_HOME");
  setenv("HOME", "/home/me", 1);
  path = gw_token_file_default_path();
  assert_string_equal(path, "/home/me/.local/state/gateway/admin.token");
  free(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_absent_file_is_not_found, setup, teardown),
      cmocka_unit_test_setup_teardown(test_made_file_is_private_and_read_again, setup, teardown),
      cmocka_unit_test_setup_teardown(test_file_that_others_may_read_is_denied, setup, teardown),
      cmocka_unit_test_setup_teardown(test_file_of_owner_and_group_is_read, setup, teardown),
      cmocka_unit_test_setup_teardown(test_file_without_a_token_is_invalid, setup, teardown),
      cmocka_unit_test_setup_teardown(test_file_with_several_lines_is_invalid, setup, teardown),
      cmocka_unit_test(test_default_path_follows_the_state_folder),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
