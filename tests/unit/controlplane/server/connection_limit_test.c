#include "controlplane/server/connection_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define DESCRIPTORS 300u
#define CLIENTS 40

static int listen_anywhere(struct sockaddr_in *address) {
  socklen_t len = sizeof(*address);
  *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(listener, (struct sockaddr *)address, sizeof(*address)), 0);
  assert_int_equal(listen(listener, CLIENTS), 0);
  assert_int_equal(getsockname(listener, (struct sockaddr *)address, &len), 0);
  return listener;
}

static int connect_to(const struct sockaddr_in *address) {
  int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(client, (const struct sockaddr *)address, sizeof(*address)), 0);
  return client;
}

/* Until the next one would be `number`. */
static void fill_up_to(int number) {
  int last;
  do {
    last = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(last >= 0);
  } while (last < number - 1);
}

static void test_connection_above_the_bound_is_closed_and_the_next_one_taken(void **state) {
  (void)state;
  const struct rlimit limit = {DESCRIPTORS, DESCRIPTORS};
  struct sockaddr_in address, peer;
  socklen_t peer_len = sizeof(peer);
  int listener = listen_anywhere(&address), clients[CLIENTS];
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  for (int i = 0; i < CLIENTS; i++)
    clients[i] = connect_to(&address);
  fill_up_to((int)(DESCRIPTORS - GW_CONNECTION_RESERVE) - 1);
  int first = accept4(listener, (struct sockaddr *)&peer, &peer_len, SOCK_CLOEXEC);
  assert_int_equal(first, DESCRIPTORS - GW_CONNECTION_RESERVE - 1);
  assert_int_equal(peer_len, sizeof(peer));
  assert_int_equal(accept4(listener, NULL, NULL, SOCK_CLOEXEC), -1);
  assert_int_equal(errno, EAGAIN); /* all others were taken, and closed */
  assert_int_equal(gw_connection_limit_refused(), CLIENTS - 1);
  char byte;
  assert_true(recv(clients[CLIENTS - 1], &byte, 1, 0) <= 0);
  close(first);
  close(clients[0]);
  connect_to(&address);
  assert_int_equal(accept4(listener, NULL, NULL, SOCK_CLOEXEC), first); /* there is room again */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_connection_above_the_bound_is_closed_and_the_next_one_taken)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
