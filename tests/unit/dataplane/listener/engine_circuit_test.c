/* What the engine does for a service with a circuit breaker and with limits: what counts as a failure, what the client is told, and what
 * stays when the configuration changes. */
#include "tests/unit/dataplane/engine_fixture.h"

#include "dataplane/cluster/frozen_cluster.h"

#define OPEN_MS 200

static const struct fixture_route routes[] = {
    {.prefix = "/timeout", .cluster = "guarded", .timeout_ms = 30, .prefix_rewrite = "/slow"},
    {.prefix = "/away", .cluster = "away"},
    {.prefix = "/", .cluster = "guarded"},
};

static struct fixture fixture;
static struct gw_strbuf access_lines;
static struct gw_circuit_breaking breaking;
static struct gw_concurrency_limits limits;
static unsigned version;

static struct gw_resource *guarded(const char *name, uint16_t port) {
  struct fixture_endpoint endpoint = {.address = "127.0.0.1", .port = port};
  struct gw_resource *resource = fixture_cluster(name, version, GW_CLUSTER_STATIC, &endpoint, 1);
  struct gw_cluster *cluster = (struct gw_cluster *)(uintptr_t)resource->cluster;
  cluster->breaking = gw_arena_alloc(&resource->arena, sizeof(breaking));
  cluster->limits = gw_arena_alloc(&resource->arena, sizeof(limits));
  memcpy((void *)(uintptr_t)cluster->breaking, &breaking, sizeof(breaking));
  memcpy((void *)(uintptr_t)cluster->limits, &limits, sizeof(limits));
  return resource;
}

static void add_guarded(struct fixture *f, struct gw_resource **resources) {
  resources[0] = guarded("guarded", f->backend.port);
  resources[1] = guarded("away", 1);
}

static void add_access_log(struct gw_http_connection_manager *http) {
  static const struct gw_access_log_field fields[] = {
      {GW_STR("path"), GW_STR("%REQ(:PATH)%")},
      {GW_STR("code"), GW_STR("%RESPONSE_CODE%")},
      {GW_STR("flags"), GW_STR("%RESPONSE_FLAGS%")},
      {GW_STR("details"), GW_STR("%RESPONSE_CODE_DETAILS%")},
  };
  static const struct gw_access_log log = {.fields = fields, .field_count = GW_ARRAY_LEN(fields)};
  http->access_logs = &log;
  http->access_log_count = 1;
}

static void serve(void) {
  version++;
  fixture_serve(&fixture, routes, GW_ARRAY_LEN(routes), add_access_log);
}

static int start(void **state) {
  *state = &fixture;
  breaking = (struct gw_circuit_breaking){.window_ms = 60000,
                                          .open_ms = OPEN_MS,
                                          .failures = 3,
                                          .probes = 1,
                                          .successes = 2,
                                          .failure_on = GW_CIRCUIT_ON_ALL};
  limits = (struct gw_concurrency_limits){100, 100, 100};
  fixture_start(&fixture);
  fixture.add_resources = add_guarded;
  gw_strbuf_init(&access_lines);
  serve();
  return 0;
}

static int stop(void **state) {
  (void)state;
  fixture_stop(&fixture, &access_lines);
  gw_strbuf_done(&access_lines);
  return 0;
}

static const struct gw_frozen_cluster *find(const char *name) {
  return gw_frozen_find_cluster(fixture.frozen, gw_str_from(name));
}

static enum gw_circuit_state circuit(void) {
  return gw_circuit_breaker_state(find("guarded")->breaker);
}

static uint32_t failures(void) {
  struct gw_circuit_status status;
  gw_circuit_breaker_get_status(find("guarded")->breaker, gw_clock_monotonic_us() / 1000, &status);
  return status.failures;
}

/* What came back. */
static void get(const char *path, const char *text) {
  fixture_get(&fixture, path, text);
}

static void open_it(void) {
  for (int i = 0; i < 3; i++)
    get("/close", "502 Bad Gateway");
  assert_int_equal(circuit(), GW_CIRCUIT_OPEN);
}

static void test_open_answers_503_at_once_with_retry_after(void **state) {
  (void)state;
  open_it();
  uint32_t before = fixture.backend.requests;
  struct client *client = client_new(&fixture);
  client_send(client, "GET /refused HTTP/1.1\r\nHost: a\r\n\r\n");
  client_wait(client, "time to recover");
  FIXTURE_HAS(client->in.data, "HTTP/1.1 503 Service Unavailable\r\n");
  FIXTURE_HAS(client->in.data, "retry-after: 1\r\n");
  client_free(client);
  assert_int_equal(fixture.backend.requests, before);
  struct gw_stats *stats = gw_engine_copy_stats(fixture.engine);
  const struct gw_service_stats *service = gw_stats_get_service(stats, GW_STR("guarded"));
  assert_int_equal(service->circuit_state, GW_CIRCUIT_OPEN);
  assert_int_equal(service->circuit_changes_total[GW_CIRCUIT_OPEN], 1);
  assert_int_equal(service->circuit_refusals_total, 1);
  gw_stats_free(stats);
}

static void test_open_is_told_by_flag_and_detail(void **state) {
  (void)state;
  open_it();
  get("/refused", "503");
  fixture_stop(&fixture, &access_lines);
  FIXTURE_HAS(access_lines.data, "\"path\":\"/refused\",\"code\":503,\"flags\":\"CB\",\"details\":\"circuit_breaker_open\"");
  fixture_start(&fixture); /* for stop */
}

static void test_probes_that_succeed_close_it(void **state) {
  (void)state;
  open_it();
  fixture_turn_for(&fixture, OPEN_MS + 20);
  get("/", "hello");
  assert_int_equal(circuit(), GW_CIRCUIT_HALF_OPEN);
  get("/", "hello");
  assert_int_equal(circuit(), GW_CIRCUIT_CLOSED);
  assert_int_equal(failures(), 0);
}

static void test_probe_that_fails_opens_it_again_and_others_wait_for_it(void **state) {
  (void)state;
  open_it();
  fixture_turn_for(&fixture, OPEN_MS + 20);
  struct client *probe = client_new(&fixture);
  uint32_t before = fixture.backend.requests;
  client_send(probe, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  FIXTURE_UNTIL(&fixture, fixture.backend.requests == before + 1);
  get("/", "503 Service Unavailable");
  assert_int_equal(circuit(), GW_CIRCUIT_HALF_OPEN);
  backend_drop_connections(&fixture.backend);
  client_wait(probe, "502 Bad Gateway");
  client_free(probe);
  assert_int_equal(circuit(), GW_CIRCUIT_OPEN);
}

static void test_client_that_leaves_is_no_failure_and_gives_the_probe_back(void **state) {
  (void)state;
  open_it();
  fixture_turn_for(&fixture, OPEN_MS + 20);
  struct client *probe = client_new(&fixture);
  uint32_t before = fixture.backend.requests;
  client_send(probe, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  FIXTURE_UNTIL(&fixture, fixture.backend.requests == before + 1);
  client_free(probe);
  fixture_turn_for(&fixture, 20);
  assert_int_equal(circuit(), GW_CIRCUIT_HALF_OPEN);
  get("/", "hello");
  get("/", "hello");
  assert_int_equal(circuit(), GW_CIRCUIT_CLOSED);
}

static void test_what_counts_as_a_failure(void **state) {
  (void)state;
  static const struct {
    const char *path;
    const char *answer;
    unsigned kinds; /* any of these */
  } cases[] = {
      {"/status/500", "500", GW_CIRCUIT_ON_5XX},
      {"/status/503", "503", GW_CIRCUIT_ON_5XX | GW_CIRCUIT_ON_GATEWAY_ERROR},
      {"/status/404", "404", 0},
      {"/status/429", "429", 0},
      {"/reset", "502", GW_CIRCUIT_ON_RESET},
      {"/garbage", "502", GW_CIRCUIT_ON_RESET},
      {"/partial", "0123456789", GW_CIRCUIT_ON_RESET},
      {"/timeout", "504", GW_CIRCUIT_ON_TIMEOUT},
  };
  breaking.failures = 1000;
  for (unsigned kind = 1; kind <= GW_CIRCUIT_ON_TIMEOUT; kind <<= 1) {
    breaking.failure_on = kind;
    serve();
    uint32_t expected = 0;
    for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
      get(cases[i].path, cases[i].answer);
      fixture_turn_for(&fixture, 5);
      expected += (cases[i].kinds & kind) != 0;
      if (failures() != expected) fail_msg("%s with %u: %u failures, not %u", cases[i].path, kind, failures(), expected);
    }
  }
}

static void test_connect_failures_open_it(void **state) {
  (void)state;
  for (int i = 0; i < 3; i++)
    get("/away", "could not be connected to");
  get("/away", "time to recover");
  assert_int_equal(circuit(), GW_CIRCUIT_CLOSED); /* each service has its own */
}

static void test_kept_connection_that_was_being_closed_is_no_failure(void **state) {
  (void)state;
  get("/", "hello");
  fixture.backend.closes_next_reused = true;
  get("/", "hello");
  assert_false(fixture.backend.closes_next_reused);
  assert_int_equal(failures(), 0);
}

static void test_state_survives_configurations_that_do_not_touch_its_settings(void **state) {
  (void)state;
  breaking.open_ms = 3600000;
  serve();
  open_it();
  limits.max_requests = 50;
  serve();
  assert_int_equal(circuit(), GW_CIRCUIT_OPEN);
  get("/", "503 Service Unavailable");
  breaking.failures = 4;
  serve();
  assert_int_equal(circuit(), GW_CIRCUIT_CLOSED);
  get("/", "hello");
}

/* It began under the breaker before; that one is told, and is still there to be. */
static void test_request_that_outlives_its_breaker_ends_in_peace(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  FIXTURE_UNTIL(&fixture, fixture.backend.requests == 1);
  breaking.failures = 5;
  serve();
  breaking.failures = 6;
  serve();
  backend_drop_connections(&fixture.backend);
  client_wait(client, "502 Bad Gateway");
  client_free(client);
  assert_int_equal(failures(), 0);
}

static void test_request_beyond_a_limit_is_503_with_the_limits_name(void **state) {
  (void)state;
  limits.max_requests = 1;
  serve();
  struct client *client = client_new(&fixture);
  client_send(client, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  FIXTURE_UNTIL(&fixture, fixture.backend.requests == 1);
  get("/refused", "too much to do");
  assert_int_equal(gw_upstream_usage_get(find("guarded")->usage, GW_CONCURRENCY_REQUESTS), 1);
  client_free(client);
  FIXTURE_UNTIL(&fixture, gw_upstream_usage_get(find("guarded")->usage, GW_CONCURRENCY_REQUESTS) == 0);
  assert_int_equal(failures(), 0);
  fixture_stop(&fixture, &access_lines);
  FIXTURE_HAS(access_lines.data, "\"path\":\"/refused\",\"code\":503,\"flags\":\"UO\",\"details\":"
                                 "\"upstream_reset_before_response_started{overflow,max_requests}\"");
  fixture_start(&fixture); /* for stop */
}

static void test_request_beyond_max_connections_waits_with_its_body(void **state) {
  (void)state;
  limits.max_connections = 1;
  serve();
  struct client *first = client_new(&fixture), *second = client_new(&fixture);
  client_send(first, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  FIXTURE_UNTIL(&fixture, fixture.backend.requests == 1);
  client_send(second, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
  fixture_turn_for(&fixture, 60);
  assert_int_equal(fixture.backend.accepted, 1);
  client_send(second, "llo");
  backend_drop_connections(&fixture.backend);
  client_wait(first, "502 Bad Gateway");
  client_wait(second, "hello");
  client_free(first);
  client_free(second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_open_answers_503_at_once_with_retry_after),
      TEST(test_open_is_told_by_flag_and_detail),
      TEST(test_probes_that_succeed_close_it),
      TEST(test_probe_that_fails_opens_it_again_and_others_wait_for_it),
      TEST(test_client_that_leaves_is_no_failure_and_gives_the_probe_back),
      TEST(test_what_counts_as_a_failure),
      TEST(test_connect_failures_open_it),
      TEST(test_kept_connection_that_was_being_closed_is_no_failure),
      TEST(test_state_survives_configurations_that_do_not_touch_its_settings),
      TEST(test_request_that_outlives_its_breaker_ends_in_peace),
      TEST(test_request_beyond_a_limit_is_503_with_the_limits_name),
      TEST(test_request_beyond_max_connections_waits_with_its_body),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
