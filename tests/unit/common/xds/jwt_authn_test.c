/* jwt_authn on the wire: what is said comes back, and what is wrong is refused at its place. */
#include "common/model/forwarded_identity.h"
#include "common/model/jwt_authn.h"
#include "common/xds/decode_jwt_authn.h"
#include "tests/unit/common/xds/refusals.h"
#include "tests/unit/common/xds/samples.h"

typedef Envoy__Extensions__Filters__Http__JwtAuthn__V3__JwtAuthentication Authentication;
#define CHANGE(name) static void name(struct gw_arena *arena, Authentication *m)

static const struct gw_str names[] = {GW_STR("a"), GW_STR("b")};
static const struct gw_jwt_header headers[] = {{GW_STR("authorization"), GW_STR("Bearer ")}, {GW_STR("x-token"), GW_STR("")}};
static const struct gw_jwt_claim_header claims[] = {{GW_STR("x-tenant"), GW_STR("tenant.id")}};
static const struct gw_string_match subject = {.kind = GW_STRING_MATCH_PREFIX, .value = GW_STR("u-"), .ignore_case = true};
static const struct gw_jwt_provider providers[] = {
    {.name = GW_STR("one"),
     .issuer = GW_STR("https://one"),
     .audiences = names,
     .audience_count = 2,
     .clock_skew_s = 5,
     .subject = &subject,
     .requires_expiration = true,
     .is_forwarded = true,
     .pads_payload = true,
     .max_lifetime_ms = 1500,
     .jwks = GW_STR(GW_JWT_NO_KEYS),
     .secret = GW_STR("jwt/one"),
     .headers = headers,
     .params = names,
     .cookies = names,
     .header_count = 2,
     .param_count = 1,
     .cookie_count = 2,
     .claim_header_count = 1,
     .claim_headers = claims,
     .payload_header = GW_STR("x-payload"),
     .payload_metadata = GW_STR("jwt"),
     .required_claims = names,
     .required_claim_count = 2,
     .is_cached = true,
     .cached_tokens = 7,
     .cached_token_bytes = 8,
     .claims = {GW_STR("uid"), GW_STR("n"), GW_STR("r.s"), GW_STR("p")}},
    {.name = GW_STR("two"), .jwks = GW_STR(GW_JWT_NO_KEYS), .headers = headers, .header_count = 1, .clock_skew_s = 60},
};
static const struct gw_jwt_requirement leaves[] = {{.kind = GW_JWT_REQUIRES_PROVIDER, .provider = 1},
                                                   {.kind = GW_JWT_REQUIRES_PROVIDER, .audiences = names, .audience_count = 1},
                                                   {.kind = GW_JWT_ALLOWS_MISSING},
                                                   {.kind = GW_JWT_ALLOWS_MISSING_OR_FAILED}};
static const struct gw_jwt_named_requirement requirements[] = {
    {GW_STR("all"), {.kind = GW_JWT_REQUIRES_ALL, .children = leaves, .child_count = 2}},
    {GW_STR("any"), {.kind = GW_JWT_REQUIRES_ANY, .children = leaves, .child_count = 4}},
    {GW_STR("nothing"), {.kind = GW_JWT_REQUIRES_NOTHING}},
};
static const struct gw_jwt_rule rules[] = {
    {.match = {.kind = GW_PATH_MATCH_PREFIX, .path = GW_STR("/a")}, .requirement_name = GW_STR("any")},
    {.match = {.kind = GW_PATH_MATCH_EXACT, .path = GW_STR("/b")}, .requirement = &leaves[0]},
    {.match = {.kind = GW_PATH_MATCH_PREFIX, .path = GW_STR("/")}},
};
static const struct gw_jwt_authn sample = {providers, 2, 3, requirements, rules, 3, true};
static const struct gw_forwarded_identity identity = {GW_STR("x-1"), GW_STR("x-2"), GW_STR("x-3"), GW_STR("x-4"),
                                                      GW_STR("x-5"), GW_STR("x-6"), GW_STR("x-7"), GW_STR("x-s"),
                                                      GW_STR("x-8"), GW_STR("x-9"), GW_STR("x-p-")};

static struct gw_resource *encode(void) {
  const struct gw_http_filter filters[] = {
      {.name = GW_STR("jwt"), .kind = GW_FILTER_JWT_AUTHN, .settings.jwt_authn = &sample},
      {.name = GW_STR("identity"), .kind = GW_FILTER_IDENTITY, .settings.forwarded_identity = &identity},
      {.name = GW_STR("router"), .kind = GW_FILTER_ROUTER},
  };
  struct gw_listener listener = sample_listener;
  listener.http.filters = filters;
  listener.http.filter_count = 3;
  return gw_xds_encode_listener(&listener);
}

static void assert_same_requirement(const struct gw_jwt_requirement *a, const struct gw_jwt_requirement *b) {
  assert_int_equal(a->kind, b->kind);
  assert_int_equal(a->provider, b->provider);
  assert_int_equal(a->audience_count, b->audience_count);
  assert_int_equal(a->child_count, b->child_count);
  for (uint32_t i = 0; i < a->child_count; i++)
    assert_same_requirement(&a->children[i], &b->children[i]);
}

static void test_what_is_said_comes_back(void **state) {
  (void)state;
  struct gw_resource *resource = encode();
  const struct gw_http_connection_manager *http = &resource->listener->http;
  assert_int_equal(http->filter_count, 3);
  const struct gw_jwt_authn *authn = http->filters[0].settings.jwt_authn;
  assert_int_equal(authn->provider_count, 2);
  const struct gw_jwt_provider *one = &authn->providers[0], *wanted = &providers[0];
  const struct gw_str texts[][2] = {{one->name, wanted->name},
                                    {one->issuer, wanted->issuer},
                                    {one->audiences[1], names[1]},
                                    {one->subject->value, subject.value},
                                    {one->jwks, wanted->jwks},
                                    {one->secret, wanted->secret},
                                    {one->headers[1].name, headers[1].name},
                                    {one->headers[0].prefix, headers[0].prefix},
                                    {one->cookies[1], names[1]},
                                    {one->claim_headers[0].claim, claims[0].claim},
                                    {one->payload_header, wanted->payload_header},
                                    {one->payload_metadata, wanted->payload_metadata},
                                    {one->required_claims[1], names[1]},
                                    {one->claims.user_id, wanted->claims.user_id},
                                    {one->claims.roles, wanted->claims.roles},
                                    {http->filters[1].settings.forwarded_identity->trace_id, identity.trace_id},
                                    {http->filters[1].settings.forwarded_identity->path_parameter_prefix, identity.path_parameter_prefix}};
  for (size_t i = 0; i < GW_ARRAY_LEN(texts); i++)
    if (!gw_str_equal(texts[i][0], texts[i][1])) fail_msg("%zu: %.*s", i, GW_STR_ARG(texts[i][0]));
  assert_true(one->subject->ignore_case && one->requires_expiration && one->is_forwarded && one->pads_payload && one->is_cached);
  assert_int_equal(one->clock_skew_s, 5);
  assert_int_equal(one->max_lifetime_ms, 1500);
  assert_int_equal(one->cached_tokens + one->cached_token_bytes, 15);
  for (uint32_t i = 0; i < 3; i++)
    assert_same_requirement(&authn->requirements[i].requirement, &requirements[i].requirement);
  assert_int_equal(authn->rule_count, 3);
  assert_true(gw_str_equal(authn->rules[0].requirement_name, GW_STR("any")));
  assert_same_requirement(authn->rules[1].requirement, &leaves[0]);
  assert_null(authn->rules[2].requirement);
  assert_true(authn->passes_cors_preflight);
  gw_resource_unref(resource);
}

static void test_listener_names_the_secrets_of_its_providers(void **state) {
  (void)state;
  struct gw_resource *resource = encode();
  enum gw_resource_type type;
  struct gw_str name = {NULL, 0};
  bool is_named = false;
  for (uint32_t cursor = 0; gw_resource_next_name(resource, &cursor, &type, &name);)
    is_named = is_named || (type == GW_RESOURCE_SECRET && gw_str_equal(name, GW_STR("jwt/one")));
  assert_true(is_named);
  gw_resource_unref(resource);
}

/* ---- refusals ---- */

CHANGE(no_keys) {
  (void)arena;
  m->providers[0]->value->jwks_source_specifier_case = 0;
}
CHANGE(remote_keys) {
  add_unknown(arena, &m->providers[0]->value->base, 3);
}
CHANGE(twice) {
  m->providers[1]->key = gw_xds_encode_str(arena, GW_STR("one"));
}
CHANGE(unknown_provider) {
  m->requirement_map[0]->value->requires_all->requirements[0]->provider_name = gw_xds_encode_str(arena, GW_STR("three"));
}
CHANGE(one_alternative) {
  (void)arena;
  m->requirement_map[1]->value->requires_any->n_requirements = 1;
}
CHANGE(unknown_name) {
  m->rules[0]->requirement_name = gw_xds_encode_str(arena, GW_STR("nobody"));
}
CHANGE(no_match) {
  (void)arena;
  m->rules[0]->match = NULL;
}
CHANGE(bad_header) {
  m->providers[0]->value->claim_to_headers[0]->header_name = gw_xds_encode_str(arena, GW_STR("x y"));
}
CHANGE(long_skew) {
  (void)arena;
  m->providers[0]->value->clock_skew_seconds = 86401;
}
CHANGE(filter_state) {
  add_unknown(arena, &m->base, 3);
}

static const struct {
  void (*change)(struct gw_arena *arena, Authentication *m);
  const char *mistake;
} refusals[] = {
    {no_keys, "providers.one: needs local_jwks"},
    {remote_keys, "remote_jwks: not supported"},
    {twice, "providers.one: is there twice"},
    {unknown_provider, "requires_all.requirements[0].provider_name: \"three\" is not one of the providers"},
    {one_alternative, "requires_any.requirements: are 1; allowed is 2 to 1000"},
    {unknown_name, "rules[0].requirement_name: is not in requirement_map"},
    {no_match, "rules[0].match: is missing"},
    {bad_header, "claim_to_headers[0].header_name"},
    {long_skew, "clock_skew_seconds: is more than a day"},
    {filter_state, "filter_state_rules: not supported"},
};

static void test_what_is_wrong_is_refused_at_its_place(void **state) {
  (void)state;
  for (size_t i = 0; i < GW_ARRAY_LEN(refusals); i++) {
    struct gw_arena arena;
    struct gw_errors errors;
    gw_arena_init(&arena, 4096);
    gw_errors_init(&errors);
    const struct gw_http_filter filter = {.kind = GW_FILTER_JWT_AUTHN, .settings.jwt_authn = &sample};
    Authentication *m = (Authentication *)gw_xds_encode_jwt_authn(&arena, &filter);
    refusals[i].change(&arena, m);
    struct gw_xds_decoder decoder = {.arena = &arena, .scratch = &arena, .errors = &errors};
    const void *message = gw_xds_decode_any(&decoder, NULL, gw_xds_encode_any(&arena, &m->base), gw_xds_filter_jwt_authn.descriptor);
    struct gw_http_filter decoded = {.kind = GW_FILTER_JWT_AUTHN};
    if (message != NULL) gw_xds_filter_jwt_authn.decode(&decoder, NULL, message, &decoded);
    GW_CLEANUP(gw_free_ptr) char *text = gw_errors_format(&errors);
    assert_mistake(errors.error_count > 0 ? text : NULL, refusals[i].mistake);
    gw_errors_done(&errors);
    gw_arena_done(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_is_said_comes_back),
      cmocka_unit_test(test_listener_names_the_secrets_of_its_providers),
      cmocka_unit_test(test_what_is_wrong_is_refused_at_its_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
