#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/http/h1_codec.h"

static const struct gw_h1_limits limits = {.head_bytes = 100, .header_count = 20};

static void test_find_takes_the_first_empty_line(void **state) {
  (void)state;
  const struct {
    const char *text;
    size_t head_len; /* 0: not yet */
  } cases[] = {{"", 0},
               {"\r\n", 0},
               {"\r\n\r\n", 4},
               {"\n\n", 2},
               {"a\n\r\n", 4},
               {"a\r\n\nb", 4},
               {"a\r\n\r\nb\r\n\r\n", 5},
               {"a\r\n\rb", 0},
               {"\r\na: b\r\n\r\n", 10},
               {"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n", 27},
               {"GET / HTTP/1.1\r\nHost: a\r\nX: a longer line to search\r\n\r", 0}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    size_t scanned = 0;
    size_t head_len = 0;
    enum gw_err err = gw_h1_find_head(cases[i].text, strlen(cases[i].text), &limits, &scanned, &head_len);
    if (err != (cases[i].head_len == 0 ? GW_ERR_AGAIN : GW_OK)) fail_msg("%s: %s", cases[i].text, gw_err_name(err));
    assert_int_equal(head_len, cases[i].head_len);
  }
}

/* A head of each length, arriving in pieces of each size, in memory that ends where the bytes end. */
static void test_find_in_a_trickle_finds_the_same(void **state) {
  (void)state;
  for (size_t len = 4; len <= limits.head_bytes; len++) {
    for (size_t piece = 1; piece <= len; piece++) {
      size_t scanned = 0;
      size_t head_len = 0;
      enum gw_err err = GW_ERR_AGAIN;
      for (size_t seen = piece; err == GW_ERR_AGAIN; seen += piece) {
        if (seen > len) seen = len;
        char *bytes = gw_malloc(len);
        memset(bytes, 'a', len);
        memcpy(bytes + len - 4, "\r\n\r\n", 4);
        bytes = gw_realloc_array(bytes, seen, 1);
        err = gw_h1_find_head(bytes, seen, &limits, &scanned, &head_len);
        free(bytes);
        assert_int_equal(err, seen < len ? GW_ERR_AGAIN : GW_OK);
      }
      assert_int_equal(head_len, len);
    }
  }
}

static void test_find_beyond_the_limit_gives_up(void **state) {
  (void)state;
  char text[200];
  size_t scanned = 0;
  size_t head_len = 7;
  memset(text, 'a', sizeof(text));
  assert_int_equal(gw_h1_find_head(text, 99, &limits, &scanned, &head_len), GW_ERR_AGAIN);
  assert_int_equal(gw_h1_find_head(text, 100, &limits, &scanned, &head_len), GW_ERR_LIMIT);
  memcpy(text + 100, "\r\n\r\n", 4);
  scanned = 0;
  assert_int_equal(gw_h1_find_head(text, 104, &limits, &scanned, &head_len), GW_ERR_LIMIT);
  assert_int_equal(head_len, 7);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_find_takes_the_first_empty_line),
      cmocka_unit_test(test_find_in_a_trickle_finds_the_same),
      cmocka_unit_test(test_find_beyond_the_limit_gives_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
