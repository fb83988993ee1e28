/* Checks and ejections as the loop drives them: what is followed, how many checks run at once, what a change leads to. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/net/socket.h"
#include "dataplane/cluster/frozen_cluster.h"
#include "dataplane/cluster/health.h"
#include "tests/unit/dataplane/model_fixture.h"

#define WAIT_MS 10000
#define CONNECTIONS 512

/* Answers whatever it is sent with `answer`; NULL: not at all. Listens on all loopback addresses. */
struct service {
  struct gw_loop *loop;
  int fd;
  uint16_t port;
  struct gw_io *io;
  const char *answer;
  struct connection {
    struct service *service;
    int fd;
    struct gw_io *io;
  } connections[CONNECTIONS];
  uint32_t connection_count;
  uint32_t request_count;
};

static void on_request(void *arg, unsigned ready) {
  (void)ready;
  struct connection *connection = arg;
  char bytes[1024];
  ssize_t got = read(connection->fd, bytes, sizeof(bytes));
  if (got <= 0) {
    gw_io_set(connection->io, 0);
    return;
  }
  connection->service->request_count++;
  const char *answer = connection->service->answer;
  if (answer != NULL) assert_int_equal(write(connection->fd, answer, strlen(answer)), strlen(answer));
}

static void on_connection(void *arg, unsigned ready) {
  (void)ready;
  struct service *service = arg;
  struct gw_address peer;
  int fd;
  while (gw_socket_accept(service->fd, &peer, &fd) == GW_OK) {
    assert_true(service->connection_count < CONNECTIONS);
    struct connection *connection = &service->connections[service->connection_count++];
    *connection = (struct connection){.service = service, .fd = fd};
    connection->io = gw_io_new(service->loop, fd, on_request, connection);
    gw_io_set(connection->io, GW_IO_READ);
  }
}

static void service_start(struct service *service, struct gw_loop *loop) {
  struct gw_address any, bound;
  service->loop = loop;
  assert_int_equal(gw_address_parse(GW_STR("0.0.0.0:0"), &any), GW_OK);
  assert_int_equal(gw_socket_listen(&any, false, 1024, &service->fd), GW_OK);
  assert_int_equal(gw_socket_local_address(service->fd, &bound), GW_OK);
  service->port = gw_address_port(&bound);
  service->io = gw_io_new(loop, service->fd, on_connection, service);
  gw_io_set(service->io, GW_IO_READ);
}

static void service_stop(struct service *service) {
  for (uint32_t i = 0; i < service->connection_count; i++) {
    gw_io_free(service->connections[i].io);
    close(service->connections[i].fd);
  }
  gw_io_free(service->io);
  close(service->fd);
}

struct stand {
  struct gw_loop *loop;
  struct service service;
  struct gw_health *health;
  struct gw_health_check check;
  struct gw_outlier_detection outlier;
  bool has_check, has_outlier;
  unsigned version;
  struct gw_frozen_cluster *frozen;
  uint32_t change_count;
};

static const struct gw_status_range ok = {200, 200};

static void on_change(void *arg) {
  ((struct stand *)arg)->change_count++;
}

static int setup(void **state) {
  struct stand *it = gw_calloc(1, sizeof(*it));
  it->loop = gw_loop_new();
  service_start(&it->service, it->loop);
  it->service.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  it->health = gw_health_new(it->loop, NULL, on_change, it);
  it->check = (struct gw_health_check){.timeout_ms = 5000,
                                       .interval_ms = 5,
                                       .unhealthy_interval_ms = 5,
                                       .no_traffic_interval_ms = 5,
                                       .unhealthy_threshold = 2,
                                       .healthy_threshold = 2,
                                       .method = GW_STR("GET"),
                                       .path = GW_STR("/"),
                                       .expected = &ok,
                                       .expected_count = 1};
  it->outlier = (struct gw_outlier_detection){.interval_ms = 10,
                                              .base_ejection_ms = 50,
                                              .max_ejection_ms = 50,
                                              .max_ejection_percent = 50,
                                              .consecutive_5xx = 2,
                                              .consecutive_5xx_enforcing_percent = 100};
  it->has_check = true;
  *state = it;
  return 0;
}

static int teardown(void **state) {
  struct stand *it = *state;
  gw_health_free(it->health);
  gw_frozen_cluster_unref(it->frozen);
  service_stop(&it->service);
  gw_loop_free(it->loop);
  free(it);
  return 0;
}

/* A configuration with `count` endpoints 127.0.0.1, 127.0.0.2 … serves; the same again is a rebuild. */
static void serve(struct stand *it, unsigned version, uint32_t count) {
  struct fixture_endpoint endpoints[300] = {0};
  char addresses[300][20];
  for (uint32_t i = 0; i < count; i++) {
    snprintf(addresses[i], sizeof(addresses[i]), "127.0.%u.%u", i / 250, i % 250 + 1);
    endpoints[i] = (struct fixture_endpoint){.address = addresses[i], .port = it->service.port};
  }
  struct gw_resource *cluster = fixture_cluster("c", 1, GW_CLUSTER_EDS, NULL, 0);
  struct gw_cluster *model = (struct gw_cluster *)(uintptr_t)cluster->cluster;
  if (it->has_check) model->health_check = &it->check;
  if (it->has_outlier) model->outlier = &it->outlier;
  struct gw_resource *resources[] = {cluster, fixture_assignment("c", version, endpoints, count), NULL};
  struct gw_snapshot *snapshot = fixture_snapshot(resources);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_frozen_cluster *frozen =
      gw_frozen_cluster_build(snapshot, snapshot->lists[GW_RESOURCE_CLUSTER].items[0], NULL, it->health, it->frozen, 1000, &errors);
  gw_errors_done(&errors);
  gw_snapshot_unref(snapshot);
  gw_frozen_cluster_unref(it->frozen);
  it->frozen = frozen;
  gw_health_follow(it->health, &it->frozen, 1);
}

static struct gw_health_view view(struct stand *it, uint32_t index) {
  struct gw_health_view found;
  assert_true(gw_health_find(it->health, GW_STR("c"), &it->frozen->endpoints[index].address, &found));
  return found;
}

#define WAIT_FOR(it, condition)                                                                                                            \
  do {                                                                                                                                     \
    uint64_t until_us = gw_clock_monotonic_us() + WAIT_MS * 1000ull;                                                                       \
    while (!(condition)) {                                                                                                                 \
      if (gw_clock_monotonic_us() > until_us) fail_msg("never: %s", #condition);                                                           \
      gw_loop_run_once((it)->loop, 5);                                                                                                     \
    }                                                                                                                                      \
  } while (0)

static void test_nobody_is_looked_after_who_does_not_ask_for_it(void **state) {
  struct stand *it = *state;
  it->has_check = false;
  serve(it, 1, 2);
  struct gw_health_view found;
  assert_null(it->frozen->endpoints[0].host);
  assert_false(gw_health_find(it->health, GW_STR("c"), &it->frozen->endpoints[0].address, &found));
}

static void test_a_failing_check_is_a_change_and_a_rebuild_follows_it(void **state) {
  struct stand *it = *state;
  serve(it, 1, 2);
  struct gw_frozen_cluster *before = it->frozen;
  assert_true(before->endpoints[0].is_healthy && before->endpoints[1].is_healthy);
  assert_string_equal(view(it, 0).check, "pending");
  WAIT_FOR(it, strcmp(view(it, 0).check, "passing") == 0 && strcmp(view(it, 1).check, "passing") == 0);
  assert_int_equal(it->change_count, 0);
  serve(it, 1, 2);
  assert_ptr_equal(it->frozen, before);
  it->service.answer = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
  WAIT_FOR(it, it->change_count > 0 && !view(it, 0).is_usable && !view(it, 1).is_usable);
  assert_string_equal(view(it, 0).check_reason, "answered 500");
  gw_frozen_cluster_ref(before);
  serve(it, 1, 2);
  assert_ptr_not_equal(it->frozen, before);
  gw_frozen_cluster_unref(before);
  assert_false(it->frozen->endpoints[0].is_healthy || it->frozen->endpoints[1].is_healthy);
  /* Kept connections: one an endpoint. */
  assert_int_equal(it->service.connection_count, 2);
}

static void test_state_stays_while_the_endpoint_is_listed(void **state) {
  struct stand *it = *state;
  it->service.answer = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
  serve(it, 1, 1);
  WAIT_FOR(it, !view(it, 0).is_usable);
  it->check.interval_ms = it->check.unhealthy_interval_ms = it->check.no_traffic_interval_ms = 600000;
  serve(it, 2, 2);
  assert_false(it->frozen->endpoints[0].is_healthy);
  /* Who comes later waits for its first check, and counts as nothing until then. */
  assert_false(it->frozen->endpoints[1].is_healthy);
  assert_true(it->frozen->endpoints[1].is_new);
  assert_false(it->frozen->endpoints[0].is_new);
  struct gw_host *second = gw_host_ref(it->frozen->endpoints[1].host);
  serve(it, 3, 1);
  assert_null(second->owner);
  gw_host_unref(second);
  assert_string_equal(view(it, 0).check, "failing");
  struct gw_frozen_cluster *none = NULL;
  gw_health_follow(it->health, &none, 0);
  struct gw_health_view found;
  assert_false(gw_health_find(it->health, GW_STR("c"), &it->frozen->endpoints[0].address, &found));
}

static void test_checks_at_once_are_bounded(void **state) {
  struct stand *it = *state;
  it->service.answer = NULL;
  it->check.timeout_ms = 300;
  it->check.interval_ms = it->check.unhealthy_interval_ms = it->check.no_traffic_interval_ms = 600000;
  serve(it, 1, GW_HEALTH_CHECKS_AT_ONCE + 10);
  WAIT_FOR(it, it->service.request_count == GW_HEALTH_CHECKS_AT_ONCE);
  /* The rest comes when the first have run out of time. */
  WAIT_FOR(it, it->service.request_count == GW_HEALTH_CHECKS_AT_ONCE + 10);
  assert_false(view(it, 0).is_usable);
  assert_string_equal(view(it, 0).check_reason, "no answer within 300 ms");
}

static void test_changes_are_gathered(void **state) {
  struct stand *it = *state;
  it->service.answer = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
  serve(it, 1, 40);
  uint32_t left;
  uint64_t begun_us = gw_clock_monotonic_us();
  do {
    gw_loop_run_once(it->loop, 5);
    left = 0;
    for (uint32_t i = 0; i < 40; i++)
      left += view(it, i).is_usable ? 1 : 0;
  } while (left > 0);
  WAIT_FOR(it, it->change_count > 0);
  uint64_t gaps = (gw_clock_monotonic_us() - begun_us) / 1000 / GW_HEALTH_CHANGE_GAP_MS;
  assert_in_range(it->change_count, 1, gaps + 2);
}

static void assert_refused_then_found(struct stand *it, const char *reason) {
  uint16_t port = it->service.port;
  it->service.port = 1;
  serve(it, 1, 1);
  WAIT_FOR(it, !view(it, 0).is_usable);
  assert_non_null(strstr(view(it, 0).check_reason, reason));
  it->service.port = port;
  serve(it, 2, 1);
  WAIT_FOR(it, view(it, 0).is_usable);
}

static void test_refused_connection_is_a_failure_at_once(void **state) {
  assert_refused_then_found(*state, "Connection_refused");
}

static void test_tcp_check_wants_a_connection_and_sends_nothing(void **state) {
  struct stand *it = *state;
  it->check.kind = GW_HEALTH_CHECK_TCP;
  it->service.answer = NULL;
  assert_refused_then_found(it, "connecting: Connection refused");
  WAIT_FOR(it, it->service.connection_count > 0);
  assert_int_equal(it->service.request_count, 0);
}

static void test_outlier_is_ejected_for_its_time(void **state) {
  struct stand *it = *state;
  it->has_check = false;
  it->has_outlier = true;
  serve(it, 1, 2);
  struct gw_host *host = it->frozen->endpoints[1].host;
  gw_host_count(host, 500);
  gw_host_count(host, 503);
  WAIT_FOR(it, view(it, 1).is_ejected);
  assert_false(view(it, 1).is_usable);
  assert_string_equal(view(it, 1).ejection_cause, "consecutive_5xx");
  assert_in_range(view(it, 1).ejected_for_ms, 1, 50);
  /* The other would be one too many. */
  gw_host_count(it->frozen->endpoints[0].host, 500);
  gw_host_count(it->frozen->endpoints[0].host, 500);
  gw_loop_run_once(it->loop, 1);
  assert_true(view(it, 0).is_usable);
  serve(it, 1, 2);
  assert_false(it->frozen->endpoints[1].is_healthy);
  WAIT_FOR(it, view(it, 1).is_usable);
  assert_int_equal(host->run_5xx, 0);
  struct gw_strbuf text = {0};
  gw_health_write_metrics(it->health, 10, &(struct gw_metrics_writer){&text});
  const char *line = "gateway_upstream_ejections_total{service=\"c\",cause=\"consecutive_5xx\"} 1\n";
  assert_non_null(strstr(text.data, line));
  gw_strbuf_clear(&text);
  gw_health_write_metrics(it->health, 0, &(struct gw_metrics_writer){&text});
  assert_non_null(strstr(text.data, "gateway_upstream_ejections_total{service=\"other\",cause=\"consecutive_5xx\"} 1\n"));
  assert_non_null(strstr(text.data, "gateway_upstream_endpoints{service=\"other\",state=\"healthy\"} 2\n"));
  assert_null(strstr(text.data, "service=\"c\""));
  gw_strbuf_done(&text);
}

static void test_check_ends_an_ejection_where_that_is_asked_for(void **state) {
  struct stand *it = *state;
  it->has_outlier = true;
  it->outlier.base_ejection_ms = it->outlier.max_ejection_ms = 600000;
  it->outlier.has_check_ending_ejection = true;
  serve(it, 1, 2);
  WAIT_FOR(it, strcmp(view(it, 1).check, "passing") == 0);
  it->check.interval_ms = 5;
  gw_host_count(it->frozen->endpoints[1].host, 500);
  gw_host_count(it->frozen->endpoints[1].host, 500);
  WAIT_FOR(it, view(it, 1).ejection_cause != NULL);
  WAIT_FOR(it, !view(it, 1).is_ejected);
}

/* A notice may come when main has long forgotten who it is about. */
static void test_notice_of_who_left_is_harmless(void **state) {
  struct stand *it = *state;
  it->has_outlier = true;
  serve(it, 1, 2);
  struct gw_host *host = gw_host_ref(it->frozen->endpoints[1].host);
  gw_host_count(host, 500);
  gw_host_count(host, 500);
  serve(it, 2, 1);
  gw_loop_run_once(it->loop, 1);
  gw_host_count(host, 500);
  gw_host_unref(host);
  assert_true(view(it, 0).is_usable);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_nobody_is_looked_after_who_does_not_ask_for_it),
      TEST(test_a_failing_check_is_a_change_and_a_rebuild_follows_it),
      TEST(test_state_stays_while_the_endpoint_is_listed),
      TEST(test_checks_at_once_are_bounded),
      TEST(test_changes_are_gathered),
      TEST(test_refused_connection_is_a_failure_at_once),
      TEST(test_tcp_check_wants_a_connection_and_sends_nothing),
      TEST(test_outlier_is_ejected_for_its_time),
      TEST(test_check_ends_an_ejection_where_that_is_asked_for),
      TEST(test_notice_of_who_left_is_harmless),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
