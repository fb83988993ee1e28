#include "common/base/mem.h"
#include "common/xds/encode.h"
#include "envoy/config/cluster/v3/outlier_detection.pb-c.h"
#include "envoy/config/core/v3/health_check.pb-c.h"

typedef Envoy__Config__Core__V3__HealthCheck HealthCheck;
typedef Envoy__Config__Core__V3__HealthCheck__HttpHealthCheck HttpHealthCheck;
typedef Envoy__Config__Cluster__V3__OutlierDetection OutlierDetection;
#define CHECKER(name) ENVOY__CONFIG__CORE__V3__HEALTH_CHECK__HEALTH_CHECKER_##name##_HEALTH_CHECK
#define DESCRIPTOR(name) &envoy__config__core__v3__health_check##name##__descriptor

static Envoy__Type__V3__Int64Range **encode_ranges(struct gw_arena *arena, const struct gw_status_range *ranges, uint32_t count) {
  Envoy__Type__V3__Int64Range **items = gw_xds_encode_array(arena, count);
  for (uint32_t i = 0; i < count; i++) {
    items[i] = gw_xds_encode_new(arena, &envoy__type__v3__int64_range__descriptor);
    items[i]->start = ranges[i].first;
    items[i]->end = (int64_t)ranges[i].last + 1;
  }
  return items;
}

static HttpHealthCheck *encode_http(struct gw_arena *arena, const struct gw_health_check *check) {
  HttpHealthCheck *m = gw_xds_encode_new(arena, DESCRIPTOR(__http_health_check));
  GW_CLEANUP(gw_free_ptr) char *name = gw_str_dup(check->method);
  const ProtobufCEnumValue *method =
      protobuf_c_enum_descriptor_get_value_by_name(&envoy__config__core__v3__request_method__descriptor, name);
  m->host = gw_xds_encode_str(arena, check->host);
  m->path = gw_xds_encode_str(arena, check->path);
  m->n_expected_statuses = check->expected_count;
  m->expected_statuses = encode_ranges(arena, check->expected, check->expected_count);
  m->n_retriable_statuses = check->retriable_count;
  m->retriable_statuses = encode_ranges(arena, check->retriable, check->retriable_count);
  m->codec_client_type = check->is_http2 ? ENVOY__TYPE__V3__CODEC_CLIENT_TYPE__HTTP2 : ENVOY__TYPE__V3__CODEC_CLIENT_TYPE__HTTP1;
  m->method = (Envoy__Config__Core__V3__RequestMethod)(method != NULL ? method->value : 0);
  return m;
}

static void encode_checker(struct gw_arena *arena, const struct gw_health_check *check, HealthCheck *m) {
  switch (check->kind) {
  case GW_HEALTH_CHECK_HTTP:
    m->health_checker_case = CHECKER(HTTP);
    m->http_health_check = encode_http(arena, check);
    break;
  case GW_HEALTH_CHECK_TCP:
    m->health_checker_case = CHECKER(TCP);
    m->tcp_health_check = gw_xds_encode_new(arena, DESCRIPTOR(__tcp_health_check));
    break;
  case GW_HEALTH_CHECK_GRPC:
    m->health_checker_case = CHECKER(GRPC);
    m->grpc_health_check = gw_xds_encode_new(arena, DESCRIPTOR(__grpc_health_check));
    m->grpc_health_check->service_name = gw_xds_encode_str(arena, check->grpc_service);
    m->grpc_health_check->authority = gw_xds_encode_str(arena, check->host);
    break;
  }
}

/* A check speaks one version of HTTP, so ALPN must offer no other where the cluster offers both. */
static void encode_tls_options(struct gw_arena *arena, const struct gw_cluster *cluster, HealthCheck *m) {
  if (cluster->protocol != GW_UPSTREAM_AUTO || cluster->health_check->kind == GW_HEALTH_CHECK_TCP) return;
  m->tls_options = gw_xds_encode_new(arena, DESCRIPTOR(__tls_options));
  m->tls_options->n_alpn_protocols = 1;
  m->tls_options->alpn_protocols = gw_xds_encode_array(arena, 1);
  m->tls_options->alpn_protocols[0] = gw_xds_encode_str(arena, cluster->health_check->is_http2 ? GW_STR("h2") : GW_STR("http/1.1"));
}

static HealthCheck *encode_check(struct gw_arena *arena, const struct gw_cluster *cluster) {
  const struct gw_health_check *check = cluster->health_check;
  HealthCheck *m = gw_xds_encode_new(arena, DESCRIPTOR());
  encode_checker(arena, check, m);
  encode_tls_options(arena, cluster, m);
  m->timeout = gw_xds_encode_duration(arena, check->timeout_ms);
  m->interval = gw_xds_encode_duration(arena, check->interval_ms);
  m->unhealthy_interval = gw_xds_encode_duration(arena, check->unhealthy_interval_ms);
  m->no_traffic_interval = gw_xds_encode_duration(arena, check->no_traffic_interval_ms);
  if (check->initial_jitter_ms > 0) m->initial_jitter = gw_xds_encode_duration(arena, check->initial_jitter_ms);
  if (check->interval_jitter_ms > 0) m->interval_jitter = gw_xds_encode_duration(arena, check->interval_jitter_ms);
  m->interval_jitter_percent = check->interval_jitter_percent;
  m->unhealthy_threshold = gw_xds_encode_u32(arena, check->unhealthy_threshold);
  m->healthy_threshold = gw_xds_encode_u32(arena, check->healthy_threshold);
  if (check->port > 0) m->alt_port = gw_xds_encode_u32(arena, check->port);
  return m;
}

static OutlierDetection *encode_outlier(struct gw_arena *arena, const struct gw_outlier_detection *outlier) {
  OutlierDetection *m = gw_xds_encode_new(arena, &envoy__config__cluster__v3__outlier_detection__descriptor);
  m->interval = gw_xds_encode_duration(arena, outlier->interval_ms);
  m->base_ejection_time = gw_xds_encode_duration(arena, outlier->base_ejection_ms);
  m->max_ejection_time = gw_xds_encode_duration(arena, outlier->max_ejection_ms);
  m->max_ejection_time_jitter = gw_xds_encode_duration(arena, outlier->ejection_jitter_ms);
  m->max_ejection_percent = gw_xds_encode_u32(arena, outlier->max_ejection_percent);
  m->always_eject_one_host = gw_xds_encode_bool(arena, outlier->may_always_eject_one);
  m->successful_active_health_check_uneject_host = gw_xds_encode_bool(arena, outlier->has_check_ending_ejection);
  m->consecutive_5xx = gw_xds_encode_u32(arena, outlier->consecutive_5xx);
  m->enforcing_consecutive_5xx = gw_xds_encode_u32(arena, outlier->consecutive_5xx_enforcing_percent);
  m->consecutive_gateway_failure = gw_xds_encode_u32(arena, outlier->consecutive_gateway_failure);
  m->enforcing_consecutive_gateway_failure = gw_xds_encode_u32(arena, outlier->consecutive_gateway_failure_enforcing_percent);
  m->enforcing_success_rate = gw_xds_encode_u32(arena, outlier->success_rate_enforcing_percent);
  m->success_rate_minimum_hosts = gw_xds_encode_u32(arena, outlier->success_rate_minimum_hosts);
  m->success_rate_request_volume = gw_xds_encode_u32(arena, outlier->success_rate_request_volume);
  m->success_rate_stdev_factor = gw_xds_encode_u32(arena, outlier->success_rate_stdev_factor);
  return m;
}

void gw_xds_encode_health(struct gw_arena *arena, const struct gw_cluster *cluster, Envoy__Config__Cluster__V3__Cluster *m) {
  if (cluster->outlier != NULL) m->outlier_detection = encode_outlier(arena, cluster->outlier);
  if (cluster->health_check == NULL) return;
  m->n_health_checks = 1;
  m->health_checks = gw_xds_encode_array(arena, 1);
  m->health_checks[0] = encode_check(arena, cluster);
  m->ignore_health_on_host_removal = true;
}
