#include "controlplane/fetch/fetch.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/mem.h"

/* A server of one connection at a time on the same loop: it notes the request, and answers with `answer`, or not at all. */
struct fixture {
  struct gw_loop *loop;
  struct gw_fetcher *fetcher;
  int listener;
  struct gw_io *listener_io;
  int connection;
  struct gw_io *connection_io;
  char url[64];
  struct gw_strbuf request;
  const char *answer; /* NULL: none */
  const char *second; /* of the next request; NULL: the same */
  uint32_t called;
  bool is_good;
  uint32_t status;
  char *words;
  char *body;
  char *index;
};

static void hang_up(struct fixture *f) {
  gw_io_free(f->connection_io);
  if (f->connection >= 0) close(f->connection);
  f->connection_io = NULL;
  f->connection = -1;
}

/* The head, and as much body as it says. */
static bool is_whole(const struct gw_strbuf *request) {
  const char *end = request->len > 0 ? strstr(request->data, "\r\n\r\n") : NULL,
             *length = end != NULL ? strcasestr(request->data, "content-length:") : NULL;
  if (end == NULL) return false;
  size_t body = length != NULL && length < end ? (size_t)strtoul(length + strlen("content-length:"), NULL, 10) : 0;
  return request->len >= (size_t)(end + 4 - request->data) + body;
}

static void on_readable(void *arg, unsigned ready) {
  (void)ready;
  struct fixture *f = arg;
  char bytes[4096];
  ssize_t got = read(f->connection, bytes, sizeof(bytes));
  if (got <= 0) {
    hang_up(f);
    return;
  }
  gw_strbuf_append(&f->request, bytes, (size_t)got);
  if (!is_whole(&f->request) || f->answer == NULL) return;
  assert_int_equal(write(f->connection, f->answer, strlen(f->answer)), strlen(f->answer));
  if (f->second != NULL) f->answer = f->second;
  hang_up(f);
}

static void on_connection(void *arg, unsigned ready) {
  (void)ready;
  struct fixture *f = arg;
  hang_up(f);
  f->connection = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (f->connection < 0) return;
  gw_strbuf_clear(&f->request);
  f->connection_io = gw_io_new(f->loop, f->connection, on_readable, f);
  gw_io_set(f->connection_io, GW_IO_READ);
}

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof(address);
  f->loop = gw_loop_new();
  f->fetcher = gw_fetcher_new(f->loop);
  f->connection = -1;
  f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(f->listener, (struct sockaddr *)&address, sizeof(address)), 0);
  assert_int_equal(listen(f->listener, 8), 0);
  assert_int_equal(getsockname(f->listener, (struct sockaddr *)&address, &len), 0);
  f->listener_io = gw_io_new(f->loop, f->listener, on_connection, f);
  gw_io_set(f->listener_io, GW_IO_READ);
  snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u/v1/x?a=1", ntohs(address.sin_port));
  gw_strbuf_init(&f->request);
  *state = f;
  return 0;
}

static void forget_result(struct fixture *f) {
  free(f->words);
  free(f->body);
  free(f->index);
  f->words = f->body = f->index = NULL;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  gw_fetcher_free(f->fetcher);
  hang_up(f);
  gw_io_free(f->listener_io);
  close(f->listener);
  gw_loop_free(f->loop);
  gw_strbuf_done(&f->request);
  forget_result(f);
  free(f);
  return 0;
}

static void on_result(void *arg, const struct gw_fetch_result *result) {
  struct fixture *f = arg;
  forget_result(f);
  f->called++;
  f->is_good = result->is_good;
  f->status = result->status;
  f->words = gw_strdup(result->words);
  f->body = gw_str_dup(result->body);
  f->index = gw_str_dup(gw_fetch_find_header(result, GW_STR("X-Consul-Index")));
}

static void run_until_called(struct fixture *f, uint32_t times) {
  for (int turn = 0; turn < 2000 && f->called < times; turn++)
    gw_loop_run_once(f->loop, 5);
  assert_int_equal(f->called, times);
}

static void fetch(struct fixture *f, struct gw_fetch_request request) {
  if (request.url == NULL) request.url = f->url;
  if (request.timeout_ms == 0) request.timeout_ms = 5000;
  if (request.bytes_max == 0) request.bytes_max = 1000;
  gw_fetch_start(f->fetcher, &request, on_result, f);
  assert_int_equal(f->called, 0);
  run_until_called(f, 1);
}

static bool has_sent(const struct fixture *f, const char *text) {
  return strstr(f->request.data, text) != NULL;
}

static void test_get_gives_status_fields_and_body(void **state) {
  struct fixture *f = *state;
  f->answer = "HTTP/1.1 100 Continue\r\nx-consul-index: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-Other: 2\r\nx-consul-index:  42 \r\nContent-Length: "
              "2\r\n\r\n[]";
  fetch(f, (struct gw_fetch_request){0});
  assert_true(f->is_good);
  assert_int_equal(f->status, 200);
  assert_string_equal(f->index, "42");
  assert_string_equal(f->body, "[]");
  assert_true(has_sent(f, "GET /v1/x?a=1 HTTP/1.1\r\n"));
}

static void test_method_fields_and_body_are_sent(void **state) {
  struct fixture *f = *state;
  f->answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  const char *const headers[] = {"X-Consul-Token: abc", "Content-Type: application/json"};
  fetch(f, (struct gw_fetch_request){.method = "PUT", .body = GW_STR("{\"a\": 1}"), .headers = headers, .header_count = 2});
  assert_true(f->is_good);
  assert_true(has_sent(f, "PUT /v1/x?a=1 HTTP/1.1\r\n") && has_sent(f, "X-Consul-Token: abc\r\n"));
  assert_true(has_sent(f, "Content-Type: application/json\r\n") && has_sent(f, "\r\n\r\n{\"a\": 1}"));
  assert_false(has_sent(f, "Expect:"));
}

static void test_other_statuses_are_good_for_who_takes_them(void **state) {
  struct fixture *f = *state;
  f->answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone";
  fetch(f, (struct gw_fetch_request){0});
  assert_false(f->is_good);
  assert_string_equal(f->words, "it answers 404");
  f->called = 0;
  fetch(f, (struct gw_fetch_request){.takes_any_status = true});
  assert_true(f->is_good);
  assert_int_equal(f->status, 404);
  assert_string_equal(f->body, "none");
}

static void test_redirects_of_get_only_are_followed(void **state) {
  struct fixture *f = *state;
  f->answer = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
  f->second = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere";
  fetch(f, (struct gw_fetch_request){0});
  assert_string_equal(f->body, "here");
  assert_true(has_sent(f, "GET /elsewhere "));
  f->called = 0;
  f->answer = f->second = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
  fetch(f, (struct gw_fetch_request){.method = "DELETE", .takes_any_status = true});
  assert_int_equal(f->status, 302);
}

static void test_too_long_an_answer_and_too_late_a_one_fail(void **state) {
  struct fixture *f = *state;
  f->answer = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world";
  fetch(f, (struct gw_fetch_request){.bytes_max = 10});
  assert_false(f->is_good);
  assert_string_equal(f->words, "its answer is too large");
  f->called = 0;
  f->answer = NULL;
  fetch(f, (struct gw_fetch_request){.timeout_ms = 50, .takes_any_status = true});
  assert_false(f->is_good);
  assert_int_equal(f->status, 0);
}

static void test_cancel_tells_nobody(void **state) {
  struct fixture *f = *state;
  struct gw_fetch_request request = {.url = f->url, .timeout_ms = 5000, .bytes_max = 10};
  struct gw_fetch *started = gw_fetch_start(f->fetcher, &request, on_result, f);
  for (int turn = 0; turn < 2000 && f->request.len == 0; turn++)
    gw_loop_run_once(f->loop, 5);
  assert_true(f->request.len > 0);
  gw_fetch_cancel(started);
  for (int turn = 0; turn < 5; turn++)
    gw_loop_run_once(f->loop, 1);
  assert_int_equal(f->called, 0);
}

static void test_append_encoded_leaves_only_what_is_unreserved(void **state) {
  (void)state;
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf url = {0};
  gw_fetch_append_encoded(&url, GW_STR("aZ0-._~/ ?&\xc3\xa9"));
  assert_string_equal(url.data, "aZ0-._~%2F%20%3F%26%C3%A9");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_get_gives_status_fields_and_body, setup, teardown),
      cmocka_unit_test_setup_teardown(test_method_fields_and_body_are_sent, setup, teardown),
      cmocka_unit_test_setup_teardown(test_other_statuses_are_good_for_who_takes_them, setup, teardown),
      cmocka_unit_test_setup_teardown(test_redirects_of_get_only_are_followed, setup, teardown),
      cmocka_unit_test_setup_teardown(test_too_long_an_answer_and_too_late_a_one_fail, setup, teardown),
      cmocka_unit_test_setup_teardown(test_cancel_tells_nobody, setup, teardown),
      cmocka_unit_test(test_append_encoded_leaves_only_what_is_unreserved),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
