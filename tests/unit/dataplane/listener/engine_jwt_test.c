/* Tokens on their way through the chain: who is let through, what the service sees, what is remembered, and how keys are exchanged. */
#include "common/crypto/jwt_mint.h"
#include "common/model/forwarded_identity.h"
#include "common/model/jwt_authn.h"
#include "common/model/secret.h"
#include "dataplane/listener/engine.h"
#include "dataplane/pipeline/stats.h"
#include "tests/unit/dataplane/engine_fixture.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define OTHER_SECRET "fedcba9876543210fedcba9876543210"
/* The same in base64url. */
#define SECRET_JWKS "{\"keys\":[{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"}]}"
#define OTHER_JWKS "{\"keys\":[{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA\"}]}"

static struct fixture fixture;
static const char *jwks;

static const struct gw_jwt_header bearer = {.name = GW_STR("authorization"), .prefix = GW_STR("Bearer ")};
static const struct gw_str audiences[] = {GW_STR("gateway")}, cookies[] = {GW_STR("session")}, params[] = {GW_STR("access_token")};
static const struct gw_jwt_claim_header claim_headers[] = {{GW_STR("x-tenant"), GW_STR("tenant.id")}};
static struct gw_jwt_provider provider;
static struct gw_jwt_requirement missing_too[] = {{.kind = GW_JWT_REQUIRES_PROVIDER}, {.kind = GW_JWT_ALLOWS_MISSING}};
static const struct gw_jwt_rule rules[] = {
    {.match = {.kind = GW_PATH_MATCH_PREFIX, .path = GW_STR("/open")}},
    {.match = {.kind = GW_PATH_MATCH_PREFIX, .path = GW_STR("/maybe")},
     .requirement = &(const struct gw_jwt_requirement){.kind = GW_JWT_REQUIRES_ANY, .children = missing_too, .child_count = 2}},
    {.match = {.kind = GW_PATH_MATCH_PREFIX, .path = GW_STR("/")},
     .requirement = &(const struct gw_jwt_requirement){.kind = GW_JWT_REQUIRES_PROVIDER}},
};
static struct gw_jwt_authn authn = {.providers = &provider, .provider_count = 1, .rules = rules, .rule_count = 3};
static const struct gw_forwarded_identity names = {.user_id = GW_STR("x-user-id"),
                                                   .user_name = GW_STR("x-user-name"),
                                                   .roles = GW_STR("x-user-roles"),
                                                   .permissions = GW_STR("x-user-permissions"),
                                                   .method = GW_STR("x-auth-method"),
                                                   .trace_id = GW_STR("x-trace-id"),
                                                   .client_address = GW_STR("x-client"),
                                                   .route = GW_STR("x-route"),
                                                   .path_parameter_prefix = GW_STR("x-path-")};

static void change(struct gw_http_connection_manager *http) {
  static struct gw_http_filter filters[3];
  filters[0] = (struct gw_http_filter){.name = GW_STR("jwt"), .kind = GW_FILTER_JWT_AUTHN, .settings.jwt_authn = &authn};
  filters[1] = (struct gw_http_filter){.name = GW_STR("identity"), .kind = GW_FILTER_IDENTITY, .settings.forwarded_identity = &names};
  filters[2] = (struct gw_http_filter){.name = GW_STR("router"), .kind = GW_FILTER_ROUTER};
  http->filters = filters;
  http->filter_count = 3;
}

static void add_secret(struct fixture *f, struct gw_resource **resources) {
  if (jwks == NULL) return;
  resources[0] = fixture_resource(GW_RESOURCE_SECRET, "jwt/main", f->version);
  struct gw_secret *secret = gw_arena_calloc(&resources[0]->arena, 1, sizeof(*secret));
  *secret = (struct gw_secret){.name = GW_STR("jwt/main"), .kind = GW_SECRET_GENERIC, .content = gw_str_from(jwks)};
  resources[0]->secret = secret;
}

static const struct fixture_route routes[] = {{.prefix = "/", .cluster = "backend"}};

static int start(void **state) {
  *state = &fixture;
  jwks = SECRET_JWKS;
  provider = (struct gw_jwt_provider){.name = GW_STR("main"),
                                      .issuer = GW_STR("https://issuer"),
                                      .audiences = audiences,
                                      .audience_count = 1,
                                      .clock_skew_s = 1,
                                      .jwks = GW_STR(GW_JWT_NO_KEYS),
                                      .secret = GW_STR("jwt/main"),
                                      .headers = &bearer,
                                      .header_count = 1,
                                      .cookies = cookies,
                                      .cookie_count = 1,
                                      .params = params,
                                      .param_count = 1,
                                      .claim_headers = claim_headers,
                                      .claim_header_count = 1,
                                      .payload_header = GW_STR("x-payload"),
                                      .is_cached = true,
                                      .cached_tokens = 100,
                                      .cached_token_bytes = 4096,
                                      .claims = {GW_STR("sub"), GW_STR("name"), GW_STR("realm.roles"), GW_STR("scope")}};
  fixture_start(&fixture);
  fixture.add_resources = add_secret;
  fixture_serve(&fixture, routes, 1, change);
  return 0;
}

static int stop(void **state) {
  (void)state;
  fixture_stop(&fixture, NULL);
  memset(&fixture, 0, sizeof(fixture));
  return 0;
}

/* Freed by the caller. */
static char *mint(const char *secret, const char *more) {
  char *token = NULL, *reason = NULL;
  GW_CLEANUP(gw_free_ptr)
  char *claims = gw_asprintf("{\"iss\":\"https://issuer\",\"aud\":\"gateway\",\"sub\":\"u-1\",\"name\":\"Ann\",\"exp\":4102444800,"
                             "\"realm\":{\"roles\":[\"admin\",\"a,b\",\"editor\"]},\"scope\":\"read write\",\"tenant\":{\"id\":7}%s}",
                             more);
  struct gw_jwt_mint request = {.alg = GW_JWT_HS256, .key = gw_str_from(secret), .claims = gw_str_from(claims)};
  assert_int_equal(gw_jwt_mint(&request, &token, &reason), GW_OK);
  free(reason);
  return token;
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

static void expect_token(const char *token, const char *answer) {
  GW_CLEANUP(gw_free_ptr) char *fields = gw_asprintf("Authorization: Bearer %s\r\n", token);
  expect("/ok", fields, answer);
}

static uint64_t hits(void) {
  struct gw_stats *stats = gw_engine_copy_stats(fixture.engine);
  uint64_t count = stats->token_cache_hits_total;
  gw_stats_free(stats);
  return count;
}

static void test_good_token_passes_and_its_holder_is_told(void **state) {
  (void)state;
  GW_CLEANUP(gw_free_ptr) char *token = mint(SECRET, "");
  expect_token(token, "200 OK");
  const char *head = fixture.backend.last_head;
  FIXTURE_HAS(head, "x-user-id: u-1\r\n");
  FIXTURE_HAS(head, "x-user-name: Ann\r\n");
  FIXTURE_HAS(head, "x-user-roles: admin,editor\r\n"); /* a role that a list can't hold is left out */
  FIXTURE_HAS(head, "x-user-permissions: read,write\r\n");
  FIXTURE_HAS(head, "x-auth-method: jwt\r\n");
  FIXTURE_HAS(head, "x-tenant: 7\r\n");
  FIXTURE_HAS(head, "x-payload: ");
  FIXTURE_HAS(head, "x-client: 127.0.0.1\r\n");
  FIXTURE_HAS(head, "x-route: route:/\r\n");
  FIXTURE_LACKS(head, "authorization");
}

static void test_refusals_say_why(void **state) {
  (void)state;
  struct client *client = ask("/ok\"x?access=1", "", "401 Unauthorized");
  client_wait(client, "Jwt is missing");
  FIXTURE_HAS(client->in.data, "www-authenticate: Bearer realm=\"http://a.example/ok%22x\"\r\n");
  FIXTURE_HAS(client->in.data, "{\"error\":401,\"message\":\"Jwt is missing\"");
  client_free(client);
  GW_CLEANUP(gw_free_ptr) char *forged = mint(OTHER_SECRET, "");
  GW_CLEANUP(gw_free_ptr) char *fields = gw_asprintf("authorization: bearer %s\r\n", forged);
  client = ask("/ok", fields, "Jwt verification fails");
  FIXTURE_HAS(client->in.data, "401 Unauthorized");
  FIXTURE_HAS(client->in.data, ", error=\"invalid_token\", error_description=\"Jwt verification fails\"\r\n");
  client_free(client);
  assert_int_equal(fixture.backend.requests, 0);
}

static void test_claims_are_checked(void **state) {
  (void)state;
  /* libjwt would write a claim twice, so each is the wrong one alone. */
  static const struct {
    const char *claims;
    const char *answer;
  } cases[] = {
      {"{\"iss\":\"https://issuer\",\"aud\":\"gateway\",\"exp\":1}", "Jwt is expired"},
      {"{\"iss\":\"https://issuer\",\"aud\":\"gateway\",\"exp\":0}", "401 Unauthorized"},
      {"{\"iss\":\"https://issuer\",\"aud\":\"gateway\",\"nbf\":4102444800}", "Jwt not yet valid"},
      {"{\"iss\":\"https://other\",\"aud\":\"gateway\"}", "Jwt issuer is not configured"},
      {"{\"aud\":\"gateway\"}", "Jwt issuer is not configured"},
      {"{\"iss\":\"https://issuer\",\"aud\":\"other\"}", "403 Forbidden"},
      {"{\"iss\":\"https://issuer\",\"aud\":[\"other\",\"gateway\"]}", "200 OK"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    char *token = NULL, *reason = NULL;
    struct gw_jwt_mint request = {.alg = GW_JWT_HS256, .key = GW_STR(SECRET), .claims = gw_str_from(cases[i].claims)};
    assert_int_equal(gw_jwt_mint(&request, &token, &reason), GW_OK);
    expect_token(token, cases[i].answer);
    free(token);
    free(reason);
  }
}

static void test_token_is_taken_out_of_cookie_and_query(void **state) {
  (void)state;
  GW_CLEANUP(gw_free_ptr) char *token = mint(SECRET, "");
  GW_CLEANUP(gw_free_ptr) char *cookie = gw_asprintf("Cookie: a=1;session=%s; b=2\r\n", token);
  expect("/ok", cookie, "200 OK");
  FIXTURE_HAS(fixture.backend.last_head, "ookie: a=1; b=2\r\n");
  GW_CLEANUP(gw_free_ptr) char *path = gw_asprintf("/ok?x=1&access_token=%s&y=2&access_token=other", token);
  expect(path, "", "200 OK");
  FIXTURE_HAS(fixture.backend.last_head, "GET /ok?x=1&y=2 HTTP/1.1\r\n");
}

static void test_each_of_several_tokens_must_be_good(void **state) {
  (void)state;
  GW_CLEANUP(gw_free_ptr) char *good = mint(SECRET, "");
  GW_CLEANUP(gw_free_ptr) char *bad = mint(OTHER_SECRET, "");
  GW_CLEANUP(gw_free_ptr) char *fields = gw_asprintf("Authorization: Bearer %s\r\nCookie: session=%s\r\n", good, bad);
  expect("/ok", fields, "401 Unauthorized");
  assert_int_equal(fixture.backend.requests, 0);
}

static void test_optional_token_may_be_missing_but_not_bad(void **state) {
  (void)state;
  expect("/maybe", "", "200 OK");
  FIXTURE_LACKS(fixture.backend.last_head, "x-user-id");
  expect("/maybe", "Authorization: Bearer nonsense\r\n", "401 Unauthorized");
  expect("/maybe", "Authorization: Basic YTpi\r\n", "200 OK");
  FIXTURE_HAS(fixture.backend.last_head, "uthorization: Basic YTpi\r\n");
}

static void test_identity_from_outside_is_removed_in_every_spelling(void **state) {
  (void)state;
  expect("/open",
         "X-User-Id: root\r\nx-USER-roles: admin\r\nX-Auth-Method: jwt\r\nx-tenant: 1\r\nX-Payload: e30\r\nX-Path-Id: 1\r\n"
         "Connection: close, X-User-Name\r\nX-User-Name: root\r\nX-Kept: 1\r\n",
         "200 OK");
  FIXTURE_LACKS(fixture.backend.last_head, "root");
  FIXTURE_LACKS(fixture.backend.last_head, "admin");
  FIXTURE_LACKS(fixture.backend.last_head, "x-tenant");
  FIXTURE_LACKS(fixture.backend.last_head, "x-payload");
  FIXTURE_LACKS(fixture.backend.last_head, "x-path-id");
  FIXTURE_LACKS(fixture.backend.last_head, "x-auth-method");
  FIXTURE_HAS(fixture.backend.last_head, "X-Kept: 1\r\n");
}

static void allow_underscores(struct gw_http_connection_manager *http) {
  change(http);
  http->underscores = GW_UNDERSCORES_ALLOW;
}

static void test_underscores_are_no_other_name(void **state) {
  (void)state;
  fixture_serve(&fixture, routes, 1, allow_underscores);
  expect("/open", "X_User_Id: root\r\nX_Kept: 1\r\n", "200 OK");
  FIXTURE_LACKS(fixture.backend.last_head, "root");
  FIXTURE_HAS(fixture.backend.last_head, "X_Kept: 1\r\n");
}

static void test_token_is_verified_once_until_its_keys_change(void **state) {
  (void)state;
  GW_CLEANUP(gw_free_ptr) char *token = mint(SECRET, "");
  expect_token(token, "200 OK");
  assert_int_equal(hits(), 0);
  expect_token(token, "200 OK");
  assert_int_equal(hits(), 1);
  /* A change of something else costs nobody his place. */
  fixture_serve(&fixture, routes, 1, change);
  expect_token(token, "200 OK");
  assert_int_equal(hits(), 2);
  jwks = OTHER_JWKS;
  fixture_serve(&fixture, routes, 1, change);
  expect_token(token, "401 Unauthorized");
  jwks = SECRET_JWKS;
  fixture_serve(&fixture, routes, 1, change);
  expect_token(token, "200 OK");
}

static void test_without_keys_tokens_are_503_and_the_rest_is_served(void **state) {
  (void)state;
  GW_CLEANUP(gw_free_ptr) char *token = mint(SECRET, "");
  jwks = NULL;
  fixture_serve(&fixture, routes, 1, change);
  expect_token(token, "503 Service Unavailable");
  expect("/ok", "", "401 Unauthorized");
  expect("/open", "", "200 OK");
  assert_int_equal(fixture.backend.requests, 1);
}

static void test_uncached_token_outlives_its_request(void **state) {
  (void)state;
  provider.is_cached = false;
  fixture_serve(&fixture, routes, 1, change);
  GW_CLEANUP(gw_free_ptr) char *token = mint(SECRET, "");
  expect_token(token, "200 OK");
  expect_token(token, "200 OK");
  assert_int_equal(hits(), 0);
}

static void test_required_claims_and_lifetime(void **state) {
  (void)state;
  static const struct gw_str required[] = {GW_STR("tenant.region")};
  provider.required_claims = required;
  provider.required_claim_count = 1;
  fixture_serve(&fixture, routes, 1, change);
  GW_CLEANUP(gw_free_ptr) char *token = mint(SECRET, "");
  expect_token(token, "401 Unauthorized");
  provider.required_claim_count = 0;
  provider.max_lifetime_ms = 3600000;
  fixture_serve(&fixture, routes, 1, change);
  expect_token(token, "401 Unauthorized");
  provider.max_lifetime_ms = 0;
  provider.subject = &(const struct gw_string_match){.kind = GW_STRING_MATCH_PREFIX, .value = GW_STR("v-")};
  fixture_serve(&fixture, routes, 1, change);
  expect_token(token, "401 Unauthorized");
  provider.subject = NULL;
  fixture_serve(&fixture, routes, 1, change);
  expect_token(token, "200 OK");
}

static void test_too_many_tokens_are_refused_unseen(void **state) {
  (void)state;
  GW_CLEANUP(gw_free_ptr) char *token = mint(SECRET, "");
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf fields = {0};
  for (int i = 0; i < 9; i++)
    gw_strbuf_printf(&fields, "Authorization: Bearer %s\r\n", token);
  expect("/ok", fields.data, "401 Unauthorized");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(test_good_token_passes_and_its_holder_is_told),
      TEST(test_refusals_say_why),
      TEST(test_claims_are_checked),
      TEST(test_token_is_taken_out_of_cookie_and_query),
      TEST(test_each_of_several_tokens_must_be_good),
      TEST(test_optional_token_may_be_missing_but_not_bad),
      TEST(test_identity_from_outside_is_removed_in_every_spelling),
      TEST(test_underscores_are_no_other_name),
      TEST(test_token_is_verified_once_until_its_keys_change),
      TEST(test_without_keys_tokens_are_503_and_the_rest_is_served),
      TEST(test_uncached_token_outlives_its_request),
      TEST(test_required_claims_and_lifetime),
      TEST(test_too_many_tokens_are_refused_unseen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
