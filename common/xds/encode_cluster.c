#include "common/base/mem.h"
#include "common/xds/encode.h"
#include "envoy/config/cluster/v3/cluster.pb-c.h"
#include "envoy/config/core/v3/health_check.pb-c.h"
#include "envoy/extensions/upstreams/http/v3/http_protocol_options.pb-c.h"

#define PROTOCOL_OPTIONS_KEY "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

static Envoy__Config__Endpoint__V3__LbEndpoint *encode_endpoint(struct gw_arena *arena, const struct gw_endpoint *endpoint) {
  Envoy__Config__Endpoint__V3__LbEndpoint *m = gw_xds_encode_new(arena, &envoy__config__endpoint__v3__lb_endpoint__descriptor);
  m->host_identifier_case = ENVOY__CONFIG__ENDPOINT__V3__LB_ENDPOINT__HOST_IDENTIFIER_ENDPOINT;
  m->endpoint = gw_xds_encode_new(arena, &envoy__config__endpoint__v3__endpoint__descriptor);
  m->endpoint->address = gw_xds_encode_address(arena, endpoint->address, endpoint->port);
  m->health_status =
      endpoint->is_unhealthy ? ENVOY__CONFIG__CORE__V3__HEALTH_STATUS__UNHEALTHY : ENVOY__CONFIG__CORE__V3__HEALTH_STATUS__HEALTHY;
  m->load_balancing_weight = gw_xds_encode_u32(arena, endpoint->weight);
  return m;
}

/* One locality a priority, with a weight, without which gRPC clients would not use it. */
static Envoy__Config__Endpoint__V3__LocalityLbEndpoints *encode_locality(struct gw_arena *arena, const struct gw_endpoint *items,
                                                                         uint32_t count) {
  Envoy__Config__Endpoint__V3__LocalityLbEndpoints *m =
      gw_xds_encode_new(arena, &envoy__config__endpoint__v3__locality_lb_endpoints__descriptor);
  m->locality = gw_xds_encode_new(arena, &envoy__config__core__v3__locality__descriptor);
  m->load_balancing_weight = gw_xds_encode_u32(arena, 1);
  m->priority = items[0].priority;
  m->n_lb_endpoints = count;
  m->lb_endpoints = gw_xds_encode_array(arena, count);
  for (uint32_t i = 0; i < count; i++)
    m->lb_endpoints[i] = encode_endpoint(arena, &items[i]);
  return m;
}

Envoy__Config__Endpoint__V3__ClusterLoadAssignment *gw_xds_encode_endpoints_message(struct gw_arena *arena,
                                                                                    const struct gw_endpoints *endpoints) {
  Envoy__Config__Endpoint__V3__ClusterLoadAssignment *m =
      gw_xds_encode_new(arena, &envoy__config__endpoint__v3__cluster_load_assignment__descriptor);
  m->cluster_name = gw_xds_encode_str(arena, endpoints->cluster_name);
  m->endpoints = gw_xds_encode_array(arena, endpoints->count);
  for (uint32_t i = 0; i < endpoints->count;) {
    uint32_t first = i;
    while (i < endpoints->count && endpoints->items[i].priority == endpoints->items[first].priority)
      i++;
    m->endpoints[m->n_endpoints++] = encode_locality(arena, &endpoints->items[first], i - first);
  }
  return m;
}

#define EXPLICIT(name) ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__EXPLICIT_HTTP_CONFIG__PROTOCOL_CONFIG_##name
#define OPTIONS(name) ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__UPSTREAM_PROTOCOL_OPTIONS_##name
#define OPTIONS_DESCRIPTOR(name) envoy__extensions__upstreams__http__v3__http_protocol_options##name##__descriptor
typedef Envoy__Extensions__Upstreams__Http__V3__HttpProtocolOptions HttpOptions;

static void encode_explicit(struct gw_arena *arena, const struct gw_cluster *cluster, HttpOptions *options) {
  options->upstream_protocol_options_case = OPTIONS(EXPLICIT_HTTP_CONFIG);
  options->explicit_http_config = gw_xds_encode_new(arena, &OPTIONS_DESCRIPTOR(__explicit_http_config));
  if (cluster->protocol == GW_UPSTREAM_HTTP2) {
    options->explicit_http_config->protocol_config_case = EXPLICIT(HTTP2_PROTOCOL_OPTIONS);
    options->explicit_http_config->http2_protocol_options = gw_xds_encode_http2(arena, &cluster->http2);
  } else {
    options->explicit_http_config->protocol_config_case = EXPLICIT(HTTP_PROTOCOL_OPTIONS);
    options->explicit_http_config->http_protocol_options =
        gw_xds_encode_new(arena, &envoy__config__core__v3__http1_protocol_options__descriptor);
  }
}

static Envoy__Config__Cluster__V3__Cluster__TypedExtensionProtocolOptionsEntry *encode_protocol_options(struct gw_arena *arena,
                                                                                                        const struct gw_cluster *cluster) {
  HttpOptions *options = gw_xds_encode_new(arena, &OPTIONS_DESCRIPTOR());
  options->common_http_protocol_options = gw_xds_encode_new(arena, &envoy__config__core__v3__http_protocol_options__descriptor);
  options->common_http_protocol_options->idle_timeout = gw_xds_encode_duration(arena, cluster->upstream_idle_timeout_ms);
  if (cluster->tls != NULL && cluster->tls->has_auto_sni) {
    options->upstream_http_protocol_options =
        gw_xds_encode_new(arena, &envoy__config__core__v3__upstream_http_protocol_options__descriptor);
    options->upstream_http_protocol_options->auto_sni = true;
  }
  if (cluster->protocol == GW_UPSTREAM_AUTO) {
    options->upstream_protocol_options_case = OPTIONS(AUTO_CONFIG);
    options->auto_config = gw_xds_encode_new(arena, &OPTIONS_DESCRIPTOR(__auto_http_config));
    options->auto_config->http2_protocol_options = gw_xds_encode_http2(arena, &cluster->http2);
  } else {
    encode_explicit(arena, cluster, options);
  }
  Envoy__Config__Cluster__V3__Cluster__TypedExtensionProtocolOptionsEntry *entry =
      gw_xds_encode_new(arena, &envoy__config__cluster__v3__cluster__typed_extension_protocol_options_entry__descriptor);
  entry->key = gw_xds_encode_str(arena, GW_STR(PROTOCOL_OPTIONS_KEY));
  entry->value = gw_xds_encode_any(arena, &options->base);
  return entry;
}

ProtobufCMessage *gw_xds_encode_cluster_message(struct gw_arena *arena, const struct gw_cluster *cluster) {
  Envoy__Config__Cluster__V3__Cluster *m = gw_xds_encode_new(arena, &envoy__config__cluster__v3__cluster__descriptor);
  m->name = gw_xds_encode_str(arena, cluster->name);
  m->cluster_discovery_type_case = ENVOY__CONFIG__CLUSTER__V3__CLUSTER__CLUSTER_DISCOVERY_TYPE_TYPE;
  switch (cluster->kind) {
  case GW_CLUSTER_STATIC: m->type = ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__STATIC; break;
  case GW_CLUSTER_STRICT_DNS:
    m->type = ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__STRICT_DNS;
    m->dns_refresh_rate = gw_xds_encode_duration(arena, cluster->dns_refresh_ms);
    break;
  case GW_CLUSTER_EDS:
    m->type = ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__EDS;
    m->eds_cluster_config = gw_xds_encode_new(arena, &envoy__config__cluster__v3__cluster__eds_cluster_config__descriptor);
    m->eds_cluster_config->eds_config = gw_xds_encode_ads_source(arena);
    m->eds_cluster_config->service_name = gw_xds_encode_str(arena, cluster->eds_service_name);
    break;
  }
  if (cluster->inline_endpoints != NULL) m->load_assignment = gw_xds_encode_endpoints_message(arena, cluster->inline_endpoints);
  gw_xds_encode_balancing(arena, &cluster->balancing, m);
  m->circuit_breakers = gw_xds_encode_retry_budget(arena, &cluster->retry_budget);
  gw_xds_encode_limits(arena, cluster->limits, m->circuit_breakers);
  if (cluster->breaking != NULL) m->metadata = gw_xds_encode_circuit_breaking(arena, cluster->breaking);
  gw_xds_encode_health(arena, cluster, m);
  m->connect_timeout = gw_xds_encode_duration(arena, cluster->connect_timeout_ms);
  m->n_typed_extension_protocol_options = 1;
  m->typed_extension_protocol_options = gw_xds_encode_array(arena, 1);
  m->typed_extension_protocol_options[0] = encode_protocol_options(arena, cluster);
  if (cluster->tls != NULL) m->transport_socket = gw_xds_encode_upstream_tls(arena, cluster->tls);
  return &m->base;
}
