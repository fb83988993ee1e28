#include "common/observe/gzip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/base/mem.h"

static void check(struct gw_str text) {
  struct gw_bytes *packed = gw_gzip(text);
  z_stream stream = {.next_in = (Bytef *)packed->data, .avail_in = (uInt)packed->len};
  char *again = gw_malloc(text.len + 1);
  stream.next_out = (Bytef *)again;
  stream.avail_out = (uInt)text.len + 1;
  assert_int_equal(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
  assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
  assert_int_equal(stream.total_out, text.len);
  assert_int_equal(stream.avail_in, 0);
  if (text.len > 0) assert_memory_equal(again, text.data, text.len);
  inflateEnd(&stream);
  free(again);
  gw_bytes_unref(packed);
}

static void test_gzip_of_nothing_and_of_a_word(void **state) {
  (void)state;
  check(GW_STR(""));
  check(GW_STR("word"));
}

static void test_gzip_of_what_repeats_itself_is_small(void **state) {
  (void)state;
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  for (uint32_t i = 0; i < 100000; i++)
    gw_strbuf_printf(&buf, "gateway_requests_total{route=\"r%u\"} %u\n", i, i * 7);
  check(gw_strbuf_str(&buf));
  struct gw_bytes *packed = gw_gzip(gw_strbuf_str(&buf));
  assert_in_range(packed->len, 1, buf.len / 4);
  gw_bytes_unref(packed);
}

/* The bound that zlib gives must hold for what can't be made smaller. */
static void test_gzip_of_noise_fits(void **state) {
  (void)state;
  static char noise[1u << 20];
  uint64_t seed = 1;
  for (size_t i = 0; i < sizeof(noise); i++) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    noise[i] = (char)(seed >> 56);
  }
  check((struct gw_str){noise, sizeof(noise)});
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_gzip_of_nothing_and_of_a_word),
      cmocka_unit_test(test_gzip_of_what_repeats_itself_is_small),
      cmocka_unit_test(test_gzip_of_noise_fits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
