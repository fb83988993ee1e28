/* Rate limits on the wire: there and back again, and what is refused. */
#include "common/xds/decode.h"

#include "envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.pb-c.h"
#include "gateway/filters/http/v1/rate_limit.pb-c.h"
#include "tests/unit/common/xds/refusals.h"

typedef Envoy__Config__Route__V3__RouteConfiguration RouteConfiguration;
typedef Envoy__Extensions__Filters__Http__LocalRatelimit__V3__LocalRateLimit LocalRateLimit;
typedef Gateway__Filters__Http__V1__SharedRateLimitPerRoute PerRoute;

/* ---- a route that has all of it ---- */

static const struct gw_str path[] = {{"payload", 7}, {"org", 3}, {"id", 2}};
static const struct gw_rate_limit_action actions[] = {
    {.kind = GW_RATE_LIMIT_GENERIC_KEY, .key = {"limit", 5}, .value = {"0", 1}},
    {.kind = GW_RATE_LIMIT_REMOTE_ADDRESS, .key = {"remote_address", 14}},
    {.kind = GW_RATE_LIMIT_MASKED_ADDRESS, .key = {"masked_remote_address", 21}, .v4_bits = 24, .v6_bits = 64},
    {.kind = GW_RATE_LIMIT_HEADER, .key = {"tenant", 6}, .from = {"x-tenant", 8}, .is_skipped_if_absent = true},
    {.kind = GW_RATE_LIMIT_METADATA,
     .key = {"org", 3},
     .value = {"-", 1},
     .from = {"envoy.filters.http.jwt_authn", 28},
     .path = path,
     .path_count = 3},
};
static const struct gw_rate_limit_actions rate_limits[] = {{actions, 5}, {actions, 1}};
static const struct gw_rate_limit_entry entries[] = {{{"limit", 5}, {"0", 1}}, {{"tenant", 6}, {"", 0}}};
static const struct gw_rate_limit_descriptor descriptors[] = {{entries, 2, {10, 5, 1000}}, {entries, 1, {7, 1, 60000}}};
static const struct gw_header_option headers[] = {{.name = {"x-why", 5}, .value = {"100%", 4}, .action = GW_HEADER_OVERWRITE}};
static const struct gw_local_limit_route local = {{
    .stat_prefix = {"rate_limit", 10},
    .status = 503,
    .has_bucket = true,
    .always_consumes_bucket = true,
    .is_resource_exhausted = true,
    .tells_x_headers = true,
    .enabled_millionths = 1000000,
    .enforced_millionths = 123456,
    .bucket = {100, 100, 60000},
    .max_dynamic_descriptors = 1000,
    .descriptors = descriptors,
    .descriptor_count = 2,
    .rate_limits = rate_limits,
    .rate_limit_count = 2,
    .response_headers = headers,
    .response_header_count = 1,
}};

static const struct gw_rate_limit_plan plans[] = {{{"gold", 4}, {1000, 2000, 60000}}};
static const struct gw_rate_limit_key keys[] = {{GW_RATE_LIMIT_KEY_CALLER, {NULL, 0}},
                                                {GW_RATE_LIMIT_KEY_CLIENT, {NULL, 0}},
                                                {GW_RATE_LIMIT_KEY_HEADER, {"x-tenant", 8}},
                                                {GW_RATE_LIMIT_KEY_CLAIM, {"org.id", 6}}};
static const struct gw_rate_limit limits[] = {
    {.name = {"route/a/0", 9}, .is_shared = true, .numbers = {5, 9, 1000}, .plans = plans, .plan_count = 1, .key_count = 4, .keys = keys},
    {.name = {"plan", 4}, .scope = GW_RATE_LIMIT_SCOPE_PLAN, .plans = plans, .plan_count = 1},
};
static const struct gw_shared_limit_route shared = {limits, 2};
static const struct gw_route_filters filters = {.local_limit = &local, .shared_limit = &shared};

static const struct gw_route routes[] = {
    {.name = {"a", 1}, .match = {.kind = GW_PATH_MATCH_EXACT, .path = {"/a", 2}}, .forward = {.cluster = {"s", 1}}, .filters = &filters},
    {.name = {"b", 1},
     .index = 1,
     .match = {.kind = GW_PATH_MATCH_EXACT, .path = {"/b", 2}},
     .forward = {.cluster = {"s", 1}},
     .filters = &filters},
};
static const struct gw_str domain = {"*", 1};
static const struct gw_virtual_host host = {.name = {"all", 3}, .domains = &domain, .domain_count = 1, .routes = routes, .route_count = 2};
static const struct gw_route_config config = {.name = {"routes", 6}, .virtual_hosts = &host, .virtual_host_count = 1, .route_count = 2};

static void assert_same_bytes(const struct gw_bytes *a, const struct gw_bytes *b) {
  assert_int_equal(a->len, b->len);
  assert_memory_equal(a->data, b->data, a->len);
}

static void test_what_a_route_has_goes_there_and_back(void **state) {
  (void)state;
  struct gw_resource *resource = gw_xds_encode_route_config(&config);
  struct gw_resource *of_copy = gw_xds_encode_route_config(resource->route_config);
  assert_same_bytes(resource->any, of_copy->any);
  struct gw_errors errors;
  struct gw_arena arena;
  struct gw_resource *decoded;
  gw_errors_init(&errors);
  gw_arena_init(&arena, 1024);
  assert_int_equal(gw_xds_decode_resource(GW_RESOURCE_ROUTE_CONFIG, gw_bytes_ref(resource->any), &errors, &arena, NULL, &decoded), GW_OK);
  struct gw_resource *again = gw_xds_encode_route_config(decoded->route_config);
  assert_same_bytes(resource->any, again->any);
  const struct gw_route *found = decoded->route_config->virtual_hosts[0].routes;
  assert_ptr_equal(found[0].filters, found[1].filters); /* equal settings are held once */
  const struct gw_local_limit *limit = &found[0].filters->local_limit->limit;
  assert_int_equal(limit->enforced_millionths, 123456);
  assert_int_equal(limit->status, 503);
  assert_int_equal(limit->rate_limits[0].items[2].v4_bits, 24);
  assert_true(gw_str_equal(limit->rate_limits[0].items[4].path[2], GW_STR("id")));
  assert_true(gw_str_equal(limit->response_headers[0].value, GW_STR("100%")));
  const struct gw_rate_limit *own = found[0].filters->shared_limit->limits;
  assert_int_equal(own[0].numbers.burst, 9);
  assert_int_equal(own[0].keys[1].kind, GW_RATE_LIMIT_KEY_CLIENT);
  assert_true(gw_str_equal(own[0].keys[3].name, GW_STR("org.id")));
  assert_int_equal(own[1].numbers.requests, 0);
  assert_int_equal(own[1].plans[0].numbers.burst, 2000);
  gw_resource_unref(resource);
  gw_resource_unref(of_copy);
  gw_resource_unref(decoded);
  gw_resource_unref(again);
  gw_arena_done(&arena);
  gw_errors_done(&errors);
}

/* ---- refusals ---- */

/* The settings of route 0: 0 is Envoy's, 1 ours; changed and put back. */
static void assert_refused(uint32_t which, void (*change)(struct gw_arena *arena, void *message), const char *mistake) {
  static const ProtobufCMessageDescriptor *const types[] =
      {&envoy__extensions__filters__http__local_ratelimit__v3__local_rate_limit__descriptor,
       &gateway__filters__http__v1__shared_rate_limit_per_route__descriptor};
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  RouteConfiguration *m = gw_xds_encode_route_config_message(&arena, &config);
  Google__Protobuf__Any *any = m->virtual_hosts[0]->routes[0]->typed_per_filter_config[which]->value;
  ProtobufCMessage *message;
  assert_int_equal(gw_wire_unpack_checked(types[which], (struct gw_str){(const char *)any->value.data, any->value.len}, &arena, &message),
                   GW_OK);
  change(&arena, message);
  m->virtual_hosts[0]->routes[0]->typed_per_filter_config[which]->value = gw_xds_encode_any(&arena, message);
  char *told = decode_packed(&arena, GW_RESOURCE_ROUTE_CONFIG, &m->base);
  assert_mistake(told, mistake);
  free(told);
  gw_arena_done(&arena);
}

#define LOCAL ((LocalRateLimit *)m)
#define OURS ((PerRoute *)m)
#define CHANGE(name) static void name(struct gw_arena *arena, void *m)
#define UNUSED (void)arena
CHANGE(no_bucket) {
  UNUSED;
  LOCAL->token_bucket = NULL;
}
CHANGE(no_tokens) {
  UNUSED;
  LOCAL->token_bucket->max_tokens = 0;
}
CHANGE(quick_interval) {
  UNUSED;
  LOCAL->token_bucket->fill_interval->seconds = 0;
}
CHANGE(slow_bucket) {
  UNUSED;
  LOCAL->token_bucket->max_tokens = UINT32_MAX;
  LOCAL->token_bucket->tokens_per_fill->value = 1;
}
CHANGE(same_descriptor) {
  UNUSED;
  LOCAL->descriptors[1] = LOCAL->descriptors[0];
}
CHANGE(no_entries) {
  UNUSED;
  LOCAL->descriptors[0]->n_entries = 0;
}
CHANGE(no_actions) {
  UNUSED;
  LOCAL->rate_limits[0]->n_actions = 0;
}
CHANGE(no_specifier) {
  UNUSED;
  LOCAL->rate_limits[0]->actions[1]->action_specifier_case = 0;
}
CHANGE(odd_denominator) {
  UNUSED;
  LOCAL->filter_enabled->default_value->denominator = 7;
}
CHANGE(odd_headers) {
  UNUSED;
  LOCAL->enable_x_ratelimit_headers = 7;
}
CHANGE(operator_in_header) {
  LOCAL->response_headers_to_add[0]->header->value = gw_xds_encode_str(arena, GW_STR("%PROTOCOL%"));
}
CHANGE(route_metadata) {
  UNUSED;
  LOCAL->rate_limits[0]->actions[4]->metadata->source = 1;
}
CHANGE(per_connection) {
  add_unknown(arena, m, 11);
}
CHANGE(no_name) {
  OURS->limits[0]->name = gw_xds_encode_str(arena, GW_STR(""));
}
CHANGE(no_numbers) {
  UNUSED;
  OURS->limits[1]->n_plans = 0;
}
CHANGE(no_requests) {
  UNUSED;
  OURS->limits[0]->numbers->requests = 0;
}
CHANGE(no_burst) {
  UNUSED;
  OURS->limits[0]->numbers->burst = 0;
}
CHANGE(no_period) {
  UNUSED;
  OURS->limits[0]->numbers->per = NULL;
}
CHANGE(odd_scope) {
  UNUSED;
  OURS->limits[0]->scope = 9;
}
CHANGE(no_key) {
  UNUSED;
  OURS->limits[0]->keys[0]->key_case = 0;
}

static void test_what_can_not_be_enforced_is_refused(void **state) {
  (void)state;
#define AT "virtual_hosts[0].routes[0].typed_per_filter_config[0]."
  assert_refused(0, no_bucket, AT "token_bucket: is missing");
  assert_refused(0, no_tokens, AT "token_bucket.max_tokens: is 0; allowed is 1 and more");
  assert_refused(0, quick_interval, AT "token_bucket.fill_interval: is at least 50ms");
  assert_refused(0, slow_bucket, AT "token_bucket: takes more than a year to fill");
  assert_refused(0, same_descriptor, AT "descriptors[1]: is the same as descriptors[0]");
  assert_refused(0, no_entries, AT "descriptors[0].entries: is empty");
  assert_refused(0, no_actions, AT "rate_limits[0].actions: has 0; allowed is 1 to 32");
  assert_refused(0, no_specifier, AT "rate_limits[0].actions[1]: needs generic_key, remote_address, masked_remote_address");
  assert_refused(0, odd_denominator, AT "filter_enabled.default_value.denominator: 7 is not supported");
  assert_refused(0, odd_headers, AT "enable_x_ratelimit_headers: 7 is not supported");
  assert_refused(0, operator_in_header, AT "response_headers_to_add[0]: has an operator, which is not supported here");
  assert_refused(0, route_metadata, AT "rate_limits[0].actions[4].metadata.source: ROUTE_ENTRY is not supported");
  assert_refused(0, per_connection, "local_rate_limit_per_downstream_connection");
}

static void test_limits_of_ours_that_say_nothing_are_refused(void **state) {
  (void)state;
#undef AT
#define AT "virtual_hosts[0].routes[0].typed_per_filter_config[1].limits"
  assert_refused(1, no_name, AT "[0].name: ");
  assert_refused(1, no_numbers, AT "[1]: needs numbers or plans");
  assert_refused(1, no_requests, AT "[0].numbers.requests: is 0; allowed is 1 and more");
  assert_refused(1, no_burst, AT "[0].numbers.burst: is 0; allowed is 1 and more");
  assert_refused(1, no_period, AT "[0].numbers.per: is missing");
  assert_refused(1, odd_scope, AT "[0].scope: 9 is not supported");
  assert_refused(1, no_key, AT "[0].keys[0]: needs kind, header or claim");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_a_route_has_goes_there_and_back),
      cmocka_unit_test(test_what_can_not_be_enforced_is_refused),
      cmocka_unit_test(test_limits_of_ours_that_say_nothing_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
