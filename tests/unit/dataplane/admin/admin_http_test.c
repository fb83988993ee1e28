#include "dataplane/admin/admin_http.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "tests/unit/dataplane/xds_client/samples.h"

struct bench {
  struct gw_loop *loop;
  struct gw_admin_http *http;
  struct gw_admin_state state;
  uint32_t drains;
  char answer[16384];
};

static void get_state(void *arg, struct gw_admin_state *ret_state) {
  *ret_state = ((struct bench *)arg)->state;
}

static void get_metrics(void *arg, bool is_packed, void (*done)(void *done_arg, struct gw_str text), void *done_arg) {
  (void)arg;
  done(done_arg, is_packed ? GW_STR("packed") : GW_STR("gateway_ready 1\n"));
}

static bool get_refusal(void *arg, uint32_t index, const char **ret_type_url, const char **ret_resource, const char **ret_reason) {
  (void)arg;
  *ret_type_url = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
  *ret_resource = "bad";
  *ret_reason = "\"quoted\"";
  return index == 0;
}

static uint32_t get_addresses(void *arg, struct gw_str host, uint16_t port, const struct gw_address **ret_addresses) {
  (void)arg, (void)host, (void)port, (void)ret_addresses;
  return 0;
}

static bool get_bound(void *arg, struct gw_str listener, struct gw_address *ret_address) {
  (void)arg, (void)listener;
  return gw_address_parse(GW_STR("127.0.0.1:8000"), ret_address) == GW_OK;
}

static bool get_cluster(void *arg, struct gw_str name, struct gw_admin_cluster *ret_cluster) {
  (void)arg;
  if (!gw_str_equal(name, GW_STR("orders"))) return false;
  *ret_cluster = (struct gw_admin_cluster){.circuit_state = "open", .open_left_ms = 1234};
  return true;
}

static bool get_health(void *arg, struct gw_str cluster, const struct gw_address *address, struct gw_admin_health *ret_health) {
  (void)arg;
  if (!gw_str_equal(cluster, GW_STR("a")) || gw_address_port(address) != 80) return false;
  *ret_health = (struct gw_admin_health){.check = "failing",
                                         .check_reason = "answered 500",
                                         .is_ejected = true,
                                         .ejection_cause = "success_rate",
                                         .ejected_for_ms = 77,
                                         .success_rate = 66.6};
  return true;
}

static void drain(void *arg) {
  ((struct bench *)arg)->drains++;
}

static struct gw_resource *sample_checked_cluster(const char *name) {
  struct gw_health_check check = {.kind = GW_HEALTH_CHECK_TCP,
                                  .timeout_ms = 1000,
                                  .interval_ms = 1000,
                                  .unhealthy_interval_ms = 1000,
                                  .no_traffic_interval_ms = 1000,
                                  .unhealthy_threshold = 1,
                                  .healthy_threshold = 1};
  struct gw_cluster cluster = {.name = gw_str_from(name),
                               .kind = GW_CLUSTER_EDS,
                               .eds_service_name = gw_str_from(name),
                               .connect_timeout_ms = 1000,
                               .dns_refresh_ms = 5000,
                               .health_check = &check};
  return gw_xds_encode_cluster(&cluster);
}

static struct gw_snapshot *sample_snapshot(void) {
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  gw_snapshot_builder_add(builder, sample_checked_cluster("a"));
  gw_snapshot_builder_add(builder, sample_endpoints("a", 80));
  gw_snapshot_builder_add(builder, sample_listener("gateway", "routes"));
  gw_snapshot_builder_add(builder, sample_routes("routes", "a"));
  return gw_snapshot_builder_freeze(builder);
}

static void start(struct bench *bench, struct gw_str token) {
  struct gw_address any;
  const char *flag;
  assert_int_equal(gw_address_parse(GW_STR("127.0.0.1:0"), &any), GW_OK);
  struct gw_admin_calls calls = {.arg = bench,
                                 .get_state = get_state,
                                 .get_metrics = get_metrics,
                                 .get_refusal = get_refusal,
                                 .get_addresses = get_addresses,
                                 .get_bound = get_bound,
                                 .drain = drain,
                                 .get_health = get_health,
                                 .get_cluster = get_cluster};
  assert_int_equal(gw_admin_http_new(bench->loop, &any, &any, token, &calls, &flag, &bench->http), GW_OK);
}

static int setup(void **state) {
  struct bench *bench = gw_calloc(1, sizeof(*bench));
  bench->loop = gw_loop_new();
  bench->state = (struct gw_admin_state){.node_id = "node-1", .node_cluster = "default", .source = ""};
  *state = bench;
  return 0;
}

static int teardown(void **state) {
  struct bench *bench = *state;
  gw_admin_http_free(bench->http);
  gw_snapshot_unref(bench->state.snapshot);
  gw_loop_free(bench->loop);
  free(bench);
  return 0;
}

/* The status; the whole answer is in bench->answer. */
static int ask(struct bench *bench, uint16_t port, const char *method, const char *path, const char *fields) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  char request[512];
  int len = snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n%s\r\n", method,
                     path, fields);
  assert_int_equal(write(fd, request, (size_t)len), len);
  size_t got = 0;
  uint64_t until_us = gw_clock_monotonic_us() + 20000000;
  while (gw_clock_monotonic_us() < until_us) {
    gw_loop_run_once(bench->loop, 10);
    ssize_t n = read(fd, bench->answer + got, sizeof(bench->answer) - 1 - got);
    if (n == 0) break;
    if (n > 0) got += (size_t)n;
  }
  close(fd);
  bench->answer[got] = '\0';
  int status = 0;
  assert_int_equal(sscanf(bench->answer, "HTTP/1.1 %d", &status), 1);
  return status;
}

static void test_ready_says_why_not(void **state) {
  struct bench *bench = *state;
  start(bench, (struct gw_str){0});
  uint16_t port = gw_admin_http_status_port(bench->http);
  assert_int_equal(ask(bench, port, "GET", "/health", ""), 200);
  assert_int_equal(ask(bench, port, "GET", "/ready", ""), 503);
  assert_non_null(strstr(bench->answer, "no full configuration"));
  bench->state.is_draining = true;
  assert_int_equal(ask(bench, port, "GET", "/ready", ""), 503);
  assert_non_null(strstr(bench->answer, "draining"));
  bench->state = (struct gw_admin_state){.node_id = "n",
                                         .node_cluster = "c",
                                         .source = "",
                                         .is_ready = true,
                                         .is_complete = true,
                                         .dependencies = {{"control_plane", "cp:18000", true, false, 0, ""},
                                                          {"redis", "r:6379", false, true, 1500, "connection refused"}},
                                         .dependency_count = 2};
  assert_int_equal(ask(bench, port, "GET", "/ready", ""), 200);
  assert_null(strstr(bench->answer, "\"error\""));
  assert_non_null(strstr(bench->answer, "{\"name\":\"control_plane\",\"address\":\"cp:18000\",\"up\":true,\"needed\":false}"));
  assert_non_null(strstr(bench->answer, "\"up\":false,\"needed\":true,\"latency_ms\":1.5,\"trouble\":\"connection refused\"}"));
  bench->state.is_ready = false;
  bench->state.was_complete = true;
  assert_int_equal(ask(bench, port, "GET", "/ready", ""), 503);
  assert_non_null(strstr(bench->answer, "{\"error\":503,\"message\":\"waits for what it depends on\""));
}

static void test_status_port_has_nothing_of_the_admin_port(void **state) {
  struct bench *bench = *state;
  start(bench, GW_STR("secret-token"));
  uint16_t port = gw_admin_http_status_port(bench->http);
  assert_int_equal(ask(bench, port, "GET", "/metrics", ""), 200);
  assert_non_null(strstr(bench->answer, "gateway_ready 1"));
  assert_int_equal(ask(bench, port, "GET", "/config_dump", ""), 404);
  assert_int_equal(ask(bench, port, "POST", "/drain", "Authorization: Bearer secret-token\r\n"), 404);
  assert_int_equal(bench->drains, 0);
}

static void test_config_dump_shows_resources_and_refusals(void **state) {
  struct bench *bench = *state;
  bench->state.snapshot = sample_snapshot();
  bench->state.source = "xds";
  start(bench, (struct gw_str){0});
  uint16_t port = gw_admin_http_admin_port(bench->http);
  assert_int_equal(ask(bench, port, "GET", "/config_dump", ""), 200);
  char version[64];
  snprintf(version, sizeof(version), "\"version\":\"%s\",\"source\":\"xds\"", bench->state.snapshot->version);
  assert_non_null(strstr(bench->answer, version));
  assert_non_null(strstr(bench->answer, "\"route_config\":\"routes\""));
  assert_non_null(strstr(bench->answer, "\"match\":{\"prefix\":\"/\"},\"cluster\":\"a\",\"timeout_ms\":1000"));
  assert_non_null(strstr(bench->answer, "\"reason\":\"\\\"quoted\\\"\""));
  assert_int_equal(ask(bench, port, "GET", "/clusters", ""), 200);
  assert_non_null(
      strstr(bench->answer, "{\"name\":\"a\",\"kind\":\"EDS\",\"known\":true,\"endpoints\":[{\"address\":\"127.0.0.1\",\"port\":80,"));
  assert_non_null(strstr(bench->answer,
                         "\"health\":[{\"address\":\"127.0.0.1:80\",\"usable\":false,\"check\":\"failing\",\"last_failure\":\"answered "
                         "500\",\"ejected\":true,\"ejected_for_ms\":77,\"last_ejection\":\"success_rate\",\"success_percent\":66}]"));
  assert_int_equal(ask(bench, port, "GET", "/listeners", ""), 200);
  assert_non_null(strstr(bench->answer, "{\"name\":\"gateway\",\"address\":\"127.0.0.1:0\",\"bound\":\"127.0.0.1:8000\"}"));
  assert_int_equal(ask(bench, port, "GET", "/stats", ""), 200);
}

static void test_config_dump_before_a_configuration_is_empty(void **state) {
  struct bench *bench = *state;
  start(bench, (struct gw_str){0});
  uint16_t port = gw_admin_http_admin_port(bench->http);
  assert_int_equal(ask(bench, port, "GET", "/config_dump", ""), 200);
  assert_non_null(strstr(bench->answer, "\"listeners\":[]"));
  assert_int_equal(ask(bench, port, "GET", "/clusters", ""), 200);
  assert_int_equal(ask(bench, port, "GET", "/listeners", ""), 200);
}

static void test_drain_needs_the_token(void **state) {
  struct bench *bench = *state;
  start(bench, GW_STR("secret-token"));
  uint16_t port = gw_admin_http_admin_port(bench->http);
  assert_int_equal(ask(bench, port, "POST", "/drain", ""), 401);
  assert_int_equal(ask(bench, port, "POST", "/drain", "Authorization: Bearer wrong\r\n"), 401);
  assert_int_equal(ask(bench, port, "GET", "/drain", ""), 405);
  assert_int_equal(bench->drains, 0);
  assert_int_equal(ask(bench, port, "POST", "/drain", "Authorization: Bearer secret-token\r\n"), 200);
  assert_int_equal(bench->drains, 1);
}

static void test_drain_without_a_token_file_is_refused(void **state) {
  struct bench *bench = *state;
  start(bench, (struct gw_str){0});
  assert_int_equal(ask(bench, gw_admin_http_admin_port(bench->http), "POST", "/drain", "Authorization: Bearer \r\n"), 403);
  assert_int_equal(bench->drains, 0);
}

static void test_new_on_a_held_port_names_the_flag(void **state) {
  struct bench *bench = *state;
  start(bench, (struct gw_str){0});
  struct gw_address free_address, held;
  char text[32];
  snprintf(text, sizeof(text), "127.0.0.1:%u", gw_admin_http_admin_port(bench->http));
  assert_int_equal(gw_address_parse(gw_str_from(text), &held), GW_OK);
  assert_int_equal(gw_address_parse(GW_STR("127.0.0.1:0"), &free_address), GW_OK);
  struct gw_admin_calls calls = {.arg = bench,
                                 .get_state = get_state,
                                 .get_metrics = get_metrics,
                                 .get_refusal = get_refusal,
                                 .get_addresses = get_addresses,
                                 .get_bound = get_bound,
                                 .drain = drain,
                                 .get_health = get_health,
                                 .get_cluster = get_cluster};
  const char *flag;
  struct gw_admin_http *second;
  assert_int_equal(gw_admin_http_new(bench->loop, &free_address, &held, (struct gw_str){0}, &calls, &flag, &second), GW_ERR_IO);
  assert_string_equal(flag, "admin-http");
  assert_int_equal(gw_admin_http_new(bench->loop, &held, &free_address, (struct gw_str){0}, &calls, &flag, &second), GW_ERR_IO);
  assert_string_equal(flag, "status-http");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_ready_says_why_not),
      TEST(test_status_port_has_nothing_of_the_admin_port),
      TEST(test_config_dump_shows_resources_and_refusals),
      TEST(test_config_dump_before_a_configuration_is_empty),
      TEST(test_drain_needs_the_token),
      TEST(test_drain_without_a_token_file_is_refused),
      TEST(test_new_on_a_held_port_names_the_flag),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
