#include "common/base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

static void test_new_copies_the_bytes(void **state) {
  (void)state;
  char source[] = "abc";
  struct gw_bytes *bytes = gw_bytes_new(source, 3);
  source[0] = 'x';
  assert_true(gw_str_equal(gw_bytes_str(bytes), GW_STR("abc")));
  gw_bytes_unref(bytes);
  gw_bytes_unref(NULL);
  struct gw_bytes *empty = gw_bytes_new(NULL, 0);
  assert_int_equal(gw_bytes_str(empty).len, 0);
  gw_bytes_unref(empty);
}

static void *ref_and_unref(void *arg) {
  struct gw_bytes *bytes = arg;
  for (int i = 0; i < 10000; i++)
    gw_bytes_unref(gw_bytes_ref(bytes));
  gw_bytes_unref(bytes);
  return NULL;
}

static void test_unref_from_many_threads_frees_once(void **state) {
  (void)state;
  struct gw_bytes *bytes = gw_bytes_new("abc", 3);
  pthread_t threads[4];
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, ref_and_unref, gw_bytes_ref(bytes)), 0);
  }
  gw_bytes_unref(bytes);
  for (size_t i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_new_copies_the_bytes),
      cmocka_unit_test(test_unref_from_many_threads_frees_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
