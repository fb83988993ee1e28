/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/event/loop.h"
#include "dataplane/filters/replay_buffer.h"

static int start(void **state) {
  *state = gw_loop_new();
  return 0;
}

static int stop(void **state) {
  gw_loop_run_once(*state, 0); /* frees what was lent */
  gw_loop_free(*state);
  return 0;
}

static void add(struct gw_replay_buffer *buffer, const char *text) {
  gw_replay_buffer_add(buffer, gw_str_from(text));
}

static char *content(const struct gw_replay_buffer *buffer) {
  char *text = gw_calloc(1, (size_t)buffer->len + 1);
  size_t len = 0;
  for (const struct gw_replay_piece *piece = buffer->first; piece != NULL; piece = piece->next) {
    memcpy(text + len, piece->data, piece->len);
    len += piece->len;
  }
  assert_int_equal(len, buffer->len);
  return text;
}

static void test_what_was_added_comes_back_in_order(void **state) {
  struct gw_replay_buffer buffer;
  gw_replay_buffer_init(&buffer, *state, 200000, -1);
  GW_CLEANUP(gw_free_ptr) char *want = gw_calloc(1, 200001);
  size_t len = 0;
  for (unsigned i = 0; len < 150000; i++) {
    char text[400];
    memset(text, 'a' + (int)(i % 26), sizeof(text));
    size_t part = 1 + i * 7 % 399;
    gw_replay_buffer_add(&buffer, (struct gw_str){text, part});
    memcpy(want + len, text, part);
    len += part;
  }
  assert_false(buffer.is_incomplete);
  GW_CLEANUP(gw_free_ptr) char *got = content(&buffer);
  assert_string_equal(got, want);
  gw_replay_buffer_done(&buffer);
}

static void test_limit_is_exact_and_beyond_it_all_goes(void **state) {
  struct gw_replay_buffer buffer;
  gw_replay_buffer_init(&buffer, *state, 10, -1);
  add(&buffer, "01234");
  add(&buffer, "56789");
  assert_false(buffer.is_incomplete);
  add(&buffer, "x");
  assert_true(buffer.is_incomplete);
  assert_null(buffer.first);
  add(&buffer, "y");
  assert_null(buffer.first);
  gw_replay_buffer_done(&buffer);
}

static void test_body_that_will_not_fit_is_not_begun(void **state) {
  struct gw_replay_buffer buffer;
  gw_replay_buffer_init(&buffer, *state, 10, 11);
  assert_false(buffer.is_incomplete); /* nothing was lost yet */
  add(&buffer, "0");
  assert_true(buffer.is_incomplete);
  assert_null(buffer.first);
}

static void test_done_early_keeps_nothing_that_comes(void **state) {
  struct gw_replay_buffer buffer;
  gw_replay_buffer_init(&buffer, *state, 10, 6);
  add(&buffer, "abc");
  gw_replay_buffer_done(&buffer);
  assert_true(buffer.is_incomplete);
  add(&buffer, "def");
  assert_null(buffer.first);
  gw_replay_buffer_done(&buffer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_what_was_added_comes_back_in_order, start, stop),
      cmocka_unit_test_setup_teardown(test_limit_is_exact_and_beyond_it_all_goes, start, stop),
      cmocka_unit_test_setup_teardown(test_body_that_will_not_fit_is_not_begun, start, stop),
      cmocka_unit_test_setup_teardown(test_done_early_keeps_nothing_that_comes, start, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
