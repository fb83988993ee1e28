#include "controlplane/policy/settings.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/byte_count.h"
#include "common/base/content_hash.h"
#include "common/base/duration.h"
#include "common/base/mem.h"
#include "common/base/percent.h"
#include "common/net/address.h"
#include "controlplane/policy/env_file.h"
#include "controlplane/policy/huawei_settings.h"
#include "controlplane/policy/nacos_servers.h"
#include "controlplane/policy/policy.h"
#include "controlplane/policy/settings_checks.h"
#include "controlplane/policy/tracing_settings.h"

enum kind {
  KIND_TEXT,
  KIND_CHOICE,
  KIND_BOOL,
  KIND_SWITCH,
  KIND_U32,
  KIND_PORT,
  KIND_DURATION,
  KIND_BYTES,
  KIND_PERCENT,
  KIND_HEADERS,
  KIND_IP,
  KIND_CIDRS,
  KIND_PATH,
  KIND_DISCOVERY,
  KIND_WORD,
  KIND_REDIS,
  KIND_SERVERS,
  KIND_NACOS,
  KIND_SECRET
};

struct row {
  const char *name;
  const char *fallback; /* as text, so that it is shown and parsed as any other value */
  size_t offset;        /* in struct gw_settings */
  enum kind kind;
  uint32_t min; /* KIND_U32, KIND_BYTES */
  uint32_t max;
  const char *choices; /* KIND_CHOICE: words with commas, in the order of the enum; KIND_TEXT: the words allowed */
};

#define AT(member) offsetof(struct gw_settings, member)

/* KIND_SECRET: masked when it is shown, and taken from no flag. */
static const struct row rows[] = {
    {"ENVIRONMENT", "default", AT(environment), KIND_TEXT, 0, 0, "default,dev,prod"},
    {"HOST", "0.0.0.0", AT(host), KIND_IP, 0, 0, NULL},
    {"PORT", "8000", AT(port), KIND_PORT, 0, 0, NULL},
    {"GATEWAY_CONFIG_SOURCE", "files", AT(config_source), KIND_CHOICE, 0, 0, "files,api"},
    {"SERVICE_DISCOVERY_TYPE", "static", AT(discovery_type), KIND_DISCOVERY, 0, 0, NULL},
    {"GATEWAY_REGISTRY_MAX_DROP_PERCENT", "50", AT(registry_max_drop_percent), KIND_U32, 0, 100, NULL},
    {"CONSUL_HOST", "127.0.0.1", AT(consul_host), KIND_WORD, 0, 0, NULL},
    {"CONSUL_PORT", "8500", AT(consul_port), KIND_PORT, 1, 0, NULL},
    {"CONSUL_SCHEME", "http", AT(consul_scheme), KIND_TEXT, 0, 0, "http,https"},
    {"CONSUL_DATACENTER", "", AT(consul_datacenter), KIND_WORD, 0, 0, NULL},
    {"CONSUL_TOKEN", "", AT(consul_token), KIND_SECRET, 0, 0, NULL},
    {"CONSUL_TOKEN_FILE", "", AT(consul_token_file), KIND_PATH, 0, 0, NULL},
    {"CONSUL_CA_FILE", "", AT(consul_ca_file), KIND_PATH, 0, 0, NULL},
    {"CONSUL_CERT_FILE", "", AT(consul_cert_file), KIND_PATH, 0, 0, NULL},
    {"CONSUL_KEY_FILE", "", AT(consul_key_file), KIND_PATH, 0, 0, NULL},
    {"CONSUL_MAX_QUERIES", "150", AT(consul_max_queries), KIND_U32, 1, 10000, NULL},
    {"NACOS_SERVER_ADDRESSES", "", AT(nacos_servers), KIND_NACOS, 0, 0, NULL},
    {"NACOS_API", "v1", AT(nacos_api), KIND_TEXT, 0, 0, "v1,v2"},
    {"NACOS_NAMESPACE", "", AT(nacos_namespace), KIND_WORD, 0, 0, NULL},
    {"NACOS_GROUP", "DEFAULT_GROUP", AT(nacos_group), KIND_WORD, 0, 0, NULL},
    {"NACOS_USERNAME", "", AT(nacos_user), KIND_WORD, 0, 0, NULL},
    {"NACOS_PASSWORD", "", AT(nacos_password), KIND_SECRET, 0, 0, NULL},
    {"NACOS_CA_FILE", "", AT(nacos_ca_file), KIND_PATH, 0, 0, NULL},
    {"NACOS_PUSH", "true", AT(has_nacos_push), KIND_BOOL, 0, 0, NULL},
    {"GATEWAY_DNS_SERVERS", "", AT(dns_servers), KIND_SERVERS, 0, 0, NULL},
    {"GATEWAY_HUAWEI_REGION", "", AT(huawei_region), KIND_WORD, 0, 0, NULL},
    {"GATEWAY_HUAWEI_PROJECT_ID", "", AT(huawei_project_id), KIND_WORD, 0, 0, NULL},
    {"GATEWAY_HUAWEI_ACCESS_KEY", "", AT(huawei_access_key), KIND_WORD, 0, 0, NULL},
    {"GATEWAY_HUAWEI_SECRET_KEY", "", AT(huawei_secret_key), KIND_SECRET, 0, 0, NULL},
    {"GATEWAY_HUAWEI_SECURITY_TOKEN", "", AT(huawei_security_token), KIND_SECRET, 0, 0, NULL},
    {"GATEWAY_HUAWEI_USER", "", AT(huawei_user), KIND_PATH, 0, 0, NULL},
    {"GATEWAY_HUAWEI_PASSWORD", "", AT(huawei_password), KIND_SECRET, 0, 0, NULL},
    {"GATEWAY_HUAWEI_DOMAIN", "", AT(huawei_domain), KIND_PATH, 0, 0, NULL},
    {"GATEWAY_HUAWEI_CREDENTIALS_FILE", "", AT(huawei_credentials_file), KIND_PATH, 0, 0, NULL},
    {"GATEWAY_HUAWEI_ECS_ENDPOINT", "", AT(huawei_ecs_endpoint), KIND_WORD, 0, 0, NULL},
    {"GATEWAY_HUAWEI_IAM_ENDPOINT", "", AT(huawei_iam_endpoint), KIND_WORD, 0, 0, NULL},
    {"GATEWAY_HUAWEI_TIMEOUT", "10s", AT(huawei_timeout_ms), KIND_DURATION, 0, 0, NULL},
    {"GATEWAY_HUAWEI_REFRESH", "30s", AT(huawei_refresh_ms), KIND_DURATION, 0, 0, NULL},
    {"GATEWAY_ACCESS_LOG", "json", AT(access_log), KIND_CHOICE, 0, 0, "json,text,off"},
    {"GATEWAY_ACCESS_LOG_SAMPLE_PERCENT", "100", AT(access_log_sample_millionths), KIND_PERCENT, 0, 0, NULL},
    {"GATEWAY_ACCESS_LOG_ALWAYS_STATUS", "0", AT(access_log_always_status), KIND_U32, 0, 599, NULL},
    {"GATEWAY_ACCESS_LOG_ALWAYS_DURATION", "0", AT(access_log_always_ms), KIND_DURATION, 0, 0, NULL},
    {"GATEWAY_ACCESS_LOG_REQUESTS", "false", AT(has_request_records), KIND_BOOL, 0, 0, NULL},
    {"GATEWAY_ACCESS_LOG_REQUEST_HEADERS", "", AT(access_log_request_headers), KIND_HEADERS, 0, 0, NULL},
    {"GATEWAY_ACCESS_LOG_RESPONSE_HEADERS", "", AT(access_log_response_headers), KIND_HEADERS, 0, 0, NULL},
    {"GATEWAY_ACCESS_LOG_REDACT", "", AT(access_log_redact), KIND_HEADERS, 0, 0, NULL},
    {"GATEWAY_HEALTH_ENDPOINT", "true", AT(has_health), KIND_BOOL, 0, 0, NULL},
    {"GATEWAY_READY_ENDPOINT", "true", AT(has_ready), KIND_BOOL, 0, 0, NULL},
    {"GATEWAY_METRICS_ENDPOINT", "true", AT(has_metrics), KIND_BOOL, 0, 0, NULL},
    {"GATEWAY_METRICS_ALLOW", "", AT(metrics_allow), KIND_CIDRS, 0, 0, NULL},
    {"GATEWAY_IDLE_TIMEOUT", "60s", AT(idle_timeout_ms), KIND_DURATION, 0, 0, NULL},
    {"GATEWAY_STREAM_IDLE_TIMEOUT", "300s", AT(stream_idle_timeout_ms), KIND_DURATION, 0, 0, NULL},
    {"GATEWAY_REQUEST_HEADERS_TIMEOUT", "10s", AT(request_headers_timeout_ms), KIND_DURATION, 0, 0, NULL},
    {"GATEWAY_CONNECT_TIMEOUT", "5s", AT(connect_timeout_ms), KIND_DURATION, 0, 0, NULL},
    {"GATEWAY_UPSTREAM_IDLE_TIMEOUT", "60s", AT(upstream_idle_timeout_ms), KIND_DURATION, 0, 0, NULL},
    {"GATEWAY_RETRY_ATTEMPTS", "2", AT(retry_attempts), KIND_U32, 0, 10, NULL},
    {"GATEWAY_RETRY_BUFFER", "64KiB", AT(retry_buffer_bytes), KIND_BYTES, 0, 16u << 20, NULL},
    {"GATEWAY_RETRY_BUDGET_PERCENT", "20", AT(retry_budget_percent), KIND_U32, 0, 100, NULL},
    {"GATEWAY_RETRY_BUDGET_MIN_CONCURRENCY", "3", AT(retry_budget_min_concurrency), KIND_U32, 0, 1000000, NULL},
    {"GATEWAY_DNS_REFRESH", "5s", AT(dns_refresh_ms), KIND_DURATION, 0, 0, NULL},
    {"GATEWAY_MAX_REQUEST_HEADERS_KB", "60", AT(max_request_headers_kb), KIND_U32, 1, 8192, NULL},
    {"GATEWAY_MAX_HEADERS_COUNT", "100", AT(max_headers_count), KIND_U32, 1, 10000, NULL},
    {"GATEWAY_XFF_NUM_TRUSTED_HOPS", "0", AT(xff_num_trusted_hops), KIND_U32, 0, 100, NULL},
    {"GATEWAY_TRUSTED_PROXIES", "", AT(trusted_proxies), KIND_CIDRS, 0, 0, NULL},
    {"GATEWAY_CA_FILE", "/etc/ssl/certs/ca-certificates.crt", AT(ca_file), KIND_PATH, 0, 0, NULL},
    {"GATEWAY_HTTP2", "true", AT(has_http2), KIND_BOOL, 0, 0, NULL},
    {"GATEWAY_WEBSOCKET", "true", AT(has_websocket), KIND_BOOL, 0, 0, NULL},
    {"GATEWAY_MAX_URI", "8KiB", AT(max_uri_bytes), KIND_BYTES, 0, UINT32_MAX, NULL},
    {"GATEWAY_SEND_TIMEOUT", "60s", AT(send_timeout_ms), KIND_DURATION, 0, 0, NULL},
    {"GATEWAY_MAX_REQUEST_BODY", "100MiB", AT(max_request_body_bytes), KIND_BYTES, 0, UINT32_MAX, NULL},
    {"GATEWAY_REQUEST_BODY_TIMEOUT", "15s", AT(body_timeout_ms), KIND_DURATION, 0, 0, NULL},
    {"GATEWAY_MAX_REQUESTS_PER_CONNECTION", "1000000", AT(max_requests_per_connection), KIND_U32, 0, UINT32_MAX, NULL},
    {"GATEWAY_MAX_CONNECTIONS_PER_WORKER", "50000", AT(max_connections_per_worker), KIND_U32, 0, UINT32_MAX, NULL},
    {"GATEWAY_MAX_FAILED_CREDENTIALS", "100", AT(max_failed_credentials), KIND_U32, 0, 1000000, NULL},
    {"GATEWAY_MAX_CONNECTIONS_PER_CLIENT", "2000", AT(max_connections_per_client), KIND_U32, 0, UINT32_MAX, NULL},
    {"GATEWAY_OVERLOAD_MEMORY_PERCENT", "85", AT(overload_memory_percent), KIND_U32, 0, 100, NULL},
    {"GATEWAY_OVERLOAD_DESCRIPTORS_PERCENT", "85", AT(overload_descriptors_percent), KIND_U32, 0, 100, NULL},
    {"GATEWAY_METRICS_MAX_SERIES", "250000", AT(max_metric_series), KIND_U32, 1000, 10000000, NULL},
    {"GATEWAY_HTTP2_MAX_STREAMS", "128", AT(http2_max_streams), KIND_U32, 1, INT32_MAX, NULL},
    {"GATEWAY_HTTP2_STREAM_WINDOW", "256KiB", AT(http2_stream_window), KIND_BYTES, 65535, INT32_MAX, NULL},
    {"GATEWAY_HTTP2_CONNECTION_WINDOW", "1MiB", AT(http2_connection_window), KIND_BYTES, 65535, INT32_MAX, NULL},
    {"GATEWAY_HTTP2_HEADER_TABLE", "4KiB", AT(http2_header_table), KIND_BYTES, 0, 65536, NULL},
    {"GATEWAY_HTTP2_MAX_RESETS_PER_MINUTE", "1000", AT(max_stream_resets_per_minute), KIND_U32, 0, UINT32_MAX, NULL},
    {"GATEWAY_HTTP2_MAX_CONTROL_FRAMES", "1000", AT(http2_max_control_frames), KIND_U32, 1, UINT32_MAX, NULL},
    {"GATEWAY_HTTP2_MAX_EMPTY_FRAMES", "10", AT(http2_max_empty_frames), KIND_U32, 0, UINT32_MAX, NULL},
    {"GATEWAY_HTTP2_MAX_PRIORITY_FRAMES", "100", AT(http2_max_priority_frames), KIND_U32, 0, UINT32_MAX, NULL},
    {"GATEWAY_HTTP2_MAX_WINDOW_UPDATES", "10", AT(http2_max_window_updates), KIND_U32, 1, UINT32_MAX, NULL},
    {"RATE_LIMIT_ENABLED", "true", AT(has_rate_limits), KIND_BOOL, 0, 0, NULL},
    {"GATEWAY_RATE_LIMIT_HEADERS", "refused", AT(rate_limit_headers), KIND_CHOICE, 0, 0, "always,refused"},
    {"GATEWAY_RATE_LIMIT_MAX_KEYS", "1048576", AT(rate_limit_max_keys), KIND_U32, 1024, 1u << 26, NULL},
    {"CIRCUIT_BREAKER_ENABLED", "auto", AT(circuit_breaker), KIND_SWITCH, 0, 0, NULL},
    {"JWT_SECRET_KEY", "", AT(jwt_secret_key), KIND_SECRET, 0, 0, NULL},
    {"JWT_PUBLIC_KEY_FILE", "", AT(jwt_public_key_file), KIND_PATH, 0, 0, NULL},
    {"JWT_ALGORITHM", "HS256", AT(jwt_algorithm), KIND_TEXT, 0, 0,
     "HS256,HS384,HS512,RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,ES512,EdDSA"},
    {"REDIS_HOST", "", AT(redis_host), KIND_REDIS, 0, 0, NULL},
    {"REDIS_PORT", "6379", AT(redis_port), KIND_PORT, 1, 0, NULL},
    {"GATEWAY_REDIS_DATABASE", "0", AT(redis_database), KIND_U32, 0, 100000, NULL},
    {"GATEWAY_REDIS_USER", "", AT(redis_user), KIND_WORD, 0, 0, NULL},
    {"GATEWAY_REDIS_PREFIX", "gateway:", AT(redis_prefix), KIND_WORD, 0, 0, NULL},
    {"GATEWAY_REDIS_TIMEOUT", "20ms", AT(redis_timeout_ms), KIND_DURATION, 0, 0, NULL},
    {"GATEWAY_REDIS_ON_FAILURE", "local", AT(redis_on_failure), KIND_CHOICE, 0, 0, "local,open,closed"},
    {"REDIS_PASSWORD", "", AT(redis_password), KIND_SECRET, 0, 0, NULL},
    {"MYSQL_HOST", "", AT(mysql_host), KIND_PATH, 0, 0, NULL},
    {"MYSQL_PORT", "3306", AT(mysql_port), KIND_PORT, 0, 0, NULL},
    {"MYSQL_USER", "", AT(mysql_user), KIND_PATH, 0, 0, NULL},
    {"MYSQL_PASSWORD", "", AT(mysql_password), KIND_SECRET, 0, 0, NULL},
    {"MYSQL_DATABASE", "", AT(mysql_database), KIND_PATH, 0, 0, NULL},
    {"GATEWAY_MYSQL_TLS", "auto", AT(mysql_tls), KIND_SWITCH, 0, 0, NULL},
    {"MYSQL_SSL_CA", "", AT(mysql_ca_file), KIND_PATH, 0, 0, NULL},
    {"MYSQL_SSL_CERT", "", AT(mysql_cert_file), KIND_PATH, 0, 0, NULL},
    {"MYSQL_SSL_KEY", "", AT(mysql_key_file), KIND_PATH, 0, 0, NULL},
    {"OTEL_EXPORTER_OTLP_ENDPOINT", "", AT(otlp_endpoint), KIND_WORD, 0, 0, NULL},
    {"OTEL_EXPORTER_OTLP_PROTOCOL", "auto", AT(otlp_protocol), KIND_TEXT, 0, 0, "auto,grpc,http/protobuf"},
    {"OTEL_EXPORTER_OTLP_HEADERS", "", AT(otlp_headers), KIND_SECRET, 0, 0, NULL},
    {"OTEL_EXPORTER_OTLP_TIMEOUT", "10000", AT(otlp_timeout_ms), KIND_U32, 1, 600000, NULL},
    {"OTEL_EXPORTER_OTLP_CERTIFICATE", "", AT(otlp_certificate), KIND_PATH, 0, 0, NULL},
    {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "", AT(otlp_traces_endpoint), KIND_WORD, 0, 0, NULL},
    {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "auto", AT(otlp_traces_protocol), KIND_TEXT, 0, 0, "auto,grpc,http/protobuf"},
    {"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "", AT(otlp_traces_headers), KIND_SECRET, 0, 0, NULL},
    {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0", AT(otlp_traces_timeout_ms), KIND_U32, 0, 600000, NULL},
    {"OTEL_SERVICE_NAME", "", AT(otel_service_name), KIND_PATH, 0, 0, NULL},
    {"OTEL_RESOURCE_ATTRIBUTES", "", AT(otel_resource_attributes), KIND_PATH, 0, 0, NULL},
    {"OTEL_TRACES_SAMPLER", "parentbased_always_on", AT(otel_sampler), KIND_TEXT, 0, 0,
     "always_on,always_off,traceidratio,ratelimited,parentbased_always_on,parentbased_always_off,parentbased_traceidratio,"
     "parentbased_ratelimited"},
    {"OTEL_TRACES_SAMPLER_ARG", "", AT(otel_sampler_arg), KIND_WORD, 0, 0, NULL},
    {"OTEL_PROPAGATORS", "tracecontext,baggage", AT(otel_propagators), KIND_PATH, 0, 0, NULL},
    {"OTEL_SDK_DISABLED", "false", AT(is_otel_disabled), KIND_BOOL, 0, 0, NULL},
    {"GATEWAY_TRACE_ERRORS", "true", AT(samples_errors), KIND_BOOL, 0, 0, NULL},
    {"GATEWAY_TRACE_RESPONSE_HEADERS", "true", AT(tells_trace_ids), KIND_BOOL, 0, 0, NULL},
    {"GATEWAY_API_KEY_PEPPER", "", AT(api_key_pepper), KIND_SECRET, 0, 0, NULL},
    {"GATEWAY_API_KEY_PEPPER_FILE", "", AT(api_key_pepper_file), KIND_PATH, 0, 0, NULL},
};
#define ROW_COUNT GW_ARRAY_LEN(rows)

/* GATEWAY_… names that are a data plane's or the quickstart's flags, which share a container's environment with us. */
static const char *const others_names[] = {
    "GATEWAY_XDS",           "GATEWAY_NODE_ID",     "GATEWAY_NODE_CLUSTER", "GATEWAY_WORKERS",     "GATEWAY_LISTEN",
    "GATEWAY_STATUS_HTTP",   "GATEWAY_ADMIN_HTTP",  "GATEWAY_ADMIN_GRPC",   "GATEWAY_CACHE_DIR",   "GATEWAY_CACHE_KEY_FILE",
    "GATEWAY_CACHE_MAX_AGE", "GATEWAY_XDS_TLS_CA",  "GATEWAY_XDS_TLS_CERT", "GATEWAY_XDS_TLS_KEY", "GATEWAY_ADMIN_TOKEN_FILE",
    "GATEWAY_INSECURE",      "GATEWAY_DRAIN_DELAY", "GATEWAY_DRAIN_TIME",   "GATEWAY_PORTS_FILE",  "GATEWAY_ACCESS_LOG_FILE",
    "GATEWAY_LOG_LEVEL",     "GATEWAY_LOG_FORMAT",  "GATEWAY_LOG_FILE",     "GATEWAY_HTTP_LISTEN",
};

struct origin {
  const char *source; /* "flag", "environment", "FILE:LINE:COLUMN" or "default" */
  const char *place;  /* of mistakes */
  struct gw_str text;
};

struct gw_settings_origins {
  struct gw_arena arena;
  struct origin items[ROW_COUNT];
};

/* All "a,b" of `text` are in `choices`; returns the index of the first, or -1. */
static int find_choice(struct gw_str text, const char *choices) {
  struct gw_str rest = gw_str_from(choices), word;
  for (int i = 0; gw_str_split_next(&rest, ',', &word); i++)
    if (gw_str_equal(word, text)) return i;
  return -1;
}

static enum gw_err parse_bool(struct gw_str text, bool *ret_value) {
  static const char *const words[] = {"false,0,no,off", "true,1,yes,on"};
  for (int value = 0; value < 2; value++) {
    struct gw_str rest = gw_str_from(words[value]), word;
    while (gw_str_split_next(&rest, ',', &word)) {
      if (!gw_str_equal_nocase(word, text)) continue;
      *ret_value = value == 1;
      return GW_OK;
    }
  }
  return GW_ERR_INVALID;
}

static void set_number(const struct row *row, const struct origin *origin, char *at, struct gw_errors *errors) {
  uint64_t value, max = row->kind == KIND_PORT ? 65535 : row->max;
  if (gw_str_parse_u64(origin->text, &value) != GW_OK || value < row->min || value > max) {
    gw_errors_add(errors, origin->place, "%s: a whole number from %u to %llu is allowed", row->name, row->min, (unsigned long long)max);
  } else if (row->kind == KIND_PORT) {
    *(uint16_t *)(void *)at = (uint16_t)value;
  } else {
    *(uint32_t *)(void *)at = (uint32_t)value;
  }
}

static void set_bytes(const struct row *row, const struct origin *origin, uint64_t *at, struct gw_errors *errors) {
  uint64_t value;
  if (gw_byte_count_parse(origin->text, &value) == GW_OK && value >= row->min && value <= row->max)
    *at = value;
  else
    gw_errors_add(errors, origin->place, "%s: bytes from %u to %u are allowed, such as 65536, 64KiB or 100MiB", row->name, row->min,
                  row->max);
}

static void set_choice(const struct row *row, const struct origin *origin, char *at, struct gw_errors *errors) {
  int choice = find_choice(origin->text, row->choices);
  if (choice < 0) {
    gw_errors_add(errors, origin->place, "%s: one of %s is allowed", row->name, row->choices);
  } else if (row->kind == KIND_CHOICE) {
    *(enum gw_access_log_mode *)(void *)at = (enum gw_access_log_mode)choice;
  } else {
    *(const char **)(void *)at = origin->text.data;
  }
}

static void set_switch(const struct row *row, const struct origin *origin, enum gw_switch *at, struct gw_errors *errors) {
  bool is_on;
  if (gw_str_equal_nocase(origin->text, GW_STR("auto"))) {
    *at = GW_SWITCH_AUTO;
  } else if (parse_bool(origin->text, &is_on) == GW_OK) {
    *at = is_on ? GW_SWITCH_ON : GW_SWITCH_OFF;
  } else {
    gw_errors_add(errors, origin->place, "%s: true, false or auto is allowed", row->name);
  }
}

static void set_value(struct gw_settings *settings, const struct row *row, const struct origin *origin, struct gw_errors *errors) {
  char *at = (char *)settings + row->offset;
  struct gw_address address;
  switch (row->kind) {
  case KIND_TEXT:
  case KIND_CHOICE: set_choice(row, origin, at, errors); return;
  case KIND_U32:
  case KIND_PORT: set_number(row, origin, at, errors); return;
  case KIND_BOOL:
    if (parse_bool(origin->text, (bool *)(void *)at) != GW_OK)
      gw_errors_add(errors, origin->place, "%s: true or false is allowed", row->name);
    return;
  case KIND_SWITCH: set_switch(row, origin, (enum gw_switch *)(void *)at, errors); return;
  case KIND_DURATION:
    if (gw_duration_parse(origin->text, (uint64_t *)(void *)at) != GW_OK) {
      gw_errors_add(errors, origin->place, "%s: %s is allowed", row->name, GW_DURATION_ALLOWED);
    }
    return;
  case KIND_PERCENT:
    if (gw_percent_parse(origin->text, (uint32_t *)(void *)at) != GW_OK)
      gw_errors_add(errors, origin->place, "%s: %s is allowed", row->name, GW_PERCENT_ALLOWED);
    return;
  case KIND_BYTES: set_bytes(row, origin, (uint64_t *)(void *)at, errors); return;
  case KIND_PATH:
  case KIND_SECRET: break;
  case KIND_IP:
    if (gw_address_parse_ip(origin->text, 0, &address) != GW_OK) {
      gw_errors_add(errors, origin->place, "%s: a numeric address is allowed, such as 0.0.0.0, 127.0.0.1 or ::", row->name);
    }
    break;
  case KIND_CIDRS:
    if (!gw_setting_is_cidrs(origin->text)) {
      gw_errors_add(errors, origin->place, "%s: address ranges with commas are allowed, such as 10.0.0.0/8,2001:db8::/32", row->name);
    }
    break;
  case KIND_DISCOVERY: gw_setting_check_discovery(origin->text, origin->place, &settings->origins->arena, errors); break;
  case KIND_NACOS:
    if (!gw_setting_is_nacos_servers(origin->text, &settings->origins->arena))
      gw_errors_add(errors, origin->place, "%s: %s is allowed", row->name, GW_NACOS_SERVERS_ALLOWED);
    break;
  case KIND_REDIS: gw_setting_check_redis(origin->text, origin->place, errors); break;
  case KIND_SERVERS:
    if (!gw_setting_is_servers(origin->text))
      gw_errors_add(errors, origin->place, "%s: numeric addresses with commas are allowed, such as 10.0.0.53 or [2001:db8::53]:5353",
                    row->name);
    break;
  case KIND_HEADERS:
    if (!gw_setting_is_header_names(origin->text))
      gw_errors_add(errors, origin->place, "%s: up to %u names of header fields with commas are allowed", row->name,
                    GW_SETTING_HEADERS_MAX);
    break;
  case KIND_WORD:
    if (!gw_setting_is_word(origin->text)) gw_errors_add(errors, origin->place, "%s: ASCII without spaces is allowed", row->name);
    break;
  }
  *(const char **)(void *)at = origin->text.data;
}

/* The value of NAME among "NAME=VALUE" strings, or NULL. */
static const char *find_override(const char *const *overrides, const char *name) {
  size_t len = strlen(name);
  for (; overrides != NULL && *overrides != NULL; overrides++)
    if (strncmp(*overrides, name, len) == 0 && (*overrides)[len] == '=') return *overrides + len + 1;
  return NULL;
}

static const struct row *find_row(struct gw_str name) {
  for (size_t i = 0; i < ROW_COUNT; i++)
    if (gw_str_equal(name, gw_str_from(rows[i].name))) return &rows[i];
  return NULL;
}

static bool is_others(struct gw_str name) {
  for (size_t i = 0; i < GW_ARRAY_LEN(others_names); i++)
    if (gw_str_equal(name, gw_str_from(others_names[i]))) return true;
  /* What Kubernetes adds for services whose name begins with "gateway". */
  return gw_str_has_suffix(name, GW_STR("_SERVICE_HOST")) || gw_str_has_suffix(name, GW_STR("_PORT")) ||
         memmem(name.data, name.len, "_SERVICE_PORT", 13) != NULL || memmem(name.data, name.len, "_PORT_", 6) != NULL;
}

static bool is_unknown(struct gw_str name) {
  return gw_str_has_prefix(name, GW_STR("GATEWAY_")) && find_row(name) == NULL && !is_others(name);
}

static void check_names(const struct gw_env_file *file, const char *file_name, struct gw_arena *arena, struct gw_errors *errors) {
  for (uint32_t i = 0; i < file->count; i++) {
    struct gw_str name = file->items[i].name;
    if (!is_unknown(name)) continue;
    gw_errors_add(errors, gw_arena_printf(arena, "%s:%u:1", file_name, file->items[i].line),
                  "%.*s is not a setting; --print-settings shows them all", GW_STR_ARG(name));
  }
  for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
    struct gw_str name = gw_str_from(*entry);
    ptrdiff_t equals = gw_str_find_char(name, '=');
    if (equals >= 0) name.len = (size_t)equals;
    if (is_unknown(name)) gw_errors_warn(errors, "environment", "%.*s is not a setting", GW_STR_ARG(name));
  }
}

static struct origin find_origin(const struct row *row, const char *const *overrides, const struct gw_env_file *file, const char *file_name,
                                 struct gw_arena *arena) {
  const char *text = find_override(overrides, row->name);
  if (text != NULL) return (struct origin){"flag", gw_arena_printf(arena, "flag %s", row->name), gw_arena_copy(arena, gw_str_from(text))};
  text = getenv(row->name);
  if (text != NULL) {
    return (struct origin){"environment", gw_arena_printf(arena, "environment %s", row->name), gw_arena_copy(arena, gw_str_from(text))};
  }
  for (uint32_t i = 0; i < file->count; i++) {
    if (!gw_str_equal(file->items[i].name, gw_str_from(row->name))) continue;
    const char *place = gw_arena_printf(arena, "%s:%u:%u", file_name, file->items[i].line, file->items[i].column);
    return (struct origin){place, place, file->items[i].value};
  }
  return (struct origin){"default", "default", gw_str_from(row->fallback)};
}

/* The .env file of the environment that flags and the process environment name. */
static const char *pick_env_file(const char *const *overrides) {
  const char *environment = find_override(overrides, "ENVIRONMENT");
  if (environment == NULL) environment = getenv("ENVIRONMENT");
  if (environment == NULL) environment = "default";
  return strcmp(environment, "dev") == 0 ? ".env.dev" : strcmp(environment, "prod") == 0 ? ".env.prod" : ".env";
}

static void load_env_file(const char *env_file, const char *name, struct gw_arena *arena, struct gw_errors *errors,
                          struct gw_env_file *ret_file) {
  if (env_file == NULL && access(name, F_OK) != 0) return;
  struct gw_str text;
  if (gw_policy_read_file(name, errors, &text) != GW_OK) return;
  gw_env_file_parse(name, text, arena, errors, ret_file);
  free((char *)(uintptr_t)text.data);
}

static const struct origin *origin_of(const struct gw_settings *settings, const char *name) {
  return &settings->origins->items[find_row(gw_str_from(name)) - rows];
}

struct gw_str gw_settings_text(const struct gw_settings *settings, const char *name) {
  return origin_of(settings, name)->text;
}

/* Text by text: no copy of a password is made. */
static uint64_t add_to_hash(uint64_t hash, struct gw_str text) {
  const uint64_t words[] = {hash, gw_content_hash(text)};
  return gw_content_hash((struct gw_str){(const char *)words, sizeof(words)});
}

uint64_t gw_settings_hash(const struct gw_settings *settings, const char *const *names) {
  uint64_t hash = 0;
  for (size_t i = 0; names == NULL && i < ROW_COUNT; i++)
    hash = add_to_hash(hash, settings->origins->items[i].text);
  for (; names != NULL && *names != NULL; names++)
    hash = add_to_hash(hash, gw_settings_text(settings, *names));
  return hash;
}

const char *gw_settings_place(const struct gw_settings *settings, const char *name) {
  return origin_of(settings, name)->place;
}

/* `ps` shows flags to everybody. */
static void check_flags(const struct gw_settings *settings, struct gw_errors *errors) {
  for (size_t i = 0; i < ROW_COUNT; i++) {
    const struct origin *origin = &settings->origins->items[i];
    if (rows[i].kind == KIND_SECRET && strcmp(origin->source, "flag") == 0)
      gw_errors_add(errors, origin->place, "%s is a secret, and flags are shown by ps: put it into the environment or a file",
                    rows[i].name);
  }
}

/* Two answers to one question. */
static void check_trust(const struct gw_settings *settings, struct gw_errors *errors) {
  if (settings->xff_num_trusted_hops == 0 || *settings->trusted_proxies == '\0') return;
  gw_errors_add(errors, origin_of(settings, "GATEWAY_XFF_NUM_TRUSTED_HOPS")->place,
                "GATEWAY_XFF_NUM_TRUSTED_HOPS and GATEWAY_TRUSTED_PROXIES (%s) exclude each other: by number, or by address",
                origin_of(settings, "GATEWAY_TRUSTED_PROXIES")->place);
}

enum gw_err gw_settings_load(const char *env_file, const char *const *overrides, struct gw_errors *errors,
                             struct gw_settings **ret_settings) {
  size_t errors_before = errors->error_count;
  struct gw_settings *settings = gw_calloc(1, sizeof(*settings));
  settings->origins = gw_calloc(1, sizeof(*settings->origins));
  struct gw_arena *arena = &settings->origins->arena;
  gw_arena_init(arena, 4096);
  const char *name = env_file != NULL ? env_file : pick_env_file(overrides);
  struct gw_env_file file = {0};
  load_env_file(env_file, name, arena, errors, &file);
  check_names(&file, name, arena, errors);
  for (size_t i = 0; i < ROW_COUNT; i++) {
    settings->origins->items[i] = find_origin(&rows[i], overrides, &file, name, arena);
    set_value(settings, &rows[i], &settings->origins->items[i], errors);
  }
  if (errors->error_count == errors_before) check_trust(settings, errors);
  if (errors->error_count == errors_before) check_flags(settings, errors);
  if (errors->error_count == errors_before) gw_huawei_settings_check(settings, errors);
  if (errors->error_count == errors_before) gw_tracing_settings_check(settings, errors);
  if (errors->error_count != errors_before) {
    gw_settings_free(settings);
    return GW_ERR_INVALID;
  }
  *ret_settings = settings;
  return GW_OK;
}

void gw_settings_free(struct gw_settings *settings) {
  if (settings == NULL) return;
  gw_arena_wipe(&settings->origins->arena);
  gw_arena_done(&settings->origins->arena);
  free(settings->origins);
  free(settings);
}

void gw_settings_print(const struct gw_settings *settings, struct gw_strbuf *out) {
  for (size_t i = 0; i < ROW_COUNT; i++) {
    const struct origin *origin = &settings->origins->items[i];
    bool is_masked = rows[i].kind == KIND_SECRET && origin->text.len > 0;
    gw_strbuf_printf(out, "%s=%.*s  (%s)\n", rows[i].name, is_masked ? 8 : (int)origin->text.len,
                     is_masked ? "********" : origin->text.data, origin->source);
  }
}
