/* An attempt against a backend of which the test writes every byte. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/net/socket.h"
#include "dataplane/upstream/attempt.h"
#include "dataplane/upstream/connection.h"

#define WAIT_MS 10000

struct fixture {
  struct gw_loop *loop;
  struct gw_upstream_pool *pool;
  struct gw_upstream_counts counts;
  struct gw_random random;
  enum gw_upstream_protocol protocol;
  struct gw_request_head head;
  struct gw_arena arena;
  struct gw_attempt attempt;
  int listen_fd;
  int fd; /* the backend's end; -1: none */
  struct gw_address address;
  struct gw_strbuf body;
  uint32_t connected, heads, ended, failed, drained;
  uint32_t place; /* of its head among all heads of the test */
  struct gw_failure failure;
};

static uint32_t head_count;

static void on_connected(void *arg) {
  ((struct fixture *)arg)->connected++;
}
static void on_head(void *arg) {
  struct fixture *f = arg;
  f->heads++;
  f->place = ++head_count;
}
static void on_body(void *arg, struct gw_str data) {
  gw_strbuf_append_str(&((struct fixture *)arg)->body, data);
}
static void on_end(void *arg) {
  ((struct fixture *)arg)->ended++;
}
static void on_failure(void *arg, const struct gw_failure *failure) {
  struct fixture *f = arg;
  f->failed++;
  f->failure = *failure;
}
static void on_drained(void *arg) {
  ((struct fixture *)arg)->drained++;
}
static const struct gw_attempt_calls calls = {on_connected, on_head, on_body, on_end, on_failure, on_drained};

static struct gw_upstream_pool *new_pool(struct fixture *f, uint64_t connect_timeout_ms) {
  struct gw_upstream_pool_options options = {.loop = f->loop,
                                             .random = &f->random,
                                             .address = f->address,
                                             .connect_timeout_ms = connect_timeout_ms,
                                             .idle_timeout_ms = 60000,
                                             .protocol = f->protocol,
                                             .http2 = {.hpack_table_size = 4096,
                                                       .max_concurrent_streams = 100,
                                                       .initial_stream_window = 65535,
                                                       .initial_connection_window = 1024 * 1024},
                                             .counts = &f->counts};
  return gw_upstream_pool_new(&options);
}

static bool is_over_at(uint64_t deadline_us) {
  return gw_clock_monotonic_us() > deadline_us;
}
#define WAIT_FOR(f, condition)                                                                                                             \
  do {                                                                                                                                     \
    uint64_t deadline_us = gw_clock_monotonic_us() + WAIT_MS * 1000ull;                                                                    \
    while (!(condition)) {                                                                                                                 \
      if (is_over_at(deadline_us)) fail_msg("never: %s", #condition);                                                                      \
      gw_loop_run_once((f)->loop, 10);                                                                                                     \
    }                                                                                                                                      \
  } while (0)

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  f->loop = gw_loop_new();
  f->fd = -1;
  f->counts.refs = 1;
  gw_arena_init(&f->arena, 4096);
  gw_address_parse(GW_STR("127.0.0.1:0"), &f->address);
  if (gw_socket_listen(&f->address, false, 16, &f->listen_fd) != GW_OK) return -1;
  gw_socket_local_address(f->listen_fd, &f->address);
  f->pool = new_pool(f, 5000);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  gw_attempt_cancel(&f->attempt);
  bool is_balanced = gw_upstream_pool_count_active(f->pool) == 0;
  gw_upstream_pool_free(f->pool);
  gw_loop_free(f->loop);
  gw_arena_done(&f->arena);
  gw_strbuf_done(&f->body);
  if (f->fd >= 0) close(f->fd);
  if (f->listen_fd >= 0) close(f->listen_fd);
  is_balanced = is_balanced && f->counts.connections_active == 0 && f->counts.requests_active == 0;
  free(f);
  return is_balanced ? 0 : -1;
}

static bool start_with(struct fixture *f, enum gw_method method, int64_t content_length, unsigned flags) {
  f->head = (struct gw_request_head){.method = method,
                                     .method_name = method == GW_METHOD_GET ? GW_STR("GET") : GW_STR("POST"),
                                     .path = GW_STR("/"),
                                     .authority = GW_STR("x"),
                                     .version = GW_HTTP_1_1,
                                     .content_length = content_length};
  struct gw_failure failure;
  bool has_begun = gw_attempt_start(&f->attempt, f->pool, flags, &f->head, &f->arena, &calls, f, &failure);
  if (has_begun && content_length == GW_LENGTH_NONE) gw_attempt_send_end(&f->attempt, NULL);
  return has_begun;
}

static bool start(struct fixture *f, enum gw_method method, int64_t content_length) {
  return start_with(f, method, content_length, 0);
}

static void accept_it(struct fixture *f) {
  struct gw_address peer;
  WAIT_FOR(f, gw_socket_accept(f->listen_fd, &peer, &f->fd) == GW_OK);
}

/* Waits until the backend has got bytes that end in `end`. */
static void wait_received(struct fixture *f, const char *end) {
  struct gw_strbuf got = {0};
  char bytes[4096];
  for (;;) {
    ssize_t len = 0;
    WAIT_FOR(f, (len = recv(f->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) >= 0);
    gw_strbuf_append(&got, bytes, (size_t)len);
    if (len == 0 || gw_str_has_suffix(gw_strbuf_str(&got), gw_str_from(end))) break;
  }
  gw_strbuf_done(&got);
}

static void say(struct fixture *f, const char *text) {
  assert_int_equal(send(f->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* A request that is there at the backend. */
static void begin(struct fixture *f) {
  assert_true(start(f, GW_METHOD_GET, GW_LENGTH_NONE));
  accept_it(f);
  wait_received(f, "\r\n\r\n");
}

static void assert_failed(struct fixture *f, uint32_t status, const char *word) {
  WAIT_FOR(f, f->failed > 0);
  assert_int_equal(f->failed, 1);
  assert_int_equal(f->failure.status, status);
  if (memmem(f->failure.detail.data, f->failure.detail.len, word, strlen(word)) == NULL) {
    fail_msg("%.*s has no %s", GW_STR_ARG(f->failure.detail), word);
  }
  assert_int_equal(f->ended, 0);
  assert_null(f->attempt.connection);
}

static void test_head_in_single_bytes_is_put_together(void **state) {
  struct fixture *f = *state;
  begin(f);
  const char *answer = "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello";
  for (const char *at = answer; *at != '\0'; at++) {
    uint64_t before = f->attempt.received_bytes;
    say(f, (char[]){*at, '\0'});
    WAIT_FOR(f, f->ended > 0 || f->attempt.received_bytes > before);
  }
  assert_int_equal(f->heads, 1);
  assert_int_equal(f->ended, 1);
  assert_int_equal(f->attempt.response.status, 200);
  assert_string_equal(f->body.data, "hello");
  assert_int_equal(f->pool->idle_count, 1);
}

static void test_interim_answers_are_skipped(void **state) {
  struct fixture *f = *state;
  begin(f);
  say(f, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
  WAIT_FOR(f, f->ended > 0);
  assert_int_equal(f->heads, 1);
  assert_int_equal(f->attempt.response.status, 204);
}

static void test_interim_answers_without_end_fail(void **state) {
  struct fixture *f = *state;
  begin(f);
  for (int i = 0; i < 17; i++)
    say(f, "HTTP/1.1 103 Early Hints\r\n\r\n");
  assert_failed(f, 502, "too_many_interim_answers");
}

static void test_upgrade_that_nobody_wanted_fails(void **state) {
  struct fixture *f = *state;
  begin(f);
  say(f, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
  assert_failed(f, 502, "unrequested_upgrade");
}

static void test_answer_that_is_not_http_fails(void **state) {
  struct fixture *f = *state;
  begin(f);
  say(f, "SSH-2.0-OpenSSH_9.2\r\n\r\n");
  assert_failed(f, 502, "protocol_error");
  assert_false(f->failure.retry_ok);
}

static void test_head_beyond_the_limit_fails(void **state) {
  struct fixture *f = *state;
  begin(f);
  char line[1024];
  memset(line, 'a', sizeof(line));
  memcpy(line, "X: ", 3);
  memcpy(line + sizeof(line) - 3, "\r\n", 3);
  say(f, "HTTP/1.1 200 OK\r\n");
  for (int i = 0; i < 70 && f->failed == 0; i++) {
    uint64_t before = f->attempt.received_bytes;
    say(f, line);
    WAIT_FOR(f, f->failed > 0 || f->attempt.received_bytes > before);
  }
  assert_failed(f, 502, "head_too_large");
}

static void test_broken_chunk_fails_after_what_was_whole(void **state) {
  struct fixture *f = *state;
  begin(f);
  say(f, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nxyz\r\n");
  assert_failed(f, 502, "bad_chunk");
  assert_string_equal(f->body.data, "ok");
}

static void test_body_cut_short_fails(void **state) {
  struct fixture *f = *state;
  begin(f);
  say(f, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort");
  WAIT_FOR(f, f->body.len == 5);
  close(f->fd);
  f->fd = -1;
  assert_failed(f, 502, "upstream_reset_after_response_started{connection_termination}");
}

static void test_body_until_close_ends_with_the_connection(void **state) {
  struct fixture *f = *state;
  begin(f);
  say(f, "HTTP/1.1 200 OK\r\n\r\nall of it");
  WAIT_FOR(f, f->body.len == 9);
  close(f->fd);
  f->fd = -1;
  WAIT_FOR(f, f->ended > 0);
  assert_int_equal(f->failed, 0);
  assert_int_equal(f->pool->idle_count, 0);
}

static void test_bytes_behind_the_answer_take_the_connection_down(void **state) {
  struct fixture *f = *state;
  begin(f);
  say(f, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n");
  WAIT_FOR(f, f->ended > 0);
  assert_int_equal(f->pool->idle_count, 0);
  assert_int_equal(f->counts.connections_active, 0);
}

static void answer_and_keep(struct fixture *f) {
  begin(f);
  say(f, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  WAIT_FOR(f, f->ended > 0);
  assert_int_equal(f->pool->idle_count, 1);
  f->ended = 0;
}

static void test_idle_connection_that_speaks_or_closes_goes(void **state) {
  struct fixture *f = *state;
  answer_and_keep(f);
  say(f, "HTTP/1.1 408 Request Timeout\r\n\r\n");
  WAIT_FOR(f, f->counts.connections_active == 0);
  assert_int_equal(f->pool->idle_count, 0);
  close(f->fd);
  answer_and_keep(f);
  close(f->fd);
  f->fd = -1;
  WAIT_FOR(f, f->counts.connections_active == 0);
}

static void test_idle_timeout_closes_and_a_new_one_counts_at_once(void **state) {
  struct fixture *f = *state;
  answer_and_keep(f);
  gw_upstream_pool_set_timeouts(f->pool, 5000, 60000); /* nothing new: the timer goes on */
  gw_upstream_pool_set_timeouts(f->pool, 5000, 20);
  WAIT_FOR(f, f->counts.connections_active == 0);
  assert_int_equal(f->pool->idle_count, 0);
}

static void test_reused_connection_that_dies_unanswered_may_be_tried_again(void **state) {
  struct fixture *f = *state;
  answer_and_keep(f);
  assert_true(start(f, GW_METHOD_GET, GW_LENGTH_NONE));
  assert_true(f->attempt.is_reused);
  assert_true(gw_attempt_is_connected(&f->attempt));
  wait_received(f, "\r\n\r\n");
  close(f->fd);
  f->fd = -1;
  assert_failed(f, 502, "connection_termination,reused");
  assert_true(f->failure.retry_ok);
}

static void test_reused_connection_that_dies_on_a_whole_post_may_not(void **state) {
  struct fixture *f = *state;
  answer_and_keep(f);
  assert_true(start(f, GW_METHOD_POST, GW_LENGTH_NONE));
  wait_received(f, "\r\n\r\n");
  close(f->fd);
  f->fd = -1;
  assert_failed(f, 502, "connection_termination,reused");
  assert_false(f->failure.retry_ok);
}

static void test_connection_refused(void **state) {
  struct fixture *f = *state;
  close(f->listen_fd);
  f->listen_fd = -1;
  assert_true(start(f, GW_METHOD_GET, GW_LENGTH_NONE));
  assert_failed(f, 503, "Connection_refused");
  assert_true(f->failure.retry_ok);
  assert_int_equal(f->counts.connect_failures_total, 1);
}

/* A listening socket whose queue is full lets further connections wait. */
static void test_connect_timeout(void **state) {
  struct fixture *f = *state;
  int crowd[64];
  close(f->listen_fd);
  gw_address_parse(GW_STR("127.0.0.1:0"), &f->address);
  assert_int_equal(gw_socket_listen(&f->address, false, 0, &f->listen_fd), GW_OK);
  gw_socket_local_address(f->listen_fd, &f->address);
  for (size_t i = 0; i < GW_ARRAY_LEN(crowd); i++)
    assert_int_equal(gw_socket_connect(&f->address, &crowd[i]), GW_OK);
  gw_upstream_pool_free(f->pool);
  f->pool = new_pool(f, 20);
  assert_true(start(f, GW_METHOD_GET, GW_LENGTH_NONE));
  assert_false(gw_attempt_is_connected(&f->attempt));
  assert_failed(f, 503, "connection_timeout");
  assert_true(f->failure.retry_ok);
  assert_int_equal(f->connected, 0);
  for (size_t i = 0; i < GW_ARRAY_LEN(crowd); i++)
    close(crowd[i]);
}

static void test_no_descriptor_for_a_connection_is_told_at_once(void **state) {
  struct fixture *f = *state;
  gw_upstream_pool_free(f->pool);
  f->address.v4.sin_family = AF_UNSPEC; /* no such socket */
  f->pool = new_pool(f, 20);
  assert_false(start(f, GW_METHOD_GET, GW_LENGTH_NONE));
  assert_null(f->attempt.connection);
  assert_int_equal(f->counts.connect_failures_total, 1);
}

static void test_answer_before_the_whole_request_is_taken_and_the_connection_not_kept(void **state) {
  struct fixture *f = *state;
  assert_true(start(f, GW_METHOD_POST, 1000));
  accept_it(f);
  wait_received(f, "\r\n\r\n");
  assert_int_equal(f->connected, 1);
  say(f, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
  WAIT_FOR(f, f->ended > 0);
  assert_int_equal(f->attempt.response.status, 413);
  assert_int_equal(f->pool->idle_count, 0);
}

static void test_slow_backend_is_felt_and_draining_told(void **state) {
  struct fixture *f = *state;
  static char data[65536];
  assert_true(start(f, GW_METHOD_POST, GW_LENGTH_UNKNOWN));
  accept_it(f);
  bool may_go_on = true;
  for (int i = 0; i < 2000 && may_go_on; i++) {
    may_go_on = gw_attempt_send_body(&f->attempt, (struct gw_str){data, sizeof(data)});
    gw_loop_run_once(f->loop, 0);
  }
  assert_false(may_go_on);
  assert_int_equal(f->drained, 0);
  char bytes[65536];
  WAIT_FOR(f, recv(f->fd, bytes, sizeof(bytes), MSG_DONTWAIT) < 0 || f->drained > 0);
  WAIT_FOR(f, (recv(f->fd, bytes, sizeof(bytes), MSG_DONTWAIT), f->drained > 0));
  while (gw_attempt_send_body(&f->attempt, (struct gw_str){data, sizeof(data)}))
    gw_loop_run_once(f->loop, 0);
  gw_attempt_send_end(&f->attempt, NULL);
  say(f, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  WAIT_FOR(f, f->ended > 0);
  assert_int_equal(f->pool->idle_count, 0); /* what was queued had not left */
}

static void test_paused_attempt_reads_nothing(void **state) {
  struct fixture *f = *state;
  begin(f);
  gw_attempt_set_paused(&f->attempt, true);
  say(f, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  for (int i = 0; i < 3; i++)
    gw_loop_run_once(f->loop, 5);
  assert_int_equal(f->heads, 0);
  gw_attempt_set_paused(&f->attempt, false);
  WAIT_FOR(f, f->ended > 0);
}

/* Another attempt on the fixture's pool, with a connection and an arena of its own. */
static struct fixture *begin_beside(struct fixture *f, unsigned flags) {
  struct fixture *other = gw_calloc(1, sizeof(*other));
  *other = (struct fixture){.loop = f->loop, .pool = f->pool, .listen_fd = f->listen_fd, .fd = -1};
  gw_arena_init(&other->arena, 4096);
  assert_true(start_with(other, GW_METHOD_GET, GW_LENGTH_NONE, flags));
  accept_it(other);
  wait_received(other, "\r\n\r\n");
  say(other, "HTTP/1.1 102 Processing\r\n\r\n"); /* the first bytes of a connection can always wait */
  WAIT_FOR(f, other->attempt.received_bytes > 0);
  return other;
}

static void end_beside(struct fixture *other) {
  close(other->fd);
  gw_arena_done(&other->arena);
  gw_strbuf_done(&other->body);
  free(other);
}

static void test_answer_that_can_wait_comes_behind_those_that_can_not(void **state) {
  struct fixture *f = *state;
  struct fixture *patient = begin_beside(f, GW_ATTEMPT_CAN_WAIT);
  struct fixture *prompt = begin_beside(f, 0);
  gw_loop_run_once(f->loop, 0); /* nothing is there: what comes is told in its order */
  say(patient, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  say(prompt, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  WAIT_FOR(f, patient->ended > 0 && prompt->ended > 0);
  assert_true(prompt->place < patient->place);
  end_beside(patient);
  end_beside(prompt);
}

static void test_pool_that_is_freed_lives_until_its_last_attempt(void **state) {
  struct fixture *f = *state;
  answer_and_keep(f);
  close(f->fd);
  assert_true(start(f, GW_METHOD_POST, 5)); /* on the idle one, or, if its end was seen, on a new one */
  gw_upstream_pool_free(f->pool);
  f->pool = NULL;
  gw_attempt_cancel(&f->attempt);
  f->fd = -1;
  assert_int_equal(f->counts.connections_active, 0);
}

/* Its counters, too, which the pool has left to it. */
static void test_attempt_ends_after_its_pool(void **state) {
  struct fixture *f = *state;
  begin(f);
  assert_int_equal(gw_upstream_pool_count_active(f->pool), 1);
  gw_upstream_pool_free(f->pool);
  f->pool = NULL;
  say(f, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  WAIT_FOR(f, f->ended > 0);
}

static void test_active_attempts_are_counted(void **state) {
  struct fixture *f = *state;
  assert_int_equal(gw_upstream_pool_count_active(f->pool), 0);
  begin(f);
  assert_int_equal(gw_upstream_pool_count_active(f->pool), 1);
  say(f, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  WAIT_FOR(f, f->ended > 0);
  assert_int_equal(gw_upstream_pool_count_active(f->pool), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_head_in_single_bytes_is_put_together, setup, teardown),
      cmocka_unit_test_setup_teardown(test_attempt_ends_after_its_pool, setup, teardown),
      cmocka_unit_test_setup_teardown(test_active_attempts_are_counted, setup, teardown),
      cmocka_unit_test_setup_teardown(test_interim_answers_are_skipped, setup, teardown),
      cmocka_unit_test_setup_teardown(test_interim_answers_without_end_fail, setup, teardown),
      cmocka_unit_test_setup_teardown(test_upgrade_that_nobody_wanted_fails, setup, teardown),
      cmocka_unit_test_setup_teardown(test_answer_that_is_not_http_fails, setup, teardown),
      cmocka_unit_test_setup_teardown(test_head_beyond_the_limit_fails, setup, teardown),
      cmocka_unit_test_setup_teardown(test_broken_chunk_fails_after_what_was_whole, setup, teardown),
      cmocka_unit_test_setup_teardown(test_body_cut_short_fails, setup, teardown),
      cmocka_unit_test_setup_teardown(test_body_until_close_ends_with_the_connection, setup, teardown),
      cmocka_unit_test_setup_teardown(test_bytes_behind_the_answer_take_the_connection_down, setup, teardown),
      cmocka_unit_test_setup_teardown(test_idle_connection_that_speaks_or_closes_goes, setup, teardown),
      cmocka_unit_test_setup_teardown(test_idle_timeout_closes_and_a_new_one_counts_at_once, setup, teardown),
      cmocka_unit_test_setup_teardown(test_reused_connection_that_dies_unanswered_may_be_tried_again, setup, teardown),
      cmocka_unit_test_setup_teardown(test_reused_connection_that_dies_on_a_whole_post_may_not, setup, teardown),
      cmocka_unit_test_setup_teardown(test_connection_refused, setup, teardown),
      cmocka_unit_test_setup_teardown(test_connect_timeout, setup, teardown),
      cmocka_unit_test_setup_teardown(test_no_descriptor_for_a_connection_is_told_at_once, setup, teardown),
      cmocka_unit_test_setup_teardown(test_answer_before_the_whole_request_is_taken_and_the_connection_not_kept, setup, teardown),
      cmocka_unit_test_setup_teardown(test_slow_backend_is_felt_and_draining_told, setup, teardown),
      cmocka_unit_test_setup_teardown(test_paused_attempt_reads_nothing, setup, teardown),
      cmocka_unit_test_setup_teardown(test_answer_that_can_wait_comes_behind_those_that_can_not, setup, teardown),
      cmocka_unit_test_setup_teardown(test_pool_that_is_freed_lives_until_its_last_attempt, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
