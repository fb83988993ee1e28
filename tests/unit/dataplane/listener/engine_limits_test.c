/* What requests are counted by, and which numbers they have: users, keys and plans, as authentication finds them. */
#include "common/base/json_value.h"
#include "dataplane/filters/rate_limit.h"
#include "dataplane/filters/router.h"
#include "dataplane/pipeline/stream.h"
#include "tests/unit/dataplane/engine_fixture.h"

/* Who asks, as the test says in the query: "/x?user=alice&key=k1&plan=gold". */
static struct gw_str find_parameter(const struct gw_stream *stream, struct gw_str name) {
  struct gw_str rest = stream->request.path, piece;
  ptrdiff_t query = gw_str_find_char(rest, '?');
  if (query < 0) return GW_STR("");
  rest = gw_str_skip(rest, (size_t)query + 1);
  while (gw_str_split_next(&rest, '&', &piece))
    if (gw_str_has_prefix(piece, name) && piece.data[name.len] == '=') return gw_str_skip(piece, name.len + 1);
  return GW_STR("");
}

static enum gw_verdict on_request(struct gw_stream *stream, void *state, const void *settings) {
  (void)state, (void)settings;
  struct gw_identity *identity = gw_arena_calloc(&stream->arena, 1, sizeof(*identity));
  struct gw_plan *plan = gw_arena_calloc(&stream->arena, 1, sizeof(*plan));
  static const struct gw_json_limits limits = {1024, 8, 64};
  identity->user_id = find_parameter(stream, GW_STR("user"));
  *plan = (struct gw_plan){.key_id = find_parameter(stream, GW_STR("key")), .name = find_parameter(stream, GW_STR("plan"))};
  struct gw_str org = find_parameter(stream, GW_STR("org"));
  const char *claims =
      gw_arena_printf(&stream->arena, "{\"org\":{\"id\":%.*s}}", org.len > 0 ? (int)org.len : 4, org.len > 0 ? org.data : "null");
  assert_int_equal(gw_json_parse(gw_str_from(claims), &limits, &stream->arena, &identity->claims), GW_OK);
  if (identity->user_id.len > 0 || org.len > 0) stream->identity = identity;
  if (plan->key_id.len > 0) stream->plan = plan;
  return GW_VERDICT_NEXT;
}

static const struct gw_filter authentication = {.name = "test", .kind = GW_FILTER_NODE_ENDPOINTS, .on_request = on_request};
static const struct gw_filter *const filters[] = {&authentication, &gw_filter_rate_limit, &gw_filter_router, NULL};
static const struct fixture_route routes[] = {{.prefix = "/", .cluster = "backend"}};

static const struct gw_rate_limit_key by_caller = {.kind = GW_RATE_LIMIT_KEY_CALLER};
static const struct gw_rate_limit_key by_org = {.kind = GW_RATE_LIMIT_KEY_CLAIM, .name = {"org.id", 6}};
static const struct gw_rate_limit_key by_api_key = {.kind = GW_RATE_LIMIT_KEY_API_KEY};
static const struct gw_rate_limit_plan plans[] = {{{"gold", 4}, {5, 5, 3600000}}, {{"free", 4}, {1, 1, 3600000}}};

static struct gw_rate_limit limit;
static struct fixture fixture;

static void set_filters(struct gw_http_connection_manager *http) {
  static struct gw_http_filter all[3];
  all[0] = (struct gw_http_filter){.name = GW_STR("test"), .kind = GW_FILTER_NODE_ENDPOINTS};
  all[1] = (struct gw_http_filter){.name = GW_STR("limit"), .kind = GW_FILTER_SHARED_LIMIT};
  all[1].settings.shared_limit = (struct gw_shared_limit){.limits = &limit, .count = 1, .headers = GW_RATE_LIMIT_HEADERS_ALWAYS};
  all[2] = (struct gw_http_filter){.name = GW_STR("router"), .kind = GW_FILTER_ROUTER};
  http->filters = all;
  http->filter_count = 3;
}

static void serve(const struct gw_rate_limit_key *key, uint32_t requests, uint32_t plan_count) {
  fixture_start(&fixture);
  fixture.filters = filters;
  limit = (struct gw_rate_limit){.name = GW_STR("limit"),
                                 .scope = GW_RATE_LIMIT_SCOPE_GLOBAL,
                                 .numbers = {requests, requests, 3600000},
                                 .plans = plans,
                                 .plan_count = plan_count,
                                 .keys = key,
                                 .key_count = 1};
  fixture_serve(&fixture, routes, 1, set_filters);
}

static void stop(void) {
  fixture_stop(&fixture, NULL);
}

/* How many of ten requests pass. */
static uint32_t ask(const char *query) {
  uint32_t passed = 0;
  struct client *client = client_new(&fixture);
  for (int i = 0; i < 10; i++) {
    char *text = gw_asprintf("GET /x?%s HTTP/1.1\r\nHost: a\r\n\r\n", query);
    client_clear(client);
    client_send(client, text);
    client_wait(client, "\r\n\r\n");
    passed += strncmp(client->in.data, "HTTP/1.1 200", 12) == 0;
    if (strncmp(client->in.data, "HTTP/1.1 429", 12) == 0) FIXTURE_HAS(client->in.data, "ratelimit-remaining: 0\r\n");
    gw_loop_run_once(fixture.loop, 1);
    free(text);
  }
  client_free(client);
  return passed;
}

static void test_caller_is_the_user_else_the_key_else_the_client(void **state) {
  (void)state;
  serve(&by_caller, 3, 0);
  assert_int_equal(ask("user=alice"), 3);
  assert_int_equal(ask("user=alice&key=k1"), 0); /* the user, whatever the key */
  assert_int_equal(ask("key=alice"), 3);         /* no user of that name */
  assert_int_equal(ask("key=k1"), 3);
  assert_int_equal(ask(""), 3);
  assert_int_equal(ask("plan=gold"), 0); /* without a key there is no plan: the client, too */
  stop();
}

static void test_plan_of_the_key_says_the_numbers(void **state) {
  (void)state;
  serve(&by_caller, 3, 2);
  assert_int_equal(ask("user=a&key=k1&plan=gold"), 5);
  assert_int_equal(ask("user=b&key=k2&plan=free"), 1);
  assert_int_equal(ask("user=c&key=k3&plan=other"), 3);
  assert_int_equal(ask("user=a"), 3); /* without the key: another limit */
  stop();
}

static void test_limit_of_plans_alone_leaves_others_free(void **state) {
  (void)state;
  serve(&by_caller, 0, 2);
  assert_int_equal(ask("user=a&key=k1&plan=gold"), 5);
  assert_int_equal(ask("user=a&key=k1&plan=other"), 10);
  assert_int_equal(ask("user=a"), 10);
  stop();
}

static void test_claims_of_any_kind_count_and_missing_ones_are_one(void **state) {
  (void)state;
  serve(&by_org, 2, 0);
  assert_int_equal(ask("org=\"7\""), 2);
  assert_int_equal(ask("org=7"), 0); /* written alike */
  assert_int_equal(ask("org=true"), 2);
  assert_int_equal(ask("user=a"), 2);
  assert_int_equal(ask("user=b"), 0);
  assert_int_equal(ask(""), 0);
  stop();
}

static void test_requests_without_a_key_are_one(void **state) {
  (void)state;
  serve(&by_api_key, 2, 0);
  assert_int_equal(ask("key=k1"), 2);
  assert_int_equal(ask("key=k2&user=a"), 2);
  assert_int_equal(ask("user=a"), 2);
  assert_int_equal(ask("user=b"), 0);
  stop();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_caller_is_the_user_else_the_key_else_the_client),
      cmocka_unit_test(test_plan_of_the_key_says_the_numbers),
      cmocka_unit_test(test_limit_of_plans_alone_leaves_others_free),
      cmocka_unit_test(test_claims_of_any_kind_count_and_missing_ones_are_one),
      cmocka_unit_test(test_requests_without_a_key_are_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
