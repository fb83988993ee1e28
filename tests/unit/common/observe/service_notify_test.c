#include "common/observe/service_notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/clock.h"

static char folder[] = "/tmp/gateway-notify-XXXXXX";
static char log_path[64], socket_path[64];

static int setup(void **state) {
  (void)state;
  if (mkdtemp(folder) == NULL) return -1;
  snprintf(log_path, sizeof(log_path), "%s/log", folder);
  snprintf(socket_path, sizeof(socket_path), "%s/notify", folder);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  unlink(log_path);
  unlink(socket_path);
  return rmdir(folder);
}

/* A service manager that listens where `to` says. */
static int listen_at(const char *to) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, to, strlen(to));
  if (to[0] == '@') address.sun_path[0] = '\0';
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  assert_true(fd >= 0);
  assert_int_equal(bind(fd, (struct sockaddr *)(void *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(to))), 0);
  setenv("NOTIFY_SOCKET", to, 1);
  return fd;
}

static void hear(int fd, char ret_text[128]) {
  ssize_t len = recv(fd, ret_text, 127, 0);
  assert_true(len > 0);
  ret_text[len] = '\0';
}

/* What is logged while `state` is told. */
static void notify_logged(enum gw_service_state state, char ret_text[512]) {
  struct gw_log *log;
  unlink(log_path);
  assert_int_equal(gw_log_new("test", GW_LOG_TEXT, GW_LOG_INFO, log_path, &log), GW_OK);
  gw_service_notify(log, state);
  gw_log_free(log);
  FILE *file = fopen(log_path, "re");
  assert_non_null(file);
  ret_text[fread(ret_text, 1, 511, file)] = '\0';
  fclose(file);
}

static void check_states(int fd) {
  char text[128];
  gw_service_notify(NULL, GW_SERVICE_READY);
  hear(fd, text);
  assert_string_equal(text, "READY=1");
  gw_service_notify(NULL, GW_SERVICE_STOPPING);
  hear(fd, text);
  assert_string_equal(text, "STOPPING=1");
  uint64_t before = gw_clock_monotonic_us(), told = 0;
  gw_service_notify(NULL, GW_SERVICE_RELOADING);
  hear(fd, text);
  assert_int_equal(sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%" SCNu64, &told), 1);
  assert_in_range(told, before, gw_clock_monotonic_us());
  close(fd);
}

static void test_notify_at_a_path_says_each_state(void **state) {
  (void)state;
  check_states(listen_at(socket_path));
}

static void test_notify_in_the_abstract_namespace_says_each_state(void **state) {
  (void)state;
  char name[64];
  snprintf(name, sizeof(name), "@gateway-notify-test-%d", getpid());
  check_states(listen_at(name));
}

static void test_notify_without_a_manager_says_nothing(void **state) {
  (void)state;
  char text[512];
  unsetenv("NOTIFY_SOCKET");
  notify_logged(GW_SERVICE_READY, text);
  assert_string_equal(text, "");
  setenv("NOTIFY_SOCKET", "", 1);
  notify_logged(GW_SERVICE_READY, text);
  assert_string_equal(text, "");
}

static void test_notify_a_manager_that_is_gone_is_logged(void **state) {
  (void)state;
  char text[512];
  setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
  notify_logged(GW_SERVICE_READY, text);
  assert_non_null(strstr(text, "the service manager at NOTIFY_SOCKET=/nowhere/notify cannot be told: No such file or directory"));
}

static void test_notify_an_address_that_is_none_is_logged(void **state) {
  (void)state;
  char text[512], too_long[200];
  setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
  notify_logged(GW_SERVICE_READY, text);
  assert_non_null(strstr(text, "Invalid argument"));
  memset(too_long, '/', sizeof(too_long) - 1);
  too_long[sizeof(too_long) - 1] = '\0';
  setenv("NOTIFY_SOCKET", too_long, 1);
  notify_logged(GW_SERVICE_READY, text);
  assert_non_null(strstr(text, "Invalid argument"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_notify_at_a_path_says_each_state),
      cmocka_unit_test(test_notify_in_the_abstract_namespace_says_each_state),
      cmocka_unit_test(test_notify_without_a_manager_says_nothing),
      cmocka_unit_test(test_notify_a_manager_that_is_gone_is_logged),
      cmocka_unit_test(test_notify_an_address_that_is_none_is_logged),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
