/* API keys on the client's side: when they are asked for, waited for, and handed on. */
#include "common/model/api_key_auth.h"
#include "tests/unit/dataplane/xds_client/client_bench.h"

static struct {
  uint32_t calls;
  uint32_t count;   /* of all calls: resources … */
  uint32_t refused; /* … that were refused, … */
  uint32_t removed; /* … and names that were removed */
  uint32_t held;
} seen;

static void take_keys(void *arg, const struct gw_xds_key_changes *changes) {
  (void)arg;
  seen.calls++;
  assert_false(changes->is_whole);
  for (uint32_t i = 0; i < changes->count; i++) {
    seen.count += changes->resources[i] != NULL;
    seen.refused += changes->resources[i] == NULL;
  }
  seen.removed += changes->removed_count;
}

static uint32_t held_keys(void *arg, struct gw_arena *arena, const struct gw_str **ret_names, const struct gw_str **ret_versions) {
  (void)arg, (void)arena;
  static const struct gw_str names[] = {GW_STR("k1")}, versions[] = {GW_STR("v1")};
  *ret_names = names;
  *ret_versions = versions;
  return seen.held;
}

static struct control_plane *start_with_keys(struct bench *bench) {
  memset(&seen, 0, sizeof(seen));
  struct control_plane *plane = &bench->planes[0];
  control_plane_start_delta(plane, bench->loop, bench->rpc, 0);
  bench->keys = (struct gw_xds_key_calls){take_keys, held_keys, NULL};
  start_client(bench, 1);
  return plane;
}

static struct gw_resource *keyed_listener(void) {
  static const struct gw_api_key_auth auth = {.header = GW_STR("x-api-key")};
  struct gw_http_filter filters[] = {
      {.name = GW_STR("api_key"), .kind = GW_FILTER_API_KEY, .settings.api_key = &auth},
      {.name = GW_STR("router"), .kind = GW_FILTER_ROUTER},
  };
  struct gw_route_config no_routes = {.name = GW_STR("inline")};
  struct gw_listener listener = {.name = GW_STR("gateway"),
                                 .address = GW_STR("127.0.0.1"),
                                 .http = {.stat_prefix = GW_STR("test"),
                                          .inline_routes = &no_routes,
                                          .filters = filters,
                                          .filter_count = 2,
                                          .max_request_headers_kb = 60,
                                          .max_headers_count = 100}};
  return gw_xds_encode_listener(&listener);
}

static struct gw_resource *pepper(void) {
  struct gw_secret secret = {.name = GW_STR(GW_SECRET_NAME_PEPPER), .kind = GW_SECRET_GENERIC, .content = GW_STR("0123")};
  return gw_xds_encode_secret(&secret);
}

static struct gw_resource *key_of(const char *id) {
  struct gw_api_key key = {.id = gw_str_from(id), .owner = GW_STR("ann")};
  return gw_xds_encode_api_key(&key);
}

static void send_one(struct control_plane *plane, const char *nonce, struct gw_resource *resource) {
  control_plane_send_changes(plane, resource->type, nonce, &resource, NULL, 1, "");
}

#define LAST(plane, type) ((plane)->last[GW_RESOURCE_##type])

static void test_keys_are_asked_for_once_a_listener_needs_them_and_waited_for(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_with_keys(bench);
  WAIT_FOR(bench->loop, LAST(plane, CLUSTER).count > 0 && LAST(plane, LISTENER).count > 0);
  assert_int_equal(LAST(plane, API_KEY).count, 0);
  send_one(plane, "c", sample_cluster("a", 1000));
  WAIT_FOR(bench->loop, strcmp(LAST(plane, ENDPOINTS).names, "a") == 0);
  send_one(plane, "e", sample_endpoints("a", 80));
  send_one(plane, "l", keyed_listener());
  WAIT_FOR(bench->loop, LAST(plane, API_KEY).count > 0 && strcmp(LAST(plane, SECRET).names, GW_SECRET_NAME_PEPPER) == 0);
  assert_string_equal(LAST(plane, API_KEY).names, ""); /* all */
  send_one(plane, "s", pepper());
  WAIT_FOR(bench->loop, strcmp(LAST(plane, SECRET).nonce, "s") == 0);
  assert_int_equal(bench->snapshot_count, 0); /* a request with a key could not be judged yet */
  send_one(plane, "k", key_of("k1"));
  WAIT_FOR(bench->loop, bench->snapshot_count == 1);
  assert_true(bench->is_complete);
  assert_int_equal(seen.count, 1);
  assert_int_equal(bench->counts[GW_RESOURCE_API_KEY], 0); /* no part of it */
  send_one(plane, "k2", key_of("k2"));
  WAIT_FOR(bench->loop, strcmp(LAST(plane, API_KEY).nonce, "k2") == 0);
  control_plane_send_changes(plane, GW_RESOURCE_API_KEY, "k3", NULL, NULL, 0, "k1");
  WAIT_FOR(bench->loop, seen.removed == 1);
  assert_int_equal(seen.calls, 3);
  assert_int_equal(bench->snapshot_count, 1); /* a change of keys makes none */
}

static void test_returning_client_says_which_keys_it_has(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_with_keys(bench);
  seen.held = 1;
  WAIT_FOR(bench->loop, LAST(plane, LISTENER).count > 0);
  send_one(plane, "l", keyed_listener());
  WAIT_FOR(bench->loop, LAST(plane, API_KEY).count > 0);
  assert_string_equal(LAST(plane, API_KEY).held, "k1=v1");
}

static void test_bad_key_is_refused_alone(void **state) {
  struct bench *bench = *state;
  struct control_plane *plane = start_with_keys(bench);
  WAIT_FOR(bench->loop, LAST(plane, LISTENER).count > 0);
  send_one(plane, "l", keyed_listener());
  WAIT_FOR(bench->loop, LAST(plane, API_KEY).count > 0);
  bench->forbidden = "k1";
  struct gw_resource *both[] = {key_of("k1"), key_of("k2")};
  control_plane_send_changes(plane, GW_RESOURCE_API_KEY, "k", both, NULL, 2, "");
  WAIT_FOR(bench->loop, strcmp(LAST(plane, API_KEY).nonce, "k") == 0);
  assert_int_equal(seen.count, 1);
  assert_int_equal(seen.refused, 1);
  assert_non_null(strstr(LAST(plane, API_KEY).error, "k1"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_keys_are_asked_for_once_a_listener_needs_them_and_waited_for, setup, teardown),
      cmocka_unit_test_setup_teardown(test_returning_client_says_which_keys_it_has, setup, teardown),
      cmocka_unit_test_setup_teardown(test_bad_key_is_refused_alone, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
