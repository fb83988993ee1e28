/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/net/socket.h"
#include "dataplane/listener/listen_set.h"
#include "tests/unit/dataplane/model_fixture.h"

struct wanted {
  const char *name;
  uint16_t port;
};

static struct gw_snapshot *snapshot_of(const struct wanted *wanted, uint32_t count) {
  struct gw_resource *resources[8] = {NULL};
  for (uint32_t i = 0; i < count; i++) {
    resources[i] = fixture_listener(wanted[i].name, 1, "r", NULL);
    ((struct gw_listener *)resources[i]->listener)->port = wanted[i].port;
  }
  return fixture_snapshot(resources);
}

static size_t update(struct gw_listen_set *set, const struct wanted *wanted, uint32_t count) {
  struct gw_snapshot *snapshot = snapshot_of(wanted, count);
  struct gw_errors errors;
  gw_errors_init(&errors);
  gw_listen_set_update(set, snapshot, &errors);
  size_t mistakes = errors.error_count;
  gw_errors_done(&errors);
  gw_snapshot_unref(snapshot);
  return mistakes;
}

static uint16_t port_of(const struct gw_listen_set *set, const char *name) {
  struct gw_address address;
  return gw_listen_set_address(set, gw_str_from(name), &address) == GW_OK ? gw_address_port(&address) : 0;
}

static void test_port_0_is_chosen_once_and_shared_by_workers(void **state) {
  (void)state;
  struct gw_listen_set *set = gw_listen_set_new(3, NULL);
  assert_int_equal(update(set, &(struct wanted){"a", 0}, 1), 0);
  uint16_t port = port_of(set, "a");
  assert_int_not_equal(port, 0);
  for (uint32_t worker = 0; worker < 3; worker++) {
    uint32_t count;
    struct gw_engine_socket *sockets = gw_listen_set_sockets(set, worker, &count);
    assert_int_equal(count, 1);
    assert_string_equal(sockets[0].listener_name, "a");
    struct gw_address address;
    assert_int_equal(gw_socket_local_address(sockets[0].fd, &address), GW_OK);
    assert_int_equal(gw_address_port(&address), port);
    close(sockets[0].fd);
    free(sockets);
  }
  assert_int_equal(update(set, &(struct wanted){"a", 0}, 1), 0);
  assert_int_equal(port_of(set, "a"), port);
  gw_listen_set_free(set);
}

static void test_port_of_another_is_a_mistake_and_the_rest_goes_on(void **state) {
  (void)state;
  struct gw_address address;
  int fd;
  assert_int_equal(gw_address_parse(GW_STR("127.0.0.1:0"), &address), GW_OK);
  assert_int_equal(gw_socket_listen(&address, true, 1, &fd), GW_OK);
  assert_int_equal(gw_socket_local_address(fd, &address), GW_OK);
  struct gw_listen_set *set = gw_listen_set_new(2, NULL);
  struct wanted wanted[] = {{"a", gw_address_port(&address)}, {"b", 0}};
  assert_int_equal(update(set, wanted, 2), 1);
  assert_int_equal(port_of(set, "a"), 0);
  assert_int_not_equal(port_of(set, "b"), 0);
  close(fd);
  gw_listen_set_free(set);
}

static void test_listener_that_can_not_move_stays(void **state) {
  (void)state;
  struct gw_address address;
  int fd;
  assert_int_equal(gw_address_parse(GW_STR("127.0.0.1:0"), &address), GW_OK);
  assert_int_equal(gw_socket_listen(&address, false, 1, &fd), GW_OK);
  assert_int_equal(gw_socket_local_address(fd, &address), GW_OK);
  struct gw_listen_set *set = gw_listen_set_new(1, NULL);
  assert_int_equal(update(set, &(struct wanted){"a", 0}, 1), 0);
  uint16_t port = port_of(set, "a");
  assert_int_equal(update(set, &(struct wanted){"a", gw_address_port(&address)}, 1), 1);
  assert_int_equal(port_of(set, "a"), port);
  close(fd);
  assert_int_equal(update(set, &(struct wanted){"a", gw_address_port(&address)}, 1), 0);
  assert_int_equal(port_of(set, "a"), gw_address_port(&address));
  gw_listen_set_free(set);
}

static void test_renamed_listener_keeps_its_socket(void **state) {
  (void)state;
  struct gw_listen_set *set = gw_listen_set_new(1, NULL);
  assert_int_equal(update(set, &(struct wanted){"a", 0}, 1), 0);
  uint16_t port = port_of(set, "a");
  assert_int_equal(update(set, &(struct wanted){"a", port}, 1), 0);
  assert_int_equal(update(set, &(struct wanted){"b", port}, 1), 0);
  assert_int_equal(port_of(set, "a"), 0);
  assert_int_equal(port_of(set, "b"), port);
  gw_listen_set_free(set);
}

static void test_two_listeners_on_one_address_are_a_mistake(void **state) {
  (void)state;
  struct gw_listen_set *set = gw_listen_set_new(1, NULL);
  assert_int_equal(update(set, &(struct wanted){"a", 0}, 1), 0);
  uint16_t port = port_of(set, "a");
  assert_int_equal(update(set, &(struct wanted){"a", port}, 1), 0);
  struct wanted both[] = {{"a", port}, {"b", port}};
  assert_int_equal(update(set, both, 2), 1);
  assert_int_equal(port_of(set, "a"), port);
  gw_listen_set_free(set);
}

static void test_override_moves_the_first_listener(void **state) {
  (void)state;
  struct gw_address override;
  assert_int_equal(gw_address_parse(GW_STR("127.0.0.2:0"), &override), GW_OK);
  struct gw_listen_set *set = gw_listen_set_new(1, &override);
  struct wanted wanted[] = {{"b", 0}, {"a", 0}};
  assert_int_equal(update(set, wanted, 2), 0);
  struct gw_address address;
  char text[GW_ADDRESS_TEXT_SIZE];
  assert_int_equal(gw_listen_set_address(set, GW_STR("a"), &address), GW_OK);
  assert_true(gw_str_equal(gw_address_format_ip(&address, text), GW_STR("127.0.0.2")));
  assert_int_equal(gw_listen_set_address(set, GW_STR("b"), &address), GW_OK);
  assert_true(gw_str_equal(gw_address_format_ip(&address, text), GW_STR("127.0.0.1")));
  gw_listen_set_free(set);
}

/* Rather closed than in plaintext. */

static void test_override_is_about_the_listener_called_gateway(void **state) {
  (void)state;
  struct gw_address override;
  assert_int_equal(gw_address_parse_ip(GW_STR("127.0.0.2"), 0, &override), GW_OK);
  struct gw_listen_set *set = gw_listen_set_new(1, &override);
  assert_int_equal(update(set, (const struct wanted[]){{"a", 0}, {"gateway", 0}}, 2), 0);
  static const struct { const char *name, *ip; } cases[] = {{"a", "127.0.0.1"}, {"gateway", "127.0.0.2"}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_address address;
    char text[GW_ADDRESS_TEXT_SIZE];
    assert_int_equal(gw_listen_set_address(set, gw_str_from(cases[i].name), &address), GW_OK);
    assert_true(gw_str_equal(gw_address_format_ip(&address, text), gw_str_from(cases[i].ip)));
  }
  gw_listen_set_free(set);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_port_0_is_chosen_once_and_shared_by_workers),
      cmocka_unit_test(test_override_is_about_the_listener_called_gateway),
      cmocka_unit_test(test_port_of_another_is_a_mistake_and_the_rest_goes_on),
      cmocka_unit_test(test_listener_that_can_not_move_stays),
      cmocka_unit_test(test_renamed_listener_keeps_its_socket),
      cmocka_unit_test(test_two_listeners_on_one_address_are_a_mistake),
      cmocka_unit_test(test_override_moves_the_first_listener),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
