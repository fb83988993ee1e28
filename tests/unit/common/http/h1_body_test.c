#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/http/h1_codec.h"

/* Feeds `text` in pieces of `piece` bytes; *data gets the body. Returns the error or GW_OK; *ret_used: bytes taken. */
static enum gw_err decode(struct gw_h1_body *body, struct gw_str text, size_t piece, struct gw_strbuf *data, size_t *ret_used) {
  size_t at = 0;
  while (at < text.len && !body->is_complete) {
    size_t len = text.len - at < piece ? text.len - at : piece;
    char *bytes = memcpy(gw_malloc(len), text.data + at, len);
    struct gw_str input = {bytes, len};
    enum gw_err err = GW_OK;
    size_t used = 1;
    while (err == GW_OK && used > 0 && !body->is_complete) {
      struct gw_str out;
      err = gw_h1_body_decode(body, input, &out, &used);
      if (err != GW_OK) break;
      gw_strbuf_append_str(data, out);
      input = gw_str_skip(input, used);
      at += used;
    }
    if (err == GW_OK && !body->is_complete) assert_int_equal(input.len, 0);
    free(bytes);
    if (err != GW_OK) return err;
  }
  *ret_used = at;
  return GW_OK;
}

/* `rest`: what of text is behind the body. */
static void assert_chunked(const char *text, const char *expected, const char *rest) {
  struct gw_str whole = gw_str_from(text);
  for (size_t piece = 1; piece <= whole.len; piece++) {
    struct gw_h1_body body;
    struct gw_strbuf data;
    size_t used = 0;
    gw_h1_body_init(&body, GW_LENGTH_UNKNOWN, true);
    gw_strbuf_init(&data);
    gw_strbuf_append(&data, "", 0);
    enum gw_err err = decode(&body, whole, piece, &data, &used);
    if (err != GW_OK) fail_msg("%s: %s", text, gw_err_name(err));
    assert_true(body.is_complete);
    assert_string_equal(data.data, expected);
    assert_int_equal(used, whole.len - strlen(rest));
    gw_strbuf_done(&data);
  }
}

static void test_length_takes_so_many_bytes(void **state) {
  (void)state;
  struct gw_h1_body body;
  struct gw_str data;
  size_t used;
  gw_h1_body_init(&body, 5, false);
  assert_int_equal(body.kind, GW_H1_BODY_LENGTH);
  assert_int_equal(gw_h1_body_decode(&body, GW_STR("abc"), &data, &used), GW_OK);
  assert_int_equal(used, 3);
  assert_int_equal(data.len, 3);
  assert_false(body.is_complete);
  assert_int_equal(gw_h1_body_decode(&body, GW_STR("defg"), &data, &used), GW_OK);
  assert_int_equal(used, 2);
  assert_memory_equal(data.data, "de", 2);
  assert_true(body.is_complete);
  assert_int_equal(gw_h1_body_decode(&body, GW_STR("fg"), &data, &used), GW_OK);
  assert_int_equal(used, 0);
}

static void test_no_body_is_complete_at_once(void **state) {
  (void)state;
  const int64_t lengths[] = {0, GW_LENGTH_NONE};
  for (size_t i = 0; i < GW_ARRAY_LEN(lengths); i++) {
    struct gw_h1_body body;
    struct gw_str data;
    size_t used;
    gw_h1_body_init(&body, lengths[i], false);
    assert_true(body.is_complete);
    assert_int_equal(gw_h1_body_decode(&body, GW_STR("GET"), &data, &used), GW_OK);
    assert_int_equal(used, 0);
    assert_int_equal(data.len, 0);
  }
}

static void test_until_close_takes_all(void **state) {
  (void)state;
  struct gw_h1_body body;
  struct gw_str data;
  size_t used;
  gw_h1_body_init(&body, GW_LENGTH_UNKNOWN, false);
  assert_int_equal(body.kind, GW_H1_BODY_UNTIL_CLOSE);
  assert_int_equal(gw_h1_body_decode(&body, GW_STR("abc"), &data, &used), GW_OK);
  assert_int_equal(used, 3);
  assert_int_equal(data.len, 3);
  assert_false(body.is_complete);
}

static void test_chunked_in_pieces_of_any_size(void **state) {
  (void)state;
  assert_chunked("0\r\n\r\nGET", "", "GET");
  assert_chunked("5\r\nhello\r\n0\r\n\r\n", "hello", "");
  assert_chunked("1\r\na\r\n0b\r\nbcdefghijkl\r\n0\r\n\r\nnext", "abcdefghijkl", "next");
  assert_chunked("A;a=b;c=\"d \\\" e\xc3\t;,\"\r\n0123456789\r\n000;x\r\n\r\n", "0123456789", "");
  assert_chunked("5;a;b=c;d=\"\";e\r\nhello\r\n0;f=\"g\"\r\n\r\n", "hello", "");
  assert_chunked("0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", "hello", "");
  assert_chunked("3\r\n\r\n0\r\n0\r\nTrailer-A: b\r\nC:\r\n\r\n", "\r\n0", "");
}

static void test_chunked_refuses_what_parsers_read_differently(void **state) {
  (void)state;
  const char *bad[] = {
      "\r\n",
      "+5\r\nhello\r\n",
      "-5\r\n",
      " 5\r\n",
      "5 \r\nhello\r\n",
      "5\t;a\r\n",
      "0x5\r\nhello\r\n",
      "g\r\n",
      ";a\r\n",
      "5\nhello\r\n",
      "5\r\nhello0\r\n",
      "5\r\nhello\n0\r\n",
      "5\r\nhello\r0",
      "5\r\rhello",
      "5;a\nb\r\n",
      "5;\r\nhello\r\n",
      "5; a\r\nhello\r\n",
      "5;a \r\nhello\r\n",
      "5;a =b\r\nhello\r\n",
      "5;a=\r\nhello\r\n",
      "5;a= b\r\nhello\r\n",
      "5;=b\r\nhello\r\n",
      "5;a=b=c\r\nhello\r\n",
      "5;a;;b\r\nhello\r\n",
      "5;a=\"b\r\nhello\r\n", /* a quoted line end: some look for the quote, some for the line */
      "5;a=\"b\\\r\nhello\r\n",
      "5;a=\"b\"c\r\nhello\r\n",
      "5;a=b\"c\"\r\nhello\r\n",
      "5;a=\"b\x01\"\r\nhello\r\n",
      "5;a@b\r\nhello\r\n",
      "5;\nhello\r\n0\r\n\r\n",
      "5;a=b\r\rhello\r\n",
      "5\r\r;a\r\nhello\r\n",
      "0_5\r\nhello\r\n",
      "5h\r\nhello\r\n",
      "5,5\r\nhello\r\n",
      "5\x0b\r\nhello\r\n",
      "\t5\r\nhello\r\n",
      "00000000000000005\r\nhello\r\n",
      "5\r\nhello\r\n-0\r\n\r\n",
      "5\r\nhelloXX0\r\n\r\n",
      "5\r\nhello-and-more\r\n0\r\n\r\n",
      "17\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n\r\n\r\n0\r\n\r\n",
      "0\r\nGET / HTTP/1.1\r\n\r\n",
      "5;a\x01\r\n",
      "5;a\x7f\r\n",
      "5;a\rb\r\n",
      "8000000000000000\r\n",
      "10000000000000005\r\n",
      "0\r\n\n",
      "0\r\nA\r\n\r\n",
      "0\r\nA : b\r\n\r\n",
      "0\r\nA: b\n\r\n",
      "0\r\nA: b\r\n c\r\n\r\n",
      "0\r\n: b\r\n\r\n",
      "0\r\nA: \x02\r\n\r\n",
      "0\n\r\n",
      "0\r\n\rX",
      "5\r\nhello\r\n\r\n",
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(bad); i++) {
    for (size_t piece = 1; piece <= 64; piece *= 8) {
      struct gw_h1_body body;
      struct gw_strbuf data;
      size_t used;
      gw_h1_body_init(&body, GW_LENGTH_UNKNOWN, true);
      gw_strbuf_init(&data);
      if (decode(&body, gw_str_from(bad[i]), piece, &data, &used) != GW_ERR_INVALID) fail_msg("accepted: %s", bad[i]);
      gw_strbuf_done(&data);
    }
  }
}

static void test_chunked_takes_sizes_up_to_int64(void **state) {
  (void)state;
  struct gw_h1_body body;
  struct gw_str data;
  size_t used;
  gw_h1_body_init(&body, GW_LENGTH_UNKNOWN, true);
  assert_int_equal(gw_h1_body_decode(&body, GW_STR("7fffffffffffffff\r\nab"), &data, &used), GW_OK);
  assert_int_equal(data.len, 2);
  assert_int_equal(body.remaining, INT64_MAX - 2);
}

static enum gw_err decode_text(struct gw_strbuf *text) {
  struct gw_h1_body body;
  struct gw_strbuf data;
  size_t used;
  gw_h1_body_init(&body, GW_LENGTH_UNKNOWN, true);
  gw_strbuf_init(&data);
  enum gw_err err = decode(&body, gw_strbuf_str(text), 1000, &data, &used);
  gw_strbuf_done(&data);
  gw_strbuf_done(text);
  return err;
}

static void test_chunked_bounds_what_is_no_data(void **state) {
  (void)state;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  gw_strbuf_printf(&text, "1;%09000d", 0);
  assert_int_equal(decode_text(&text), GW_ERR_LIMIT);
  gw_strbuf_printf(&text, "0\r\nA:%9000s", "a");
  assert_int_equal(decode_text(&text), GW_ERR_LIMIT);
  for (int i = 0; i < 1000; i++)
    gw_strbuf_printf(&text, "1;0123456789\r\nx\r\n");
  assert_int_equal(decode_text(&text), GW_ERR_LIMIT);
}

static void test_chunked_takes_any_number_of_paid_extensions(void **state) {
  (void)state;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  for (int i = 0; i < 3000; i++)
    gw_strbuf_printf(&text, "10;0123456789\r\n0123456789abcdef\r\n");
  gw_strbuf_printf(&text, "0\r\n\r\n");
  assert_int_equal(decode_text(&text), GW_OK);
}

/* "Name=value" of each trailer, in whatever pieces the body comes; collecting must not change what is accepted. */
static void assert_trailers(const char *text, enum gw_err expected_err, const char *expected) {
  struct gw_str whole = gw_str_from(text);
  for (size_t piece = 1; piece <= whole.len; piece++) {
    for (int is_wanted = 0; is_wanted < 2; is_wanted++) {
      struct gw_h1_body body;
      struct gw_strbuf data;
      struct gw_arena arena;
      size_t used = 0;
      gw_arena_init(&arena, 256);
      gw_strbuf_init(&data);
      gw_h1_body_init(&body, GW_LENGTH_UNKNOWN, true);
      if (is_wanted) gw_h1_body_collect_trailers(&body, &arena);
      enum gw_err err = decode(&body, whole, piece, &data, &used);
      if (err != expected_err) fail_msg("%s: %s", text, gw_err_name(err));
      gw_strbuf_clear(&data);
      gw_strbuf_append(&data, "", 0);
      for (uint32_t i = 0; i < body.trailers.count; i++) {
        const struct gw_header *field = &body.trailers.items[i];
        assert_int_equal(field->id, gw_header_id_find(field->name));
        gw_strbuf_printf(&data, "%s%.*s=%.*s", i > 0 ? " " : "", GW_STR_ARG(field->name), GW_STR_ARG(field->value));
      }
      assert_string_equal(data.data, is_wanted ? expected : "");
      gw_strbuf_done(&data);
      gw_arena_done(&arena);
    }
  }
}

static void test_trailers_are_collected_in_pieces_of_any_size(void **state) {
  (void)state;
  assert_trailers("0\r\n\r\n", GW_OK, "");
  assert_trailers("5\r\nhello\r\n0\r\n\r\n", GW_OK, "");
  assert_trailers("1\r\na\r\n0\r\nGrpc-Status: 0\r\nx-sum:\t a b \r\nX-Sum:\r\n\r\nGET /", GW_OK, "Grpc-Status=0 x-sum=a b X-Sum=");
  assert_trailers("0;a=b\r\nX-Long-Name-So-That-The-Buffer-Grows-Once: 0123456789012345678901234567890123456789012345678901234567890123\r\n"
                  "X-Another: 0123456789\r\n\r\n",
                  GW_OK,
                  "X-Long-Name-So-That-The-Buffer-Grows-Once=0123456789012345678901234567890123456789012345678901234567890123 "
                  "X-Another=0123456789");
}

static void test_trailers_leave_out_what_belongs_into_a_head(void **state) {
  (void)state;
  assert_trailers("0\r\nHost: a b\r\nA: 1\r\nConnection: close\r\nAuthorization: x\r\nB: 2\r\nContent-Type: x\r\nTransfer-Encodin: y\r\n"
                  "Transfer-Encodings: z\r\nProxy-Authenticate: x\r\n\r\n",
                  GW_OK, "A=1 B=2 Transfer-Encodin=y Transfer-Encodings=z");
}

static void test_trailers_may_not_frame(void **state) {
  (void)state;
  assert_trailers("0\r\nContent-Length: 5\r\n\r\n", GW_ERR_INVALID, "");
  assert_trailers("0\r\nA: b\r\ncontent-LENGTH:0\r\n\r\n", GW_ERR_INVALID, "");
  assert_trailers("0\r\nTRANSFER-encoding: chunked\r\n\r\n", GW_ERR_INVALID, "");
}

static void test_trailers_are_refused_as_heads_are(void **state) {
  (void)state;
  assert_trailers("0\r\nA : b\r\n\r\n", GW_ERR_INVALID, "");
  assert_trailers("0\r\nA: b\r\n folded\r\n\r\n", GW_ERR_INVALID, "");
  assert_trailers("0\r\nA: b\n\r\n", GW_ERR_INVALID, "");
  assert_trailers("0\r\nA: b\rC: d\r\n\r\n", GW_ERR_INVALID, "");
  assert_trailers("0\r\nA: b\x7f\r\n\r\n", GW_ERR_INVALID, "");
  assert_trailers("0\r\nA: b\r\n\n", GW_ERR_INVALID, "");
}

static void test_trailers_are_at_most_64(void **state) {
  (void)state;
  for (int count = 64; count <= 65; count++) {
    struct gw_strbuf text;
    gw_strbuf_init(&text);
    gw_strbuf_printf(&text, "0\r\n");
    for (int i = 0; i < count; i++)
      gw_strbuf_printf(&text, "a:\r\n");
    gw_strbuf_printf(&text, "\r\n");
    assert_int_equal(decode_text(&text), count > 64 ? GW_ERR_LIMIT : GW_OK);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_length_takes_so_many_bytes),
      cmocka_unit_test(test_no_body_is_complete_at_once),
      cmocka_unit_test(test_until_close_takes_all),
      cmocka_unit_test(test_chunked_in_pieces_of_any_size),
      cmocka_unit_test(test_chunked_refuses_what_parsers_read_differently),
      cmocka_unit_test(test_chunked_takes_sizes_up_to_int64),
      cmocka_unit_test(test_chunked_bounds_what_is_no_data),
      cmocka_unit_test(test_chunked_takes_any_number_of_paid_extensions),
      cmocka_unit_test(test_trailers_are_collected_in_pieces_of_any_size),
      cmocka_unit_test(test_trailers_leave_out_what_belongs_into_a_head),
      cmocka_unit_test(test_trailers_may_not_frame),
      cmocka_unit_test(test_trailers_are_refused_as_heads_are),
      cmocka_unit_test(test_trailers_are_at_most_64),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
