/* Addresses and CORS on the wire. */
#include "common/model/access.h"

#include "envoy/extensions/filters/http/cors/v3/cors.pb-c.h"
#include "gateway/filters/http/v1/access.pb-c.h"
#include "tests/unit/common/xds/refusals.h"

#define S(text)                                                                                                                            \
  { text, sizeof(text) - 1 }

static const struct gw_str allow[] = {S("10.0.0.0/8"), S("2001:db8::/32")}, deny[] = {S("10.6.6.0/24")};
static const struct gw_string_match origins[] = {{GW_STRING_MATCH_EXACT, false, S("https://shop.example.com")},
                                                 {GW_STRING_MATCH_REGEX, false, S("https://.+\\.example\\.org")}};
static const struct gw_access_route access_route = {allow, deny, 2, 1};
static const struct gw_cors_route cors_route = {.origins = origins,
                                                .origin_count = 2,
                                                .allows_credentials = true,
                                                .refuses_other_preflights = true,
                                                .allow_methods = S("GET, PUT"),
                                                .allow_headers = S("X-A"),
                                                .expose_headers = S("X-B"),
                                                .max_age = S("60")},
                                  disabled = {.is_disabled = true};
static const struct gw_route_filters filters[] = {{.access = &access_route, .cors = &cors_route}, {.cors = &disabled}};

static struct gw_resource *encode(void) {
  static const struct gw_str domain = S("*");
  struct gw_route routes[2] = {{.index = 0}, {.index = 1}};
  for (uint32_t i = 0; i < 2; i++) {
    routes[i].match.path = GW_STR("/");
    routes[i].action = GW_ROUTE_DIRECT_RESPONSE;
    routes[i].direct.status = 200;
    routes[i].filters = &filters[i];
  }
  struct gw_virtual_host host = {.name = S("h"), .domains = &domain, .domain_count = 1, .routes = routes, .route_count = 2};
  struct gw_route_config config = {.name = S("c"), .virtual_hosts = &host, .virtual_host_count = 1, .route_count = 2};
  return gw_xds_encode_route_config(&config);
}

static void assert_model(const struct gw_route_config *config) {
  const struct gw_route *routes = config->virtual_hosts[0].routes;
  const struct gw_access_route *access = routes[0].filters->access;
  const struct gw_cors_route *cors = routes[0].filters->cors;
  assert_int_equal(access->allow_count, 2);
  assert_int_equal(access->deny_count, 1);
  assert_true(gw_str_equal(access->allow[1], allow[1]) && gw_str_equal(access->deny[0], deny[0]));
  assert_int_equal(cors->origin_count, 2);
  assert_int_equal(cors->origins[1].kind, GW_STRING_MATCH_REGEX);
  assert_true(gw_str_equal(cors->origins[0].value, origins[0].value));
  assert_true(cors->allows_credentials && cors->refuses_other_preflights && !cors->is_disabled);
  assert_true(gw_str_equal(cors->allow_methods, cors_route.allow_methods) && gw_str_equal(cors->allow_headers, cors_route.allow_headers));
  assert_true(gw_str_equal(cors->expose_headers, cors_route.expose_headers) && gw_str_equal(cors->max_age, cors_route.max_age));
  assert_null(routes[1].filters->access);
  assert_true(routes[1].filters->cors->is_disabled && !routes[1].filters->cors->refuses_other_preflights);
}

static void test_everything_comes_back_by_wire_and_by_copy(void **state) {
  (void)state;
  struct gw_arena arena;
  struct gw_errors errors;
  gw_arena_init(&arena, 1024);
  gw_errors_init(&errors);
  struct gw_resource *copied = encode(), *decoded = NULL;
  assert_model(copied->route_config);
  assert_int_equal(gw_xds_decode_resource(GW_RESOURCE_ROUTE_CONFIG, copied->any, &errors, &arena, NULL, &decoded), GW_OK);
  assert_model(decoded->route_config);
  gw_resource_unref(decoded);
  gw_resource_unref(copied);
  gw_errors_done(&errors);
  gw_arena_done(&arena);
}

typedef Envoy__Extensions__Filters__Http__Cors__V3__CorsPolicy Policy;
#define CHANGE(name) static void name(struct gw_arena *arena, void *m)

CHANGE(half) {
  Policy *policy = m;
  policy->filter_enabled = gw_xds_encode_new(arena, &envoy__config__core__v3__runtime_fractional_percent__descriptor);
  policy->filter_enabled->default_value = gw_xds_encode_new(arena, &envoy__type__v3__fractional_percent__descriptor);
  policy->filter_enabled->default_value->numerator = 50;
}
CHANGE(split_value) {
  ((Policy *)m)->allow_headers = gw_xds_encode_str(arena, GW_STR("a\r\nset-cookie: b"));
}
CHANGE(no_pattern) {
  (void)arena;
  ((Policy *)m)->allow_origin_string_match[0]->match_pattern_case = 0;
}
CHANGE(private_network) {
  add_unknown(arena, m, 9);
}

static const struct refusal refusals[] = {
    {half, "filter_enabled: must be 0 or 100 percent"},
    {split_value, "allow_headers: holds a control character"},
    {no_pattern, "allow_origin_string_match[0]: needs exact, prefix, suffix, contains or safe_regex"},
    {private_network, "allow_private_network_access: not supported"},
};

static void test_what_is_not_supported_is_refused_with_its_place(void **state) {
  (void)state;
  for (size_t i = 0; i < GW_ARRAY_LEN(refusals); i++) {
    struct gw_arena arena;
    gw_arena_init(&arena, 4096);
    struct gw_resource *resource = encode();
    Envoy__Config__Route__V3__RouteConfiguration *config = gw_xds_encode_route_config_message(&arena, resource->route_config);
    Envoy__Config__Route__V3__Route__TypedPerFilterConfigEntry *entry = config->virtual_hosts[0]->routes[0]->typed_per_filter_config[0];
    ProtobufCMessage *policy;
    assert_string_equal(entry->key, "envoy.filters.http.cors");
    assert_int_equal(gw_wire_unpack(&envoy__extensions__filters__http__cors__v3__cors_policy__descriptor,
                                    (struct gw_str){(const char *)entry->value->value.data, entry->value->value.len}, &arena, &policy),
                     GW_OK);
    refusals[i].change(&arena, policy);
    entry->value = gw_xds_encode_any(&arena, policy);
    char *said = decode_packed(&arena, GW_RESOURCE_ROUTE_CONFIG, &config->base);
    assert_mistake(said, refusals[i].mistake);
    free(said);
    gw_resource_unref(resource);
    gw_arena_done(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_everything_comes_back_by_wire_and_by_copy),
      cmocka_unit_test(test_what_is_not_supported_is_refused_with_its_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
