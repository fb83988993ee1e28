/* What a worker remembers of requests that failed or were retried, by a whole engine. */
#include "tests/unit/dataplane/engine_fixture.h"

#include "common/message/failure.h"
#include "dataplane/pipeline/failure_ring.h"

static const struct gw_retry_policy safe =
    {.on = GW_RETRY_ALWAYS_SAFE, .count = 1, .backoff_base_ms = 2, .backoff_max_ms = 2, .host_attempts = 1, .buffer_bytes = 1000};
static const struct fixture_route routes[] = {
    {.prefix = "/refused", .cluster = "refused", .retry = &safe},
    {.prefix = "/plain", .cluster = "backend", .prefix_rewrite = "/"},
};

static struct fixture fixture;

static void keep_ids(struct gw_http_connection_manager *http) {
  http->preserve_external_request_id = true;
}

static int start(void **state) {
  *state = &fixture;
  fixture_start(&fixture);
  fixture_serve(&fixture, routes, GW_ARRAY_LEN(routes), keep_ids);
  return 0;
}

/* `count` requests on one connection. */
static void ask(const char *path, const char *id, uint32_t count, const char *expected) {
  struct client *client = client_new(&fixture);
  for (uint32_t i = 0; i < count; i++) {
    char text[2048];
    snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a.example\r\nX-Request-Id: %s\r\n\r\n", path, id);
    client_send(client, text);
    client_wait(client, expected);
    client_clear(client);
  }
  client_free(client);
}

static struct gw_failure_list *find(const char *id) {
  return gw_engine_find_failures(fixture.engine, gw_str_from(id));
}

static void assert_found(const char *id, uint32_t count) {
  struct gw_failure_list *list = find(id);
  assert_int_equal(list->count, count);
  gw_failure_list_free(list);
}

static void test_failed_request_is_remembered_with_its_tries(void **state) {
  (void)state;
  ask("/refused/a?b=c", "id-1", 1, "503 Service Unavailable");
  struct gw_failure_list *list = find("id-1");
  assert_int_equal(list->count, 1);
  const struct gw_failure_record *record = &list->items[0];
  assert_true(gw_str_equal(record->method, GW_STR("GET")));
  assert_true(gw_str_equal(record->path, GW_STR("/refused/a?b=c")));
  assert_true(gw_str_equal(record->authority, GW_STR("a.example")));
  assert_true(gw_str_equal(record->client, GW_STR("127.0.0.1")));
  assert_true(gw_str_equal(record->service, GW_STR("refused")));
  assert_true(gw_str_has_prefix(record->detail, GW_STR("upstream_reset_before_response_started{")));
  assert_int_equal(record->snapshot_version.len, 16);
  assert_int_equal(record->status, 503);
  assert_true((record->flags & GW_FLAG_UPSTREAM_CONNECT_FAILURE) != 0);
  assert_int_equal(record->attempt_count, 2);
  assert_int_equal(record->record_count, 2);
  assert_int_equal(record->attempts[0].phase, GW_ATTEMPT_CONNECT);
  assert_true(gw_str_has_prefix(record->attempts[1].endpoint, GW_STR("127.0.0.1:")));
  gw_failure_list_free(list);
  fixture_stop(&fixture, NULL);
}

static void test_good_request_is_not_remembered_and_a_missing_route_is(void **state) {
  (void)state;
  ask("/plain", "good", 1, "200 OK");
  ask("/nowhere", "lost", 1, "404 Not Found");
  assert_found("good", 0);
  assert_found("lost", 1);
  fixture_stop(&fixture, NULL);
}

static void test_of_one_id_the_newest_are_told_and_of_all_the_newest_remembered(void **state) {
  (void)state;
  ask("/nowhere", "first", 1, "404 Not Found");
  ask("/nowhere", "same", GW_FAILURE_LIST_MAX + 3, "404 Not Found");
  assert_found("first", 1);
  assert_found("same", GW_FAILURE_LIST_MAX);
  struct gw_failure_list *list = find("same");
  for (uint32_t i = 1; i < list->count; i++)
    assert_true(list->items[i - 1].wall_us <= list->items[i].wall_us);
  gw_failure_list_free(list);
  ask("/nowhere", "more", GW_FAILURE_RING_SIZE - GW_FAILURE_LIST_MAX - 3, "404 Not Found");
  assert_found("first", 0);
  assert_found("same", GW_FAILURE_LIST_MAX);
  fixture_stop(&fixture, NULL);
}

static void test_of_long_texts_the_beginning_is_remembered(void **state) {
  (void)state;
  char path[GW_FAILURE_TEXT_MAX + 101] = "/nowhere/";
  memset(path + 9, 'x', sizeof(path) - 10);
  ask(path, "long", 1, "404 Not Found");
  struct gw_failure_list *list = find("long");
  assert_int_equal(list->count, 1);
  assert_int_equal(list->items[0].path.len, GW_FAILURE_TEXT_MAX);
  gw_failure_list_free(list);
  fixture_stop(&fixture, NULL);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, start)
  const struct CMUnitTest tests[] = {
      TEST(test_failed_request_is_remembered_with_its_tries),
      TEST(test_good_request_is_not_remembered_and_a_missing_route_is),
      TEST(test_of_one_id_the_newest_are_told_and_of_all_the_newest_remembered),
      TEST(test_of_long_texts_the_beginning_is_remembered),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
