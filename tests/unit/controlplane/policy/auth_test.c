/* auth in routes.yaml: providers, their keys, what routes ask for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/crypto/keys.h"
#include "common/model/forwarded_identity.h"
#include "common/model/jwt_authn.h"
#include "tests/unit/controlplane/policy/policy_fixture.h"

static char folder[] = "/tmp/gw-auth-XXXXXX";
static char origin[4096];

static void write_file(const char *name, const char *text) {
  FILE *file = fopen(name, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static int start(void **state) {
  (void)state;
  assert_non_null(getcwd(origin, sizeof origin));
  assert_non_null(mkdtemp(folder));
  assert_int_equal(chdir(folder), 0);
  struct gw_key_pair pair;
  assert_int_equal(gw_keys_generate_rsa_pair(2048, &pair), GW_OK);
  write_file("public.pem", pair.public_pem);
  write_file("private.pem", pair.private_pem);
  gw_key_pair_done(&pair);
  write_file("secret", "0123456789abcdef0123456789abcdef\n");
  write_file("weak", "hunter2\n");
  return 0;
}

static int stop(void **state) {
  (void)state;
  GW_CLEANUP(gw_free_ptr) char *command = gw_asprintf("rm -r %s", folder);
  assert_int_equal(chdir(origin), 0);
  return system(command) == 0 ? 0 : 1;
}

#define PROVIDER(text) "routes: [{path: /p, service: s, auth_required: true}]\nauth: {jwt: {providers: [" text "]}}"
#define RSA "{name: rsa, issuer: i, keys: {pem_file: public.pem}}"
#define HMAC "{name: hmac, keys: {secret_file: secret}}"

static const struct gw_jwt_authn *jwt_of(const struct gw_policy *policy) {
  const struct gw_http_connection_manager *http = &policy->listeners[0].http;
  for (uint32_t i = 0; i < http->filter_count; i++)
    if (http->filters[i].kind == GW_FILTER_JWT_AUTHN) return http->filters[i].settings.jwt_authn;
  return NULL;
}

static const struct gw_forwarded_identity *identity_of(const struct gw_policy *policy) {
  const struct gw_http_connection_manager *http = &policy->listeners[0].http;
  for (uint32_t i = 0; i < http->filter_count; i++)
    if (http->filters[i].kind == GW_FILTER_IDENTITY) return http->filters[i].settings.forwarded_identity;
  return NULL;
}

static const struct gw_route *route_of(const struct gw_policy *policy, uint32_t index) {
  return &policy->route_configs[0].virtual_hosts[0].routes[index];
}

static void test_provider_says_all(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good(
      PROVIDER("{name: main, issuer: \"https://i\", audiences: [a, b], leeway: 5s, required_claims: [exp, tenant.id], max_lifetime: 1h,"
               " keys: {pem_file: public.pem}, algorithms: [RS256], token: {headers: [Authorization, X-Token], cookies: session, query: t},"
               " forward: true, payload_header: X-Payload, claims_to_headers: {X-Tenant: tenant.id},"
               " claims: {user_id: uid, roles: realm_access.roles}}"),
      FIXTURE_SERVICES);
  const struct gw_jwt_provider *provider = &jwt_of(policy)->providers[0];
  assert_true(gw_str_equal(provider->issuer, GW_STR("https://i")));
  assert_int_equal(provider->audience_count, 2);
  assert_int_equal(provider->clock_skew_s, 5);
  assert_true(provider->requires_expiration);
  assert_int_equal(provider->required_claim_count, 1);
  assert_int_equal(provider->max_lifetime_ms, 3600000);
  assert_int_equal(provider->header_count, 2);
  assert_true(gw_str_equal(provider->headers[0].prefix, GW_STR("Bearer ")));
  assert_int_equal(provider->headers[1].prefix.len, 0);
  assert_int_equal(provider->cookie_count + provider->param_count, 2);
  assert_true(provider->is_forwarded);
  assert_true(gw_str_equal(provider->payload_header, GW_STR("x-payload")));
  assert_true(gw_str_equal(provider->claim_headers[0].header, GW_STR("x-tenant")));
  assert_true(gw_str_equal(provider->claims.user_id, GW_STR("uid")));
  assert_true(gw_str_equal(provider->claims.user_name, GW_STR("name")));
  assert_int_equal(provider->secret.len, 0);
  assert_int_equal(policy->secret_count, 1);
  assert_true(gw_str_equal(policy->secrets[0].name, GW_STR("jwt/main")));
  gw_policy_free(policy);
}

static void test_routes_ask_for_what_they_say(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good("routes:\n"
                                          "  - {path: /a, service: s}\n"
                                          "  - {path: /b, service: s, auth_required: true}\n"
                                          "  - {path: /c, service: s, auth: [jwt]}\n"
                                          "  - {path: /d, service: s, auth: {providers: [rsa]}}\n"
                                          "auth: {api_keys: true, jwt: {providers: [" RSA "," HMAC "]}}",
                                          FIXTURE_SERVICES);
  assert_null(route_of(policy, 0)->filters);
  assert_true(gw_str_equal(route_of(policy, 1)->filters->jwt->requirement, GW_STR("any|missing")));
  assert_true(gw_str_equal(route_of(policy, 2)->filters->jwt->requirement, GW_STR("any")));
  assert_true(gw_str_equal(route_of(policy, 3)->filters->jwt->requirement, GW_STR("rsa")));
  const struct gw_jwt_authn *authn = jwt_of(policy);
  assert_int_equal(authn->requirement_count, 3);
  assert_int_equal(authn->requirements[1].requirement.child_count, 3);
  assert_int_equal(authn->requirements[1].requirement.children[2].kind, GW_JWT_ALLOWS_MISSING);
  assert_true(gw_str_equal(authn->providers[0].secret, GW_STR("jwt/hmac")));
  gw_policy_free(policy);
}

static void test_without_a_way_to_authenticate_routes_stay_closed(void **state) {
  (void)state;
  char *told;
  struct gw_policy *policy = fixture_load("routes: [{path: /p, service: s, auth_required: true}]", FIXTURE_SERVICES, &told);
  assert_non_null(policy);
  assert_int_equal(route_of(policy, 0)->action, GW_ROUTE_DIRECT_RESPONSE);
  assert_int_equal(route_of(policy, 0)->direct.status, 501);
  assert_string_equal(told, "routes.yaml:1:48: no way to authenticate is configured (auth, JWT_SECRET_KEY): the route stays closed\n");
  free(told);
  gw_policy_free(policy);
}

static void test_identity_has_the_origins_names(void **state) {
  (void)state;
  struct gw_policy *policy = fixture_good("routes: []", FIXTURE_SERVICES);
  assert_true(gw_str_equal(identity_of(policy)->user_id, GW_STR("x-user-id")));
  assert_true(gw_str_equal(identity_of(policy)->trace_id, GW_STR("x-trace-id")));
  assert_int_equal(identity_of(policy)->route.len, 0);
  gw_policy_free(policy);
  policy = fixture_good("routes: []\nauth: {identity: {user_id: X-Uid, trace_id: false, route: X-Route}}", FIXTURE_SERVICES);
  assert_true(gw_str_equal(identity_of(policy)->user_id, GW_STR("x-uid")));
  assert_int_equal(identity_of(policy)->trace_id.len, 0);
  assert_true(gw_str_equal(identity_of(policy)->route, GW_STR("x-route")));
  gw_policy_free(policy);
}

static void test_mistakes_say_what_is_allowed(void **state) {
  (void)state;
  static const struct {
    const char *text;
    const char *mistake;
  } cases[] = {
      {PROVIDER("{name: a, keys: {pem_file: private.pem}}"), "private"},
      {PROVIDER("{name: a, keys: {secret_file: weak}}"), "32"},
      {PROVIDER("{name: a, keys: {secret_file: secret}, algorithms: HS512}"), "64"},
      {PROVIDER("{name: a, keys: {secret_file: secret}, algorithms: [RS256]}"), "secret_file is for HS256, HS384 and HS512"},
      {PROVIDER("{name: a, keys: {pem_file: public.pem}, algorithms: [HS256]}"), "want a secret_file"},
      {PROVIDER("{name: a, keys: {pem_file: public.pem}, algorithms: [none]}"), "none is no algorithm"},
      {PROVIDER("{name: a, keys: {pem_file: public.pem}, algorithms: [ES256]}"), "ES256"},
      {PROVIDER("{name: a}"), "a provider needs keys"},
      {PROVIDER("{name: a, keys: {}}"), "keys come from one of"},
      {PROVIDER("{keys: {pem_file: public.pem}}"), "a provider needs a name"},
      {PROVIDER(RSA "," RSA), "provider rsa is there already"},
      {PROVIDER("{name: a, keys: {jwks_url: \"ftp://x\"}}"), "no http or https URL"},
      {PROVIDER("{name: a, keys: {pem_file: public.pem}, claims: {roles: a..b}}"), "no path of a claim"},
      {PROVIDER("{name: a, keys: {pem_file: public.pem}, leeway: 1500ms}"), "whole seconds"},
      {PROVIDER("{name: a, keys: {pem_file: public.pem}, claims_to_headers: {Authorization: sub}}"), "meaning of its own"},
      {"routes: [{path: /p, service: s, auth: [basic]}]", "basic is no way to authenticate"},
      {"routes: [{path: /p, service: s, auth: [jwt], auth_required: false}]", "auth_required: false"},
      {"routes: [{path: /p, service: s, auth: {providers: [x]}}]", "there is no provider x"},
      {"routes: []\nauth: {identity: {user_id: X-Role, roles: X-Role}}", "the same field"},
      {"routes: []\nauth: {oauth: {}}", "oauth"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    char *told;
    assert_null(fixture_load(cases[i].text, FIXTURE_SERVICES, &told));
    if (strstr(told, cases[i].mistake) == NULL) fail_msg("\"%s\" does not say \"%s\": %s", cases[i].text, cases[i].mistake, told);
    assert_null(strstr(told, "hunter2"));
    free(told);
  }
}

static void test_missing_key_file_is_no_mistake(void **state) {
  (void)state;
  gw_policy_free(fixture_good(PROVIDER("{name: a, keys: {jwks_file: missing.json}}"), FIXTURE_SERVICES));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_provider_says_all),
      cmocka_unit_test(test_routes_ask_for_what_they_say),
      cmocka_unit_test(test_without_a_way_to_authenticate_routes_stay_closed),
      cmocka_unit_test(test_identity_has_the_origins_names),
      cmocka_unit_test(test_mistakes_say_what_is_allowed),
      cmocka_unit_test(test_missing_key_file_is_no_mistake),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
