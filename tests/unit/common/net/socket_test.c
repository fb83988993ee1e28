#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/net/socket.h"

#define WAIT_MS 5000

static struct gw_address loopback(uint16_t port) {
  struct gw_address address;
  assert_int_equal(gw_address_parse_ip(GW_STR("127.0.0.1"), port, &address), GW_OK);
  return address;
}

static struct gw_address local_address(int fd) {
  struct gw_address address;
  assert_int_equal(gw_socket_local_address(fd, &address), GW_OK);
  return address;
}

static bool wait_for(int fd, short events) {
  struct pollfd item = {.fd = fd, .events = events};
  return poll(&item, 1, WAIT_MS) == 1;
}

static void test_listen_connect_accept(void **state) {
  (void)state;
  int listener;
  int client;
  int server;
  struct gw_address any_port = loopback(0);
  struct gw_address peer;
  assert_int_equal(gw_socket_listen(&any_port, false, 16, &listener), GW_OK);
  struct gw_address address = local_address(listener);
  assert_int_not_equal(gw_address_port(&address), 0);
  assert_int_equal(gw_socket_accept(listener, &peer, &server), GW_ERR_AGAIN);
  assert_int_equal(gw_socket_connect(&address, &client), GW_OK);
  assert_true(wait_for(client, POLLOUT));
  assert_int_equal(gw_socket_take_error(client), 0);
  assert_true(wait_for(listener, POLLIN));
  assert_int_equal(gw_socket_accept(listener, &peer, &server), GW_OK);
  struct gw_address client_address = local_address(client);
  assert_true(gw_address_equal(&peer, &client_address));
  const int ours[] = {client, server};
  for (size_t i = 0; i < GW_ARRAY_LEN(ours); i++) {
    int on = 0;
    socklen_t len = sizeof(on);
    assert_int_equal(getsockopt(ours[i], IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
    assert_int_not_equal(on, 0);
  }
  char byte;
  assert_int_equal(recv(server, &byte, 1, 0), -1); /* does not block */
  assert_int_equal(errno, EAGAIN);
  close(client);
  close(server);
  close(listener);
}

static void test_connect_to_nobody_shows_as_error(void **state) {
  (void)state;
  int listener;
  int client;
  struct gw_address any_port = loopback(0);
  assert_int_equal(gw_socket_listen(&any_port, false, 16, &listener), GW_OK);
  struct gw_address address = local_address(listener);
  close(listener);
  if (gw_socket_connect(&address, &client) == GW_OK) {
    assert_true(wait_for(client, POLLOUT));
    assert_int_equal(gw_socket_take_error(client), ECONNREFUSED);
    close(client);
  } else {
    assert_int_equal(errno, ECONNREFUSED);
  }
}

static void test_listen_on_a_taken_port_is_refused(void **state) {
  (void)state;
  int first;
  int second = -1;
  struct gw_address any_port = loopback(0);
  assert_int_equal(gw_socket_listen(&any_port, false, 16, &first), GW_OK);
  struct gw_address address = local_address(first);
  errno = 0;
  assert_int_equal(gw_socket_listen(&address, false, 16, &second), GW_ERR_IO);
  assert_int_equal(errno, EADDRINUSE);
  errno = 0;
  assert_int_equal(gw_socket_listen(&address, true, 16, &second), GW_ERR_IO);
  assert_int_equal(errno, EADDRINUSE);
  errno = 0;
  assert_int_equal(gw_socket_listen_exclusive(&address, 16, &second), GW_ERR_IO);
  assert_int_equal(errno, EADDRINUSE);
  assert_int_equal(second, -1);
  close(first);
}

static void test_exclusive_is_refused_where_somebody_shares(void **state) {
  (void)state;
  int first;
  int second;
  struct gw_address any_port = loopback(0);
  assert_int_equal(gw_socket_listen(&any_port, true, 16, &first), GW_OK);
  struct gw_address address = local_address(first);
  assert_int_equal(gw_socket_listen_exclusive(&address, 16, &second), GW_ERR_IO);
  assert_int_equal(errno, EADDRINUSE);
  close(first);
}

/* Connects until both listeners got one: the kernel spreads by a hash of the ports. */
static void test_exclusive_then_shared_serve_the_port_together(void **state) {
  (void)state;
  int listeners[2];
  int third;
  struct gw_address any_port = loopback(0);
  assert_int_equal(gw_socket_listen_exclusive(&any_port, 16, &listeners[0]), GW_OK);
  struct gw_address address = local_address(listeners[0]);
  assert_int_equal(gw_socket_listen(&address, true, 16, &listeners[1]), GW_OK);
  assert_int_equal(gw_socket_listen_exclusive(&address, 16, &third), GW_ERR_IO);
  bool has_served[2] = {false, false};
  for (int i = 0; i < 200 && !(has_served[0] && has_served[1]); i++) {
    int client;
    int server = -1;
    struct gw_address peer;
    assert_int_equal(gw_socket_connect(&address, &client), GW_OK);
    struct pollfd items[2] = {{.fd = listeners[0], .events = POLLIN}, {.fd = listeners[1], .events = POLLIN}};
    assert_true(poll(items, 2, WAIT_MS) > 0);
    for (int j = 0; j < 2; j++) {
      if (gw_socket_accept(listeners[j], &peer, &server) != GW_OK) continue;
      has_served[j] = true;
      close(server);
    }
    assert_int_not_equal(server, -1);
    close(client);
  }
  assert_true(has_served[0] && has_served[1]);
  close(listeners[0]);
  close(listeners[1]);
}

static void test_accept_without_descriptors_says_limit(void **state) {
  (void)state;
  int listener;
  int client;
  int server = -1;
  struct gw_address any_port = loopback(0);
  struct gw_address peer;
  struct rlimit before;
  assert_int_equal(gw_socket_listen(&any_port, false, 16, &listener), GW_OK);
  struct gw_address address = local_address(listener);
  assert_int_equal(gw_socket_connect(&address, &client), GW_OK);
  assert_true(wait_for(listener, POLLIN));
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  enum gw_err err = gw_socket_accept(listener, &peer, &server);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  assert_int_equal(err, GW_ERR_LIMIT);
  assert_int_equal(gw_socket_accept(listener, &peer, &server), GW_OK);
  close(server);
  close(client);
  close(listener);
}

/* However much the machine lets one socket have. */
static void test_accepted_socket_takes_little_for_a_peer_that_reads_nothing(void **state) {
  (void)state;
  static const char piece[65536];
  int listener, client, server;
  struct gw_address any_port = loopback(0);
  struct gw_address peer;
  assert_int_equal(gw_socket_listen(&any_port, false, 16, &listener), GW_OK);
  struct gw_address address = local_address(listener);
  int small = 4096;
  client = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(setsockopt(client, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
  assert_int_equal(connect(client, &address.any, gw_address_len(&address)), 0);
  assert_true(wait_for(listener, POLLIN));
  assert_int_equal(gw_socket_accept(listener, &peer, &server), GW_OK);
  size_t total = 0;
  ssize_t sent;
  while ((sent = send(server, piece, sizeof(piece), MSG_NOSIGNAL)) > 0)
    total += (size_t)sent;
  assert_int_equal(errno, EAGAIN);
  assert_in_range(total, 1, 512 * 1024);
  close(client);
  close(server);
  close(listener);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_listen_connect_accept),
      cmocka_unit_test(test_connect_to_nobody_shows_as_error),
      cmocka_unit_test(test_listen_on_a_taken_port_is_refused),
      cmocka_unit_test(test_exclusive_is_refused_where_somebody_shares),
      cmocka_unit_test(test_exclusive_then_shared_serve_the_port_together),
      cmocka_unit_test(test_accept_without_descriptors_says_limit),
      cmocka_unit_test(test_accepted_socket_takes_little_for_a_peer_that_reads_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
