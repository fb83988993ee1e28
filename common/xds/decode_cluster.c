#include <string.h>

#include "common/base/mem.h"
#include "common/xds/decode.h"
#include "common/xds/wire.h"
#include "envoy/config/core/v3/health_check.pb-c.h"
#include "envoy/extensions/upstreams/http/v3/http_protocol_options.pb-c.h"

#define ENDPOINTS_MAX 100000
#define PRIORITY_MAX 128 /* upstream's limit */
#define CONNECT_TIMEOUT_MS 5000
#define DNS_REFRESH_MS 5000
#define IDLE_TIMEOUT_MS 3600000
#define PROTOCOL_OPTIONS_KEY "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

typedef Envoy__Config__Endpoint__V3__LocalityLbEndpoints Locality;
typedef Envoy__Config__Endpoint__V3__LbEndpoint LbEndpoint;
typedef Envoy__Config__Cluster__V3__Cluster Cluster;
typedef Envoy__Extensions__Upstreams__Http__V3__HttpProtocolOptions HttpOptions;
#define OPTIONS(name) ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__UPSTREAM_PROTOCOL_OPTIONS_##name

static bool decode_health(struct gw_xds_decoder *d, const struct gw_xds_place *place, const LbEndpoint *m) {
  switch (m->health_status) {
  case ENVOY__CONFIG__CORE__V3__HEALTH_STATUS__UNKNOWN:
  case ENVOY__CONFIG__CORE__V3__HEALTH_STATUS__HEALTHY: return false;
  case ENVOY__CONFIG__CORE__V3__HEALTH_STATUS__UNHEALTHY:
  case ENVOY__CONFIG__CORE__V3__HEALTH_STATUS__DRAINING:
  case ENVOY__CONFIG__CORE__V3__HEALTH_STATUS__TIMEOUT: return true;
  default:
    gw_xds_refuse_enum(d, GW_XDS_FIELD(place, "health_status"), &envoy__config__core__v3__health_status__descriptor, (int)m->health_status);
    return true;
  }
}

static void decode_endpoint(struct gw_xds_decoder *d, const struct gw_xds_place *place, const LbEndpoint *m, enum gw_xds_address_use use,
                            struct gw_endpoint *out) {
  if (m->host_identifier_case == ENVOY__CONFIG__ENDPOINT__V3__LB_ENDPOINT__HOST_IDENTIFIER_ENDPOINT)
    gw_xds_decode_address(d, GW_XDS_FIELD(GW_XDS_FIELD(place, "endpoint"), "address"), m->endpoint->address, use, &out->address,
                          &out->port);
  else
    gw_xds_refuse(d, place, "needs endpoint");
  out->weight = gw_xds_decode_u32(d, GW_XDS_FIELD(place, "load_balancing_weight"), m->load_balancing_weight, 1, 1, UINT32_MAX);
  out->is_unhealthy = decode_health(d, place, m);
}

/* Indexes of localities in order of priority; equal ones stay in the order of the message. */
static void order_localities(uint32_t *order, Locality *const *localities, size_t count) {
  size_t filled = 0;
  for (uint32_t priority = 0; priority <= PRIORITY_MAX && filled < count; priority++) {
    for (size_t i = 0; i < count; i++) {
      if (localities[i]->priority == priority) order[filled++] = (uint32_t)i;
    }
  }
}

const struct gw_endpoints *gw_xds_decode_endpoints(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                                                   const Envoy__Config__Endpoint__V3__ClusterLoadAssignment *m,
                                                   enum gw_xds_address_use use) {
  struct gw_endpoints *endpoints = gw_arena_calloc(d->arena, 1, sizeof *endpoints);
  endpoints->cluster_name = gw_xds_decode_name(d, GW_XDS_FIELD(place, "cluster_name"), m->cluster_name);
  size_t count = 0;
  bool is_valid = true;
  for (size_t i = 0; i < m->n_endpoints; i++) {
    const struct gw_xds_place *at = GW_XDS_ITEM(place, "endpoints", i);
    count += m->endpoints[i]->n_lb_endpoints;
    /* Checked like the others, though without locality-weighted balancing it has no effect. */
    gw_xds_decode_u32(d, GW_XDS_FIELD(at, "load_balancing_weight"), m->endpoints[i]->load_balancing_weight, 1, 1, UINT32_MAX);
    if (m->endpoints[i]->priority <= PRIORITY_MAX) continue;
    gw_xds_refuse(d, GW_XDS_FIELD(at, "priority"), "is %u; allowed is 0 to %d", m->endpoints[i]->priority, PRIORITY_MAX);
    is_valid = false;
  }
  if (count > ENDPOINTS_MAX) {
    gw_xds_refuse(d, GW_XDS_FIELD(place, "endpoints"), "are %zu; at most %d are allowed", count, ENDPOINTS_MAX);
    is_valid = false;
  }
  if (!is_valid) return endpoints;
  uint32_t *order = gw_arena_calloc(d->scratch, m->n_endpoints, sizeof *order);
  order_localities(order, m->endpoints, m->n_endpoints);
  struct gw_endpoint *items = gw_arena_calloc(d->arena, count, sizeof *items);
  for (size_t i = 0; i < m->n_endpoints; i++) {
    const struct gw_xds_place *at = GW_XDS_ITEM(place, "endpoints", order[i]);
    const Locality *locality = m->endpoints[order[i]];
    for (size_t k = 0; k < locality->n_lb_endpoints; k++) {
      struct gw_endpoint *item = &items[endpoints->count++];
      item->priority = locality->priority;
      decode_endpoint(d, GW_XDS_ITEM(at, "lb_endpoints", k), locality->lb_endpoints[k], use, item);
    }
  }
  endpoints->items = items;
  return endpoints;
}

static void decode_kind(struct gw_xds_decoder *d, const Cluster *m, struct gw_cluster *out) {
  if (m->cluster_discovery_type_case == ENVOY__CONFIG__CLUSTER__V3__CLUSTER__CLUSTER_DISCOVERY_TYPE__NOT_SET) {
    out->kind = GW_CLUSTER_STATIC;
    return;
  }
  switch (m->type) {
  case ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__STATIC: out->kind = GW_CLUSTER_STATIC; return;
  case ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__STRICT_DNS: out->kind = GW_CLUSTER_STRICT_DNS; return;
  case ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__EDS: out->kind = GW_CLUSTER_EDS; return;
  default:
    gw_xds_refuse_enum(d, GW_XDS_FIELD(NULL, "type"), &envoy__config__cluster__v3__cluster__discovery_type__descriptor, (int)m->type);
  }
}

static void decode_eds(struct gw_xds_decoder *d, const Cluster *m, struct gw_cluster *out) {
  const struct gw_xds_place *place = GW_XDS_FIELD(NULL, "eds_cluster_config");
  if (m->load_assignment != NULL) gw_xds_refuse(d, GW_XDS_FIELD(NULL, "load_assignment"), "must not be there with type EDS");
  out->eds_service_name = out->name;
  if (m->eds_cluster_config == NULL) {
    gw_xds_refuse(d, place, "is missing");
    return;
  }
  gw_xds_decode_ads_source(d, GW_XDS_FIELD(place, "eds_config"), m->eds_cluster_config->eds_config);
  struct gw_str service = gw_xds_decode_str(d, m->eds_cluster_config->service_name);
  if (service.len > 0) out->eds_service_name = service;
}

static void decode_inline_endpoints(struct gw_xds_decoder *d, const Cluster *m, struct gw_cluster *out) {
  const struct gw_xds_place *place = GW_XDS_FIELD(NULL, "load_assignment");
  if (m->eds_cluster_config != NULL) gw_xds_refuse(d, GW_XDS_FIELD(NULL, "eds_cluster_config"), "must not be there without type EDS");
  if (m->load_assignment == NULL) {
    gw_xds_refuse(d, place, "is missing");
    return;
  }
  enum gw_xds_address_use use = out->kind == GW_CLUSTER_STRICT_DNS ? GW_XDS_ADDRESS_CONNECT_OR_NAME : GW_XDS_ADDRESS_CONNECT;
  out->inline_endpoints = gw_xds_decode_endpoints(d, place, m->load_assignment, use);
}

static void decode_protocol(struct gw_xds_decoder *d, const struct gw_xds_place *place, const HttpOptions *m, struct gw_cluster *out) {
  const Envoy__Config__Core__V3__Http2ProtocolOptions *http2 = NULL;
  if (m->upstream_protocol_options_case == OPTIONS(AUTO_CONFIG)) {
    out->protocol = GW_UPSTREAM_AUTO;
    http2 = m->auto_config->http2_protocol_options;
  } else if (m->upstream_protocol_options_case != OPTIONS(EXPLICIT_HTTP_CONFIG)) {
    gw_xds_refuse(d, place, "needs explicit_http_config or auto_config");
  } else if (m->explicit_http_config->protocol_config_case ==
             ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__EXPLICIT_HTTP_CONFIG__PROTOCOL_CONFIG_HTTP2_PROTOCOL_OPTIONS) {
    out->protocol = GW_UPSTREAM_HTTP2;
    http2 = m->explicit_http_config->http2_protocol_options;
  }
  if (out->protocol == GW_UPSTREAM_HTTP1) return;
  const struct gw_xds_place *at = GW_XDS_FIELD(place, out->protocol == GW_UPSTREAM_AUTO ? "auto_config" : "explicit_http_config");
  out->http2 = gw_xds_decode_http2(d, GW_XDS_FIELD(at, "http2_protocol_options"), http2);
}

static void decode_protocol_options(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Google__Protobuf__Any *any,
                                    struct gw_cluster *out, bool *ret_has_auto_sni) {
  const HttpOptions *m = gw_xds_decode_any(d, place, any, &envoy__extensions__upstreams__http__v3__http_protocol_options__descriptor);
  if (m == NULL) return;
  decode_protocol(d, place, m, out);
  if (m->upstream_http_protocol_options != NULL) *ret_has_auto_sni = m->upstream_http_protocol_options->auto_sni;
  const Envoy__Config__Core__V3__HttpProtocolOptions *common = m->common_http_protocol_options;
  if (common == NULL) return;
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "common_http_protocol_options");
  out->upstream_idle_timeout_ms = gw_xds_decode_duration(d, GW_XDS_FIELD(at, "idle_timeout"), common->idle_timeout, IDLE_TIMEOUT_MS);
  if (common->max_requests_per_connection != NULL)
    gw_xds_refuse(d, GW_XDS_FIELD(at, "max_requests_per_connection"), "not supported for upstreams");
  if (common->max_headers_count != NULL) gw_xds_refuse(d, GW_XDS_FIELD(at, "max_headers_count"), "not supported for upstreams");
  if (common->headers_with_underscores_action != ENVOY__CONFIG__CORE__V3__HTTP_PROTOCOL_OPTIONS__HEADERS_WITH_UNDERSCORES_ACTION__ALLOW)
    gw_xds_refuse(d, GW_XDS_FIELD(at, "headers_with_underscores_action"), "not supported for upstreams");
}

static void decode_typed_options(struct gw_xds_decoder *d, const Cluster *m, struct gw_cluster *out, bool *ret_has_auto_sni) {
  out->upstream_idle_timeout_ms = IDLE_TIMEOUT_MS;
  for (size_t i = 0; i < m->n_typed_extension_protocol_options; i++) {
    const Envoy__Config__Cluster__V3__Cluster__TypedExtensionProtocolOptionsEntry *entry = m->typed_extension_protocol_options[i];
    char *field = gw_arena_printf(d->scratch, "typed_extension_protocol_options[\"%s\"]", entry->key);
    const struct gw_xds_place *place = GW_XDS_FIELD(NULL, field);
    if (i > 0 || strcmp(entry->key, PROTOCOL_OPTIONS_KEY) != 0)
      gw_xds_refuse(d, place, "only %s is supported, once", PROTOCOL_OPTIONS_KEY);
    else
      decode_protocol_options(d, place, entry->value, out, ret_has_auto_sni);
  }
}

const struct gw_cluster *gw_xds_decode_cluster(struct gw_xds_decoder *d, const Cluster *m) {
  struct gw_cluster *cluster = gw_arena_calloc(d->arena, 1, sizeof *cluster);
  cluster->name = gw_xds_decode_name(d, GW_XDS_FIELD(NULL, "name"), m->name);
  decode_kind(d, m, cluster);
  if (cluster->kind == GW_CLUSTER_EDS)
    decode_eds(d, m, cluster);
  else
    decode_inline_endpoints(d, m, cluster);
  cluster->balancing = gw_xds_decode_balancing(d, m);
  cluster->retry_budget = gw_xds_decode_retry_budget(d, m->circuit_breakers);
  const struct gw_xds_place *connect = GW_XDS_FIELD(NULL, "connect_timeout"), *refresh = GW_XDS_FIELD(NULL, "dns_refresh_rate");
  cluster->connect_timeout_ms = gw_xds_decode_duration(d, connect, m->connect_timeout, CONNECT_TIMEOUT_MS);
  if (cluster->connect_timeout_ms == 0) gw_xds_refuse(d, connect, "must be more than 0");
  cluster->dns_refresh_ms = gw_xds_decode_duration(d, refresh, m->dns_refresh_rate, DNS_REFRESH_MS);
  if (cluster->dns_refresh_ms == 0) gw_xds_refuse(d, refresh, "must be more than 0");
  bool has_auto_sni = false;
  decode_typed_options(d, m, cluster, &has_auto_sni);
  const struct gw_xds_place *socket = GW_XDS_FIELD(NULL, "transport_socket");
  cluster->tls = gw_xds_decode_upstream_tls(d, socket, m->transport_socket, has_auto_sni);
  if (cluster->tls == NULL && cluster->protocol == GW_UPSTREAM_AUTO) gw_xds_refuse(d, socket, "is missing: auto_config needs TLS");
  cluster->limits = gw_xds_decode_limits(d, m->circuit_breakers);
  cluster->breaking = gw_xds_decode_circuit_breaking(d, m->metadata);
  gw_xds_decode_health(d, m, cluster);
  if (cluster->breaking != NULL && cluster->breaking->has_stand_in) cluster->outlier = NULL;
  return cluster;
}
