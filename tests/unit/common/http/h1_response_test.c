#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/http/h1_codec.h"

static const struct gw_h1_limits limits = {.head_bytes = 8192, .header_count = 20};
static struct gw_arena arena;

static int setup(void **state) {
  (void)state;
  gw_arena_init(&arena, 1024);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  gw_arena_done(&arena);
  return 0;
}

struct parsed {
  enum gw_err err;
  struct gw_response_head head;
  bool keep_alive;
  struct gw_str detail;
};

/* From memory that ends with the text, so that reading beyond shows. */
static struct parsed parse(const char *text, enum gw_method method) {
  struct parsed parsed = {.err = GW_OK};
  size_t len = strlen(text);
  char *bytes = memcpy(gw_arena_alloc_bytes(&arena, len), text, len);
  parsed.err = gw_h1_parse_response((struct gw_str){bytes, len}, &limits, method, &arena, &parsed.head, &parsed.keep_alive, &parsed.detail);
  return parsed;
}

static void assert_str(struct gw_str actual, const char *expected) {
  if (!gw_str_equal(actual, gw_str_from(expected))) fail_msg("\"%.*s\", not \"%s\"", GW_STR_ARG(actual), expected);
}

static void test_parse_of_a_usual_response(void **state) {
  (void)state;
  struct parsed parsed = parse("HTTP/1.1 404 Not Found\r\nServer: x\r\nContent-Length: 12\r\nX-A: b c\r\nHost: odd\r\n\r\n", GW_METHOD_GET);
  assert_int_equal(parsed.err, GW_OK);
  assert_int_equal(parsed.head.status, 404);
  assert_int_equal(parsed.head.version, GW_HTTP_1_1);
  assert_int_equal(parsed.head.content_length, 12);
  assert_int_equal(parsed.head.declared_length, GW_LENGTH_NONE);
  assert_true(parsed.keep_alive);
  assert_int_equal(parsed.head.headers.count, 3);
  assert_int_equal(parsed.head.headers.items[0].id, GW_HEADER_SERVER);
  assert_str(parsed.head.headers.items[1].value, "b c");
  assert_str(parsed.head.headers.items[2].name, "Host");
}

static void test_parse_of_body_lengths(void **state) {
  (void)state;
  const struct {
    const char *text;
    enum gw_method method;
    int64_t length, declared;
    bool is_chunked, keep_alive;
  } cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", GW_METHOD_GET, 0, GW_LENGTH_NONE, false, true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 05\r\n\r\n", GW_METHOD_GET, 5, GW_LENGTH_NONE, false, true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", GW_METHOD_GET, GW_LENGTH_UNKNOWN, GW_LENGTH_NONE, true, true},
      {"HTTP/1.1 200 OK\r\n\r\n", GW_METHOD_GET, GW_LENGTH_UNKNOWN, GW_LENGTH_NONE, false, false},
      {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", GW_METHOD_GET, GW_LENGTH_UNKNOWN, GW_LENGTH_NONE, false, false},
      {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n", GW_METHOD_GET, 1, GW_LENGTH_NONE, false, true},
      {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", GW_METHOD_GET, 1, GW_LENGTH_NONE, false, false},
      {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n", GW_METHOD_GET, 1, GW_LENGTH_NONE, false, false},
      {"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", GW_METHOD_HEAD, GW_LENGTH_NONE, 7, false, true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", GW_METHOD_HEAD, GW_LENGTH_NONE, GW_LENGTH_NONE, false, true},
      {"HTTP/1.1 200 OK\r\n\r\n", GW_METHOD_HEAD, GW_LENGTH_NONE, GW_LENGTH_NONE, false, true},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", GW_METHOD_GET, GW_LENGTH_NONE, 7, false, true},
      {"HTTP/1.1 204 No Content\r\n\r\n", GW_METHOD_GET, GW_LENGTH_NONE, GW_LENGTH_NONE, false, true},
      {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", GW_METHOD_GET, GW_LENGTH_NONE, GW_LENGTH_NONE, false, true},
      {"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", GW_METHOD_GET, GW_LENGTH_NONE, GW_LENGTH_NONE, false, false},
      {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", GW_METHOD_GET, GW_LENGTH_NONE, GW_LENGTH_NONE, false, false},
      {"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n", GW_METHOD_POST, GW_LENGTH_NONE, GW_LENGTH_NONE, false, true},
      {"HTTP/1.1 100 Continue\r\n\r\n", GW_METHOD_POST, GW_LENGTH_NONE, GW_LENGTH_NONE, false, true},
      {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", GW_METHOD_GET, GW_LENGTH_NONE, GW_LENGTH_NONE, false, true},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct parsed parsed = parse(cases[i].text, cases[i].method);
    if (parsed.err != GW_OK) fail_msg("%s: %.*s", cases[i].text, GW_STR_ARG(parsed.detail));
    assert_int_equal(parsed.head.content_length, cases[i].length);
    assert_int_equal(parsed.head.declared_length, cases[i].declared);
    assert_int_equal(parsed.head.is_chunked, cases[i].is_chunked);
    if (parsed.keep_alive != cases[i].keep_alive) fail_msg("%s: keep-alive %d", cases[i].text, parsed.keep_alive);
  }
}

static void test_parse_of_status_lines(void **state) {
  (void)state;
  const struct {
    const char *text;
    uint32_t status;
  } cases[] = {{"HTTP/1.1 200 \r\n\r\n", 200},     {"HTTP/1.1 200\r\n\r\n", 200},      {"HTTP/1.1 599 \xc3\xa4 \t x\r\n\r\n", 599},
               {"HTTP/1.9 299 OK\r\n\r\n", 299},   {"HTTP/1.1 099 OK\r\n\r\n", 0},     {"HTTP/1.1 20 OK\r\n\r\n", 0},
               {"HTTP/1.1 2000 OK\r\n\r\n", 0},    {"HTTP/1.1 2x0 OK\r\n\r\n", 0},     {"HTTP/1.1  200 OK\r\n\r\n", 0},
               {"HTTP/2.0 200 OK\r\n\r\n", 0},     {"HTTP/1.x 200 OK\r\n\r\n", 0},     {"http/1.1 200 OK\r\n\r\n", 0},
               {"ICY 200 OK and more\r\n\r\n", 0}, {"\r\nHTTP/1.1 200 OK\r\n\r\n", 0}, {"HTTP/1.1 200 O\x01K\r\n\r\n", 0},
               {"HTTP/1.1 200 OK\n\r\n", 0},       {"HTTP/1.1 200 O\rK\r\n\r\n", 0},   {"HTTP/1.1 200\t\r\n\r\n", 0}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct parsed parsed = parse(cases[i].text, GW_METHOD_GET);
    if ((parsed.err == GW_OK) != (cases[i].status != 0)) fail_msg("%s: %s", cases[i].text, gw_err_name(parsed.err));
    if (parsed.err == GW_OK) {
      assert_int_equal(parsed.head.status, cases[i].status);
    } else {
      assert_str(parsed.detail, "http1.bad_status_line");
    }
  }
}

static void test_parse_refuses_ambiguous_framing_and_fields(void **state) {
  (void)state;
  const struct {
    const char *text, *detail;
  } cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "http1.content_length_and_transfer_encoding"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "http1.several_content_lengths"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n", "http1.bad_content_length"},
      {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "http1.bad_content_length"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "http1.bad_transfer_encoding"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "http1.bad_transfer_encoding"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "http1.bad_transfer_encoding"},
      {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "http1.bad_transfer_encoding"},
      {"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "http1.bad_header_name"},
      {"HTTP/1.1 200 OK\r\nX : a\r\n\r\n", "http1.bad_header_name"},
      {"HTTP/1.1 200 OK\r\nX: a\nY: b\r\n\r\n", "http1.bad_line_end"},
      {"HTTP/1.1 200 OK\r\nX: a\n\n", "http1.bad_line_end"},
      {"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n", "http1.interim_with_body"},
      {"HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n", "http1.interim_with_body"},
      {"HTTP/1.1 101 Switching Protocols\r\nContent-Length: 1\r\n\r\n", "http1.interim_with_body"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", "http1.bad_transfer_encoding"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n", "http1.bad_transfer_encoding"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: \r\n\r\n", "http1.bad_transfer_encoding"},
      {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", "http1.content_length_and_transfer_encoding"},
      {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "http1.bad_content_length"},
      {"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", "http1.bad_content_length"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n", "http1.bad_transfer_encoding"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length:\r\n\r\n", "http1.bad_content_length"},
      {"HTTP/1.1 200 OK\r\n X: a\r\n\r\n", "http1.bad_header_name"},
      {"HTTP/1.1 200 OK\r\n: a\r\n\r\n", "http1.bad_header_name"},
      {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "http1.bad_header_name"},
      {"\r\n\r\n", "http1.bad_status_line"},
      {"\n", "http1.bad_line_end"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct parsed parsed = parse(cases[i].text, GW_METHOD_GET);
    if (parsed.err != GW_ERR_INVALID) fail_msg("%s: %s", cases[i].text, gw_err_name(parsed.err));
    assert_str(parsed.detail, cases[i].detail);
  }
}

static void test_parse_beyond_the_limits(void **state) {
  (void)state;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  gw_strbuf_printf(&text, "HTTP/1.1 200 OK\r\n");
  for (uint32_t i = 0; i <= limits.header_count; i++)
    gw_strbuf_printf(&text, "a: b\r\n");
  gw_strbuf_printf(&text, "\r\n");
  struct parsed parsed = parse(text.data, GW_METHOD_GET);
  assert_int_equal(parsed.err, GW_ERR_LIMIT);
  assert_str(parsed.detail, "http1.too_many_headers");
  gw_strbuf_clear(&text);
  gw_strbuf_printf(&text, "HTTP/1.1 200 OK\r\nX: %*s\r\n\r\n", 9000, "a");
  parsed = parse(text.data, GW_METHOD_GET);
  assert_int_equal(parsed.err, GW_ERR_LIMIT);
  assert_str(parsed.detail, "http1.head_too_large");
  gw_strbuf_done(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_parse_of_a_usual_response), TEST(test_parse_of_body_lengths),
      TEST(test_parse_of_status_lines),     TEST(test_parse_refuses_ambiguous_framing_and_fields),
      TEST(test_parse_beyond_the_limits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
