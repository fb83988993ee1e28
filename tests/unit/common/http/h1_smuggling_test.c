/* Whole messages by which one program or another was led astray, from public lists of request smuggling and of parsers that disagree:
 * each is refused where it becomes ambiguous, or read in the one way that all strict parsers share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/http/h1_codec.h"

static const struct gw_h1_limits limits = {.head_bytes = 8192, .header_count = 20};

/* One request and its body from the beginning of *text, which is cut off. NULL, or why not. */
static const char *take_request(struct gw_str *text, struct gw_arena *arena, struct gw_request_head *ret_head,
                                struct gw_strbuf *body_data) {
  size_t scanned = 0;
  size_t head_len = 0;
  bool keep_alive;
  uint32_t status;
  struct gw_str detail;
  struct gw_h1_body body;
  if (gw_h1_find_head(text->data, text->len, &limits, &scanned, &head_len) != GW_OK) return "no head";
  struct gw_str head_bytes = {text->data, head_len};
  if (gw_h1_parse_request(head_bytes, &limits, arena, ret_head, &keep_alive, &status, &detail) != GW_OK) {
    return gw_arena_copy(arena, detail).data;
  }
  *text = gw_str_skip(*text, head_len);
  gw_h1_body_init(&body, ret_head->content_length, ret_head->content_length == GW_LENGTH_UNKNOWN);
  while (!body.is_complete) {
    struct gw_str data;
    size_t used;
    if (gw_h1_body_decode(&body, *text, &data, &used) != GW_OK) return "http1.bad_chunk";
    if (used == 0) return "no end";
    gw_strbuf_append_str(body_data, data);
    *text = gw_str_skip(*text, used);
  }
  return NULL;
}

struct refusal {
  struct gw_str text;
  const char *detail;
};

#define GET "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define EVIL "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n"

static void assert_refused(const struct refusal *refusals, size_t count) {
  for (size_t i = 0; i < count; i++) {
    struct gw_arena arena;
    struct gw_request_head head;
    struct gw_strbuf body;
    gw_arena_init(&arena, 1024);
    gw_strbuf_init(&body);
    struct gw_str rest = refusals[i].text;
    const char *detail = take_request(&rest, &arena, &head, &body);
    if (detail == NULL) fail_msg("accepted: %.*s", GW_STR_ARG(refusals[i].text));
    if (strcmp(detail, refusals[i].detail) != 0) fail_msg("%.*s: \"%s\"", GW_STR_ARG(refusals[i].text), detail);
    gw_strbuf_done(&body);
    gw_arena_done(&arena);
  }
}

static void test_field_lines_that_parsers_cut_differently(void **state) {
  (void)state;
  const struct refusal refusals[] = {
      {GW_STR(POST "Content-Length : 34\r\n\r\n" EVIL), "http1.bad_header_name"},
      {GW_STR(POST "Content-Length\t: 34\r\n\r\n" EVIL), "http1.bad_header_name"},
      {GW_STR(POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"), "http1.bad_header_name"},
      {GW_STR(POST "Content-Length\x85: 10\r\n\r\n0123456789"), "http1.bad_header_name"},
      {GW_STR(POST "Content-Length\xa0: 10\r\n\r\n0123456789"), "http1.bad_header_name"},
      {GW_STR(POST "\xefoo: bar\r\n\r\n"), "http1.bad_header_name"},
      {GW_STR(POST "Content-Length\0: 10\r\n\r\n0123456789"), "http1.bad_header_name"},
      {GW_STR(POST "Content-Length 10\r\n\r\n0123456789"), "http1.bad_header_name"},
      {GW_STR(POST "Content-Length=10\r\n\r\n0123456789"), "http1.bad_header_name"},
      {GW_STR(POST "Transfer-\r\nEncoding: chunked\r\n\r\n0\r\n\r\n"), "http1.bad_header_name"},
      {GW_STR(POST "name\r\n : value\r\n\r\n"), "http1.bad_header_name"},
      {GW_STR(POST "\"X\": a\r\n\r\n"), "http1.bad_header_name"},
      {GW_STR(POST "@X: a\r\n\r\n"), "http1.bad_header_name"},
      {GW_STR(GET "\tContent-Length: 1\r\nHost: a\r\n\r\nX"), "http1.bad_header_name"},
      {GW_STR(GET " \r\nHost: a\r\n\r\n"), "http1.bad_header_name"},
      {GW_STR(GET " X: y\r\nHost: a\r\n\r\n"), "http1.bad_header_name"},
      {GW_STR(GET ": ignored\r\nHost: a\r\n\r\n"), "http1.bad_header_name"},
      {GW_STR(GET "Host: a\r\n:\r\nI: am chopped off\r\n\r\n"), "http1.bad_header_name"},
      {GW_STR(GET "Host: a\r\n\rZGET /evil: HTTP/1.1\r\nHost: a\r\n\r\n"), "http1.bad_line_end"},
      {GW_STR(GET "Host: a\r\nX: y\r\n\r" EVIL), "http1.bad_line_end"},
      {GW_STR(GET "Host: a\r\nVisible: :/\rSmuggled: :)\r\n\r\n"), "http1.bad_line_end"},
      {GW_STR(GET "Host: a\r\nUseless:\n\n" EVIL), "http1.bad_line_end"},
      {GW_STR(GET "Host: a\r\nX: y\n" EVIL), "http1.bad_line_end"},
      {GW_STR(GET "Host: a\r\nX: y\nContent-Length: 5\r\n\r\nhello"), "http1.bad_line_end"},
      {GW_STR(GET "Host: a\r\nX: v\0\ralue\r\n\r\n"), "http1.bad_header_value"},
      {GW_STR(GET "Host: a\r\nX: v\0\nY: z\r\n\r\n"), "http1.bad_header_value"},
      {GW_STR(GET "Host: a\r\nX: admin\0\r\n\r\n"), "http1.bad_header_value"},
      {GW_STR(GET "Host: a\r\nX: a\x08\r\n\r\n"), "http1.bad_header_value"},
      {GW_STR(GET "Host: a\r\nX: a\x0b\r\n\r\n"), "http1.bad_header_value"},
      {GW_STR(GET "Host: a\r\nX: a\r\n\t\r\n\r\n"), "http1.bad_header_name"},
      {GW_STR("GET / HTTP/1.1\nHost: a\nContent-Length: 34\n\n" EVIL), "http1.bad_request_line"},
  };
  assert_refused(refusals, GW_ARRAY_LEN(refusals));
}

static void test_bodies_whose_end_parsers_seek_elsewhere(void **state) {
  (void)state;
  const struct refusal refusals[] = {
      {GW_STR(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "http1.content_length_and_transfer_encoding"},
      {GW_STR(POST "Transfer-Encoding: ,chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"), "http1.content_length_and_transfer_encoding"},
      {GW_STR(POST "Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"), "http1.content_length_and_transfer_encoding"},
      {GW_STR("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
       "http1.content_length_and_transfer_encoding"},
      {GW_STR("POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "http1.bad_transfer_encoding"},
      {GW_STR(POST "Transfer-Encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n"), "http1.bad_transfer_encoding"},
      {GW_STR(POST "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "http1.bad_transfer_encoding"},
      {GW_STR(POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"), "http1.bad_header_name"},
      {GW_STR(POST "Transfer-Encoding: chun\r\n ked\r\n\r\n0\r\n\r\n"), "http1.bad_header_name"},
      {GW_STR(POST "Transfer-Encoding: \x0c"
                   "chunked\r\n\r\n0\r\n\r\n"),
       "http1.bad_header_value"},
      {GW_STR(POST "Transfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n"), "http1.bad_header_value"},
      {GW_STR(POST "Transfer-Encoding: chunked\r\r\n\r\n0\r\n\r\n"), "http1.bad_line_end"},
      {GW_STR(POST "Transfer-Encoding: \xff"
                   "chunked\xff\r\n\r\n0\r\n\r\n"),
       "http1.bad_transfer_encoding"},
      {GW_STR(POST "Transfer-Encoding: chunked chunked\r\n\r\n0\r\n\r\n"), "http1.bad_transfer_encoding"},
      {GW_STR(POST "Content-Length: \r\nContent-Length: 43\r\n\r\n" EVIL), "http1.bad_content_length"},
      {GW_STR(POST "Content-Length: 43\r\nContent-Length: \r\n\r\n" EVIL), "http1.bad_content_length"},
      {GW_STR(POST "Content-Length: 0\r\nContent-Length: 34\r\n\r\n" EVIL), "http1.several_content_lengths"},
      {GW_STR(POST "Content-Length: 5,\r\n\r\nhello"), "http1.bad_content_length"},
      {GW_STR(POST "Content-Length: 5, 6\r\n\r\nhello"), "http1.bad_content_length"},
      {GW_STR(POST "Content-Length: 5 \t\r\n\r\nhello"), "http1.bad_content_length"},
      {GW_STR(POST "Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n"), "http1.bad_transfer_encoding"},
      {GW_STR(POST "Transfer-Encoding: chunked \t \r\n\r\n0\r\n\r\n"), "http1.bad_transfer_encoding"},
      {GW_STR(POST "Content-Length: 1_0\r\n\r\n0123456789"), "http1.bad_content_length"},
      {GW_STR(POST "Content-Length: +1_0\r\n\r\n0123456789"), "http1.bad_content_length"},
      {GW_STR(POST "Content-Length: -0\r\n\r\n"), "http1.bad_content_length"},
      {GW_STR(POST "Content-Length: 1Z\r\n\r\nZ"), "http1.bad_content_length"},
      {GW_STR(POST "Content-Length: 1.0\r\n\r\nZ"), "http1.bad_content_length"},
      {GW_STR(POST "Content-Length: 1e1\r\n\r\nZ"), "http1.bad_content_length"},
      {GW_STR(POST "Content-Length: 0o5\r\n\r\nhello"), "http1.bad_content_length"},
      {GW_STR(POST "Content-Length: \xa0"
                   "5\r\n\r\nhello"),
       "http1.bad_content_length"},
      {GW_STR(POST "Content-Length: 5 \r\n 6\r\n\r\nhello"), "http1.bad_header_name"},
      {GW_STR(POST "Content-Length: 99999999999999999999999999\r\n\r\n"), "http1.bad_content_length"},
      {GW_STR(POST "Transfer-Encoding: chunked\r\n\r\n0_2e\r\n\r\n" EVIL), "http1.bad_chunk"},
      {GW_STR(POST "Transfer-Encoding: chunked\r\n\r\n\r\n\r\n"), "http1.bad_chunk"},
      {GW_STR(POST "Transfer-Encoding: chunked\r\n\r\n5\r\r;ABCD\r\n34\r\nE\r\n0\r\n\r\n" EVIL), "http1.bad_chunk"},
      {GW_STR(POST "Transfer-Encoding: chunked\r\n\r\n41;a=b\r\rX\r\n0\r\n\r\n"), "http1.bad_chunk"},
      {GW_STR(POST "Transfer-Encoding: chunked\r\n\r\n5;\nhello\r\n0\r\n\r\n"), "http1.bad_chunk"},
      {GW_STR(POST "Transfer-Encoding: chunked\r\n\r\n1;a=\"\r\nX\"\r\n0\r\n\r\n"), "http1.bad_chunk"},
      {GW_STR(POST "Transfer-Encoding: chunked\r\n\r\n-0x0\r\n\r\n"), "http1.bad_chunk"},
      {GW_STR(POST "Transfer-Encoding: chunked\r\n\r\n           0\r\n\r\n"), "http1.bad_chunk"},
      {GW_STR(POST "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\n0\r\n\r\n"), "http1.bad_chunk"},
      {GW_STR(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX:POST / HTTP/1.1\r\nevil\r\n\r\n"), "http1.bad_chunk"},
      {GW_STR(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 34\r\n\r\n" EVIL), "http1.bad_chunk"},
      {GW_STR(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: x\r\n\r\n" EVIL), "http1.bad_chunk"},
      {GW_STR(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\rX"), "http1.bad_chunk"},
      {GW_STR(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n b\r\n\r\n"), "http1.bad_chunk"},
      {GW_STR(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), "no end"},
  };
  assert_refused(refusals, GW_ARRAY_LEN(refusals));
}

static void test_request_lines_and_hosts_that_parsers_read_differently(void **state) {
  (void)state;
  const struct refusal refusals[] = {
      {GW_STR("GET /\nHTTP/1.1\r\nHost: a\r\n\r\n"), "http1.bad_target"},
      {GW_STR("GET\x0b/ HTTP/1.1\r\nHost: a\r\n\r\n"), "http1.bad_method"},
      {GW_STR("\0 / HTTP/1.1\r\nHost: a\r\n\r\n"), "http1.bad_method"},
      {GW_STR("G=\":<>(e),[T];?\" / HTTP/1.1\r\nHost: a\r\n\r\n"), "http1.bad_method"},
      {GW_STR("\x16\x03\x01\x02\r\n\r\n"), "http1.bad_method"},
      {GW_STR("GET ! HTTP/1.1\r\nHost: a\r\n\r\n"), "http1.bad_target"},
      {GW_STR("GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"), "http1.bad_target"},
      {GW_STR("GET HTTP/1.1\r\nHost: a\r\n\r\n"), "http1.bad_target"},
      {GW_STR("GET /x\x7f HTTP/1.1\r\nHost: a\r\n\r\n"), "http1.bad_target"},
      {GW_STR("GET /\xc0\xaf HTTP/1.1\r\nHost: a\r\n\r\n"), "http1.bad_target"},
      {GW_STR("GET / HTTP/1.32\r\nHost: a\r\n\r\n"), "http1.bad_request_line"},
      {GW_STR("GET / HTTP/01.1\r\nHost: a\r\n\r\n"), "http1.bad_request_line"},
      {GW_STR("GET / HTTP/1.\r\nHost: a\r\n\r\n"), "http1.bad_request_line"},
      {GW_STR("GET / HTTP/ 1.1\r\nHost: a\r\n\r\n"), "http1.bad_request_line"},
      {GW_STR("GET / HTTP/1.1\tX\r\nHost: a\r\n\r\n"), "http1.bad_request_line"},
      {GW_STR("GET / HTTP/1.1\0\r\nHost: a\r\n\r\n"), "http1.bad_request_line"},
      {GW_STR("GET / HTTP/\r\r1.1\r\nHost: a\r\n\r\n"), "http1.bad_request_line"},
      {GW_STR("GET / HTTP/4294967297.1\r\nHost: a\r\n\r\n"), "http1.bad_request_line"},
      {GW_STR("GET / ICE/1.1\r\nHost: a\r\n\r\n"), "http1.bad_request_line"},
      {GW_STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "http1.unsupported_version"},
      {GW_STR(GET "Host: a.org\0.evil.org\r\n\r\n"), "http1.bad_header_value"},
      {GW_STR(GET "Host: \xff"
                  "a\xff\r\n\r\n"),
       "http1.bad_host"},
      {GW_STR(GET "Host: a,b\r\n\r\n"), "http1.bad_host"},
      {GW_STR(GET "Host: user@a\r\n\r\n"), "http1.bad_host"},
      {GW_STR(GET "Host: http://a\r\n\r\n"), "http1.bad_host"},
      {GW_STR(GET "Host: a?b\r\n\r\n"), "http1.bad_host"},
      {GW_STR(GET "Host: a#b\r\n\r\n"), "http1.bad_host"},
      {GW_STR(GET "Host: a\\b\r\n\r\n"), "http1.bad_host"},
      {GW_STR(GET "Host: a\tb\r\n\r\n"), "http1.bad_host"},
      {GW_STR(GET "Host: a:\r\n\r\n"), "http1.bad_host"},
      {GW_STR(GET "Host: a:80x\r\n\r\n"), "http1.bad_host"},
      {GW_STR(GET "Host: a:80@b\r\n\r\n"), "http1.bad_host"},
      {GW_STR(GET "Host: a\r\nhOST: b\r\n\r\n"), "http1.several_hosts"},
      {GW_STR(GET "Host: a\r\nHost : b\r\n\r\n"), "http1.bad_header_name"},
      {GW_STR(GET "Host: a\r\n b\r\n\r\n"), "http1.bad_header_name"},
      {GW_STR("GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n"), "http1.bad_target"},
      {GW_STR("GET http://a\\@b/ HTTP/1.1\r\nHost: a\r\n\r\n"), "http1.bad_target"},
      {GW_STR("GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n"), "http1.bad_target"},
      {GW_STR("GET http://evil/x HTTP/1.1\r\nHost: a\r\n\r\n"), "http1.host_differs"},
      {GW_STR("CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n"), "http1.bad_target"},
  };
  assert_refused(refusals, GW_ARRAY_LEN(refusals));
}

struct framing {
  const char *text;
  const char *body;
  const char *rest;
};

static void test_what_is_accepted_ends_where_it_says(void **state) {
  (void)state;
  const struct framing framings[] = {
      {POST "Content-Length: 31\r\n\r\n" EVIL EVIL, EVIL, EVIL},
      {POST "Content-Length: 0\r\n\r\n" EVIL, "", EVIL},
      {POST "Content-Length: 010\r\n\r\n0123456789" EVIL, "0123456789", EVIL}, /* decimal, and forwarded as 10 */
      {POST "Content-Length: \t 5  \r\n\r\nhello" EVIL, "hello", EVIL},
      {POST "\r\n" EVIL, "", EVIL},
      {GET "Host: a\r\nContent-Length: 5\r\n\r\nhello" EVIL, "hello", EVIL},
      {POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" EVIL, "abc", EVIL},
      {POST "Transfer-Encoding:\tcHuNkEd \r\n\r\n0\r\n\r\n" EVIL, "", EVIL},
      {POST "Transfer-Encoding: chunked\r\n\r\n17\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n\r\n0\r\n\r\n" EVIL, "0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
       EVIL},
      {POST "Transfer-Encoding: chunked\r\n\r\n0\r\nHost: evil\r\nX-Content-Length: 34\r\n\r\n" EVIL, "", EVIL},
      {POST "Transfer_Encoding: chunked\r\nContent_Length: 34\r\n\r\n" EVIL, "", EVIL},
      {POST "X-Transfer-Encoding: chunked\r\nX: Content-Length: 34\r\n\r\n" EVIL, "", EVIL},
      {POST "Connection: content-length, transfer-encoding\r\nContent-Length: 5\r\n\r\nhello" EVIL, "hello", EVIL},
      {POST "Expect: y 100-continue\r\nContent-Length: 5\r\n\r\nhello" EVIL, "hello", EVIL},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(framings); i++) {
    struct gw_arena arena;
    struct gw_request_head head;
    struct gw_strbuf body;
    gw_arena_init(&arena, 1024);
    gw_strbuf_init(&body);
    struct gw_str rest = gw_str_from(framings[i].text);
    const char *detail = take_request(&rest, &arena, &head, &body);
    if (detail != NULL) fail_msg("%s: %s", framings[i].text, detail);
    if (!gw_str_equal(gw_strbuf_str(&body), gw_str_from(framings[i].body))) fail_msg("%s: body %s", framings[i].text, body.data);
    if (!gw_str_equal(rest, gw_str_from(framings[i].rest))) fail_msg("%s: rest %.*s", framings[i].text, GW_STR_ARG(rest));
    gw_strbuf_done(&body);
    gw_arena_done(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_field_lines_that_parsers_cut_differently),
      cmocka_unit_test(test_bodies_whose_end_parsers_seek_elsewhere),
      cmocka_unit_test(test_request_lines_and_hosts_that_parsers_read_differently),
      cmocka_unit_test(test_what_is_accepted_ends_where_it_says),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
