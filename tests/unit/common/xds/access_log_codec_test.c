/* Access logs on the wire: where they go, their filters, of listeners and of routes. */
#include "common/xds/access_log_codec.h"

#include "envoy/extensions/access_loggers/file/v3/file.pb-c.h"
#include "envoy/extensions/access_loggers/stream/v3/stream.pb-c.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb-c.h"
#include "tests/unit/common/xds/refusals.h"

#define S(text)                                                                                                                            \
  { text, sizeof(text) - 1 }
#define HCM_DESCRIPTOR envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager__descriptor
#define FILE_DESCRIPTOR envoy__extensions__access_loggers__file__v3__file_access_log__descriptor
typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager Hcm;
typedef Envoy__Config__Accesslog__V3__AccessLogFilter AccessLogFilter;

static const struct gw_str flags[] = {S("UF"), S("RL")};
static const struct gw_header_match header = {S("x-debug"), GW_STRING_MATCH_REGEX, S("a+"), false, true, true};
static const struct gw_access_log_filter both[] = {
    {.kind = GW_LOG_FILTER_HEADER, .header = &header},
    {.kind = GW_LOG_FILTER_TYPE, .types = 1u << GW_ACCESS_LOG_TYPE_END | 1u << GW_ACCESS_LOG_TYPE_START, .is_excluded = true},
};
static const struct gw_access_log_filter any[] = {
    {.kind = GW_LOG_FILTER_STATUS, .comparison = GW_COMPARE_AT_LEAST, .value = 500},
    {.kind = GW_LOG_FILTER_DURATION, .comparison = GW_COMPARE_OTHER, .value = 7},
    {.kind = GW_LOG_FILTER_SAMPLE, .numerator = 25, .denominator = 10000, .is_independent = true},
    {.kind = GW_LOG_FILTER_FLAGS, .flags = flags, .flag_count = 2},
    {.kind = GW_LOG_FILTER_AND, .children = both, .child_count = 2},
};
static const struct gw_access_log_route of_route = {.filter = {.kind = GW_LOG_FILTER_OR, .children = any, .child_count = 5}};

static void assert_filter(const struct gw_access_log_filter *got, const struct gw_access_log_filter *want) {
  assert_int_equal(got->kind, want->kind);
  assert_int_equal(got->comparison, want->comparison);
  assert_int_equal(got->value, want->value);
  assert_int_equal(got->numerator, want->numerator);
  assert_int_equal(got->denominator, want->denominator);
  assert_int_equal(got->is_independent, want->is_independent);
  assert_int_equal(got->is_excluded, want->is_excluded);
  assert_int_equal(got->types, want->types);
  assert_int_equal(got->flag_count, want->flag_count);
  for (uint32_t i = 0; i < want->flag_count; i++)
    assert_true(gw_str_equal(got->flags[i], want->flags[i]));
  assert_int_equal(got->header != NULL, want->header != NULL);
  if (want->header != NULL) {
    assert_true(gw_str_equal(got->header->name, want->header->name) && gw_str_equal(got->header->value, want->header->value));
    assert_int_equal(got->header->kind, want->header->kind);
    assert_int_equal(got->header->invert, want->header->invert);
    assert_int_equal(got->header->takes_missing_as_empty, want->header->takes_missing_as_empty);
  }
  assert_int_equal(got->child_count, want->child_count);
  for (uint32_t i = 0; i < want->child_count; i++)
    assert_filter(&got->children[i], &want->children[i]);
}

/* ---- of routes ---- */

static void test_a_routes_filter_comes_back_by_wire_and_by_copy(void **state) {
  (void)state;
  static const struct gw_str domain = S("*");
  static const struct gw_route_filters filters = {.access_log = &of_route};
  struct gw_route route = {.match.path = GW_STR("/"), .action = GW_ROUTE_DIRECT_RESPONSE, .direct.status = 200, .filters = &filters};
  struct gw_virtual_host host = {.name = S("h"), .domains = &domain, .domain_count = 1, .routes = &route, .route_count = 1};
  struct gw_arena arena;
  struct gw_errors errors;
  gw_arena_init(&arena, 1024);
  gw_errors_init(&errors);
  struct gw_resource *copied = gw_xds_encode_route_config(
      &(struct gw_route_config){.name = S("c"), .virtual_hosts = &host, .virtual_host_count = 1, .route_count = 1});
  struct gw_resource *decoded = NULL;
  assert_filter(&copied->route_config->virtual_hosts[0].routes[0].filters->access_log->filter, &of_route.filter);
  assert_int_equal(gw_xds_decode_resource(GW_RESOURCE_ROUTE_CONFIG, copied->any, &errors, &arena, NULL, &decoded), GW_OK);
  assert_filter(&decoded->route_config->virtual_hosts[0].routes[0].filters->access_log->filter, &of_route.filter);
  gw_resource_unref(decoded);
  gw_resource_unref(copied);
  gw_errors_done(&errors);
  gw_arena_done(&arena);
}

/* ---- of listeners ---- */

static const struct gw_http_filter router[] = {{GW_STR("router"), GW_FILTER_ROUTER, {{false, false, false, NULL, 0}}}};
static const struct gw_access_log logs[] = {{.text = S("%PROTOCOL%\n"), .omits_empty = true, .filter = &of_route.filter}};
static const struct gw_listener sample = {.name = S("l"),
                                          .address = S("127.0.0.1"),
                                          .http = {.route_config_name = S("r"),
                                                   .filters = router,
                                                   .filter_count = 1,
                                                   .access_logs = logs,
                                                   .access_log_count = 1,
                                                   .logs_new_requests = true,
                                                   .use_remote_address = true,
                                                   .max_request_headers_kb = 60,
                                                   .max_headers_count = 100}};

/* The listener's message with its connection manager changed. */
static ProtobufCMessage *changed(struct gw_arena *arena, change_fn change) {
  Envoy__Config__Listener__V3__Listener *listener = (Envoy__Config__Listener__V3__Listener *)gw_xds_encode_listener_message(arena, &sample);
  Envoy__Config__Listener__V3__Filter *filter = listener->filter_chains[0]->filters[0];
  struct gw_str bytes = {(const char *)filter->typed_config->value.data, filter->typed_config->value.len};
  ProtobufCMessage *http = NULL;
  assert_int_equal(gw_wire_unpack(&HCM_DESCRIPTOR, bytes, arena, &http), GW_OK);
  change(arena, http);
  filter->typed_config = gw_xds_encode_any(arena, http);
  return &listener->base;
}

#define CHANGE(name) static void name(struct gw_arena *arena, void *m)
#define LOG (((Hcm *)m)->access_log[0])
#define CHILD(index) (LOG->filter->or_filter->filters[index])

CHANGE(nothing) {
  (void)arena, (void)m;
}
static void set_file(struct gw_arena *arena, Hcm *m, const char *path) {
  Envoy__Extensions__AccessLoggers__File__V3__FileAccessLog *file = gw_xds_encode_new(arena, &FILE_DESCRIPTOR);
  file->path = gw_xds_encode_str(arena, gw_str_from(path));
  m->access_log[0]->typed_config = gw_xds_encode_any(arena, &file->base);
}
CHANGE(standard_output) {
  set_file(arena, m, "/dev/stdout");
}
CHANGE(other_file) {
  set_file(arena, m, "/var/log/access.log");
}
CHANGE(deprecated_format) {
  Envoy__Extensions__AccessLoggers__File__V3__FileAccessLog *file = gw_xds_encode_new(arena, &FILE_DESCRIPTOR);
  file->path = gw_xds_encode_str(arena, GW_STR("/dev/stdout"));
  add_unknown(arena, &file->base, 2);
  LOG->typed_config = gw_xds_encode_any(arena, &file->base);
}
CHANGE(no_filter) {
  (void)arena;
  LOG->filter->filter_specifier_case = 0;
}
CHANGE(metadata_filter) {
  add_unknown(arena, &LOG->filter->base, 12);
}
CHANGE(other_operator) {
  (void)arena;
  CHILD(0)->status_code_filter->comparison->op = 9;
}
CHANGE(no_value) {
  (void)arena;
  CHILD(1)->duration_filter->comparison->value = NULL;
}
CHANGE(no_share) {
  (void)arena;
  CHILD(2)->runtime_filter->percent_sampled = NULL;
}
CHANGE(odd_share) {
  (void)arena;
  CHILD(2)->runtime_filter->percent_sampled->denominator = 7;
}
CHANGE(alone) {
  (void)arena;
  CHILD(4)->and_filter->n_filters = 1;
}
CHANGE(no_types) {
  (void)arena;
  CHILD(4)->and_filter->filters[1]->log_type_filter->n_types = 0;
}
CHANGE(odd_type) {
  (void)arena;
  CHILD(4)->and_filter->filters[1]->log_type_filter->types[0] = 99;
}
CHANGE(deep) {
  AccessLogFilter *inner = CHILD(0);
  for (int i = 0; i < 9; i++) {
    AccessLogFilter *outer = gw_xds_encode_new(arena, &envoy__config__accesslog__v3__access_log_filter__descriptor);
    outer->filter_specifier_case = ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG_FILTER__FILTER_SPECIFIER_AND_FILTER;
    outer->and_filter = gw_xds_encode_new(arena, &envoy__config__accesslog__v3__and_filter__descriptor);
    outer->and_filter->n_filters = 2;
    outer->and_filter->filters = gw_xds_encode_array(arena, 2);
    outer->and_filter->filters[0] = outer->and_filter->filters[1] = inner;
    inner = outer;
  }
  LOG->filter = inner;
}
CHANGE(periodic) {
  add_unknown(arena, &((Hcm *)m)->access_log_options->base, 1);
}

static const struct gw_listener *decode(struct gw_arena *arena, struct gw_errors *errors, const ProtobufCMessage *message,
                                        struct gw_resource **ret_resource) {
  struct gw_bytes *any_bytes = gw_wire_pack(&gw_xds_encode_any(arena, message)->base);
  if (gw_xds_decode_resource(GW_RESOURCE_LISTENER, any_bytes, errors, arena, NULL, ret_resource) != GW_OK)
    fail_msg("%s", gw_errors_format(errors));
  gw_bytes_unref(any_bytes);
  return (*ret_resource)->listener;
}

static void test_a_listeners_log_comes_back(void **state) {
  (void)state;
  struct gw_arena arena;
  struct gw_errors errors;
  struct gw_resource *resource;
  gw_arena_init(&arena, 1024);
  gw_errors_init(&errors);
  const struct gw_http_connection_manager *http = &decode(&arena, &errors, changed(&arena, nothing), &resource)->http;
  assert_true(http->logs_new_requests);
  assert_true(http->access_logs[0].omits_empty);
  assert_filter(http->access_logs[0].filter, &of_route.filter);
  gw_resource_unref(resource);
  gw_errors_done(&errors);
  gw_arena_done(&arena);
}

static void test_the_file_that_is_standard_output_is_taken(void **state) {
  (void)state;
  struct gw_arena arena;
  struct gw_errors errors;
  struct gw_resource *resource;
  gw_arena_init(&arena, 1024);
  gw_errors_init(&errors);
  const struct gw_http_connection_manager *http = &decode(&arena, &errors, changed(&arena, standard_output), &resource)->http;
  assert_true(gw_str_has_prefix(http->access_logs[0].text, GW_STR("[%START_TIME%]")));
  gw_resource_unref(resource);
  gw_errors_done(&errors);
  gw_arena_done(&arena);
}

#define AT "filter_chains[0].filters[0].typed_config.access_log[0]"
static const struct refusal refusals[] = {
    {other_file, AT ".typed_config.path: \"/var/log/access.log\" is not supported; /dev/stdout is"},
    {deprecated_format, AT ".typed_config.format: not supported"},
    {no_filter, AT ".filter: needs a filter_specifier"},
    {metadata_filter, AT ".filter.metadata_filter: not supported"},
    {other_operator, AT ".filter.or_filter.filters[0].status_code_filter.comparison.op: value 9 is not known"},
    {no_value, AT ".filter.or_filter.filters[1].duration_filter.comparison: needs a value"},
    {no_share, AT ".filter.or_filter.filters[2].runtime_filter.percent_sampled: is missing"},
    {odd_share, AT ".filter.or_filter.filters[2].runtime_filter.percent_sampled.denominator: value 7 is not known"},
    {alone, AT ".filter.or_filter.filters[4].and_filter: has 1 filters, 1 deep; allowed is 2 to 32, up to 8 deep"},
    {no_types, AT ".filter.or_filter.filters[4].and_filter.filters[1].log_type_filter.types: is empty"},
    {odd_type, AT ".filter.or_filter.filters[4].and_filter.filters[1].log_type_filter.types[0]: value 99 is not known"},
    {deep, "has 2 filters, 8 deep; allowed is 2 to 32, up to 8 deep"},
    {periodic, "filter_chains[0].filters[0].typed_config.access_log_options.access_log_flush_interval: not supported"},
};

static void test_what_is_not_supported_is_refused_with_its_place(void **state) {
  (void)state;
  for (size_t i = 0; i < GW_ARRAY_LEN(refusals); i++) {
    struct gw_arena arena;
    gw_arena_init(&arena, 4096);
    char *said = decode_packed(&arena, GW_RESOURCE_LISTENER, changed(&arena, refusals[i].change));
    assert_mistake(said, refusals[i].mistake);
    free(said);
    gw_arena_done(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_routes_filter_comes_back_by_wire_and_by_copy),
      cmocka_unit_test(test_a_listeners_log_comes_back),
      cmocka_unit_test(test_the_file_that_is_standard_output_is_taken),
      cmocka_unit_test(test_what_is_not_supported_is_refused_with_its_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
