#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/base64url.h"
#include "common/base/mem.h"

static int set_up(void **state) {
  struct gw_arena *arena = gw_calloc(1, sizeof(*arena));
  gw_arena_init(arena, 1024);
  *state = arena;
  return 0;
}

static int tear_down(void **state) {
  gw_arena_done(*state);
  free(*state);
  return 0;
}

static void assert_spelled(struct gw_arena *arena, struct gw_str bytes, const char *text) {
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  gw_base64url_append(&buf, bytes);
  assert_int_equal(buf.len, strlen(text));
  assert_memory_equal(buf.len > 0 ? buf.data : "", text, buf.len);
  gw_strbuf_done(&buf);
  struct gw_str decoded;
  assert_int_equal(gw_base64url_decode(gw_str_from(text), arena, &decoded), GW_OK);
  assert_true(gw_str_equal(decoded, bytes));
}

/* RFC 4648 section 10, without padding; RFC 7515 appendix C; both characters that differ from base64. */
static void test_bytes_and_text_are_each_others(void **state) {
  assert_spelled(*state, GW_STR(""), "");
  assert_spelled(*state, GW_STR("f"), "Zg");
  assert_spelled(*state, GW_STR("fo"), "Zm8");
  assert_spelled(*state, GW_STR("foo"), "Zm9v");
  assert_spelled(*state, GW_STR("foob"), "Zm9vYg");
  assert_spelled(*state, GW_STR("fooba"), "Zm9vYmE");
  assert_spelled(*state, GW_STR("foobar"), "Zm9vYmFy");
  assert_spelled(*state, GW_STR("\x03\xec\xff\xe0\xc1"), "A-z_4ME");
  assert_spelled(*state, GW_STR("\xfb\xff\0"), "-_8A");
}

static void test_every_length_comes_back(void **state) {
  char bytes[256];
  for (size_t i = 0; i < sizeof(bytes); i++)
    bytes[i] = (char)(i * 7 + 131);
  for (size_t len = 0; len <= sizeof(bytes); len++) {
    struct gw_strbuf buf;
    struct gw_str decoded;
    gw_strbuf_init(&buf);
    gw_base64url_append(&buf, (struct gw_str){bytes, len});
    assert_int_equal(gw_base64url_decoded_len(buf.len), len);
    assert_int_equal(gw_base64url_decode(gw_strbuf_str(&buf), *state, &decoded), GW_OK);
    assert_true(gw_str_equal(decoded, (struct gw_str){bytes, len}));
    gw_strbuf_done(&buf);
  }
}

static void test_another_spelling_is_refused(void **state) {
  static const char *const refused[] = {
      "Zg==",  "Zg=",   "Zm8=",   "Zm9v=",    "=",      /* padding */
      "Z",     "Zm9vY",                                 /* one character stands for nothing */
      "Zh",    "Zv",    "Zm9",    "Zm-",      "Zm9vYh", /* bits that are left over */
      "Zm9v ", " Zm9v", "Zm\n9v", "Zm9v\r\n", "Zm 8",   "Zm+v", "Zm/v", "Zm,v", "Zm.v", "Zm\xc3\xa9", "\x80\x80\x80\x80",
  };
  struct gw_str decoded;
  for (size_t i = 0; i < GW_ARRAY_LEN(refused); i++) {
    print_message("%s\n", refused[i]);
    assert_int_equal(gw_base64url_decode(gw_str_from(refused[i]), *state, &decoded), GW_ERR_INVALID);
  }
  assert_int_equal(gw_base64url_decode((struct gw_str){"Zm9\0", 4}, *state, &decoded), GW_ERR_INVALID);
}

/* Of 64 last characters the four (two) with zero bits are right. */
static void test_left_over_bits_are_zero(void **state) {
  struct gw_str decoded;
  unsigned right = 0;
  for (int c = 1; c < 256; c++) {
    char text[] = {'A', (char)c};
    right += gw_base64url_decode((struct gw_str){text, 2}, *state, &decoded) == GW_OK;
  }
  assert_int_equal(right, 4);
  right = 0;
  for (int c = 1; c < 256; c++) {
    char text[] = {'A', 'A', (char)c};
    right += gw_base64url_decode((struct gw_str){text, 3}, *state, &decoded) == GW_OK;
  }
  assert_int_equal(right, 16);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_bytes_and_text_are_each_others, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_every_length_comes_back, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_another_spelling_is_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_left_over_bits_are_zero, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
