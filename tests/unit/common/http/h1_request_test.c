#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/http/h1_codec.h"

static const struct gw_h1_limits limits = {.head_bytes = 8192, .header_count = 20};

struct parsed {
  struct gw_arena arena;
  char *bytes; /* of exactly the head's length, so that reading beyond shows */
  struct gw_request_head head;
  bool keep_alive;
  enum gw_err err;
  uint32_t status;
  struct gw_str detail;
};

static void parse(struct parsed *parsed, struct gw_str text) {
  *parsed = (struct parsed){.status = 0};
  gw_arena_init(&parsed->arena, 1024);
  parsed->bytes = gw_malloc(text.len == 0 ? 1 : text.len);
  memcpy(parsed->bytes, text.data, text.len);
  parsed->err = gw_h1_parse_request((struct gw_str){parsed->bytes, text.len}, &limits, &parsed->arena, &parsed->head, &parsed->keep_alive,
                                    &parsed->status, &parsed->detail);
}

static void parsed_done(struct parsed *parsed) {
  gw_arena_done(&parsed->arena);
  free(parsed->bytes);
}

static void assert_str(struct gw_str actual, const char *expected) {
  if (!gw_str_equal(actual, gw_str_from(expected))) fail_msg("\"%.*s\", not \"%s\"", GW_STR_ARG(actual), expected);
}

static void assert_refused(struct gw_str text, enum gw_err err, uint32_t status, const char *detail) {
  struct parsed parsed;
  parse(&parsed, text);
  if (parsed.err == GW_OK) fail_msg("accepted: %.*s", GW_STR_ARG(text));
  if (!gw_str_equal(parsed.detail, gw_str_from(detail))) {
    fail_msg("%.*s: \"%.*s\", not \"%s\"", GW_STR_ARG(text), GW_STR_ARG(parsed.detail), detail);
  }
  assert_int_equal(parsed.err, err);
  assert_int_equal(parsed.status, status);
  parsed_done(&parsed);
}

struct refusal {
  const char *text;
  const char *detail;
};

static void assert_all_bad(const struct refusal *refusals, size_t count) {
  for (size_t i = 0; i < count; i++)
    assert_refused(gw_str_from(refusals[i].text), GW_ERR_INVALID, 400, refusals[i].detail);
}

static void test_parse_of_a_usual_request(void **state) {
  (void)state;
  struct parsed parsed;
  parse(&parsed, GW_STR("GET /a/b?c=d HTTP/1.1\r\nHost: Example.org:8080\r\nUser-Agent: curl/8.5.0\r\nX-Empty:\r\nx_under: \t a  b \t\r\n"
                        "Accept: */*\r\n\r\n"));
  assert_int_equal(parsed.err, GW_OK);
  assert_int_equal(parsed.head.method, GW_METHOD_GET);
  assert_str(parsed.head.method_name, "GET");
  assert_str(parsed.head.path, "/a/b?c=d");
  assert_str(parsed.head.authority, "Example.org:8080");
  assert_int_equal(parsed.head.version, GW_HTTP_1_1);
  assert_int_equal(parsed.head.content_length, GW_LENGTH_NONE);
  assert_false(parsed.head.expects_continue);
  assert_true(parsed.keep_alive);
  const struct gw_headers *headers = &parsed.head.headers;
  assert_int_equal(headers->count, 4);
  assert_str(headers->items[0].name, "User-Agent");
  assert_int_equal(headers->items[0].id, GW_HEADER_USER_AGENT);
  assert_str(headers->items[0].value, "curl/8.5.0");
  assert_str(headers->items[1].name, "X-Empty");
  assert_str(headers->items[1].value, "");
  assert_str(headers->items[2].name, "x_under");
  assert_str(headers->items[2].value, "a  b");
  assert_str(headers->items[3].value, "*/*");
  parsed_done(&parsed);
}

static void test_parse_keeps_what_the_codec_does_not_own(void **state) {
  (void)state;
  struct parsed parsed;
  parse(&parsed, GW_STR("POST / HTTP/1.1\r\nConnection: close, X-A\r\nhost: a\r\nExpect: 100-Continue\r\ncontent-length: 0012\r\n\r\n"));
  assert_int_equal(parsed.err, GW_OK);
  assert_int_equal(parsed.head.content_length, 12);
  assert_true(parsed.head.expects_continue);
  assert_false(parsed.keep_alive);
  assert_int_equal(parsed.head.headers.count, 2);
  assert_int_equal(parsed.head.headers.items[0].id, GW_HEADER_CONNECTION);
  assert_int_equal(parsed.head.headers.items[1].id, GW_HEADER_EXPECT);
  parsed_done(&parsed);
}

static void test_parse_of_body_lengths(void **state) {
  (void)state;
  const struct {
    const char *lines;
    int64_t length;
  } cases[] = {{"", GW_LENGTH_NONE},
               {"Content-Length: 0\r\n", 0},
               {"Content-Length: 9223372036854775807\r\n", INT64_MAX},
               {"Transfer-Encoding: chunked\r\n", GW_LENGTH_UNKNOWN},
               {"transfer-encoding:CHUNKED \r\n", GW_LENGTH_UNKNOWN}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct parsed parsed;
    char *text = gw_asprintf("PUT / HTTP/1.1\r\nHost: a\r\n%s\r\n", cases[i].lines);
    parse(&parsed, gw_str_from(text));
    assert_int_equal(parsed.err, GW_OK);
    assert_int_equal(parsed.head.content_length, cases[i].length);
    assert_int_equal(parsed.head.headers.count, 0);
    parsed_done(&parsed);
    free(text);
  }
}

static void test_parse_of_keep_alive(void **state) {
  (void)state;
  const struct {
    const char *text;
    bool keep_alive;
  } cases[] = {{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
               {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", true},
               {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x,, CLOSE\r\n\r\n", false},
               {"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", true},
               {"GET / HTTP/1.0\r\n\r\n", false},
               {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
               {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\nConnection: close\r\n\r\n", false}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct parsed parsed;
    parse(&parsed, gw_str_from(cases[i].text));
    assert_int_equal(parsed.err, GW_OK);
    assert_int_equal(parsed.keep_alive, cases[i].keep_alive);
    parsed_done(&parsed);
  }
}

static void test_parse_of_target_forms(void **state) {
  (void)state;
  const struct {
    const char *text, *authority, *path;
  } cases[] = {{"GET http://A.org/x?y HTTP/1.1\r\nHost: a.ORG\r\n\r\n", "A.org", "/x?y"},
               {"GET HTTPS://a:443?y HTTP/1.1\r\nHost: a:443\r\n\r\n", "a:443", "/?y"},
               {"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/"},
               {"GET http://a/x HTTP/1.0\r\n\r\n", "a", "/x"},
               {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "a", "*"},
               {"OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", "a", "*"},
               {"OPTIONS http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/"},
               {"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "a:443", ""},
               {"TRACE /x HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/x"},
               {"GET //a/b HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "[::1]:80", "//a/b"},
               {"GET /x HTTP/1.0\r\n\r\n", "", "/x"},
               {"\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/x"},
               {"M-SEARCH /x HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/x"}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct parsed parsed;
    parse(&parsed, gw_str_from(cases[i].text));
    if (parsed.err != GW_OK) fail_msg("%s: %.*s", cases[i].text, GW_STR_ARG(parsed.detail));
    assert_str(parsed.head.authority, cases[i].authority);
    assert_str(parsed.head.path, cases[i].path);
    parsed_done(&parsed);
  }
}

static void test_parse_refuses_bad_request_lines(void **state) {
  (void)state;
  const struct refusal refusals[] = {
      {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "http1.bad_method"},
      {"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "http1.bad_method"},
      {"\r\n\r\n", "http1.bad_method"},
      {" GET / HTTP/1.1\r\nHost: a\r\n\r\n", "http1.bad_method"},
      {"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", "http1.bad_method"},
      {"GET\r\n\r\n", "http1.bad_method"},
      {"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "http1.bad_method"},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "http1.bad_target"},
      {"GET /\r\n\r\n", "http1.bad_target"},
      {"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "http1.bad_target"},
      {"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", "http1.bad_target"},
      {"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", "http1.bad_target"},
      {"GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", "http1.bad_target"},
      {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "http1.bad_request_line"},
      {"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "http1.bad_request_line"},
      {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "http1.bad_request_line"},
      {"GET / HTTP/1.1\nHost: a\r\n\r\n", "http1.bad_request_line"},
      {"GET / HTTP/1.1\rHost: a\r\n\r\n", "http1.bad_request_line"},
      {"GET / http/1.1\r\nHost: a\r\n\r\n", "http1.bad_request_line"},
      {"GET / HTTP/1\r\nHost: a\r\n\r\n", "http1.bad_request_line"},
      {"GET / HTTP/11\r\nHost: a\r\n\r\n", "http1.bad_request_line"},
      {"GET / \r\n\r\n", "http1.bad_request_line"},
      {"", "http1.bad_line_end"},
      {"GET / HTTP/1.1\r\nHost: a", "http1.bad_line_end"},
  };
  assert_all_bad(refusals, GW_ARRAY_LEN(refusals));
  assert_refused(GW_STR("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"), GW_ERR_INVALID, 400, "http1.bad_target");
}

static void test_parse_refuses_bad_targets_and_hosts(void **state) {
  (void)state;
  const struct refusal refusals[] = {
      {"GET a HTTP/1.1\r\nHost: a\r\n\r\n", "http1.bad_target"},
      {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", "http1.bad_target"},
      {"GET ?x HTTP/1.1\r\nHost: a\r\n\r\n", "http1.bad_target"},
      {"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "http1.bad_target"},
      {"GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", "http1.bad_target"},
      {"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", "http1.bad_target"},
      {"GET http://u:p@a/ HTTP/1.1\r\nHost: u:p@a\r\n\r\n", "http1.bad_host"},
      {"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", "http1.bad_target"},
      {"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "http1.host_differs"},
      {"GET http://a/ HTTP/1.1\r\nHost: a:80\r\n\r\n", "http1.host_differs"},
      {"CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n", "http1.bad_target"},
      {"CONNECT b:1 HTTP/1.1\r\nHost: a\r\n\r\n", "http1.host_differs"},
      {"GET / HTTP/1.1\r\n\r\n", "http1.no_host"},
      {"GET http://a/ HTTP/1.1\r\n\r\n", "http1.no_host"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "http1.several_hosts"},
      {"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "http1.several_hosts"},
      {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "http1.bad_host"},
      {"GET / HTTP/1.0\r\nHost:\r\n\r\n", "http1.bad_host"},
      {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "http1.bad_host"},
      {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "http1.bad_host"},
      {"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", "http1.bad_host"},
  };
  assert_all_bad(refusals, GW_ARRAY_LEN(refusals));
}

static void test_parse_refuses_bad_field_lines(void **state) {
  (void)state;
  const struct refusal refusals[] = {
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "http1.bad_header_name"},
      {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", "http1.bad_header_name"},
      {"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", "http1.bad_header_name"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX-\xc3\xa4: b\r\n\r\n", "http1.bad_header_name"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX[a]: b\r\n\r\n", "http1.bad_header_name"},
      {"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\nX: y\r\n\r\n", "http1.bad_header_name"},
      {"GET / HTTP/1.1\r\nHost: a\r\nno-colon\r\n\r\n", "http1.bad_header_name"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: folded\r\n line\r\n\r\n", "http1.bad_header_name"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: folded\r\n\tline: b\r\n\r\n", "http1.bad_header_name"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\x01\r\n\r\n", "http1.bad_header_value"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\x7f\r\n\r\n", "http1.bad_header_value"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "http1.bad_line_end"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\nY: b\r\n\r\n", "http1.bad_line_end"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\r\n\r\n", "http1.bad_line_end"},
      {"GET / HTTP/1.1\r\nHost: a\r\n\n", "http1.bad_header_name"},
      {"GET / HTTP/1.1\r\nHost: a\n\n", "http1.bad_line_end"},
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\nX: y\r\n\r\n", "http1.bad_line_end"},
      {"GET / HTTP/1.1\r\nHost: a\r\n", "http1.bad_line_end"},
  };
  assert_all_bad(refusals, GW_ARRAY_LEN(refusals));
  assert_refused(GW_STR("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"), GW_ERR_INVALID, 400, "http1.bad_header_value");
  assert_refused(GW_STR("GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n"), GW_ERR_INVALID, 400, "http1.bad_header_name");
}

static void assert_framing_refused(const char *lines, const char *version, enum gw_err err, uint32_t status, const char *detail) {
  char *text = gw_asprintf("POST / HTTP/%s\r\nHost: a\r\n%s\r\n", version, lines);
  assert_refused(gw_str_from(text), err, status, detail);
  free(text);
}

static void test_parse_refuses_ambiguous_framing(void **state) {
  (void)state;
  const struct refusal refusals[] = {
      {"Content-Length:\r\n", "http1.bad_content_length"},
      {"Content-Length: +5\r\n", "http1.bad_content_length"},
      {"Content-Length: -5\r\n", "http1.bad_content_length"},
      {"Content-Length: 5 5\r\n", "http1.bad_content_length"},
      {"Content-Length: 5, 5\r\n", "http1.bad_content_length"},
      {"Content-Length: 0x5\r\n", "http1.bad_content_length"},
      {"Content-Length: 9223372036854775808\r\n", "http1.bad_content_length"},
      {"Content-Length: 18446744073709551621\r\n", "http1.bad_content_length"},
      {"Content-Length: 5\r\nContent-Length: 5\r\n", "http1.several_content_lengths"},
      {"Content-Length: 5\r\ncontent-length: 6\r\n", "http1.several_content_lengths"},
      {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "http1.content_length_and_transfer_encoding"},
      {"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", "http1.content_length_and_transfer_encoding"},
      {"Transfer-Encoding: chunked, chunked\r\n", "http1.bad_transfer_encoding"},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "http1.bad_transfer_encoding"},
      {"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "http1.bad_transfer_encoding"},
      {"Transfer-Encoding: chunked, gzip\r\n", "http1.bad_transfer_encoding"},
      {"Transfer-Encoding: chunked,\r\n", "http1.bad_transfer_encoding"},
      {"Transfer-Encoding:\r\n", "http1.bad_transfer_encoding"},
      {"Transfer-Encoding: gzip\r\n", "http1.bad_transfer_encoding"}, /* RFC 9112 section 6.3: no end of the body */
      {"Transfer-Encoding: identity\r\n", "http1.bad_transfer_encoding"},
      {"Transfer-Encoding: xchunked\r\n", "http1.bad_transfer_encoding"},
      {"Transfer-Encoding: chunked;q=1\r\n", "http1.bad_transfer_encoding"},
      {"Transfer-Encoding: \"chunked\"\r\n", "http1.bad_transfer_encoding"},
      {"Transfer-Encoding: ,chunked\r\n", "http1.bad_transfer_encoding"},
      {"Transfer-Encoding: gzip;q=1, chunked\r\n", "http1.bad_transfer_encoding"},
      {"Transfer-Encoding: gz ip, chunked\r\n", "http1.bad_transfer_encoding"},
      {"Transfer-Encoding: \xa0"
       "chunked\r\n",
       "http1.bad_transfer_encoding"},
      {"Transfer-Encoding: chunked\x85\r\n", "http1.bad_transfer_encoding"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(refusals); i++)
    assert_framing_refused(refusals[i].text, "1.1", GW_ERR_INVALID, 400, refusals[i].detail);
  assert_framing_refused("Transfer-Encoding: chunked\r\n", "1.0", GW_ERR_INVALID, 400, "http1.bad_transfer_encoding");
  const char *unknown[] = {"gzip, chunked", "identity, chunked", "deflate,gzip ,\tCHUNKED"};
  for (size_t i = 0; i < GW_ARRAY_LEN(unknown); i++) {
    char *line = gw_asprintf("Transfer-Encoding: %s\r\n", unknown[i]);
    assert_framing_refused(line, "1.1", GW_ERR_UNSUPPORTED, 501, "http1.unsupported_transfer_encoding");
    free(line);
  }
  assert_framing_refused("Transfer-Encoding: \x0b"
                         "chunked\r\n",
                         "1.1", GW_ERR_INVALID, 400, "http1.bad_header_value");
}

static void test_parse_refuses_other_versions(void **state) {
  (void)state;
  const char *versions[] = {"HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/3.0"};
  for (size_t i = 0; i < GW_ARRAY_LEN(versions); i++) {
    char *text = gw_asprintf("PRI * %s\r\n\r\n", versions[i]);
    assert_refused(gw_str_from(text), GW_ERR_UNSUPPORTED, 505, "http1.unsupported_version");
    free(text);
  }
}

static void test_parse_beyond_the_limits_is_431(void **state) {
  (void)state;
  for (uint32_t count = limits.header_count; count <= limits.header_count + 1; count++) {
    struct gw_strbuf text;
    struct parsed parsed;
    gw_strbuf_init(&text);
    gw_strbuf_printf(&text, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (uint32_t i = 1; i < count; i++)
      gw_strbuf_printf(&text, "a:\r\n"); /* shorter than a usual line: the array grows */
    gw_strbuf_printf(&text, "\r\n");
    parse(&parsed, gw_strbuf_str(&text));
    assert_int_equal(parsed.err, count > limits.header_count ? GW_ERR_LIMIT : GW_OK);
    if (count > limits.header_count) {
      assert_int_equal(parsed.status, 431);
    } else {
      assert_int_equal(parsed.head.headers.count, count - 1);
    }
    parsed_done(&parsed);
    gw_strbuf_done(&text);
  }
}

static void test_parse_bounds_connection_options(void **state) {
  (void)state;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  gw_strbuf_printf(&text, "GET / HTTP/1.1\r\nHost: a\r\nConnection: ");
  for (int i = 0; i < 65; i++)
    gw_strbuf_printf(&text, "a%d,", i);
  gw_strbuf_printf(&text, "\r\n\r\n");
  assert_refused(gw_strbuf_str(&text), GW_ERR_INVALID, 400, "http1.too_many_connection_options");
  gw_strbuf_done(&text);
}

static void test_parse_expects_continue_only_from_1_1(void **state) {
  (void)state;
  struct parsed parsed;
  parse(&parsed, GW_STR("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"));
  assert_int_equal(parsed.err, GW_OK);
  assert_false(parsed.head.expects_continue);
  parsed_done(&parsed);
}

/* Whatever is cut off or changed in a byte: no reading beyond the end (the sanitizer's part), no crash. */
static void test_parse_of_any_mutation_stays_inside(void **state) {
  (void)state;
  static const char text[] =
      "POST http://a/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\nX-Long-Name-Of-A-Field: v\r\n\r\n";
  static const char bytes[] = {'\0', '\t', '\n', '\r', ' ', '#', '%', ':', '/', '@', '[', 'A', '\x7f', '\x80'};
  for (size_t len = 0; len < sizeof(text); len++) {
    struct parsed parsed;
    parse(&parsed, (struct gw_str){text, len});
    assert_int_equal(parsed.err == GW_OK, len == sizeof(text) - 1);
    parsed_done(&parsed);
  }
  for (size_t place = 0; place < sizeof(text) - 1; place++) {
    for (size_t i = 0; i < sizeof(bytes); i++) {
      struct parsed parsed;
      char changed[sizeof(text)];
      memcpy(changed, text, sizeof(text));
      changed[place] = bytes[i];
      parse(&parsed, (struct gw_str){changed, sizeof(text) - 1});
      parsed_done(&parsed);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parse_of_a_usual_request),
      cmocka_unit_test(test_parse_keeps_what_the_codec_does_not_own),
      cmocka_unit_test(test_parse_of_body_lengths),
      cmocka_unit_test(test_parse_of_keep_alive),
      cmocka_unit_test(test_parse_of_target_forms),
      cmocka_unit_test(test_parse_refuses_bad_request_lines),
      cmocka_unit_test(test_parse_refuses_bad_targets_and_hosts),
      cmocka_unit_test(test_parse_refuses_bad_field_lines),
      cmocka_unit_test(test_parse_refuses_ambiguous_framing),
      cmocka_unit_test(test_parse_refuses_other_versions),
      cmocka_unit_test(test_parse_beyond_the_limits_is_431),
      cmocka_unit_test(test_parse_bounds_connection_options),
      cmocka_unit_test(test_parse_expects_continue_only_from_1_1),
      cmocka_unit_test(test_parse_of_any_mutation_stays_inside),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
