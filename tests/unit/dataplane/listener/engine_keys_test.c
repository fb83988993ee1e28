/* API keys on their way through the chain: who is let through, and what the service sees. */
#include "common/crypto/api_key.h"
#include "common/crypto/hmac.h"
#include "common/model/api_key_auth.h"
#include "common/model/forwarded_identity.h"
#include "common/model/secret.h"
#include "dataplane/listener/engine.h"
#include "dataplane/pipeline/key_table.h"
#include "dataplane/pipeline/stats.h"
#include "tests/unit/dataplane/engine_fixture.h"

#define PEPPER "0123456789abcdef0123456789abcdef"

static struct fixture fixture;
static bool has_pepper;
static struct gw_api_key_auth auth;
static char text[GW_API_KEY_SIZE]; /* a key that is known */
static struct gw_key_table *table;
static struct gw_key *known, *imported, *expired;
static char expired_text[GW_API_KEY_SIZE];

static const struct gw_forwarded_identity names = {.user_id = GW_STR("x-user-id"),
                                                   .roles = GW_STR("x-user-roles"),
                                                   .method = GW_STR("x-auth-method")};
static const struct gw_api_key_route required = {.is_required = true}, optional = {0}, either = {.is_required = true, .accepts_jwt = true};
static const struct gw_route_filters of_required = {.api_key = &required}, of_optional = {.api_key = &optional},
                                     of_either = {.api_key = &either};
static const struct fixture_route routes[] = {
    {.prefix = "/optional", .cluster = "backend", .filters = &of_optional},
    {.prefix = "/either", .cluster = "backend", .filters = &of_either},
    {.prefix = "/open", .cluster = "backend"},
    {.prefix = "/", .cluster = "backend", .filters = &of_required},
};

static void change(struct gw_http_connection_manager *http) {
  static struct gw_http_filter filters[3];
  filters[0] = (struct gw_http_filter){.name = GW_STR("api_key"), .kind = GW_FILTER_API_KEY, .settings.api_key = &auth};
  filters[1] = (struct gw_http_filter){.name = GW_STR("identity"), .kind = GW_FILTER_IDENTITY, .settings.forwarded_identity = &names};
  filters[2] = (struct gw_http_filter){.name = GW_STR("router"), .kind = GW_FILTER_ROUTER};
  http->filters = filters;
  http->filter_count = 3;
}

static void add_secret(struct fixture *f, struct gw_resource **resources) {
  if (!has_pepper) return;
  resources[0] = fixture_resource(GW_RESOURCE_SECRET, GW_SECRET_NAME_PEPPER, f->version);
  struct gw_secret *secret = gw_arena_calloc(&resources[0]->arena, 1, sizeof(*secret));
  *secret = (struct gw_secret){.name = GW_STR(GW_SECRET_NAME_PEPPER), .kind = GW_SECRET_GENERIC, .content = GW_STR(PEPPER)};
  resources[0]->secret = secret;
}

static struct gw_key *make_key(const char *key_text, int64_t expires_at_s) {
  static const struct gw_str roles[] = {GW_STR("admin"), GW_STR("viewer")};
  struct gw_api_key model = {.owner = GW_STR("ann"), .roles = roles, .role_count = 2, .expires_at_s = expires_at_s};
  model.is_imported = !gw_api_key_parse(gw_str_from(key_text), &model.id);
  if (model.is_imported) model.id = GW_STR("abcdefghij234567");
  struct gw_hmac *pepper = gw_api_key_pepper_new(GW_STR(PEPPER));
  gw_api_key_hash(pepper, gw_str_from(key_text), model.hash);
  gw_hmac_free(pepper);
  return gw_key_new(&model, "0123456789abcdef");
}

static void show(void) {
  gw_engine_set_keys(fixture.engine, gw_key_table_ref(table));
}

static int start(void **state) {
  *state = &fixture;
  has_pepper = true;
  auth = (struct gw_api_key_auth){.header = GW_STR("x-api-key")};
  gw_api_key_new(text);
  gw_api_key_new(expired_text);
  known = make_key(text, 0);
  imported = make_key("one of the origin's", 0);
  expired = make_key(expired_text, 1000);
  table = gw_key_table_new();
  gw_key_table_add(table, known);
  gw_key_table_add(table, imported);
  gw_key_table_add(table, expired);
  fixture_start(&fixture);
  fixture.add_resources = add_secret;
  fixture_serve(&fixture, routes, GW_ARRAY_LEN(routes), change);
  show();
  return 0;
}

static int stop(void **state) {
  (void)state;
  fixture_stop(&fixture, NULL);
  gw_key_table_unref(table);
  gw_key_unref(known);
  gw_key_unref(imported);
  gw_key_unref(expired);
  memset(&fixture, 0, sizeof(fixture));
  return 0;
}

/* One request; the answer stays in the client. */
static struct client *ask(const char *path, const char *fields, const char *answer) {
  struct client *client = client_new(&fixture);
  GW_CLEANUP(gw_free_ptr) char *request = gw_asprintf("GET %s HTTP/1.1\r\nHost: a.example\r\n%s\r\n", path, fields);
  client_send(client, request);
  client_wait(client, answer);
  return client;
}

static void expect(const char *path, const char *fields, const char *answer) {
  client_free(ask(path, fields, answer));
}

static void expect_key(const char *path, const char *key, const char *answer) {
  GW_CLEANUP(gw_free_ptr) char *fields = gw_asprintf("X-API-Key: %s\r\n", key);
  expect(path, fields, answer);
}

static uint64_t results(enum gw_key_result result) {
  struct gw_stats *stats = gw_engine_copy_stats(fixture.engine);
  uint64_t count = stats->key_results[result];
  gw_stats_free(stats);
  return count;
}

static void test_good_key_passes_and_the_service_sees_its_owner_alone(void **state) {
  (void)state;
  expect_key("/ok", text, "200 OK");
  const char *head = fixture.backend.last_head;
  FIXTURE_HAS(head, "x-user-id: ann\r\n");
  FIXTURE_HAS(head, "x-user-roles: admin,viewer\r\n");
  FIXTURE_HAS(head, "x-auth-method: api_key\r\n");
  assert_null(strcasestr(head, "x-api-key"));
  assert_null(strstr(head, text));
  assert_true(atomic_load(&known->used_s) > 0);
  assert_int_equal(results(GW_KEY_RESULT_ALLOWED), 1);
}

static void test_key_in_authorization_passes_and_other_schemes_are_none_of_ours(void **state) {
  (void)state;
  GW_CLEANUP(gw_free_ptr) char *fields = gw_asprintf("Authorization: aPiKeY   %s \r\n", text);
  expect("/ok", fields, "200 OK");
  assert_null(strcasestr(fixture.backend.last_head, "authorization"));
  expect("/ok", "Authorization: Basic YTpi\r\n", "401 Unauthorized");
  GW_CLEANUP(gw_free_ptr) char *both = gw_asprintf("X-API-Key: %s\r\nAuthorization: Basic YTpi\r\n", text);
  expect("/ok", both, "200 OK");
  FIXTURE_HAS(fixture.backend.last_head, "Basic YTpi");
}

static void test_forwarded_key_stays(void **state) {
  (void)state;
  auth.is_forwarded = true;
  fixture_serve(&fixture, routes, GW_ARRAY_LEN(routes), change);
  expect_key("/ok", text, "200 OK");
  FIXTURE_HAS(fixture.backend.last_head, text);
}

static void test_what_is_not_one_good_key_is_refused(void **state) {
  (void)state;
  char other[GW_API_KEY_SIZE], wrong[GW_API_KEY_SIZE];
  gw_api_key_new(other);
  memcpy(wrong, text, sizeof(wrong));
  wrong[GW_API_KEY_LEN - 1] = wrong[GW_API_KEY_LEN - 1] == 'a' ? 'b' : 'a';
  const char *bad[] = {"", "x", other, wrong, expired_text, "one of the origin'z"};
  for (size_t i = 0; i < GW_ARRAY_LEN(bad); i++)
    expect_key("/ok", bad[i], "401 Unauthorized");
  GW_CLEANUP(gw_free_ptr) char *longer = gw_calloc(2000, 1);
  memset(longer, 'k', 1999);
  expect_key("/ok", longer, "401 Unauthorized");
  GW_CLEANUP(gw_free_ptr) char *twice = gw_asprintf("X-API-Key: %s\r\nX-API-Key: %s\r\n", text, text);
  expect("/ok", twice, "401 Unauthorized");
  GW_CLEANUP(gw_free_ptr) char *mixed = gw_asprintf("X-API-Key: %s\r\nAuthorization: ApiKey %s\r\n", text, text);
  expect("/ok", mixed, "401 Unauthorized");
  assert_int_equal(fixture.backend.requests, 0);
  assert_int_equal(results(GW_KEY_RESULT_SEVERAL), 2);
  assert_int_equal(results(GW_KEY_RESULT_EXPIRED), 1);
  assert_int_equal(results(GW_KEY_RESULT_UNKNOWN), 6);
}

static void test_refusal_says_what_is_wanted(void **state) {
  (void)state;
  struct client *client = ask("/ok", "", "401 Unauthorized");
  FIXTURE_HAS(client->in.data, "www-authenticate: ApiKey realm=\"gateway\"\r\n");
  assert_null(strstr(client->in.data, "Bearer"));
  client_free(client);
  client = ask("/either", "", "401 Unauthorized");
  FIXTURE_HAS(client->in.data, "www-authenticate: ApiKey realm=\"gateway\"\r\n");
  FIXTURE_HAS(client->in.data, "www-authenticate: Bearer realm=\"gateway\"\r\n");
  client_free(client);
}

static void test_imported_key_is_found_without_an_id(void **state) {
  (void)state;
  expect_key("/ok", "one of the origin's", "200 OK");
}

static void test_optional_key_may_be_left_out_but_not_be_wrong(void **state) {
  (void)state;
  expect("/optional", "", "200 OK");
  assert_null(strstr(fixture.backend.last_head, "x-user-id"));
  expect_key("/optional", "x", "401 Unauthorized");
  expect_key("/optional", text, "200 OK");
  FIXTURE_HAS(fixture.backend.last_head, "x-user-id: ann\r\n");
}

static void test_routes_that_ask_for_nothing_leave_it_alone(void **state) {
  (void)state;
  expect_key("/open", "the service's own", "200 OK");
  FIXTURE_HAS(fixture.backend.last_head, "the service's own");
}

static void test_revocation_counts_from_the_next_request_on(void **state) {
  (void)state;
  /* One that is under way when its key goes. */
  struct client *client = client_new(&fixture);
  GW_CLEANUP(gw_free_ptr)
  char *request = gw_asprintf("POST /ok HTTP/1.1\r\nHost: a.example\r\nX-API-Key: %s\r\nContent-Length: 4\r\n\r\nab", text);
  client_send(client, request);
  FIXTURE_UNTIL(&fixture, atomic_load(&known->used_s) > 0);
  struct gw_key_table *without = gw_key_table_edit(table);
  gw_key_table_remove(without, known);
  gw_key_table_unref(table);
  table = without;
  show();
  gw_key_unref(known);
  known = NULL;
  expect_key("/ok", text, "401 Unauthorized");
  client_send(client, "cd");
  client_wait(client, "200 OK");
  client_free(client);
}

static void test_without_keys_or_pepper_a_key_can_not_be_checked(void **state) {
  (void)state;
  gw_engine_set_keys(fixture.engine, NULL);
  expect_key("/ok", text, "503 Service Unavailable");
  expect("/ok", "", "401 Unauthorized");
  expect("/open", "", "200 OK");
  show();
  expect_key("/ok", text, "200 OK");
  has_pepper = false;
  fixture_serve(&fixture, routes, GW_ARRAY_LEN(routes), change);
  expect_key("/ok", text, "503 Service Unavailable");
  has_pepper = true;
  fixture_serve(&fixture, routes, GW_ARRAY_LEN(routes), change);
  expect_key("/ok", text, "200 OK");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(test_good_key_passes_and_the_service_sees_its_owner_alone),
      CASE(test_key_in_authorization_passes_and_other_schemes_are_none_of_ours),
      CASE(test_forwarded_key_stays),
      CASE(test_what_is_not_one_good_key_is_refused),
      CASE(test_refusal_says_what_is_wanted),
      CASE(test_imported_key_is_found_without_an_id),
      CASE(test_optional_key_may_be_left_out_but_not_be_wrong),
      CASE(test_routes_that_ask_for_nothing_leave_it_alone),
      CASE(test_revocation_counts_from_the_next_request_on),
      CASE(test_without_keys_or_pepper_a_key_can_not_be_checked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
