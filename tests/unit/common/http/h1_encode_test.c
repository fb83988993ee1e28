#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/http/h1_codec.h"

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

static void assert_str(struct gw_str actual, const char *expected) {
  if (!gw_str_equal(actual, gw_str_from(expected))) fail_msg("\"%.*s\", not \"%s\"", GW_STR_ARG(actual), expected);
}

static struct gw_request_head request_of(enum gw_method method, const char *path, int64_t content_length) {
  struct gw_request_head head = {.method = method, .method_name = gw_method_name(method), .content_length = content_length};
  head.path = gw_str_from(path);
  head.authority = GW_STR("a.org");
  gw_headers_init(&head.headers, &arena, 4);
  return head;
}

static void test_request_puts_host_first_and_its_length_last(void **state) {
  (void)state;
  struct gw_request_head head = request_of(GW_METHOD_PUT, "/x?y", 1234567890123);
  gw_headers_add(&head.headers, &arena, GW_HEADER_OTHER, GW_STR("X-A"), GW_STR("b"));
  gw_headers_add(&head.headers, &arena, GW_HEADER_OTHER, GW_STR("X-Empty"), (struct gw_str){NULL, 0});
  assert_str(gw_h1_encode_request(&head, &arena),
             "PUT /x?y HTTP/1.1\r\nHost: a.org\r\nX-A: b\r\nX-Empty: \r\nContent-Length: 1234567890123\r\n\r\n");
}

static void test_request_states_the_body(void **state) {
  (void)state;
  struct gw_request_head head = request_of(GW_METHOD_GET, "/", GW_LENGTH_NONE);
  assert_str(gw_h1_encode_request(&head, &arena), "GET / HTTP/1.1\r\nHost: a.org\r\n\r\n");
  head = request_of(GW_METHOD_GET, "/", 0);
  assert_str(gw_h1_encode_request(&head, &arena), "GET / HTTP/1.1\r\nHost: a.org\r\nContent-Length: 0\r\n\r\n");
  head = request_of(GW_METHOD_POST, "/", GW_LENGTH_UNKNOWN);
  assert_str(gw_h1_encode_request(&head, &arena), "POST / HTTP/1.1\r\nHost: a.org\r\nTransfer-Encoding: chunked\r\n\r\n");
  const enum gw_method methods[] = {GW_METHOD_POST, GW_METHOD_PUT, GW_METHOD_PATCH};
  for (size_t i = 0; i < GW_ARRAY_LEN(methods); i++) {
    head = request_of(methods[i], "/", GW_LENGTH_NONE);
    struct gw_str text = gw_h1_encode_request(&head, &arena);
    assert_true(gw_str_has_suffix(text, GW_STR("Host: a.org\r\nContent-Length: 0\r\n\r\n")));
  }
}

/* What is forwarded as it came is copied in runs: the wire must not show it. */
static void test_parsed_request_is_encoded_canonically(void **state) {
  (void)state;
  static const char text[] =
      "GET / HTTP/1.1\r\nA: 1\r\nHost: a.org\r\nB: 2\r\nC:3\r\nD: 4 \r\nE:  5\r\nF: 6\r\nG:\r\nH: \r\nConnection: x\r\nI: 7\r\n\r\n";
  const struct gw_h1_limits limits = {8192, 100};
  struct gw_request_head head;
  struct gw_str detail;
  bool keep_alive;
  uint32_t status;
  char *bytes = memcpy(gw_arena_alloc_bytes(&arena, sizeof(text) - 1), text, sizeof(text) - 1);
  assert_int_equal(gw_h1_parse_request((struct gw_str){bytes, sizeof(text) - 1}, &limits, &arena, &head, &keep_alive, &status, &detail),
                   GW_OK);
  gw_headers_remove_hop_by_hop(&head.headers);
  gw_headers_add(&head.headers, &arena, GW_HEADER_OTHER, GW_STR("J"), GW_STR("8"));
  assert_str(gw_h1_encode_request(&head, &arena),
             "GET / HTTP/1.1\r\nHost: a.org\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: 6\r\nG: \r\nH: \r\nI: 7\r\nJ: 8\r\n\r\n");
}

/* A name and a value that look like a line, at the end of their memory (the sanitizer's part: nothing behind it is read). */
static void test_fields_of_ours_are_not_taken_for_received_lines(void **state) {
  (void)state;
  char *line = memcpy(gw_malloc(6), "X-A: b", 6);
  struct gw_request_head head = request_of(GW_METHOD_GET, "/", GW_LENGTH_NONE);
  gw_headers_add(&head.headers, &arena, GW_HEADER_OTHER, (struct gw_str){line, 3}, (struct gw_str){line + 5, 1});
  assert_str(gw_h1_encode_request(&head, &arena), "GET / HTTP/1.1\r\nHost: a.org\r\nX-A: b\r\n\r\n");
  free(line);
}

static void test_response_states_the_body(void **state) {
  (void)state;
  struct gw_response_head head = {.status = 200, .content_length = 5, .declared_length = GW_LENGTH_NONE};
  gw_headers_init(&head.headers, &arena, 4);
  gw_headers_add(&head.headers, &arena, GW_HEADER_OTHER, GW_STR("X-A"), GW_STR("b"));
  assert_str(gw_h1_encode_response(&head, false, false, false, &arena), "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\n");
  head.headers.count = 0;
  assert_str(gw_h1_encode_response(&head, false, true, false, &arena), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n");
  assert_str(gw_h1_encode_response(&head, false, false, true, &arena),
             "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n");
  head.content_length = GW_LENGTH_UNKNOWN;
  assert_str(gw_h1_encode_response(&head, true, false, false, &arena), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  assert_str(gw_h1_encode_response(&head, false, true, false, &arena), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
}

static void test_response_without_a_body_states_the_declared_length(void **state) {
  (void)state;
  struct gw_response_head head = {.status = 304, .content_length = GW_LENGTH_NONE, .declared_length = 70};
  assert_str(gw_h1_encode_response(&head, false, false, false, &arena), "HTTP/1.1 304 Not Modified\r\nContent-Length: 70\r\n\r\n");
  head = (struct gw_response_head){.status = 204, .content_length = GW_LENGTH_NONE, .declared_length = GW_LENGTH_NONE};
  assert_str(gw_h1_encode_response(&head, false, false, false, &arena), "HTTP/1.1 204 No Content\r\n\r\n");
  head.status = 799;
  assert_str(gw_h1_encode_response(&head, false, false, false, &arena), "HTTP/1.1 799 \r\n\r\n");
}

static void test_chunk_head_is_hexadecimal(void **state) {
  (void)state;
  char text[GW_H1_CHUNK_HEAD_MAX];
  assert_str(gw_h1_encode_chunk_head(500, text), "1f4\r\n");
  assert_str(gw_h1_encode_chunk_head(0, text), "0\r\n");
  assert_str(gw_h1_encode_chunk_head(UINT64_MAX, text), "ffffffffffffffff\r\n");
}

static void test_request_of_an_upgrade_says_so(void **state) {
  (void)state;
  struct gw_request_head head = request_of(GW_METHOD_GET, "/", GW_LENGTH_NONE);
  head.upgrade = GW_STR("websocket");
  gw_headers_add(&head.headers, &arena, GW_HEADER_OTHER, GW_STR("X-A"), GW_STR("b"));
  assert_str(gw_h1_encode_request(&head, &arena),
             "GET / HTTP/1.1\r\nHost: a.org\r\nX-A: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

static void test_request_with_te_says_so_in_connection(void **state) {
  (void)state;
  struct gw_request_head head = request_of(GW_METHOD_GET, "/", GW_LENGTH_NONE);
  gw_headers_add(&head.headers, &arena, GW_HEADER_TE, GW_STR("te"), GW_STR("trailers"));
  assert_str(gw_h1_encode_request(&head, &arena), "GET / HTTP/1.1\r\nHost: a.org\r\nte: trailers\r\nConnection: TE\r\n\r\n");
  head.upgrade = GW_STR("websocket");
  assert_str(gw_h1_encode_request(&head, &arena),
             "GET / HTTP/1.1\r\nHost: a.org\r\nte: trailers\r\nConnection: TE, Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

static void test_response_101_says_websocket_and_no_length(void **state) {
  (void)state;
  struct gw_response_head head = {.status = 101, .content_length = GW_LENGTH_NONE, .declared_length = GW_LENGTH_NONE};
  const char *expected = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  assert_str(gw_h1_encode_response(&head, false, true, false, &arena), expected);
  head.content_length = 0;
  assert_str(gw_h1_encode_response(&head, true, false, true, &arena), expected);
}

static void test_response_that_may_not_state_a_length_does_not(void **state) {
  (void)state;
  struct gw_response_head head = {.status = 204, .content_length = 0, .declared_length = 3};
  assert_str(gw_h1_encode_response(&head, true, false, false, &arena), "HTTP/1.1 204 No Content\r\n\r\n");
  head.status = 103;
  head.content_length = GW_LENGTH_UNKNOWN;
  assert_str(gw_h1_encode_response(&head, true, false, false, &arena), "HTTP/1.1 103 Early Hints\r\n\r\n");
}

static void test_last_chunk_carries_the_trailers(void **state) {
  (void)state;
  struct gw_headers trailers;
  assert_str(gw_h1_encode_last_chunk(NULL, &arena), "0\r\n\r\n");
  gw_headers_init(&trailers, &arena, 2);
  assert_str(gw_h1_encode_last_chunk(&trailers, &arena), "0\r\n\r\n");
  gw_headers_add(&trailers, &arena, GW_HEADER_OTHER, GW_STR("Grpc-Status"), GW_STR("0"));
  gw_headers_add(&trailers, &arena, GW_HEADER_OTHER, GW_STR("X-Sum"), GW_STR(""));
  assert_str(gw_h1_encode_last_chunk(&trailers, &arena), "0\r\nGrpc-Status: 0\r\nX-Sum: \r\n\r\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_request_puts_host_first_and_its_length_last),
      TEST(test_request_states_the_body),
      TEST(test_parsed_request_is_encoded_canonically),
      TEST(test_fields_of_ours_are_not_taken_for_received_lines),
      TEST(test_response_states_the_body),
      TEST(test_response_without_a_body_states_the_declared_length),
      TEST(test_request_of_an_upgrade_says_so),
      TEST(test_request_with_te_says_so_in_connection),
      TEST(test_response_101_says_websocket_and_no_length),
      TEST(test_response_that_may_not_state_a_length_does_not),
      TEST(test_chunk_head_is_hexadecimal),
      TEST(test_last_chunk_carries_the_trailers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
