#include <string.h>

#include "common/base/mem.h"
#include "common/xds/decode.h"
#include "envoy/config/cluster/v3/outlier_detection.pb-c.h"
#include "envoy/config/core/v3/health_check.pb-c.h"

typedef Envoy__Config__Core__V3__HealthCheck HealthCheck;
typedef Envoy__Config__Core__V3__HealthCheck__HttpHealthCheck HttpHealthCheck;
typedef Envoy__Config__Cluster__V3__OutlierDetection OutlierDetection;
typedef Google__Protobuf__Duration Duration;
typedef Google__Protobuf__UInt32Value UInt32Value;
#define CHECKER(name) ENVOY__CONFIG__CORE__V3__HEALTH_CHECK__HEALTH_CHECKER_##name##_HEALTH_CHECK
#define METHOD(name) ENVOY__CONFIG__CORE__V3__REQUEST_METHOD__##name
#define CODEC(name) ENVOY__TYPE__V3__CODEC_CLIENT_TYPE__##name
#define THRESHOLD_MAX 1000000u

/* As in Envoy: more than 0. `absent_ms` 0: it is needed. */
static uint64_t decode_interval(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Duration *m, uint64_t absent_ms) {
  if (m == NULL && absent_ms > 0) return absent_ms;
  uint64_t ms = gw_xds_decode_duration(d, place, m, 0);
  if (m == NULL) {
    gw_xds_refuse(d, place, "is missing");
  } else if (ms == 0) {
    gw_xds_refuse(d, place, "must be more than 0");
  }
  return ms > 0 ? ms : 1;
}

static uint32_t decode_threshold(struct gw_xds_decoder *d, const struct gw_xds_place *place, const UInt32Value *m) {
  if (m != NULL) return gw_xds_decode_u32(d, place, m, 1, 1, THRESHOLD_MAX);
  gw_xds_refuse(d, place, "is missing");
  return 1;
}

static const struct gw_status_range *decode_ranges(struct gw_xds_decoder *d, const struct gw_xds_place *place, const char *field,
                                                   Envoy__Type__V3__Int64Range *const *items, size_t count) {
  struct gw_status_range *ranges = gw_arena_calloc(d->arena, count, sizeof *ranges);
  for (size_t i = 0; i < count; i++) {
    if (items[i]->start >= 100 && items[i]->end <= 600 && items[i]->start < items[i]->end) {
      ranges[i] = (struct gw_status_range){(uint32_t)items[i]->start, (uint32_t)items[i]->end - 1};
    } else {
      gw_xds_refuse(d, GW_XDS_ITEM(place, field, i), "is %lld to %lld; allowed is 100 to 600, where the end is not in it",
                    (long long)items[i]->start, (long long)items[i]->end);
    }
  }
  return ranges;
}

static struct gw_str decode_method(struct gw_xds_decoder *d, const struct gw_xds_place *place, int wire) {
  const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(&envoy__config__core__v3__request_method__descriptor, wire);
  if (wire == METHOD(METHOD_UNSPECIFIED)) return GW_STR("GET");
  if (value == NULL || wire == METHOD(CONNECT)) gw_xds_refuse_enum(d, place, &envoy__config__core__v3__request_method__descriptor, wire);
  return value != NULL ? gw_xds_decode_str(d, value->name) : GW_STR("GET");
}

static void decode_http(struct gw_xds_decoder *d, const struct gw_xds_place *place, const HttpHealthCheck *m, struct gw_health_check *out) {
  static const struct gw_status_range ok = {200, 200};
  const struct gw_xds_place *path = GW_XDS_FIELD(place, "path");
  out->kind = GW_HEALTH_CHECK_HTTP;
  out->host = gw_xds_decode_str(d, m->host);
  out->path = gw_xds_decode_name(d, path, m->path);
  if (out->path.len > 0 && out->path.data[0] != '/') gw_xds_refuse(d, path, "must begin with /");
  for (size_t i = 0; i < out->path.len; i++)
    if (out->path.data[i] <= ' ' || (unsigned char)out->path.data[i] >= 127 || out->path.data[i] == '#') {
      gw_xds_refuse(d, path, "holds a character that must be escaped");
      break;
    }
  out->expected =
      m->n_expected_statuses > 0 ? decode_ranges(d, place, "expected_statuses", m->expected_statuses, m->n_expected_statuses) : &ok;
  out->expected_count = m->n_expected_statuses > 0 ? (uint32_t)m->n_expected_statuses : 1;
  out->retriable = decode_ranges(d, place, "retriable_statuses", m->retriable_statuses, m->n_retriable_statuses);
  out->retriable_count = (uint32_t)m->n_retriable_statuses;
  out->method = decode_method(d, GW_XDS_FIELD(place, "method"), (int)m->method);
  if (m->codec_client_type != CODEC(HTTP1) && m->codec_client_type != CODEC(HTTP2))
    gw_xds_refuse_enum(d, GW_XDS_FIELD(place, "codec_client_type"), &envoy__type__v3__codec_client_type__descriptor,
                       (int)m->codec_client_type);
  out->is_http2 = m->codec_client_type == CODEC(HTTP2);
}

static void decode_checker(struct gw_xds_decoder *d, const struct gw_xds_place *place, const HealthCheck *m,
                           const struct gw_cluster *cluster, struct gw_health_check *out) {
  const struct gw_xds_place *http = GW_XDS_FIELD(place, "http_health_check"), *grpc = GW_XDS_FIELD(place, "grpc_health_check");
  switch (m->health_checker_case) {
  case CHECKER(HTTP):
    decode_http(d, http, m->http_health_check, out);
    /* ALPN is the cluster's: the connection would speak otherwise than the check. */
    if (cluster->tls != NULL && cluster->protocol != GW_UPSTREAM_AUTO && out->is_http2 != (cluster->protocol == GW_UPSTREAM_HTTP2))
      gw_xds_refuse(d, GW_XDS_FIELD(http, "codec_client_type"), "must be the cluster's protocol, over TLS");
    break;
  case CHECKER(TCP): out->kind = GW_HEALTH_CHECK_TCP; break;
  case CHECKER(GRPC):
    out->kind = GW_HEALTH_CHECK_GRPC;
    out->is_http2 = true;
    out->grpc_service = gw_xds_decode_str(d, m->grpc_health_check->service_name);
    out->host = gw_xds_decode_str(d, m->grpc_health_check->authority);
    if (cluster->protocol == GW_UPSTREAM_HTTP1) gw_xds_refuse(d, grpc, "needs a cluster that speaks HTTP/2");
    break;
  default: gw_xds_refuse(d, place, "needs http_health_check, tcp_health_check or grpc_health_check");
  }
}

static void decode_tls_options(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                               const Envoy__Config__Core__V3__HealthCheck__TlsOptions *m, const struct gw_health_check *check) {
  if (m == NULL) return;
  const char *spoken = check->is_http2 ? "h2" : "http/1.1";
  for (size_t i = 0; i < m->n_alpn_protocols; i++)
    if (strcmp(m->alpn_protocols[i], spoken) != 0)
      gw_xds_refuse(d, GW_XDS_ITEM(place, "alpn_protocols", i), "is not what the check speaks, \"%s\"", spoken);
}

static const struct gw_health_check *decode_check(struct gw_xds_decoder *d, const struct gw_xds_place *place, const HealthCheck *m,
                                                  const struct gw_cluster *cluster) {
  struct gw_health_check *out = gw_arena_calloc(d->arena, 1, sizeof *out);
  decode_checker(d, place, m, cluster, out);
  decode_tls_options(d, GW_XDS_FIELD(place, "tls_options"), m->tls_options, out);
  out->timeout_ms = decode_interval(d, GW_XDS_FIELD(place, "timeout"), m->timeout, 0);
  out->interval_ms = decode_interval(d, GW_XDS_FIELD(place, "interval"), m->interval, 0);
  out->unhealthy_interval_ms = decode_interval(d, GW_XDS_FIELD(place, "unhealthy_interval"), m->unhealthy_interval, out->interval_ms);
  out->no_traffic_interval_ms =
      decode_interval(d, GW_XDS_FIELD(place, "no_traffic_interval"), m->no_traffic_interval, GW_HEALTH_CHECK_NO_TRAFFIC_MS);
  out->initial_jitter_ms = gw_xds_decode_duration(d, GW_XDS_FIELD(place, "initial_jitter"), m->initial_jitter, 0);
  out->interval_jitter_ms = gw_xds_decode_duration(d, GW_XDS_FIELD(place, "interval_jitter"), m->interval_jitter, 0);
  out->interval_jitter_percent = m->interval_jitter_percent;
  if (m->interval_jitter_percent > 100) gw_xds_refuse(d, GW_XDS_FIELD(place, "interval_jitter_percent"), "allowed is 0 to 100");
  out->unhealthy_threshold = decode_threshold(d, GW_XDS_FIELD(place, "unhealthy_threshold"), m->unhealthy_threshold);
  out->healthy_threshold = decode_threshold(d, GW_XDS_FIELD(place, "healthy_threshold"), m->healthy_threshold);
  out->port = (uint16_t)gw_xds_decode_u32(d, GW_XDS_FIELD(place, "alt_port"), m->alt_port, 0, 1, UINT16_MAX);
  return out;
}

static uint32_t decode_percent(struct gw_xds_decoder *d, const struct gw_xds_place *place, const UInt32Value *m, uint32_t absent) {
  return gw_xds_decode_u32(d, place, m, absent, 0, 100);
}

static const struct gw_outlier_detection *decode_outlier(struct gw_xds_decoder *d, const OutlierDetection *m) {
  const struct gw_xds_place *place = GW_XDS_FIELD(NULL, "outlier_detection");
  struct gw_outlier_detection *out = gw_arena_calloc(d->arena, 1, sizeof *out);
#define AT(name) GW_XDS_FIELD(place, #name), m->name
#define COUNT(name, absent) gw_xds_decode_u32(d, AT(name), absent, 0, UINT32_MAX)
#define PERCENT(name, absent) decode_percent(d, AT(name), absent)
  out->interval_ms = decode_interval(d, AT(interval), GW_OUTLIER_INTERVAL_MS);
  out->base_ejection_ms = decode_interval(d, AT(base_ejection_time), GW_OUTLIER_BASE_EJECTION_MS);
  out->max_ejection_ms = decode_interval(d, AT(max_ejection_time), GW_OUTLIER_MAX_EJECTION_MS);
  out->ejection_jitter_ms = gw_xds_decode_duration(d, AT(max_ejection_time_jitter), 0);
  out->max_ejection_percent = PERCENT(max_ejection_percent, GW_OUTLIER_MAX_EJECTION_PERCENT);
  out->may_always_eject_one = gw_xds_decode_bool(m->always_eject_one_host, false);
  out->has_check_ending_ejection = gw_xds_decode_bool(m->successful_active_health_check_uneject_host, true);
  out->consecutive_5xx = COUNT(consecutive_5xx, GW_OUTLIER_CONSECUTIVE);
  out->consecutive_5xx_enforcing_percent = PERCENT(enforcing_consecutive_5xx, 100);
  out->consecutive_gateway_failure = COUNT(consecutive_gateway_failure, GW_OUTLIER_CONSECUTIVE);
  out->consecutive_gateway_failure_enforcing_percent = PERCENT(enforcing_consecutive_gateway_failure, 0);
  out->success_rate_enforcing_percent = PERCENT(enforcing_success_rate, 100);
  out->success_rate_minimum_hosts = COUNT(success_rate_minimum_hosts, GW_OUTLIER_MINIMUM_HOSTS);
  out->success_rate_request_volume = COUNT(success_rate_request_volume, GW_OUTLIER_REQUEST_VOLUME);
  out->success_rate_stdev_factor = COUNT(success_rate_stdev_factor, GW_OUTLIER_STDEV_FACTOR);
#undef PERCENT
#undef COUNT
#undef AT
  return out;
}

void gw_xds_decode_health(struct gw_xds_decoder *d, const Envoy__Config__Cluster__V3__Cluster *m, struct gw_cluster *out) {
  if (m->n_health_checks > 0) out->health_check = decode_check(d, GW_XDS_ITEM(NULL, "health_checks", 0), m->health_checks[0], out);
  if (m->n_health_checks > 1) gw_xds_refuse(d, GW_XDS_ITEM(NULL, "health_checks", 1), "only one health check is supported");
  if (m->outlier_detection != NULL) out->outlier = decode_outlier(d, m->outlier_detection);
}
