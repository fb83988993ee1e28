/* Requests that are sent again, to services of HTTP/1.1: which, when no more, and what is left of them in the log. */
#include "tests/unit/dataplane/engine_fixture.h"

#define BUSY "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"
#define QUICK .backoff_base_ms = 2, .backoff_max_ms = 5, .host_attempts = 1, .buffer_bytes = 20000

static const struct gw_retry_policy on_5xx = {.on = GW_RETRY_5XX, .count = 2, QUICK};
static const struct gw_retry_policy safe = {.on = GW_RETRY_ALWAYS_SAFE, .count = 2, .avoids_previous_hosts = true, QUICK};
static const struct gw_retry_policy quick_tries = {.on = GW_RETRY_RESET, .count = 1, .per_try_timeout_ms = 60, QUICK};
static const struct gw_retry_policy many_tries = {.on = GW_RETRY_RESET, .count = 1000, .per_try_timeout_ms = 40, QUICK};
static const struct gw_retry_policy idle_tries = {.on = GW_RETRY_RESET, .count = 1, .per_try_idle_timeout_ms = 60, QUICK};
static const struct gw_retry_policy patient =
    {.on = GW_RETRY_5XX, .count = 1, .backoff_base_ms = 3000000, .backoff_max_ms = 3000000, .host_attempts = 1, .buffer_bytes = 20000};
static const struct gw_retry_policy bodyless = {.on = GW_RETRY_5XX, .count = 1, .backoff_base_ms = 2, .backoff_max_ms = 2};

static const struct fixture_route routes[] = {
    {.prefix = "/5xx", .cluster = "backend", .prefix_rewrite = "/echo", .retry = &on_5xx, .tells_attempt_count = true},
    {.prefix = "/partial", .cluster = "backend", .retry = &on_5xx},
    {.prefix = "/refused", .cluster = "refused", .retry = &safe},
    {.prefix = "/mixed", .cluster = "mixed", .prefix_rewrite = "/", .retry = &safe},
    {.prefix = "/safe", .cluster = "backend", .prefix_rewrite = "/", .retry = &safe},
    {.prefix = "/quick", .cluster = "backend", .prefix_rewrite = "/", .retry = &quick_tries},
    {.prefix = "/idle", .cluster = "backend", .prefix_rewrite = "/", .retry = &idle_tries},
    {.prefix = "/overall", .cluster = "backend", .prefix_rewrite = "/slow", .retry = &many_tries, .timeout_ms = 150},
    {.prefix = "/patient", .cluster = "tight", .prefix_rewrite = "/", .retry = &patient},
    {.prefix = "/hasty", .cluster = "backend", .prefix_rewrite = "/", .retry = &patient, .timeout_ms = 60},
    {.prefix = "/bodyless", .cluster = "backend", .prefix_rewrite = "/echo", .retry = &bodyless},
    {.prefix = "/duration", .cluster = "backend", .prefix_rewrite = "/slow", .max_duration_ms = 50},
    {.prefix = "/long", .cluster = "backend", .prefix_rewrite = "/big/900000000", .max_duration_ms = 150},
    {.prefix = "/plain", .cluster = "backend", .prefix_rewrite = "/"},
};

static struct fixture fixture;
static struct gw_strbuf lines;

static void change(struct gw_http_connection_manager *http) {
  static const struct gw_access_log_field fields[] = {
      {GW_STR("code"), GW_STR("%RESPONSE_CODE%")},
      {GW_STR("flags"), GW_STR("%RESPONSE_FLAGS%")},
      {GW_STR("details"), GW_STR("%RESPONSE_CODE_DETAILS%")},
      {GW_STR("count"), GW_STR("%UPSTREAM_REQUEST_ATTEMPT_COUNT%")},
      {GW_STR("attempts"), GW_STR("%DYNAMIC_METADATA(gateway:attempts)%")},
  };
  static const struct gw_access_log log = {.fields = fields, .field_count = GW_ARRAY_LEN(fields)};
  http->access_logs = &log;
  http->access_log_count = 1;
}

/* An instance that is there, beside three that are not. */
static void add_mixed(struct fixture *f, struct gw_resource **resources) {
  const struct fixture_endpoint endpoints[] = {{.address = "127.0.0.1", .port = f->backend.port},
                                               {.address = "127.0.0.2", .port = 1},
                                               {.address = "127.0.0.3", .port = 1}};
  resources[0] = fixture_cluster("mixed", 1, GW_CLUSTER_STATIC, endpoints, GW_ARRAY_LEN(endpoints));
  struct gw_cluster *cluster = (struct gw_cluster *)(uintptr_t)resources[0]->cluster;
  cluster->balancing.policy = GW_LB_LEAST_REQUEST; /* who refuses has the fewest requests */
  resources[1] = fixture_cluster("tight", 1, GW_CLUSTER_STATIC, endpoints, 1);
  cluster = (struct gw_cluster *)(uintptr_t)resources[1]->cluster;
  cluster->retry_budget = (struct gw_retry_budget_limits){.percent = 0, .min_concurrency = 3};
}

static int start(void **state) {
  *state = &fixture;
  fixture_start(&fixture);
  fixture.add_resources = add_mixed;
  fixture_serve(&fixture, routes, GW_ARRAY_LEN(routes), change);
  gw_strbuf_init(&lines);
  return 0;
}

static int stop(void **state) {
  (void)state;
  gw_strbuf_done(&lines);
  return 0;
}

static void fail_next(uint32_t count, const char *failure) {
  fixture.backend.failures_left = count;
  fixture.backend.failure = failure;
}

static struct gw_service_stats stats_of(const char *service) {
  struct gw_stats *stats = gw_engine_copy_stats(fixture.engine);
  struct gw_service_stats copy = *gw_stats_get_service(stats, gw_str_from(service));
  gw_stats_free(stats);
  return copy;
}

static struct client *request(const char *text) {
  struct client *client = client_new(&fixture);
  client_send(client, text);
  return client;
}

static void end_and_expect(const char *piece) {
  fixture_stop(&fixture, &lines);
  FIXTURE_HAS(lines.data, piece);
}

static void test_answer_that_is_not_wanted_is_replaced_and_its_connection_kept(void **state) {
  (void)state;
  fail_next(2, BUSY);
  struct client *client = request("GET /5xx HTTP/1.1\r\nHost: a\r\nX-Envoy-Attempt-Count: 77\r\n\r\n");
  client_wait(client, "200 OK");
  client_free(client);
  assert_int_equal(fixture.backend.requests, 3);
  assert_int_equal(fixture.backend.accepted, 1);
  FIXTURE_HAS(fixture.backend.last_head, "x-envoy-attempt-count: 3\r\n");
  FIXTURE_LACKS(fixture.backend.last_head, "attempt-count: 77");
  assert_int_equal(stats_of("backend").retries_total, 2);
  assert_int_equal(stats_of("backend").retries_exhausted_total, 0);
  fixture_stop(&fixture, &lines);
  FIXTURE_HAS(lines.data, "\"code\":200,\"flags\":\"-\",\"details\":\"via_upstream\",\"count\":3,\"attempts\":\"127.0.0.1:");
  FIXTURE_HAS(lines.data, " response 503 via_upstream; 127.0.0.1:");
  FIXTURE_HAS(lines.data, " response reused,idle_ms=");
}

static void test_first_try_tells_that_it_is_the_first(void **state) {
  (void)state;
  fixture_get(&fixture, "/5xx", "200 OK");
  FIXTURE_HAS(fixture.backend.last_head, "x-envoy-attempt-count: 1\r\n");
  fixture_get(&fixture, "/plain", "hello");
  FIXTURE_LACKS(fixture.backend.last_head, "x-envoy-attempt-count");
  end_and_expect("\"count\":1,\"attempts\":null");
}

static void test_last_answer_goes_to_the_client_when_retries_are_used_up(void **state) {
  (void)state;
  fail_next(3, BUSY);
  fixture_get(&fixture, "/5xx", "busy");
  assert_int_equal(fixture.backend.requests, 3);
  assert_int_equal(stats_of("backend").retries_exhausted_total, 1);
  end_and_expect("\"code\":503,\"flags\":\"URX\",\"details\":\"via_upstream\",\"count\":3");
}

static void test_body_is_sent_again(void **state) {
  (void)state;
  static const char *const requests[] = {
      "POST /5xx HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world",
      "POST /5xx HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n",
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(requests); i++) {
    fail_next(1, i == 0 ? BUSY : NULL);
    struct client *client = request(requests[i]);
    client_wait(client, "200 OK");
    client_wait(client, "world");
    client_free(client);
  }
  assert_int_equal(fixture.backend.requests, 4);
  fixture_stop(&fixture, NULL);
}

/* The answer comes while the body still does; the rest follows the part that is sent again. */
static void test_body_that_was_half_sent_is_completed_by_the_next_try(void **state) {
  (void)state;
  struct client *client = request("POST /5xx HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabcde");
  FIXTURE_UNTIL(&fixture, fixture.backend.body_bytes == 5);
  backend_drop_connections(&fixture.backend);
  FIXTURE_UNTIL(&fixture, fixture.backend.accepted == 2 && fixture.backend.body_bytes == 10);
  client_send(client, "fghij");
  client_wait(client, "abcdefghij");
  client_free(client);
  fixture_stop(&fixture, NULL);
}

static void test_body_beyond_the_limit_is_not_sent_again(void **state) {
  (void)state;
  static const char *const paths[] = {"/5xx", "/bodyless"};
  static const size_t lengths[] = {20001, 1};
  for (size_t i = 0; i < GW_ARRAY_LEN(paths); i++) {
    fail_next(1, BUSY);
    struct gw_strbuf text = {0};
    gw_strbuf_printf(&text, "POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n", paths[i], lengths[i]);
    for (size_t k = 0; k < lengths[i]; k++)
      gw_strbuf_append_char(&text, 'x');
    gw_strbuf_printf(&text, "\r\n0\r\n\r\n");
    struct client *client = client_new(&fixture);
    assert_int_equal(send(client->fd, text.data, text.len, MSG_NOSIGNAL), (ssize_t)text.len);
    client_wait(client, "busy");
    client_free(client);
    gw_strbuf_done(&text);
  }
  assert_int_equal(fixture.backend.requests, 2);
  end_and_expect("\"code\":503,\"flags\":\"-\"");
}

static void test_whose_body_fits_exactly_is_sent_again(void **state) {
  (void)state;
  fail_next(1, BUSY);
  struct gw_strbuf text = {0};
  gw_strbuf_printf(&text, "POST /5xx HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n");
  for (size_t k = 0; k < 20000; k++)
    gw_strbuf_append_char(&text, 'x');
  struct client *client = client_new(&fixture);
  assert_int_equal(send(client->fd, text.data, text.len, MSG_NOSIGNAL), (ssize_t)text.len);
  client_wait(client, "200 OK");
  client_free(client);
  gw_strbuf_done(&text);
  assert_int_equal(fixture.backend.body_bytes, 40000);
  fixture_stop(&fixture, NULL);
}

static void test_other_instance_is_found_whatever_the_balancer_says(void **state) {
  (void)state;
  for (int i = 0; i < 40; i++)
    fixture_get(&fixture, "/mixed", "hello");
  assert_true(stats_of("mixed").retries_total > 0);
  end_and_expect(":1 connect UF upstream_reset_before_response_started{remote_connection_failure,Connection_refused}; 127.0.0.");
}

static void test_refused_connections_end_in_503_with_both_flags(void **state) {
  (void)state;
  fixture_get(&fixture, "/refused", "503 Service Unavailable");
  assert_int_equal(stats_of("refused").retries_total, 2);
  end_and_expect("\"code\":503,\"flags\":\"UF,URX\"");
}

/* What a service may have acted on goes again only when the policy says so. */
static void test_safe_conditions_do_not_cover_what_was_sent(void **state) {
  (void)state;
  fail_next(1, NULL);
  fixture_get(&fixture, "/safe", "502 Bad Gateway");
  fail_next(1, BUSY);
  fixture_get(&fixture, "/safe", "busy");
  assert_int_equal(fixture.backend.requests, 2);
  end_and_expect("\"code\":502,\"flags\":\"UC\"");
}

static void test_answer_that_has_begun_is_final(void **state) {
  (void)state;
  struct client *client = request("GET /partial HTTP/1.1\r\nHost: a\r\n\r\n");
  client_wait_closed(client);
  FIXTURE_HAS(client->in.data, "0123456789");
  client_free(client);
  assert_int_equal(fixture.backend.requests, 1);
  end_and_expect("\"code\":200,\"flags\":\"UC\"");
}

static void test_try_that_takes_too_long_is_given_up(void **state) {
  (void)state;
  fail_next(1, "");
  fixture_get(&fixture, "/quick", "hello");
  fail_next(2, "");
  fixture_get(&fixture, "/quick", "504 Gateway Timeout");
  assert_int_equal(stats_of("backend").try_timeouts_total, 3);
  assert_int_equal(stats_of("backend").requests_active, 0);
  end_and_expect("\"code\":504,\"flags\":\"UT,URX\",\"details\":\"upstream_per_try_timeout\",\"count\":2");
}

static void test_try_in_which_nothing_moves_is_given_up(void **state) {
  (void)state;
  fail_next(2, "");
  fixture_get(&fixture, "/idle", "504 Gateway Timeout");
  end_and_expect("\"code\":504,\"flags\":\"UT,URX\",\"details\":\"upstream_per_try_idle_timeout\",\"count\":2");
}

static void test_timeout_of_the_route_covers_all_tries(void **state) {
  (void)state;
  fixture_get(&fixture, "/overall", "504 Gateway Timeout");
  assert_in_range(fixture.backend.requests, 2, 5);
  end_and_expect("\"code\":504,\"flags\":\"UT\",\"details\":\"response_timeout\"");
}

static void test_timeout_of_the_route_ends_the_wait_for_the_next_try(void **state) {
  (void)state;
  fail_next(1, BUSY);
  fixture_get(&fixture, "/hasty", "504 Gateway Timeout");
  FIXTURE_UNTIL(&fixture, gw_engine_connection_count(fixture.engine) == 0);
  assert_int_equal(fixture.backend.requests, 1);
  end_and_expect("\"details\":\"response_timeout\",\"count\":1");
}

static void test_client_may_go_while_a_retry_waits(void **state) {
  (void)state;
  fail_next(1, BUSY);
  struct client *client = request("GET /patient HTTP/1.1\r\nHost: a\r\n\r\n");
  FIXTURE_UNTIL(&fixture, stats_of("tight").retries_total == 1);
  client_free(client);
  FIXTURE_UNTIL(&fixture, gw_engine_connection_count(fixture.engine) == 0);
  assert_int_equal(stats_of("tight").requests_active, 0);
  end_and_expect("\"code\":0,\"flags\":\"DC\"");
}

static uint32_t count_answers(struct client *const *clients, size_t count, const char *text) {
  uint32_t answers = 0;
  for (size_t i = 0; i < count; i++)
    answers += client_count(clients[i], text);
  return answers;
}

/* Three at the same time; others get the answer that came. */
static void test_budget_lets_the_rest_fail_at_once(void **state) {
  (void)state;
  struct client *clients[8];
  fail_next(8, BUSY);
  for (size_t i = 0; i < GW_ARRAY_LEN(clients); i++)
    clients[i] = request("GET /patient HTTP/1.1\r\nHost: a\r\n\r\n");
  FIXTURE_UNTIL(&fixture, stats_of("tight").retries_refused_total == 5);
  FIXTURE_UNTIL(&fixture, count_answers(clients, GW_ARRAY_LEN(clients), "busy") == 5);
  assert_int_equal(stats_of("tight").retries_total, 3);
  for (size_t i = 0; i < GW_ARRAY_LEN(clients); i++)
    client_free(clients[i]);
  FIXTURE_UNTIL(&fixture, gw_engine_connection_count(fixture.engine) == 0);
  fail_next(1, BUSY); /* and what they had of the budget is there again */
  struct client *client = request("GET /patient HTTP/1.1\r\nHost: a\r\n\r\n");
  FIXTURE_UNTIL(&fixture, stats_of("tight").retries_total == 4);
  client_free(client);
  end_and_expect("\"code\":503,\"flags\":\"UO\"");
}

static void test_dead_reused_connection_is_neither_a_retry_of_the_policy_nor_of_the_budget(void **state) {
  (void)state;
  fixture_get(&fixture, "/safe", "hello");
  fixture.backend.closes_next_reused = true;
  fixture_get(&fixture, "/safe", "hello");
  assert_int_equal(fixture.backend.accepted, 2);
  end_and_expect(" response reused,idle_ms=");
}

static void test_request_that_lasts_too_long_is_ended(void **state) {
  (void)state;
  fixture_get(&fixture, "/duration", "504 Gateway Timeout");
  struct client *client = client_new(&fixture);
  client->is_counting = true;
  client_send(client, "GET /long HTTP/1.1\r\nHost: a\r\n\r\n");
  FIXTURE_UNTIL(&fixture, client->received > 0);
  client_wait_closed(client);
  client_free(client);
  fixture_stop(&fixture, &lines);
  FIXTURE_HAS(lines.data, "\"code\":504,\"flags\":\"DT\",\"details\":\"max_duration_timeout\"");
  FIXTURE_HAS(lines.data, "\"code\":200,\"flags\":\"DT\",\"details\":\"max_duration_timeout\"");
  FIXTURE_HAS(lines.data, " response DT max_duration_timeout\"");
}

static void test_try_that_its_client_left_is_in_the_log(void **state) {
  (void)state;
  struct client *client = request("GET /plain/slow HTTP/1.1\r\nHost: a\r\n\r\n");
  FIXTURE_UNTIL(&fixture, fixture.backend.requests == 1);
  client_free(client);
  FIXTURE_UNTIL(&fixture, stats_of("backend").requests_active == 0);
  end_and_expect(" response DC downstream_remote_disconnect\"");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(test_answer_that_is_not_wanted_is_replaced_and_its_connection_kept),
      TEST(test_first_try_tells_that_it_is_the_first),
      TEST(test_last_answer_goes_to_the_client_when_retries_are_used_up),
      TEST(test_body_is_sent_again),
      TEST(test_body_that_was_half_sent_is_completed_by_the_next_try),
      TEST(test_body_beyond_the_limit_is_not_sent_again),
      TEST(test_whose_body_fits_exactly_is_sent_again),
      TEST(test_other_instance_is_found_whatever_the_balancer_says),
      TEST(test_refused_connections_end_in_503_with_both_flags),
      TEST(test_safe_conditions_do_not_cover_what_was_sent),
      TEST(test_answer_that_has_begun_is_final),
      TEST(test_try_that_takes_too_long_is_given_up),
      TEST(test_try_in_which_nothing_moves_is_given_up),
      TEST(test_timeout_of_the_route_covers_all_tries),
      TEST(test_timeout_of_the_route_ends_the_wait_for_the_next_try),
      TEST(test_client_may_go_while_a_retry_waits),
      TEST(test_budget_lets_the_rest_fail_at_once),
      TEST(test_dead_reused_connection_is_neither_a_retry_of_the_policy_nor_of_the_budget),
      TEST(test_request_that_lasts_too_long_is_ended),
      TEST(test_try_that_its_client_left_is_in_the_log),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
