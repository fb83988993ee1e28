/* The client beside a server that a test plays: what it asks, and what it makes of answers, of silence and of a connection's end. Real
 * servers are in the integration tests. */
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
#include "common/redis/client.h"

#define TIMEOUT_MS 60u
#define INFO "$23\r\nredis_mode:standalone\r\n\r\n"

struct server {
  struct gw_loop *loop;
  struct gw_io *listening;
  struct gw_io *io;
  int listen_fd;
  int fd; /* of the last connection; -1: none */
  uint16_t port;
  uint32_t connections;
  bool is_silent;
  const char *info;
  struct gw_strbuf in; /* all that was asked */
  size_t answered;     /* bytes of it */
};

struct fixture {
  struct server server;
  struct gw_redis *redis;
  uint32_t answers;
  uint32_t silences;
  char order[64]; /* of the answers, a letter each */
};

static void answer(struct server *server, const char *text) {
  assert_int_equal(send(server->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static bool asks(struct server *server, const char *word) {
  const char *at = server->in.data != NULL ? strstr(server->in.data + server->answered, word) : NULL;
  if (at == NULL) return false;
  server->answered = (size_t)(at - server->in.data) + strlen(word);
  return true;
}

/* What every client begins with; the rest is the test's. */
static void serve(struct server *server) {
  if (server->is_silent) return;
  if (asks(server, "AUTH\r\n$4\r\nuser\r\n$4\r\npass\r\n")) answer(server, "+OK\r\n");
  if (asks(server, "SELECT\r\n$1\r\n2\r\n")) answer(server, "+OK\r\n");
  if (asks(server, "INFO\r\n$6\r\nserver\r\n")) answer(server, server->info);
  if (asks(server, "PING\r\n")) answer(server, "+PONG\r\n");
}

static void on_io(void *arg, unsigned ready) {
  (void)ready;
  struct server *server = arg;
  char buffer[4096];
  ssize_t got = recv(server->fd, buffer, sizeof(buffer), 0);
  if (got > 0) {
    gw_strbuf_append(&server->in, buffer, (size_t)got);
    serve(server);
  } else if (got == 0 || errno != EAGAIN) {
    gw_io_set(server->io, 0);
  }
}

static void drop(struct server *server) {
  gw_io_free(server->io);
  server->io = NULL;
  if (server->fd >= 0) close(server->fd);
  server->fd = -1;
}

static void on_accept(void *arg, unsigned ready) {
  (void)ready;
  struct server *server = arg;
  int fd = accept4(server->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  drop(server);
  server->fd = fd;
  server->connections++;
  gw_strbuf_clear(&server->in);
  server->answered = 0;
  server->io = gw_io_new(server->loop, fd, on_io, server);
  gw_io_set(server->io, GW_IO_READ);
}

static int set_up(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  struct server *server = &f->server;
  struct gw_address address;
  server->loop = gw_loop_new();
  server->fd = -1;
  server->info = INFO;
  assert_int_equal(gw_address_parse(GW_STR("127.0.0.1:0"), &address), GW_OK);
  assert_int_equal(gw_socket_listen(&address, false, 16, &server->listen_fd), GW_OK);
  assert_int_equal(gw_socket_local_address(server->listen_fd, &address), GW_OK);
  server->port = gw_address_port(&address);
  server->listening = gw_io_new(server->loop, server->listen_fd, on_accept, server);
  gw_io_set(server->listening, GW_IO_READ);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  gw_redis_free(f->redis);
  drop(&f->server);
  gw_io_free(f->server.listening);
  close(f->server.listen_fd);
  gw_strbuf_done(&f->server.in);
  gw_loop_free(f->server.loop);
  free(f);
  return 0;
}

static void start(struct fixture *f) {
  f->redis = gw_redis_new(&(struct gw_redis_options){.loop = f->server.loop,
                                                     .host = GW_STR("127.0.0.1"),
                                                     .port = f->server.port,
                                                     .database = 2,
                                                     .user = GW_STR("user"),
                                                     .password = GW_STR("pass"),
                                                     .timeout_ms = TIMEOUT_MS,
                                                     .max_outstanding = 8});
}

static bool is_ready(const struct fixture *f) {
  struct gw_redis_status status;
  gw_redis_get_status(f->redis, &status);
  return status.is_ready;
}

static const char *trouble(const struct fixture *f) {
  struct gw_redis_status status;
  gw_redis_get_status(f->redis, &status);
  return status.trouble;
}

/* Turns until `condition`, at most some seconds. */
#define UNTIL(condition)                                                                                                                   \
  for (uint64_t end = gw_clock_monotonic_us() + 10000000; !(condition);) {                                                                 \
    if (gw_clock_monotonic_us() > end) fail_msg("not in time: %s", #condition);                                                            \
    gw_loop_run_once(f->server.loop, 5);                                                                                                   \
  }

static void on_answer(void *arg, const struct gw_redis_reply *reply) {
  struct fixture *f = arg;
  int64_t values[2];
  if (reply == NULL) {
    f->silences++;
    return;
  }
  f->order[f->answers] = gw_redis_reply_error(reply).len > 0 ? 'e' : '?';
  if (gw_redis_reply_integers(reply, values, 2) == 2) f->order[f->answers] = (char)('0' + values[1]);
  f->answers++;
}

static bool ask(struct fixture *f, const char *word) {
  const struct gw_str words[] = {GW_STR("ECHO"), gw_str_from(word)};
  return gw_redis_ask(f->redis, words, 2, on_answer, f);
}

static void test_questions_go_out_together_and_answers_come_in_their_order(void **state) {
  struct fixture *f = *state;
  start(f);
  UNTIL(is_ready(f));
  assert_true(ask(f, "a") && ask(f, "b") && ask(f, "c"));
  UNTIL(asks(&f->server, "$1\r\nc\r\n"));
  answer(&f->server, "*2\r\n:1\r\n:7\r\n-ERR no\r\n*2\r\n:1\r\n");
  UNTIL(f->answers == 2);
  answer(&f->server, ":9\r\n");
  UNTIL(f->answers == 3);
  assert_string_equal(f->order, "7e9");
  assert_int_equal(f->silences, 0);
}

static void test_only_so_many_questions_are_open(void **state) {
  struct fixture *f = *state;
  start(f);
  UNTIL(is_ready(f));
  for (int i = 0; i < 8; i++)
    assert_true(ask(f, "a"));
  assert_false(gw_redis_may_ask(f->redis));
  assert_false(ask(f, "a"));
}

static void test_silence_ends_the_connection_and_nobody_asks_until_a_new_one_answers(void **state) {
  struct fixture *f = *state;
  start(f);
  UNTIL(is_ready(f));
  f->server.is_silent = true;
  assert_true(ask(f, "a") && ask(f, "b"));
  uint64_t begin = gw_clock_monotonic_us();
  UNTIL(f->silences == 2);
  assert_true(gw_clock_monotonic_us() - begin >= (TIMEOUT_MS - 2) * 1000);
  assert_false(gw_redis_may_ask(f->redis));
  assert_string_equal(trouble(f), "it did not answer in time");
  UNTIL(f->server.connections >= 2);
  assert_false(gw_redis_may_ask(f->redis)); /* it has said nothing yet */
  f->server.is_silent = false;
  serve(&f->server);
  UNTIL(gw_redis_may_ask(f->redis));
  assert_true(is_ready(f));
}

static void test_questions_of_the_first_moment_wait_no_longer_than_others(void **state) {
  struct fixture *f = *state;
  f->server.is_silent = true;
  start(f);
  assert_true(ask(f, "a")); /* while it connects */
  uint64_t begin = gw_clock_monotonic_us();
  UNTIL(f->silences == 1);
  assert_true(gw_clock_monotonic_us() - begin < 900000);
  assert_false(gw_redis_may_ask(f->redis));
}

static void test_questions_are_told_when_the_connection_ends(void **state) {
  struct fixture *f = *state;
  start(f);
  UNTIL(is_ready(f));
  assert_true(ask(f, "a"));
  UNTIL(asks(&f->server, "$1\r\na\r\n"));
  drop(&f->server);
  UNTIL(f->silences == 1);
  assert_false(is_ready(f));
  UNTIL(is_ready(f));
  assert_int_equal(f->server.connections, 2);
}

static void test_what_is_no_single_server_is_refused(void **state) {
  struct fixture *f = *state;
  f->server.info = "$20\r\nredis_mode:cluster\r\n\r\n";
  start(f);
  UNTIL(trouble(f)[0] != '\0');
  assert_string_equal(trouble(f), "it is part of a cluster, which is not supported; a single server is needed");
  assert_false(gw_redis_may_ask(f->redis));
}

static void test_free_answers_all_who_wait(void **state) {
  struct fixture *f = *state;
  start(f);
  UNTIL(is_ready(f));
  assert_true(ask(f, "a") && ask(f, "b"));
  gw_redis_free(f->redis);
  f->redis = NULL;
  assert_int_equal(f->silences, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_questions_go_out_together_and_answers_come_in_their_order),
      TEST(test_only_so_many_questions_are_open),
      TEST(test_silence_ends_the_connection_and_nobody_asks_until_a_new_one_answers),
      TEST(test_questions_of_the_first_moment_wait_no_longer_than_others),
      TEST(test_questions_are_told_when_the_connection_ends),
      TEST(test_what_is_no_single_server_is_refused),
      TEST(test_free_answers_all_who_wait),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
