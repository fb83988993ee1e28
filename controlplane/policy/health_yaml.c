#include "controlplane/policy/health_yaml.h"

#include "common/base/mem.h"
#include "common/message/headers.h"
#include "common/message/message.h"
#include "common/message/uri.h"

#define THRESHOLD_MAX 1000u
#define EXPECT_MAX 32u

/* Defaults: an instance that dies is noticed within some 15 s, one that comes back within 10. */
#define PATH "/health"
#define INTERVAL_MS 5000
#define TIMEOUT_MS 2000
#define JITTER_PERCENT 10
#define HEALTHY_THRESHOLD 2
#define UNHEALTHY_THRESHOLD 3
/* Envoy's 10 % of fewer than ten instances is none; half of them, and no panic follows (panic_threshold's default). */
#define MAX_EJECTION_PERCENT 50

static const char *const check_keys[] = {"type",
                                         "path",
                                         "method",
                                         "host",
                                         "expect",
                                         "service",
                                         "port",
                                         "interval",
                                         "timeout",
                                         "jitter_percent",
                                         "healthy_threshold",
                                         "unhealthy_threshold",
                                         "unhealthy_interval",
                                         NULL};
static const char *const outlier_keys[] = {"consecutive_5xx",
                                           "consecutive_gateway_failures",
                                           "success_rate",
                                           "interval",
                                           "base_ejection_time",
                                           "max_ejection_time",
                                           "ejection_jitter",
                                           "max_ejection_percent",
                                           "enforcing_percent",
                                           "check_ends_ejection",
                                           NULL};
static const char *const success_rate_keys[] = {"minimum_hosts", "request_volume", "stdev_factor_thousandths", NULL};

/* ---- health_check ---- */

static bool is_word(const struct gw_yaml_node *node, const char *word) {
  return node->kind == GW_YAML_SCALAR && gw_str_equal(node->text, gw_str_from(word));
}

static void read_kind(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_health_check *out) {
  if (is_word(node, "tcp")) {
    out->kind = GW_HEALTH_CHECK_TCP;
  } else if (is_word(node, "grpc")) {
    out->kind = GW_HEALTH_CHECK_GRPC;
  } else if (!is_word(node, "http")) {
    gw_reader_mistake(reader, node, "type is http, tcp or grpc");
  }
}

static void read_path(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_health_check *out) {
  struct gw_str path;
  if (!gw_reader_text(reader, node, "path", &path)) return;
  bool is_good = path.len > 0 && path.data[0] == '/';
  for (size_t i = 0; i < path.len; i++)
    is_good = is_good && path.data[i] > ' ' && (unsigned char)path.data[i] < 127 && path.data[i] != '#';
  if (is_good) {
    out->path = path;
  } else {
    gw_reader_mistake(reader, node, "the path of a health check begins with /, such as /health, and has no space and no #");
  }
}

static void read_method(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_health_check *out) {
  struct gw_str text;
  if (!gw_reader_text(reader, node, "method", &text)) return;
  enum gw_method method = gw_method_find(text);
  if (method == GW_METHOD_OTHER || method == GW_METHOD_CONNECT) {
    gw_reader_mistake(reader, node, "the method of a health check is GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE or PATCH");
  } else {
    out->method = text;
  }
}

static void read_host(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_health_check *out) {
  struct gw_str host;
  if (!gw_reader_text(reader, node, "host", &host)) return;
  if (host.len > 0 && gw_uri_authority_is_valid(host)) {
    out->host = host;
  } else {
    gw_reader_mistake(reader, node, "host is HOST[:PORT]");
  }
}

/* Three digits. */
static bool parse_status(struct gw_str text, uint32_t *ret_status) {
  if (text.len != 3) return false;
  uint32_t status = 0;
  for (size_t i = 0; i < 3; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') return false;
    status = status * 10 + (uint32_t)(text.data[i] - '0');
  }
  *ret_status = status;
  return status >= 100 && status <= 599;
}

/* 200, or 200-299. */
static void read_range(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_status_range *out) {
  struct gw_str first = node->kind == GW_YAML_SCALAR ? node->text : (struct gw_str){0}, last = first;
  if (first.len == 7 && first.data[3] == '-') {
    last = gw_str_skip(first, 4);
    first.len = 3;
  }
  if (!parse_status(first, &out->first) || !parse_status(last, &out->last) || out->first > out->last)
    gw_reader_mistake(reader, node, "expect is a status from 100 to 599, a range such as 200-299, or a list of them");
}

static void read_expect(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_health_check *out) {
  bool is_list = node->kind == GW_YAML_SEQUENCE;
  if (is_list && (node->count == 0 || node->count > EXPECT_MAX)) {
    gw_reader_mistake(reader, node, "expect lists 1 to %u statuses or ranges of them", EXPECT_MAX);
    return;
  }
  out->expected_count = is_list ? node->count : 1;
  struct gw_status_range *ranges = gw_arena_calloc(reader->arena, out->expected_count, sizeof(*ranges));
  for (uint32_t i = 0; i < out->expected_count; i++)
    read_range(reader, is_list ? node->items[i] : node, &ranges[i]);
  out->expected = ranges;
}

static void read_duration(const struct gw_reader *reader, const struct gw_yaml_node *mapping, const char *key, uint64_t *ms) {
  const struct gw_yaml_node *node = gw_yaml_find(mapping, key);
  if (node != NULL) gw_reader_duration(reader, node, key, ms);
}

static void read_u32(const struct gw_reader *reader, const struct gw_yaml_node *mapping, const char *key, uint32_t min, uint32_t max,
                     uint32_t *value) {
  const struct gw_yaml_node *node = gw_yaml_find(mapping, key);
  if (node != NULL) gw_reader_u32(reader, node, key, min, max, value);
}

/* A key that this kind of check does not look at would be a promise that nobody keeps. */
static void check_uses(const struct gw_reader *reader, const struct gw_yaml_node *mapping, enum gw_health_check_kind kind) {
  static const struct {
    const char *key;
    bool is_http;
    bool is_grpc;
    const char *whose;
  } uses[] = {
      {"path", true, false, "http"},    {"method", true, false, "http"},       {"expect", true, false, "http"},
      {"service", false, true, "grpc"}, {"host", true, true, "http and grpc"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(uses); i++) {
    const struct gw_yaml_node *node = gw_yaml_find(mapping, uses[i].key);
    bool is_used = (kind == GW_HEALTH_CHECK_HTTP && uses[i].is_http) || (kind == GW_HEALTH_CHECK_GRPC && uses[i].is_grpc);
    if (node != NULL && !is_used) gw_reader_mistake(reader, node, "%s is for health checks of type %s", uses[i].key, uses[i].whose);
  }
}

static void read_check_mapping(const struct gw_reader *reader, const struct gw_yaml_node *mapping, struct gw_health_check *out) {
  const struct gw_yaml_node *type = gw_yaml_find(mapping, "type"), *path = gw_yaml_find(mapping, "path"),
                            *method = gw_yaml_find(mapping, "method"), *host = gw_yaml_find(mapping, "host"),
                            *expect = gw_yaml_find(mapping, "expect"), *service = gw_yaml_find(mapping, "service");
  if (type != NULL) read_kind(reader, type, out);
  check_uses(reader, mapping, out->kind);
  if (path != NULL) read_path(reader, path, out);
  if (method != NULL) read_method(reader, method, out);
  if (host != NULL) read_host(reader, host, out);
  if (expect != NULL) read_expect(reader, expect, out);
  if (service != NULL) gw_reader_text(reader, service, "service", &out->grpc_service);
  uint32_t port = 0;
  read_u32(reader, mapping, "port", 1, UINT16_MAX, &port);
  out->port = (uint16_t)port;
  read_duration(reader, mapping, "interval", &out->interval_ms);
  out->unhealthy_interval_ms = out->interval_ms;
  read_duration(reader, mapping, "unhealthy_interval", &out->unhealthy_interval_ms);
  read_duration(reader, mapping, "timeout", &out->timeout_ms);
  read_u32(reader, mapping, "jitter_percent", 0, 100, &out->interval_jitter_percent);
  read_u32(reader, mapping, "healthy_threshold", 1, THRESHOLD_MAX, &out->healthy_threshold);
  read_u32(reader, mapping, "unhealthy_threshold", 1, THRESHOLD_MAX, &out->unhealthy_threshold);
}

/* "/path", tcp, grpc, true, or a mapping. */
static void read_check(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_health_check *out) {
  if (node->kind != GW_YAML_SCALAR) {
    if (gw_reader_is_mapping(reader, node, "health_check", check_keys)) read_check_mapping(reader, node, out);
  } else if (node->text.len > 0 && node->text.data[0] == '/') {
    read_path(reader, node, out);
  } else if (is_word(node, "tcp") || is_word(node, "grpc")) {
    read_kind(reader, node, out);
  } else if (!node->is_plain || !is_word(node, "true")) {
    gw_reader_mistake(reader, node, "health_check is a path such as /health, tcp, grpc, true, false, or a mapping");
  }
}

static const struct gw_health_check *new_check(const struct gw_reader *reader, const struct gw_yaml_node *node,
                                               enum gw_upstream_protocol protocol) {
  static const struct gw_status_range ok = {200, 200}, any = {100, 599};
  struct gw_health_check *out = gw_arena_calloc(reader->arena, 1, sizeof(*out));
  *out = (struct gw_health_check){.timeout_ms = TIMEOUT_MS,
                                  .interval_ms = INTERVAL_MS,
                                  .unhealthy_interval_ms = INTERVAL_MS,
                                  .interval_jitter_percent = JITTER_PERCENT,
                                  .unhealthy_threshold = UNHEALTHY_THRESHOLD,
                                  .healthy_threshold = HEALTHY_THRESHOLD};
  out->path = GW_STR(PATH);
  out->method = GW_STR("GET");
  out->expected = &ok;
  out->expected_count = 1;
  read_check(reader, node, out);
  /* The same before and after the first request; and an answer of the wrong status is a failure as others are, not the end at once. */
  out->no_traffic_interval_ms = out->interval_ms;
  out->retriable = &any;
  out->retriable_count = 1;
  out->is_http2 = protocol == GW_UPSTREAM_HTTP2 || out->kind == GW_HEALTH_CHECK_GRPC;
  if (out->kind == GW_HEALTH_CHECK_GRPC && protocol == GW_UPSTREAM_HTTP1)
    gw_reader_mistake(reader, node, "a grpc health check needs a service with protocol: h2");
  return out;
}

/* ---- outlier_detection ---- */

static void read_success_rate(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_outlier_detection *out) {
  if (node->kind == GW_YAML_SCALAR) {
    bool is_wanted = true;
    if (gw_reader_bool(reader, node, "success_rate", &is_wanted) && !is_wanted) out->success_rate_enforcing_percent = 0;
    return;
  }
  if (!gw_reader_is_mapping(reader, node, "success_rate", success_rate_keys)) return;
  read_u32(reader, node, "minimum_hosts", 1, UINT32_MAX, &out->success_rate_minimum_hosts);
  read_u32(reader, node, "request_volume", 1, UINT32_MAX, &out->success_rate_request_volume);
  read_u32(reader, node, "stdev_factor_thousandths", 0, 100000, &out->success_rate_stdev_factor);
}

static void read_outlier_mapping(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_outlier_detection *out) {
  if (!gw_reader_is_mapping(reader, node, "outlier_detection", outlier_keys)) return;
  const struct gw_yaml_node *success_rate = gw_yaml_find(node, "success_rate"), *ends = gw_yaml_find(node, "check_ends_ejection");
  uint32_t enforcing = 100;
  read_u32(reader, node, "enforcing_percent", 0, 100, &enforcing);
  read_u32(reader, node, "consecutive_5xx", 0, UINT32_MAX, &out->consecutive_5xx);
  read_u32(reader, node, "consecutive_gateway_failures", 0, UINT32_MAX, &out->consecutive_gateway_failure);
  out->consecutive_5xx_enforcing_percent = out->consecutive_5xx > 0 ? enforcing : 0;
  out->consecutive_gateway_failure_enforcing_percent = out->consecutive_gateway_failure > 0 ? enforcing : 0;
  out->success_rate_enforcing_percent = enforcing;
  if (success_rate != NULL) read_success_rate(reader, success_rate, out);
  if (ends != NULL) gw_reader_bool(reader, ends, "check_ends_ejection", &out->has_check_ending_ejection);
  read_duration(reader, node, "interval", &out->interval_ms);
  read_duration(reader, node, "base_ejection_time", &out->base_ejection_ms);
  read_duration(reader, node, "max_ejection_time", &out->max_ejection_ms);
  read_duration(reader, node, "ejection_jitter", &out->ejection_jitter_ms);
  read_u32(reader, node, "max_ejection_percent", 0, 100, &out->max_ejection_percent);
}

static const struct gw_outlier_detection *new_outlier(const struct gw_reader *reader, const struct gw_yaml_node *node) {
  struct gw_outlier_detection *out = gw_arena_calloc(reader->arena, 1, sizeof(*out));
  /* 5xx has the gateway failures in it. An instance that fails requests while its health page is well is just what this is for: so a check
   * does not end an ejection, unless it is told to. */
  *out = (struct gw_outlier_detection){.interval_ms = GW_OUTLIER_INTERVAL_MS,
                                       .base_ejection_ms = GW_OUTLIER_BASE_EJECTION_MS,
                                       .max_ejection_ms = GW_OUTLIER_MAX_EJECTION_MS,
                                       .max_ejection_percent = MAX_EJECTION_PERCENT,
                                       .consecutive_5xx = GW_OUTLIER_CONSECUTIVE,
                                       .consecutive_5xx_enforcing_percent = 100,
                                       .success_rate_enforcing_percent = 100,
                                       .success_rate_minimum_hosts = GW_OUTLIER_MINIMUM_HOSTS,
                                       .success_rate_request_volume = GW_OUTLIER_REQUEST_VOLUME,
                                       .success_rate_stdev_factor = GW_OUTLIER_STDEV_FACTOR};
  bool is_wanted = true;
  if (node->kind == GW_YAML_SCALAR) {
    gw_reader_bool(reader, node, "outlier_detection (a mapping otherwise)", &is_wanted);
  } else {
    read_outlier_mapping(reader, node, out);
  }
  return is_wanted ? out : NULL;
}

struct gw_service_health gw_health_read(const struct gw_reader *reader, const struct gw_yaml_node *service,
                                        enum gw_upstream_protocol protocol) {
  struct gw_service_health health = {0};
  const struct gw_yaml_node *check = gw_yaml_find(service, "health_check"), *outlier = gw_yaml_find(service, "outlier_detection");
  bool is_off = check != NULL && check->is_plain && is_word(check, "false");
  if (check != NULL && !is_off) health.check = new_check(reader, check, protocol);
  if (outlier != NULL) health.outlier = new_outlier(reader, outlier);
  return health;
}
