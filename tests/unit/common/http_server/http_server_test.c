#include "common/http_server/http_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

struct fixture {
  struct gw_loop *loop;
  struct gw_http_server *server;
  struct gw_http_exchange *kept; /* by /later */
  char body[128];
  int fd;
  struct gw_strbuf in; /* what came back */
  bool is_closed;
};

static void on_hello(void *arg, struct gw_http_exchange *exchange) {
  struct fixture *f = arg;
  snprintf(f->body, sizeof(f->body), "%.*s", GW_STR_ARG(gw_http_exchange_path(exchange)));
  gw_http_exchange_reply(exchange, 200, "text/plain", GW_STR("hello\n"));
}

static void on_later(void *arg, struct gw_http_exchange *exchange) {
  ((struct fixture *)arg)->kept = exchange;
}

static void on_big(void *arg, struct gw_http_exchange *exchange) {
  (void)arg;
  size_t len = 4u << 20;
  char *body = gw_malloc(len);
  memset(body, 'x', len);
  gw_http_exchange_reply(exchange, 200, "text/plain", (struct gw_str){body, len});
  free(body);
}

static void on_change(void *arg, struct gw_http_exchange *exchange) {
  struct fixture *f = arg;
  snprintf(f->body, sizeof(f->body), "%.*s", GW_STR_ARG(gw_http_exchange_body(exchange)));
  gw_http_exchange_reply(exchange, 200, "text/plain", GW_STR("changed\n"));
}

static void on_packed(void *arg, struct gw_http_exchange *exchange) {
  (void)arg;
  if (gw_http_exchange_takes_gzip(exchange))
    gw_http_exchange_reply_gzip(exchange, 200, "text/plain", GW_STR("packed\n"));
  else
    gw_http_exchange_reply(exchange, 200, "text/plain", GW_STR("plain\n"));
}

static const struct gw_http_server_route routes[] = {
    {.method = "GET", .path = "/packed", .fn = on_packed},
    {.method = "GET", .path = "/hello", .fn = on_hello},
    {.method = "GET", .path = "/later", .fn = on_later},
    {.method = "GET", .path = "/big", .fn = on_big},
    {.method = "POST", .path = "/change", .needs_token = true, .fn = on_change},
};

static int open_client(const struct fixture *f) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons(gw_http_server_port(f->server)),
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
  return fd;
}

static int setup_with(void **state, struct gw_str token) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  f->loop = gw_loop_new();
  struct gw_http_server_options options = {.routes = routes, .route_count = GW_ARRAY_LEN(routes), .arg = f, .token = token};
  gw_address_parse(GW_STR("127.0.0.1:0"), &options.listen);
  if (gw_http_server_new(f->loop, &options, &f->server) != GW_OK) return -1;
  gw_strbuf_init(&f->in);
  f->fd = open_client(f);
  *state = f;
  return 0;
}
static int setup(void **state) {
  return setup_with(state, GW_STR("token"));
}
static int setup_without_token(void **state) {
  return setup_with(state, (struct gw_str){NULL, 0});
}

static int teardown(void **state) {
  struct fixture *f = *state;
  close(f->fd);
  gw_http_server_free(f->server);
  gw_loop_free(f->loop);
  gw_strbuf_done(&f->in);
  free(f);
  return 0;
}

static void send_text(struct fixture *f, const char *text) {
  assert_int_equal(send(f->fd, text, strlen(text), 0), strlen(text));
}

/* Turns the loop and reads until `text` was seen, or the connection is closed (NULL: until that). */
static void wait_for(struct fixture *f, const char *text) {
  uint64_t end_us = gw_clock_monotonic_us() + 20u * 1000000u;
  while (!f->is_closed && (text == NULL || f->in.data == NULL || strstr(f->in.data, text) == NULL)) {
    if (gw_clock_monotonic_us() > end_us) fail_msg("never: %s; came: %s", text != NULL ? text : "close", f->in.data);
    gw_loop_run_once(f->loop, 5);
    char piece[65536];
    ssize_t len = recv(f->fd, piece, sizeof(piece), MSG_DONTWAIT);
    if (len > 0) gw_strbuf_append(&f->in, piece, (size_t)len);
    if (len == 0 || (len < 0 && errno != EAGAIN)) f->is_closed = true;
  }
  if (text != NULL) assert_non_null(strstr(f->in.data != NULL ? f->in.data : "", text));
}

static void assert_answer(struct fixture *f, const char *request, const char *start) {
  gw_strbuf_clear(&f->in);
  send_text(f, request);
  wait_for(f, "\r\n\r\n");
  assert_memory_equal(f->in.data, start, strlen(start));
}

static void test_get_is_answered_and_the_connection_kept(void **state) {
  struct fixture *f = *state;
  assert_answer(f, "GET /hello?a=b HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n");
  wait_for(f, "\r\n\r\nhello\n");
  assert_string_equal(f->body, "/hello");
  assert_answer(f, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n");
  assert_false(f->is_closed);
}

static void test_gzip_goes_to_who_takes_it(void **state) {
  static const struct {
    const char *accepts;
    bool is_packed;
  } cases[] = {{"gzip", true},       {"br, GZip;q=0.5", true}, {"gzip ; q=0.001", true}, {"deflate,gzip;q=1", true},
               {"gzip;q=0", false},  {"gzip; q=0.0", false},   {"identity", false},      {"xgzip", false},
               {"br;q=1, *", false}, /* anything is taken, but nothing is asked for */
               {"", false}};
  struct fixture *f = *state;
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    char request[128];
    snprintf(request, sizeof(request), "GET /packed HTTP/1.1\r\nHost: x\r\nAccept-Encoding: %s\r\n\r\n", cases[i].accepts);
    assert_answer(f, request, "HTTP/1.1 200 OK\r\n");
    wait_for(f, cases[i].is_packed ? "\r\n\r\npacked\n" : "\r\n\r\nplain\n");
    assert_int_equal(strstr(f->in.data, "Content-Encoding: gzip\r\n") != NULL, cases[i].is_packed);
  }
}

static void test_head_has_the_length_and_no_body(void **state) {
  struct fixture *f = *state;
  assert_answer(f, "HEAD /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK\r\n");
  wait_for(f, NULL);
  assert_non_null(strstr(f->in.data, "6\r\n")); /* Content-Length */
  assert_null(strstr(f->in.data, "hello"));
}

static void test_pipelined_requests_are_answered_in_order(void **state) {
  struct fixture *f = *state;
  send_text(f, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  wait_for(f, "hello\n");
  assert_true(strstr(f->in.data, "404") < strstr(f->in.data, "200 OK"));
}

static void test_other_method_gets_405_with_allow(void **state) {
  struct fixture *f = *state;
  assert_answer(f, "DELETE /hello HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 ");
  assert_non_null(strstr(f->in.data, "Allow: GET, HEAD\r\n"));
}

static void test_post_without_token_gets_401(void **state) {
  struct fixture *f = *state;
  assert_answer(f, "POST /change HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 401 ");
  assert_non_null(strstr(f->in.data, "WWW-Authenticate: Bearer\r\n"));
  assert_answer(f, "POST /change HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer tokem\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 401 ");
}

static void test_post_with_token_reaches_the_route_with_its_body(void **state) {
  struct fixture *f = *state;
  assert_answer(f,
                "POST /change HTTP/1.1\r\nHost: x\r\nAuthorization: bearer token\r\nTransfer-Encoding: chunked\r\n\r\n"
                "5\r\nhello\r\n0\r\n\r\n",
                "HTTP/1.1 200 ");
  assert_string_equal(f->body, "hello");
}

static void test_change_where_there_is_no_token_is_403(void **state) {
  struct fixture *f = *state;
  assert_answer(f, "POST /change HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 403 ");
}

static void test_reply_may_come_later(void **state) {
  struct fixture *f = *state;
  send_text(f, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  while (f->kept == NULL)
    gw_loop_run_once(f->loop, 5);
  gw_http_exchange_reply(f->kept, 200, "text/plain", GW_STR("at last\n"));
  wait_for(f, "at last\n");
}

static void test_reply_after_the_server_has_gone_is_dropped(void **state) {
  struct fixture *f = *state;
  send_text(f, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  while (f->kept == NULL)
    gw_loop_run_once(f->loop, 5);
  gw_http_server_free(f->server);
  f->server = NULL;
  gw_http_exchange_reply(f->kept, 200, "text/plain", GW_STR("at last\n"));
}

static void test_answer_larger_than_the_socket_takes_arrives_whole(void **state) {
  struct fixture *f = *state;
  send_text(f, "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  wait_for(f, NULL);
  assert_true(f->in.len > 4u << 20);
  assert_true(f->in.len < (4u << 20) + 1000);
}

static void test_broken_request_gets_400_and_a_close(void **state) {
  struct fixture *f = *state;
  assert_answer(f, "GET  /hello HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 ");
  wait_for(f, NULL);
}

static void test_endless_head_gets_431(void **state) {
  struct fixture *f = *state;
  char *head = gw_malloc(GW_HTTP_SERVER_HEAD_MAX + 2);
  memset(head, 'a', GW_HTTP_SERVER_HEAD_MAX + 1);
  head[GW_HTTP_SERVER_HEAD_MAX + 1] = '\0';
  assert_answer(f, head, "HTTP/1.1 431 ");
  free(head);
  wait_for(f, NULL);
}

static void test_large_body_gets_413(void **state) {
  struct fixture *f = *state;
  assert_answer(f, "POST /change HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n", "HTTP/1.1 413 ");
}

static void test_connections_beyond_the_limit_are_closed(void **state) {
  struct fixture *f = *state;
  int fds[GW_HTTP_SERVER_CONNECTIONS_MAX];
  for (size_t i = 0; i < GW_ARRAY_LEN(fds); i++) { /* one more with the fixture's own */
    fds[i] = open_client(f);
    gw_loop_run_once(f->loop, 5);
  }
  int closed = 0;
  for (int turns = 0; closed == 0 && turns < 1000; turns++) {
    gw_loop_run_once(f->loop, 5);
    char byte;
    if (recv(fds[GW_ARRAY_LEN(fds) - 1], &byte, 1, MSG_DONTWAIT) == 0) closed++;
  }
  assert_int_equal(closed, 1);
  for (size_t i = 0; i < GW_ARRAY_LEN(fds); i++)
    close(fds[i]);
}

static void test_held_port_is_refused(void **state) {
  struct fixture *f = *state;
  struct gw_http_server_options options = {.routes = routes, .route_count = GW_ARRAY_LEN(routes)};
  char text[32];
  snprintf(text, sizeof(text), "127.0.0.1:%u", gw_http_server_port(f->server));
  gw_address_parse(gw_str_from(text), &options.listen);
  struct gw_http_server *second = NULL;
  assert_int_equal(gw_http_server_new(f->loop, &options, &second), GW_ERR_IO);
  assert_int_equal(errno, EADDRINUSE);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      T(test_get_is_answered_and_the_connection_kept),
      T(test_gzip_goes_to_who_takes_it),
      T(test_head_has_the_length_and_no_body),
      T(test_pipelined_requests_are_answered_in_order),
      T(test_other_method_gets_405_with_allow),
      T(test_post_without_token_gets_401),
      T(test_post_with_token_reaches_the_route_with_its_body),
      cmocka_unit_test_setup_teardown(test_change_where_there_is_no_token_is_403, setup_without_token, teardown),
      T(test_reply_may_come_later),
      T(test_reply_after_the_server_has_gone_is_dropped),
      T(test_answer_larger_than_the_socket_takes_arrives_whole),
      T(test_broken_request_gets_400_and_a_close),
      T(test_endless_head_gets_431),
      T(test_large_body_gets_413),
      T(test_connections_beyond_the_limit_are_closed),
      T(test_held_port_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
