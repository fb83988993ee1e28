#include "common/xds/decode.h"

#include "envoy/extensions/access_loggers/stream/v3/stream.pb-c.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb-c.h"
#include "gateway/filters/http/v1/node_endpoints.pb-c.h"
#include "tests/unit/common/xds/refusals.h"
#include "tests/unit/common/xds/samples.h"

typedef Envoy__Config__Listener__V3__Listener Listener;
typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager Hcm;
typedef Envoy__Extensions__AccessLoggers__Stream__V3__StdoutAccessLog StdoutAccessLog;
#define HCM_DESCRIPTOR envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager__descriptor
#define STDOUT_DESCRIPTOR envoy__extensions__access_loggers__stream__v3__stdout_access_log__descriptor
#define CHANGE(name) static void name(struct gw_arena *arena, void *m)
#define UNUSED (void)arena
#define LISTENER ((Listener *)m)
#define HTTP ((Hcm *)m)
#define AT "filter_chains[0].filters[0].typed_config"

static ProtobufCMessage *unpack(struct gw_arena *arena, const Google__Protobuf__Any *any, const ProtobufCMessageDescriptor *descriptor) {
  ProtobufCMessage *message = NULL;
  struct gw_str value = {(const char *)any->value.data, any->value.len};
  assert_int_equal(gw_wire_unpack(descriptor, value, arena, &message), GW_OK);
  return message;
}

static struct gw_listener plain_listener; /* the sample without TLS, trusted proxies and limits */

CHANGE(no_name) {
  UNUSED;
  LISTENER->name = (char *)"";
}
CHANGE(no_address) {
  UNUSED;
  LISTENER->address = NULL;
}
CHANGE(host_name) {
  LISTENER->address->socket_address->address = gw_xds_encode_str(arena, GW_STR("localhost"));
}
CHANGE(port_65536) {
  UNUSED;
  LISTENER->address->socket_address->port_value = 65536;
}
CHANGE(no_chain) {
  UNUSED;
  LISTENER->n_filter_chains = 0;
}
CHANGE(two_chains) {
  Envoy__Config__Listener__V3__FilterChain **chains = gw_xds_encode_array(arena, 2);
  chains[0] = chains[1] = LISTENER->filter_chains[0];
  LISTENER->filter_chains = chains;
  LISTENER->n_filter_chains = 2;
}
CHANGE(chain_match) {
  add_unknown(arena, &LISTENER->filter_chains[0]->base, 1);
}
CHANGE(no_filter) {
  UNUSED;
  LISTENER->filter_chains[0]->n_filters = 0;
}
CHANGE(other_filter) {
  LISTENER->filter_chains[0]->filters[0]->typed_config->type_url = gw_xds_encode_str(arena, GW_STR("t/envoy.Tcp"));
}
CHANGE(untyped_filter) {
  UNUSED;
  LISTENER->filter_chains[0]->filters[0]->config_type_case = 0;
}
CHANGE(listener_filters) {
  add_unknown(arena, m, 9);
}
CHANGE(api_beside_chain) {
  LISTENER->api_listener = gw_xds_encode_new(arena, &envoy__config__listener__v3__api_listener__descriptor);
}

static const struct refusal listener_refusals[] = {
    {no_name, "name: is empty"},
    {no_address, "address: needs socket_address"},
    {host_name, "address.socket_address.address: \"localhost\" is not an IP address"},
    {port_65536, "address.socket_address.port_value: must be a port, 0 to 65535"},
    {no_chain, "filter_chains: are 0; exactly one is supported"},
    {two_chains, "filter_chains: are 2; exactly one is supported"},
    {chain_match, "filter_chains[0].filter_chain_match: not supported"},
    {no_filter, "filter_chains[0].filters: are 0; exactly one"},
    {other_filter, AT ": type \"t/envoy.Tcp\" is not supported here"},
    {untyped_filter, AT ": is missing"},
    {listener_filters, "listener_filters: not supported"},
    {api_beside_chain, "api_listener: not supported beside filter_chains"},
};

CHANGE(http3) {
  UNUSED;
  HTTP->codec_type = 3;
}
CHANGE(no_streams) {
  HTTP->http2_protocol_options->max_concurrent_streams = gw_xds_encode_u32(arena, 0);
}
CHANGE(outbound_frames) {
  add_unknown(arena, &HTTP->http2_protocol_options->base, 7);
}
CHANGE(client_certificates) {
  UNUSED;
  HTTP->forward_client_cert_details = 9;
}
CHANGE(whole_certificate) {
  add_unknown(arena, &HTTP->set_current_client_cert_details->base, 3);
}
CHANGE(connect_upgrade) {
  HTTP->upgrade_configs[0]->upgrade_type = gw_xds_encode_str(arena, GW_STR("CONNECT"));
}
CHANGE(upgrade_filters) {
  add_unknown(arena, &HTTP->upgrade_configs[0]->base, 2);
}
CHANGE(no_routes) {
  UNUSED;
  HTTP->route_specifier_case = 0;
}
CHANGE(no_route_name) {
  UNUSED;
  HTTP->rds->route_config_name = (char *)"";
}
CHANGE(rds_elsewhere) {
  UNUSED;
  HTTP->rds->config_source->config_source_specifier_case = 0;
}
CHANGE(bad_inline_routes) {
  HTTP->route_specifier_case = 4;
  HTTP->route_config = gw_xds_encode_route_config_message(arena, &sample_route_config);
  HTTP->route_config->virtual_hosts[0]->routes[1]->match = NULL;
}
CHANGE(no_filters) {
  UNUSED;
  HTTP->n_http_filters = 0;
}
CHANGE(router_first) {
  UNUSED;
  Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpFilter *router = HTTP->http_filters[1];
  HTTP->http_filters[1] = HTTP->http_filters[0];
  HTTP->http_filters[0] = router;
}
CHANGE(two_routers) {
  UNUSED;
  HTTP->http_filters[0] = HTTP->http_filters[1];
}
CHANGE(unnamed_filter) {
  UNUSED;
  HTTP->http_filters[0]->name = (char *)"";
}
CHANGE(disabled_filter) {
  add_unknown(arena, &HTTP->http_filters[0]->base, 7);
}
CHANGE(unknown_filter) {
  HTTP->http_filters[0]->is_optional = false;
  HTTP->http_filters[0]->typed_config->type_url = gw_xds_encode_str(arena, GW_STR("type.googleapis.com/envoy.Lua"));
}
CHANGE(filter_without_config) {
  UNUSED;
  HTTP->http_filters[0]->is_optional = false;
  HTTP->http_filters[0]->config_type_case = 0;
}
CHANGE(router_field) {
  UNUSED;
  HTTP->http_filters[1]->typed_config->value = (ProtobufCBinaryData){2, (uint8_t *)"\x10\x01"};
}
CHANGE(bad_cidr) {
  Gateway__Filters__Http__V1__NodeEndpoints *settings =
      (Gateway__Filters__Http__V1__NodeEndpoints *)unpack(arena, HTTP->http_filters[0]->typed_config,
                                                          &gateway__filters__http__v1__node_endpoints__descriptor);
  settings->metrics_allow[1] = gw_xds_encode_str(arena, GW_STR("10.0.0.0/33"));
  HTTP->http_filters[0]->typed_config = gw_xds_encode_any(arena, &settings->base);
}
CHANGE(upgrade) {
  add_unknown(arena, m, 22);
}
CHANGE(http1_field) {
  add_unknown(arena, &HTTP->http_protocol_options->base, 2);
}
CHANGE(headers_0) {
  UNUSED;
  HTTP->common_http_protocol_options->max_headers_count->value = 0;
}
CHANGE(kb_0) {
  UNUSED;
  HTTP->max_request_headers_kb->value = 0;
}
CHANGE(kb_8193) {
  UNUSED;
  HTTP->max_request_headers_kb->value = 8193;
}
CHANGE(underscores_9) {
  UNUSED;
  HTTP->common_http_protocol_options->headers_with_underscores_action = 9;
}
CHANGE(slashes_9) {
  UNUSED;
  HTTP->path_with_escaped_slashes_action = 9;
}
CHANGE(stream_duration) {
  add_unknown(arena, &HTTP->common_http_protocol_options->base, 4);
}
CHANGE(server_name) {
  HTTP->server_name = gw_xds_encode_str(arena, GW_STR("a\nb"));
}
CHANGE(negative_drain) {
  UNUSED;
  HTTP->drain_timeout->seconds = -5;
}
CHANGE(other_log) {
  HTTP->access_log[0]->typed_config->type_url = gw_xds_encode_str(arena, GW_STR("t/envoy.File"));
}
CHANGE(untyped_log) {
  UNUSED;
  HTTP->access_log[0]->config_type_case = 0;
}

static void change_log(struct gw_arena *arena, Hcm *http, uint32_t index, void (*change)(struct gw_arena *arena, StdoutAccessLog *log)) {
  StdoutAccessLog *log = (StdoutAccessLog *)unpack(arena, http->access_log[index]->typed_config, &STDOUT_DESCRIPTOR);
  change(arena, log);
  http->access_log[index]->typed_config = gw_xds_encode_any(arena, &log->base);
}
static void make_number(struct gw_arena *arena, StdoutAccessLog *log) {
  UNUSED;
  log->log_format->json_format->fields[1]->value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE;
  log->log_format->json_format->fields[1]->value->number_value = 1;
}
static void make_double(struct gw_arena *arena, StdoutAccessLog *log) {
  UNUSED;
  log->log_format->json_format->fields[1]->key = log->log_format->json_format->fields[0]->key;
}
static void make_empty(struct gw_arena *arena, StdoutAccessLog *log) {
  UNUSED;
  log->log_format->json_format->n_fields = 0;
}
static void make_formless(struct gw_arena *arena, StdoutAccessLog *log) {
  UNUSED;
  log->log_format->format_case = 0;
}
static void make_formatters(struct gw_arena *arena, StdoutAccessLog *log) {
  add_unknown(arena, &log->log_format->base, 6);
}
CHANGE(log_number) {
  change_log(arena, m, 0, make_number);
}
CHANGE(log_double) {
  change_log(arena, m, 0, make_double);
}
CHANGE(log_empty) {
  change_log(arena, m, 0, make_empty);
}
CHANGE(log_formless) {
  change_log(arena, m, 1, make_formless);
}
CHANGE(log_formatters) {
  change_log(arena, m, 1, make_formatters);
}

static const struct refusal http_refusals[] = {
    {http3, AT ".codec_type: HTTP3 is not supported"},
    {no_streams, AT ".http2_protocol_options.max_concurrent_streams: is 0; allowed is 1 to 2147483647"},
    {outbound_frames, AT ".http2_protocol_options.max_outbound_frames: not supported"},
    {client_certificates, AT ".forward_client_cert_details: value 9 is not known"},
    {whole_certificate, AT ".set_current_client_cert_details.cert: not supported"},
    {connect_upgrade, AT ".upgrade_configs[0].upgrade_type: \"CONNECT\" is not supported; websocket is"},
    {upgrade_filters, AT ".upgrade_configs[0].filters: not supported"},
    {no_routes, AT ": needs rds or route_config"},
    {no_route_name, AT ".rds.route_config_name: is empty"},
    {rds_elsewhere, AT ".rds.config_source: must be ads"},
    {bad_inline_routes, AT ".route_config.virtual_hosts[0].routes[1].match: is missing"},
    {no_filters, AT ".http_filters: must end with the router"},
    {router_first, AT ".http_filters: must end with the router"},
    {two_routers, AT ".http_filters: must end with the router, and have it once"},
    {unnamed_filter, AT ".http_filters[0].name: is empty"},
    {disabled_filter, AT ".http_filters[0].disabled: not supported"},
    {unknown_filter, AT ".http_filters[0].typed_config: type \"type.googleapis.com/envoy.Lua\" is not supported"},
    {filter_without_config, AT ".http_filters[0].typed_config: is missing"},
    {router_field, AT ".http_filters[1].typed_config.start_child_span: not supported"},
    {bad_cidr, AT ".http_filters[0].typed_config.metrics_allow[1]: \"10.0.0.0/33\" is not like"},
    {upgrade, AT ".via: not supported"},
    {http1_field, AT ".http_protocol_options.accept_http_10: not supported"},
    {headers_0, AT ".common_http_protocol_options.max_headers_count: is 0"},
    {kb_0, AT ".max_request_headers_kb: is 0; allowed is 1 to 8192"},
    {kb_8193, AT ".max_request_headers_kb: is 8193; allowed is 1 to 8192"},
    {underscores_9, AT ".common_http_protocol_options.headers_with_underscores_action: value 9 is not known"},
    {slashes_9, AT ".path_with_escaped_slashes_action: value 9 is not known"},
    {stream_duration, AT ".common_http_protocol_options.max_stream_duration: not supported"},
    {server_name, AT ".server_name: holds a line end"},
    {negative_drain, AT ".drain_timeout: is not a duration of 0 or more"},
    {other_log, AT ".access_log[0].typed_config: type \"t/envoy.File\" is not supported here"},
    {untyped_log, AT ".access_log[0].typed_config: is missing"},
    {log_number, AT ".access_log[0].typed_config.log_format.json_format.code: only strings are supported"},
    {log_double, AT ".access_log[0].typed_config.log_format.json_format.start_time: is there twice"},
    {log_empty, AT ".access_log[0].typed_config.log_format.json_format: has 0 fields; allowed is 1 to 256"},
    {log_formless, AT ".access_log[1].typed_config.log_format: needs json_format or text_format_source"},
    {log_formatters, AT ".access_log[1].typed_config.log_format.formatters: not supported"},
};

static void test_every_bad_listener_is_refused_at_its_place(void **state) {
  (void)state;
  for (size_t i = 0; i < GW_ARRAY_LEN(listener_refusals); i++) {
    struct gw_arena arena;
    gw_arena_init(&arena, 4096);
    ProtobufCMessage *message = gw_xds_encode_listener_message(&arena, &plain_listener);
    listener_refusals[i].change(&arena, message);
    char *text = decode_packed(&arena, GW_RESOURCE_LISTENER, message);
    assert_mistake(text, listener_refusals[i].mistake);
    free(text);
    gw_arena_done(&arena);
  }
}

/* The sample, with its connection manager changed. */
static Listener *changed_http(struct gw_arena *arena, change_fn change) {
  Listener *listener = (Listener *)gw_xds_encode_listener_message(arena, &plain_listener);
  Envoy__Config__Listener__V3__Filter *filter = listener->filter_chains[0]->filters[0];
  ProtobufCMessage *http = unpack(arena, filter->typed_config, &HCM_DESCRIPTOR);
  change(arena, http);
  filter->typed_config = gw_xds_encode_any(arena, http);
  return listener;
}

static void test_every_bad_connection_manager_is_refused_at_its_place(void **state) {
  (void)state;
  for (size_t i = 0; i < GW_ARRAY_LEN(http_refusals); i++) {
    struct gw_arena arena;
    gw_arena_init(&arena, 4096);
    Listener *listener = changed_http(&arena, http_refusals[i].change);
    char *text = decode_packed(&arena, GW_RESOURCE_LISTENER, &listener->base);
    assert_mistake(text, http_refusals[i].mistake);
    free(text);
    gw_arena_done(&arena);
  }
}

static const struct gw_listener *decode_listener(struct gw_arena *arena, const Listener *message) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_xds_decoder decoder = {.arena = arena, .scratch = arena, .errors = &errors};
  const struct gw_listener *listener = gw_xds_decode_listener(&decoder, message);
  assert_int_equal(errors.error_count, 0);
  gw_errors_done(&errors);
  return listener;
}

CHANGE(leave_out_all) {
  UNUSED;
  HTTP->common_http_protocol_options = NULL;
  HTTP->http_protocol_options = NULL;
  HTTP->stream_idle_timeout = HTTP->request_timeout = HTTP->request_headers_timeout = HTTP->drain_timeout = NULL;
  HTTP->max_request_headers_kb = NULL;
  HTTP->use_remote_address = HTTP->generate_request_id = HTTP->normalize_path = NULL;
  HTTP->path_with_escaped_slashes_action = 0;
  HTTP->codec_type = 0;
  HTTP->http2_protocol_options = NULL;
  HTTP->n_upgrade_configs = 0;
  HTTP->forward_client_cert_details = 0;
  HTTP->set_current_client_cert_details = NULL;
}

static void test_defaults_are_envoys(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  const struct gw_http_connection_manager *http = &decode_listener(&arena, changed_http(&arena, leave_out_all))->http;
  assert_int_equal(http->idle_timeout_ms, 3600000);
  assert_int_equal(http->stream_idle_timeout_ms, 300000);
  assert_int_equal(http->request_timeout_ms, 0);
  assert_int_equal(http->request_headers_timeout_ms, 0);
  assert_int_equal(http->drain_timeout_ms, 5000);
  assert_int_equal(http->max_request_headers_kb, 60);
  assert_int_equal(http->max_headers_count, 100);
  assert_int_equal(http->underscores, GW_UNDERSCORES_ALLOW);
  assert_int_equal(http->escaped_slashes, GW_ESCAPED_SLASHES_KEEP);
  assert_false(http->normalize_path);
  assert_false(http->use_remote_address);
  assert_true(http->generate_request_id);
  assert_int_equal(http->codec, GW_CODEC_AUTO);
  assert_int_equal(http->http2.hpack_table_size, 4096);
  assert_int_equal(http->http2.max_concurrent_streams, 1024);
  assert_int_equal(http->http2.initial_stream_window, 16 << 20);
  assert_int_equal(http->http2.initial_connection_window, 24 << 20);
  assert_false(http->http2.allows_connect);
  assert_int_equal(http->http2.max_outbound_control_frames, 1000);
  assert_int_equal(http->http2.max_consecutive_empty_frames, 1);
  assert_int_equal(http->http2.max_priority_frames, 100);
  assert_int_equal(http->http2.max_window_updates, 10);
  assert_false(http->has_websocket);
  assert_int_equal(http->max_requests_per_connection, 0);
  assert_int_equal(http->client_cert_forwarding, GW_CLIENT_CERT_SANITIZE);
  assert_false(http->has_client_cert_subject || http->has_client_cert_dns || http->has_client_cert_uri);
  gw_arena_done(&arena);
}

CHANGE(make_filter_foreign) {
  HTTP->http_filters[0]->typed_config->type_url = gw_xds_encode_str(arena, GW_STR("t/foreign.Filter"));
}

static void test_optional_filter_of_unknown_type_is_left_out(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  const struct gw_http_connection_manager *http = &decode_listener(&arena, changed_http(&arena, make_filter_foreign))->http;
  assert_int_equal(http->filter_count, 1);
  assert_int_equal(http->filters[0].kind, GW_FILTER_ROUTER);
  assert_true(gw_str_equal(http->filters[0].name, GW_STR("envoy.filters.http.router")));
  gw_arena_done(&arena);
}

static void drop_format(struct gw_arena *arena, StdoutAccessLog *log) {
  UNUSED;
  log->access_log_format_case = 0;
}
CHANGE(drop_log_format) {
  change_log(arena, m, 1, drop_format);
}

static void test_log_without_format_gets_envoys_but_for_the_query(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  const struct gw_http_connection_manager *http = &decode_listener(&arena, changed_http(&arena, drop_log_format))->http;
  assert_true(gw_str_has_prefix(http->access_logs[1].text, GW_STR("[%START_TIME%] \"%REQ(:METHOD)% %PATH(NQ)%")));
  assert_true(gw_str_has_suffix(http->access_logs[1].text, GW_STR("\"%UPSTREAM_HOST%\"\n")));
  gw_arena_done(&arena);
}

static void test_listener_may_have_any_free_port_and_ignored_fields(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  Listener *message = (Listener *)gw_xds_encode_listener_message(&arena, &plain_listener);
  message->address->socket_address->port_value = 0;
  add_unknown(&arena, &message->base, 16); /* traffic_direction */
  assert_null(decode_packed(&arena, GW_RESOURCE_LISTENER, &message->base));
  gw_arena_done(&arena);
}

static void test_api_listener_may_hold_what_it_likes(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  struct gw_listener listener = plain_listener;
  listener.is_api_only = true;
  Listener *message = (Listener *)gw_xds_encode_listener_message(&arena, &listener);
  message->api_listener->api_listener->type_url = gw_xds_encode_str(&arena, GW_STR("t/foreign.Manager"));
  add_unknown(&arena, &message->base, 4711);
  assert_null(decode_packed(&arena, GW_RESOURCE_LISTENER, &message->base));
  gw_arena_done(&arena);
}

CHANGE(disable_websocket) {
  HTTP->upgrade_configs[0]->enabled = gw_xds_encode_bool(arena, false);
}

static void test_upgrade_that_is_disabled_is_none(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  assert_false(decode_listener(&arena, changed_http(&arena, disable_websocket))->http.has_websocket);
  gw_arena_done(&arena);
}

int main(void) {
  plain_listener = sample_listener;
  plain_listener.tls = NULL;
  plain_listener.http.filters = &sample_filters[1];
  plain_listener.http.filter_count = 2;
  plain_listener.http.trusted_cidr_count = 0;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_bad_listener_is_refused_at_its_place),
      cmocka_unit_test(test_every_bad_connection_manager_is_refused_at_its_place),
      cmocka_unit_test(test_defaults_are_envoys),
      cmocka_unit_test(test_optional_filter_of_unknown_type_is_left_out),
      cmocka_unit_test(test_log_without_format_gets_envoys_but_for_the_query),
      cmocka_unit_test(test_listener_may_have_any_free_port_and_ignored_fields),
      cmocka_unit_test(test_api_listener_may_hold_what_it_likes),
      cmocka_unit_test(test_upgrade_that_is_disabled_is_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
