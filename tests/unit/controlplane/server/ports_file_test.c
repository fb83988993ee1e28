#include "controlplane/server/ports_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/mem.h"

static void test_file_holds_all_ports(void **state) {
  (void)state;
  char folder[] = "/tmp/gw-ports-XXXXXX";
  assert_non_null(mkdtemp(folder));
  GW_CLEANUP(gw_free_ptr) char *path = gw_asprintf("%s/ports.json", folder);
  struct gw_ports ports = {.xds = 1, .admin = 65535, .http = 3};
  assert_int_equal(gw_ports_file_write(path, &ports), GW_OK);
  char text[128] = "";
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  assert_non_null(fgets(text, sizeof(text), file));
  fclose(file);
  assert_string_equal(text, "{\"xds\": 1, \"admin\": 65535, \"http\": 3}\n");
  unlink(path);
  assert_int_equal(rmdir(folder), 0); /* nothing else was left there */
}

static void test_folder_that_is_not_there_is_an_error(void **state) {
  (void)state;
  struct gw_ports ports = {0};
  assert_int_equal(gw_ports_file_write("/nonexistent/ports.json", &ports), GW_ERR_IO);
  assert_int_equal(errno, ENOENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_file_holds_all_ports),
      cmocka_unit_test(test_folder_that_is_not_there_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
