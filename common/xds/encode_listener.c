#include "common/base/mem.h"
#include "common/xds/access_log_codec.h"
#include "common/xds/decode_jwt_authn.h"
#include "common/xds/encode.h"
#include "common/xds/filter_codecs.h"
#include "common/xds/tracing_codec.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb-c.h"
#include "gateway/filters/http/v1/trusted_proxies.pb-c.h"

#define TRACING_NAME "gateway.filters.http.tracing"
#define TRUSTED_PROXIES_NAME "gateway.filters.http.trusted_proxies"
#define HCM_NAME "envoy.filters.network.http_connection_manager"

/* The names in this file are protoc-c's, which are too long to be repeated. */
typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager Hcm;
typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpFilter HttpFilter;
typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__Rds Rds;
#define HCM_DESCRIPTOR(name) envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager##name##__descriptor
#define HCM_CODEC(name) ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__CODEC_TYPE__##name
#define HCM_CERTIFICATES(name)                                                                                                             \
  ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__FORWARD_CLIENT_CERT_DETAILS__##name
#define HCM_ROUTES(name) ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__ROUTE_SPECIFIER_##name
#define HCM_SLASHES(name)                                                                                                                  \
  ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__PATH_WITH_ESCAPED_SLASHES_ACTION__##name
#define UNDERSCORES(name) ENVOY__CONFIG__CORE__V3__HTTP_PROTOCOL_OPTIONS__HEADERS_WITH_UNDERSCORES_ACTION__##name

static HttpFilter *encode_filter(struct gw_arena *arena, const struct gw_http_filter *filter) {
  const struct gw_xds_filter_codec *codec = gw_xds_filter_codec_get(filter->kind);
  HttpFilter *m = gw_xds_encode_new(arena, &envoy__extensions__filters__network__http_connection_manager__v3__http_filter__descriptor);
  m->name = gw_xds_encode_str(arena, filter->name);
  m->is_optional = codec->is_optional;
  m->config_type_case = ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_FILTER__CONFIG_TYPE_TYPED_CONFIG;
  m->typed_config = gw_xds_encode_any(arena, codec->encode(arena, filter));
  return m;
}

/* Optional: stock Envoy leaves it out. */
static HttpFilter *encode_own(struct gw_arena *arena, struct gw_str name, const ProtobufCMessage *config) {
  HttpFilter *m = gw_xds_encode_new(arena, &envoy__extensions__filters__network__http_connection_manager__v3__http_filter__descriptor);
  m->name = gw_xds_encode_str(arena, name);
  m->is_optional = true;
  m->config_type_case = ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_FILTER__CONFIG_TYPE_TYPED_CONFIG;
  m->typed_config = gw_xds_encode_any(arena, config);
  return m;
}

/* Without it Envoy believes nobody. */
static HttpFilter *encode_trusted_proxies(struct gw_arena *arena, const struct gw_http_connection_manager *http) {
  Gateway__Filters__Http__V1__TrustedProxies *proxies = gw_xds_encode_new(arena, &gateway__filters__http__v1__trusted_proxies__descriptor);
  proxies->n_cidrs = http->trusted_cidr_count;
  proxies->cidrs = gw_xds_encode_array(arena, http->trusted_cidr_count);
  for (uint32_t i = 0; i < http->trusted_cidr_count; i++)
    proxies->cidrs[i] = gw_xds_encode_str(arena, http->trusted_cidrs[i]);
  return encode_own(arena, GW_STR(TRUSTED_PROXIES_NAME), &proxies->base);
}

static void encode_filters(struct gw_arena *arena, const struct gw_http_connection_manager *http, Hcm *m) {
  m->http_filters = gw_xds_encode_array(arena, 2 * (size_t)http->filter_count + 2);
  if (http->trusted_cidr_count > 0) m->http_filters[m->n_http_filters++] = encode_trusted_proxies(arena, http);
  if (http->tracing != NULL)
    m->http_filters[m->n_http_filters++] = encode_own(arena, GW_STR(TRACING_NAME), gw_xds_encode_own_tracing(arena, http->tracing));
  for (uint32_t i = 0; i < http->filter_count; i++) {
    HttpFilter *before = gw_xds_encode_jwt_providers(arena, &http->filters[i]);
    if (before != NULL) m->http_filters[m->n_http_filters++] = before;
    m->http_filters[m->n_http_filters++] = encode_filter(arena, &http->filters[i]);
  }
}

static void encode_routes(struct gw_arena *arena, const struct gw_http_connection_manager *http, Hcm *m) {
  if (http->inline_routes != NULL) {
    m->route_specifier_case = HCM_ROUTES(ROUTE_CONFIG);
    m->route_config = gw_xds_encode_route_config_message(arena, http->inline_routes);
    return;
  }
  m->route_specifier_case = HCM_ROUTES(RDS);
  m->rds = gw_xds_encode_new(arena, &envoy__extensions__filters__network__http_connection_manager__v3__rds__descriptor);
  m->rds->config_source = gw_xds_encode_ads_source(arena);
  m->rds->route_config_name = gw_xds_encode_str(arena, http->route_config_name);
}

static void encode_paths(struct gw_arena *arena, const struct gw_http_connection_manager *http, Hcm *m) {
  m->normalize_path = gw_xds_encode_bool(arena, http->normalize_path);
  m->merge_slashes = http->merge_slashes;
  switch (http->escaped_slashes) {
  case GW_ESCAPED_SLASHES_KEEP: m->path_with_escaped_slashes_action = HCM_SLASHES(KEEP_UNCHANGED); break;
  case GW_ESCAPED_SLASHES_REJECT: m->path_with_escaped_slashes_action = HCM_SLASHES(REJECT_REQUEST); break;
  case GW_ESCAPED_SLASHES_REDIRECT: m->path_with_escaped_slashes_action = HCM_SLASHES(UNESCAPE_AND_REDIRECT); break;
  case GW_ESCAPED_SLASHES_FORWARD: m->path_with_escaped_slashes_action = HCM_SLASHES(UNESCAPE_AND_FORWARD); break;
  }
}

static Envoy__Config__Core__V3__HttpProtocolOptions *encode_common_options(struct gw_arena *arena,
                                                                           const struct gw_http_connection_manager *http) {
  Envoy__Config__Core__V3__HttpProtocolOptions *m = gw_xds_encode_new(arena, &envoy__config__core__v3__http_protocol_options__descriptor);
  m->idle_timeout = gw_xds_encode_duration(arena, http->idle_timeout_ms);
  m->max_headers_count = gw_xds_encode_u32(arena, http->max_headers_count);
  if (http->max_requests_per_connection > 0) m->max_requests_per_connection = gw_xds_encode_u32(arena, http->max_requests_per_connection);
  switch (http->underscores) {
  case GW_UNDERSCORES_ALLOW: m->headers_with_underscores_action = UNDERSCORES(ALLOW); break;
  case GW_UNDERSCORES_REJECT: m->headers_with_underscores_action = UNDERSCORES(REJECT_REQUEST); break;
  case GW_UNDERSCORES_DROP: m->headers_with_underscores_action = UNDERSCORES(DROP_HEADER); break;
  }
  return m;
}

static void encode_codec(struct gw_arena *arena, const struct gw_http_connection_manager *http, Hcm *m) {
  switch (http->codec) {
  case GW_CODEC_AUTO: m->codec_type = HCM_CODEC(AUTO); break;
  case GW_CODEC_HTTP1: m->codec_type = HCM_CODEC(HTTP1); break;
  case GW_CODEC_HTTP2: m->codec_type = HCM_CODEC(HTTP2); break;
  }
  m->http_protocol_options = gw_xds_encode_new(arena, &envoy__config__core__v3__http1_protocol_options__descriptor);
  m->http2_protocol_options = gw_xds_encode_http2(arena, &http->http2);
  if (!http->has_websocket) return;
  m->n_upgrade_configs = 1;
  m->upgrade_configs = gw_xds_encode_array(arena, 1);
  m->upgrade_configs[0] = gw_xds_encode_new(arena, &HCM_DESCRIPTOR(__upgrade_config));
  m->upgrade_configs[0]->upgrade_type = gw_xds_encode_str(arena, GW_STR("websocket"));
}

static void encode_client_certificates(struct gw_arena *arena, const struct gw_http_connection_manager *http, Hcm *m) {
  switch (http->client_cert_forwarding) {
  case GW_CLIENT_CERT_SANITIZE: m->forward_client_cert_details = HCM_CERTIFICATES(SANITIZE); break;
  case GW_CLIENT_CERT_FORWARD_ONLY: m->forward_client_cert_details = HCM_CERTIFICATES(FORWARD_ONLY); break;
  case GW_CLIENT_CERT_APPEND_FORWARD: m->forward_client_cert_details = HCM_CERTIFICATES(APPEND_FORWARD); break;
  case GW_CLIENT_CERT_SANITIZE_SET: m->forward_client_cert_details = HCM_CERTIFICATES(SANITIZE_SET); break;
  case GW_CLIENT_CERT_ALWAYS_FORWARD_ONLY: m->forward_client_cert_details = HCM_CERTIFICATES(ALWAYS_FORWARD_ONLY); break;
  }
  if (!http->has_client_cert_subject && !http->has_client_cert_dns && !http->has_client_cert_uri) return;
  m->set_current_client_cert_details = gw_xds_encode_new(arena, &HCM_DESCRIPTOR(__set_current_client_cert_details));
  m->set_current_client_cert_details->subject = gw_xds_encode_bool(arena, http->has_client_cert_subject);
  m->set_current_client_cert_details->dns = http->has_client_cert_dns;
  m->set_current_client_cert_details->uri = http->has_client_cert_uri;
}

static Hcm *encode_http(struct gw_arena *arena, const struct gw_http_connection_manager *http) {
  Hcm *m = gw_xds_encode_new(arena, &HCM_DESCRIPTOR());
  m->stat_prefix = gw_xds_encode_str(arena, http->stat_prefix);
  encode_routes(arena, http, m);
  encode_filters(arena, http, m);
  if (http->tracing != NULL) m->tracing = gw_xds_encode_tracing(arena, http->tracing);
  m->n_access_log = http->access_log_count;
  m->access_log = gw_xds_encode_array(arena, http->access_log_count);
  for (uint32_t i = 0; i < http->access_log_count; i++)
    m->access_log[i] = gw_xds_encode_access_log(arena, &http->access_logs[i]);
  if (http->logs_new_requests) {
    m->access_log_options = gw_xds_encode_new(arena, &HCM_DESCRIPTOR(__hcm_access_log_options));
    m->access_log_options->flush_access_log_on_new_request = true;
  }
  m->common_http_protocol_options = encode_common_options(arena, http);
  encode_codec(arena, http, m);
  encode_client_certificates(arena, http, m);
  encode_paths(arena, http, m);
  m->use_remote_address = gw_xds_encode_bool(arena, http->use_remote_address);
  m->xff_num_trusted_hops = http->xff_num_trusted_hops;
  m->generate_request_id = gw_xds_encode_bool(arena, http->generate_request_id);
  m->preserve_external_request_id = http->preserve_external_request_id;
  m->always_set_request_id_in_response = http->always_set_request_id_in_response;
  m->server_name = gw_xds_encode_str(arena, http->server_name);
  m->max_request_headers_kb = gw_xds_encode_u32(arena, http->max_request_headers_kb);
  m->stream_idle_timeout = gw_xds_encode_duration(arena, http->stream_idle_timeout_ms);
  m->request_timeout = gw_xds_encode_duration(arena, http->request_timeout_ms);
  m->request_headers_timeout = gw_xds_encode_duration(arena, http->request_headers_timeout_ms);
  m->drain_timeout = gw_xds_encode_duration(arena, http->drain_timeout_ms);
  return m;
}

ProtobufCMessage *gw_xds_encode_listener_message(struct gw_arena *arena, const struct gw_listener *listener) {
  Envoy__Config__Listener__V3__Listener *m = gw_xds_encode_new(arena, &envoy__config__listener__v3__listener__descriptor);
  m->name = gw_xds_encode_str(arena, listener->name);
  Google__Protobuf__Any *http = gw_xds_encode_any(arena, &encode_http(arena, &listener->http)->base);
  if (listener->is_api_only) {
    m->api_listener = gw_xds_encode_new(arena, &envoy__config__listener__v3__api_listener__descriptor);
    m->api_listener->api_listener = http;
    return &m->base;
  }
  m->address = gw_xds_encode_address(arena, listener->address, listener->port);
  Envoy__Config__Listener__V3__Filter *filter = gw_xds_encode_new(arena, &envoy__config__listener__v3__filter__descriptor);
  filter->name = gw_xds_encode_str(arena, GW_STR(HCM_NAME));
  filter->config_type_case = ENVOY__CONFIG__LISTENER__V3__FILTER__CONFIG_TYPE_TYPED_CONFIG;
  filter->typed_config = http;
  Envoy__Config__Listener__V3__FilterChain *chain = gw_xds_encode_new(arena, &envoy__config__listener__v3__filter_chain__descriptor);
  chain->n_filters = 1;
  chain->filters = gw_xds_encode_array(arena, 1);
  chain->filters[0] = filter;
  if (listener->tls != NULL) chain->transport_socket = gw_xds_encode_downstream_tls(arena, listener->tls);
  m->n_filter_chains = 1;
  m->filter_chains = gw_xds_encode_array(arena, 1);
  m->filter_chains[0] = chain;
  return &m->base;
}
