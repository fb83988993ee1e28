#include <string.h>

#include "common/base/mem.h"
#include "common/xds/access_log_codec.h"
#include "common/xds/decode_hcm.h"
#include "common/xds/decode_jwt_authn.h"
#include "common/xds/filter_codecs.h"
#include "common/xds/tracing_codec.h"
#include "common/xds/wire.h"
#include "gateway/filters/http/v1/trusted_proxies.pb-c.h"

#define HEADERS_KB 60       /* Envoy's defaults, here and below */
#define HEADERS_KB_MAX 8192 /* upstream's limit */
#define HEADERS_COUNT 100
#define IDLE_TIMEOUT_MS 3600000
#define STREAM_IDLE_TIMEOUT_MS 300000
#define DRAIN_TIMEOUT_MS 5000

/* The names in this file are protoc-c's, which are too long to be repeated. */
typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpFilter HttpFilter;
typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__Rds Rds;
#define HCM_DESCRIPTOR envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager__descriptor
#define HCM_CODEC(name) ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__CODEC_TYPE__##name
#define HCM_CODEC_DESCRIPTOR                                                                                                               \
  envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager__codec_type__descriptor
#define HCM_ROUTES(name) ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__ROUTE_SPECIFIER_##name
#define HCM_SLASHES(name)                                                                                                                  \
  ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__PATH_WITH_ESCAPED_SLASHES_ACTION__##name
#define HCM_SLASHES_DESCRIPTOR                                                                                                             \
  envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager__path_with_escaped_slashes_action__descriptor
#define UNDERSCORES(name) ENVOY__CONFIG__CORE__V3__HTTP_PROTOCOL_OPTIONS__HEADERS_WITH_UNDERSCORES_ACTION__##name

/* False: a filter to be left out. */
static bool decode_filter(struct gw_xds_decoder *d, const struct gw_xds_place *place, const HttpFilter *m, struct gw_http_filter *out) {
  out->name = gw_xds_decode_name(d, GW_XDS_FIELD(place, "name"), m->name);
  const Google__Protobuf__Any *any = NULL;
  if (m->config_type_case == ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_FILTER__CONFIG_TYPE_TYPED_CONFIG)
    any = m->typed_config;
  const struct gw_xds_filter_codec *codec = gw_xds_filter_codec_find(gw_xds_any_message(any), m->name);
  if (codec == NULL) {
    if (m->is_optional) return false;
    if (any == NULL)
      gw_xds_refuse(d, GW_XDS_FIELD(place, "typed_config"), "is missing");
    else
      gw_xds_refuse(d, GW_XDS_FIELD(place, "typed_config"), "type \"%s\" is not supported", any->type_url);
    return false;
  }
  out->kind = codec->kind;
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "typed_config");
  const void *message = gw_xds_decode_any(d, at, any, codec->descriptor);
  if (message != NULL) codec->decode(d, at, message, out);
  return true;
}

/* Not a filter in the model: it says who is believed before any filter runs. */
static bool decode_trusted_proxies(struct gw_xds_decoder *d, const struct gw_xds_place *place, const HttpFilter *m,
                                   struct gw_http_connection_manager *out) {
  const ProtobufCMessageDescriptor *descriptor = &gateway__filters__http__v1__trusted_proxies__descriptor;
  bool has_config =
      m->config_type_case == ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_FILTER__CONFIG_TYPE_TYPED_CONFIG;
  if (!has_config || strcmp(gw_xds_any_message(m->typed_config), descriptor->name) != 0) return false;
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "typed_config");
  const Gateway__Filters__Http__V1__TrustedProxies *proxies = gw_xds_decode_any(d, at, m->typed_config, descriptor);
  if (out->trusted_cidr_count > 0) gw_xds_refuse(d, at, "is there twice");
  if (proxies != NULL)
    gw_xds_decode_cidrs(d, at, "cidrs", (const char *const *)proxies->cidrs, proxies->n_cidrs, &out->trusted_cidrs,
                        &out->trusted_cidr_count);
  return true;
}

/* Neither is this: it adds to the filter behind it. */
static bool decode_jwt_providers(struct gw_xds_decoder *d, const struct gw_xds_place *place, const HttpFilter *m,
                                 const Gateway__Filters__Http__V1__JwtProviders **ret_providers) {
  bool has_config =
      m->config_type_case == ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_FILTER__CONFIG_TYPE_TYPED_CONFIG;
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "typed_config");
  const Gateway__Filters__Http__V1__JwtProviders *providers = has_config ? gw_xds_decode_jwt_providers(d, at, m->typed_config) : NULL;
  if (providers == NULL) return false;
  if (*ret_providers != NULL) gw_xds_refuse(d, at, "is there twice");
  *ret_providers = providers;
  return true;
}

/* Nor this: it adds to the connection manager's tracing. */
static bool decode_own_tracing(struct gw_xds_decoder *d, const struct gw_xds_place *place, const HttpFilter *m,
                               const OwnTracing **ret_own) {
  bool has_config =
      m->config_type_case == ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_FILTER__CONFIG_TYPE_TYPED_CONFIG;
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "typed_config");
  const OwnTracing *own = has_config ? gw_xds_find_own_tracing(d, at, m->typed_config) : NULL;
  if (own == NULL) return false;
  if (*ret_own != NULL) gw_xds_refuse(d, at, "is there twice");
  *ret_own = own;
  return true;
}

static void decode_filters(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Hcm *m,
                           struct gw_http_connection_manager *out) {
  struct gw_http_filter *filters = gw_arena_calloc(d->arena, m->n_http_filters, sizeof *filters);
  const Gateway__Filters__Http__V1__JwtProviders *jwt_providers = NULL;
  const OwnTracing *tracing = NULL;
  for (size_t i = 0; i < m->n_http_filters; i++) {
    struct gw_http_filter *filter = &filters[out->filter_count];
    const struct gw_xds_place *at = GW_XDS_ITEM(place, "http_filters", i);
    if (decode_trusted_proxies(d, at, m->http_filters[i], out)) continue;
    if (decode_jwt_providers(d, at, m->http_filters[i], &jwt_providers)) continue;
    if (decode_own_tracing(d, at, m->http_filters[i], &tracing)) continue;
    if (decode_filter(d, at, m->http_filters[i], filter))
      out->filter_count++;
    else
      memset(filter, 0, sizeof *filter);
  }
  gw_xds_add_jwt_providers(d, GW_XDS_FIELD(place, "jwt_providers"), jwt_providers, filters, out->filter_count);
  out->tracing = gw_xds_decode_tracing(d, GW_XDS_FIELD(place, "tracing"), m->tracing, GW_XDS_FIELD(place, "http_filters"), tracing);
  out->filters = filters;
  uint32_t routers = 0;
  for (uint32_t i = 0; i < out->filter_count; i++)
    routers += filters[i].kind == GW_FILTER_ROUTER;
  if (routers != 1 || filters[out->filter_count - 1].kind != GW_FILTER_ROUTER)
    gw_xds_refuse(d, GW_XDS_FIELD(place, "http_filters"), "must end with the router, and have it once");
}

static void decode_access_logs(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Hcm *m,
                               struct gw_http_connection_manager *out) {
  out->logs_new_requests = m->access_log_options != NULL && m->access_log_options->flush_access_log_on_new_request;
  if (m->n_access_log == 0) return;
  struct gw_access_log *logs = gw_arena_calloc(d->arena, m->n_access_log, sizeof *logs);
  for (size_t i = 0; i < m->n_access_log; i++)
    gw_xds_decode_access_log(d, GW_XDS_ITEM(place, "access_log", i), m->access_log[i], &logs[i]);
  out->access_logs = logs;
  out->access_log_count = (uint32_t)m->n_access_log;
}

static void decode_routes(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Hcm *m,
                          struct gw_http_connection_manager *out) {
  if (m->route_specifier_case == HCM_ROUTES(RDS)) {
    const struct gw_xds_place *at = GW_XDS_FIELD(place, "rds");
    gw_xds_decode_ads_source(d, GW_XDS_FIELD(at, "config_source"), m->rds->config_source);
    out->route_config_name = gw_xds_decode_name(d, GW_XDS_FIELD(at, "route_config_name"), m->rds->route_config_name);
  } else if (m->route_specifier_case == HCM_ROUTES(ROUTE_CONFIG)) {
    out->inline_routes = gw_xds_decode_route_config(d, GW_XDS_FIELD(place, "route_config"), m->route_config);
  } else {
    gw_xds_refuse(d, place, "needs rds or route_config");
  }
}

static void decode_common_options(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                                  const Envoy__Config__Core__V3__HttpProtocolOptions *m, struct gw_http_connection_manager *out) {
  out->idle_timeout_ms = IDLE_TIMEOUT_MS;
  out->max_headers_count = HEADERS_COUNT;
  if (m == NULL) return;
  out->idle_timeout_ms = gw_xds_decode_duration(d, GW_XDS_FIELD(place, "idle_timeout"), m->idle_timeout, IDLE_TIMEOUT_MS);
  out->max_headers_count =
      gw_xds_decode_u32(d, GW_XDS_FIELD(place, "max_headers_count"), m->max_headers_count, HEADERS_COUNT, 1, UINT32_MAX);
  const struct gw_xds_place *requests = GW_XDS_FIELD(place, "max_requests_per_connection");
  out->max_requests_per_connection = gw_xds_decode_u32(d, requests, m->max_requests_per_connection, 0, 0, UINT32_MAX);
  switch (m->headers_with_underscores_action) {
  case UNDERSCORES(ALLOW): out->underscores = GW_UNDERSCORES_ALLOW; return;
  case UNDERSCORES(REJECT_REQUEST): out->underscores = GW_UNDERSCORES_REJECT; return;
  case UNDERSCORES(DROP_HEADER): out->underscores = GW_UNDERSCORES_DROP; return;
  default:
    gw_xds_refuse_enum(d, GW_XDS_FIELD(place, "headers_with_underscores_action"),
                       &envoy__config__core__v3__http_protocol_options__headers_with_underscores_action__descriptor,
                       (int)m->headers_with_underscores_action);
  }
}

static void decode_paths(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Hcm *m, struct gw_http_connection_manager *out) {
  out->normalize_path = gw_xds_decode_bool(m->normalize_path, false);
  out->merge_slashes = m->merge_slashes;
  switch (m->path_with_escaped_slashes_action) {
  case HCM_SLASHES(IMPLEMENTATION_SPECIFIC_DEFAULT):
  case HCM_SLASHES(KEEP_UNCHANGED): out->escaped_slashes = GW_ESCAPED_SLASHES_KEEP; return;
  case HCM_SLASHES(REJECT_REQUEST): out->escaped_slashes = GW_ESCAPED_SLASHES_REJECT; return;
  case HCM_SLASHES(UNESCAPE_AND_REDIRECT): out->escaped_slashes = GW_ESCAPED_SLASHES_REDIRECT; return;
  case HCM_SLASHES(UNESCAPE_AND_FORWARD): out->escaped_slashes = GW_ESCAPED_SLASHES_FORWARD; return;
  default:
    gw_xds_refuse_enum(d, GW_XDS_FIELD(place, "path_with_escaped_slashes_action"), &HCM_SLASHES_DESCRIPTOR,
                       (int)m->path_with_escaped_slashes_action);
  }
}

static void decode_timeouts(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Hcm *m,
                            struct gw_http_connection_manager *out) {
  out->stream_idle_timeout_ms =
      gw_xds_decode_duration(d, GW_XDS_FIELD(place, "stream_idle_timeout"), m->stream_idle_timeout, STREAM_IDLE_TIMEOUT_MS);
  out->request_timeout_ms = gw_xds_decode_duration(d, GW_XDS_FIELD(place, "request_timeout"), m->request_timeout, 0);
  out->request_headers_timeout_ms =
      gw_xds_decode_duration(d, GW_XDS_FIELD(place, "request_headers_timeout"), m->request_headers_timeout, 0);
  out->drain_timeout_ms = gw_xds_decode_duration(d, GW_XDS_FIELD(place, "drain_timeout"), m->drain_timeout, DRAIN_TIMEOUT_MS);
}

static void decode_codec(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Hcm *m, struct gw_http_connection_manager *out) {
  out->http2 = gw_xds_decode_http2(d, GW_XDS_FIELD(place, "http2_protocol_options"), m->http2_protocol_options);
  switch (m->codec_type) {
  case HCM_CODEC(AUTO): out->codec = GW_CODEC_AUTO; return;
  case HCM_CODEC(HTTP1): out->codec = GW_CODEC_HTTP1; return;
  case HCM_CODEC(HTTP2): out->codec = GW_CODEC_HTTP2; return;
  default: gw_xds_refuse_enum(d, GW_XDS_FIELD(place, "codec_type"), &HCM_CODEC_DESCRIPTOR, (int)m->codec_type);
  }
}

static void decode_http(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Hcm *m, struct gw_http_connection_manager *out) {
  decode_codec(d, place, m, out);
  out->stat_prefix = gw_xds_decode_str(d, m->stat_prefix);
  decode_routes(d, place, m, out);
  decode_filters(d, place, m, out);
  decode_access_logs(d, place, m, out);
  decode_common_options(d, GW_XDS_FIELD(place, "common_http_protocol_options"), m->common_http_protocol_options, out);
  decode_paths(d, place, m, out);
  decode_timeouts(d, place, m, out);
  gw_xds_decode_forwarding(d, place, m, out);
  gw_xds_decode_client_certificates(d, place, m, out);
  gw_xds_decode_upgrades(d, place, m, out);
  out->generate_request_id = gw_xds_decode_bool(m->generate_request_id, true);
  out->preserve_external_request_id = m->preserve_external_request_id;
  out->always_set_request_id_in_response = m->always_set_request_id_in_response;
  out->server_name = gw_xds_decode_str(d, m->server_name);
  if (strpbrk(m->server_name, "\r\n") != NULL) gw_xds_refuse(d, GW_XDS_FIELD(place, "server_name"), "holds a line end");
  const struct gw_xds_place *size = GW_XDS_FIELD(place, "max_request_headers_kb");
  out->max_request_headers_kb = gw_xds_decode_u32(d, size, m->max_request_headers_kb, HEADERS_KB, 1, HEADERS_KB_MAX);
}

static void decode_chain(struct gw_xds_decoder *d, const Envoy__Config__Listener__V3__Listener *m, struct gw_listener *out) {
  if (m->n_filter_chains != 1) {
    gw_xds_refuse(d, GW_XDS_FIELD(NULL, "filter_chains"), "are %zu; exactly one is supported", m->n_filter_chains);
    return;
  }
  const struct gw_xds_place *chain = GW_XDS_ITEM(NULL, "filter_chains", 0);
  out->tls = gw_xds_decode_downstream_tls(d, GW_XDS_FIELD(chain, "transport_socket"), m->filter_chains[0]->transport_socket);
  if (m->filter_chains[0]->n_filters != 1) {
    gw_xds_refuse(d, GW_XDS_FIELD(chain, "filters"), "are %zu; exactly one, the HTTP connection manager, is supported",
                  m->filter_chains[0]->n_filters);
    return;
  }
  const Envoy__Config__Listener__V3__Filter *filter = m->filter_chains[0]->filters[0];
  const struct gw_xds_place *place = GW_XDS_FIELD(GW_XDS_ITEM(chain, "filters", 0), "typed_config");
  bool has_config = filter->config_type_case == ENVOY__CONFIG__LISTENER__V3__FILTER__CONFIG_TYPE_TYPED_CONFIG;
  const Hcm *http = gw_xds_decode_any(d, place, has_config ? filter->typed_config : NULL, &HCM_DESCRIPTOR);
  if (http != NULL) decode_http(d, place, http, &out->http);
}

const struct gw_listener *gw_xds_decode_listener(struct gw_xds_decoder *d, const Envoy__Config__Listener__V3__Listener *m) {
  struct gw_listener *listener = gw_arena_calloc(d->arena, 1, sizeof *listener);
  listener->name = gw_xds_decode_name(d, GW_XDS_FIELD(NULL, "name"), m->name);
  gw_xds_decode_address(d, GW_XDS_FIELD(NULL, "address"), m->address, GW_XDS_ADDRESS_LISTEN, &listener->address, &listener->port);
  if (m->api_listener != NULL) gw_xds_refuse(d, GW_XDS_FIELD(NULL, "api_listener"), "not supported beside filter_chains");
  decode_chain(d, m, listener);
  return listener;
}
