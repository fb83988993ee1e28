#include "common/http_server/healthcheck.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/http_server/http_server.h"

static const struct gw_healthcheck healthcheck = {"gateway-test", "status-http", "GATEWAY_TEST_STATUS_HTTP", "127.0.0.1:1", "status_http"};

/* A server of ours on a thread: /health is well, /ready is not. */
struct bench {
  struct gw_loop *loop;
  struct gw_http_server *server;
  pthread_t thread;
  char address[64];
};

static void on_well(void *arg, struct gw_http_exchange *exchange) {
  (void)arg;
  gw_http_exchange_reply(exchange, 200, "text/plain", GW_STR("ok\n"));
}

static void on_unwell(void *arg, struct gw_http_exchange *exchange) {
  (void)arg;
  gw_http_exchange_reply_error(exchange, 503, "draining");
}

static const struct gw_http_server_route routes[] = {{"GET", "/health", false, on_well}, {"GET", "/ready", false, on_unwell}};

static void *run(void *arg) {
  gw_loop_run(((struct bench *)arg)->loop);
  return NULL;
}

static int setup(void **state) {
  struct bench *bench = gw_calloc(1, sizeof(*bench));
  bench->loop = gw_loop_new();
  struct gw_http_server_options options = {.routes = routes, .route_count = GW_ARRAY_LEN(routes)};
  gw_address_parse(GW_STR("127.0.0.1:0"), &options.listen);
  assert_int_equal(gw_http_server_new(bench->loop, &options, &bench->server), GW_OK);
  snprintf(bench->address, sizeof(bench->address), "127.0.0.1:%u", gw_http_server_port(bench->server));
  assert_int_equal(pthread_create(&bench->thread, NULL, run, bench), 0);
  *state = bench;
  return 0;
}

static int teardown(void **state) {
  struct bench *bench = *state;
  gw_loop_stop(bench->loop);
  pthread_join(bench->thread, NULL);
  gw_http_server_free(bench->server);
  gw_loop_free(bench->loop);
  free(bench);
  return 0;
}

/* `arguments` end with NULL. */
static int check(const char *const *arguments) {
  char *argv[16] = {"healthcheck"};
  int argc = 1;
  for (; arguments[argc - 1] != NULL; argc++)
    argv[argc] = (char *)(uintptr_t)arguments[argc - 1];
  return gw_healthcheck_run(&healthcheck, argc, argv);
}
#define CHECK(...) check((const char *const[]){__VA_ARGS__, NULL})

static void test_check_tells_well_from_not_ready(void **state) {
  const struct bench *bench = *state;
  assert_int_equal(CHECK("--status-http", bench->address, "--live"), 0);
  assert_int_equal(CHECK("--status-http", bench->address), 1);
}

static void test_check_of_nobody_is_not_well(void **state) {
  (void)state;
  assert_int_equal(CHECK("--live"), 1); /* port 1: nobody listens */
}

static void test_check_takes_the_address_from_the_environment(void **state) {
  const struct bench *bench = *state;
  setenv("GATEWAY_TEST_STATUS_HTTP", bench->address, 1);
  assert_int_equal(CHECK("--live"), 0);
  unsetenv("GATEWAY_TEST_STATUS_HTTP");
}

static void test_check_of_everywhere_and_port_0_asks_at_home_where_the_ports_file_says(void **state) {
  const struct bench *bench = *state;
  char path[] = "/tmp/healthcheck_test_XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  dprintf(fd, "{\"pid\": 1, \"listeners\": {\"http\": 1}, \"status_http\": %s}\n", strchr(bench->address, ':') + 1);
  close(fd);
  assert_int_equal(CHECK("--status-http", "0.0.0.0:0", "--ports-file", path, "--live"), 0);
  unlink(path);
  assert_int_equal(CHECK("--status-http", "0.0.0.0:0", "--ports-file", path, "--live"), 1);
}

static void test_check_refuses_what_it_does_not_know(void **state) {
  (void)state;
  assert_int_equal(CHECK("--status-http", "localhost:80"), 64);
  assert_int_equal(CHECK("--timeout", "soon"), 64);
  assert_int_equal(CHECK("now"), 64);
  assert_int_equal(CHECK("--fast"), 64);
  assert_int_equal(CHECK("--help"), 0);
}

/* The kernel accepts, and nobody answers. */
static void test_check_gives_up_after_its_timeout(void **state) {
  (void)state;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct gw_address address;
  char text[64];
  gw_address_parse(GW_STR("127.0.0.1:0"), &address);
  assert_int_equal(bind(fd, &address.any, gw_address_len(&address)), 0);
  assert_int_equal(listen(fd, 1), 0);
  socklen_t len = sizeof(address);
  assert_int_equal(getsockname(fd, &address.any, &len), 0);
  snprintf(text, sizeof(text), "127.0.0.1:%u", gw_address_port(&address));
  assert_int_equal(CHECK("--status-http", text, "--timeout", "50ms"), 1);
  close(fd);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_check_tells_well_from_not_ready, setup, teardown),
      cmocka_unit_test(test_check_of_nobody_is_not_well),
      cmocka_unit_test_setup_teardown(test_check_takes_the_address_from_the_environment, setup, teardown),
      cmocka_unit_test_setup_teardown(test_check_of_everywhere_and_port_0_asks_at_home_where_the_ports_file_says, setup, teardown),
      cmocka_unit_test(test_check_refuses_what_it_does_not_know),
      cmocka_unit_test(test_check_gives_up_after_its_timeout),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
