/* Why: every setting with its default and where its value came from: flag > environment > .env file > default.
 * Life: gw_settings_load … gw_settings_free; strings belong to it.
 * Thread: read-only after load. */
#ifndef GW_CONTROLPLANE_POLICY_SETTINGS_H
#define GW_CONTROLPLANE_POLICY_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/model/rate_limit.h"

enum gw_access_log_mode { GW_ACCESS_LOG_JSON, GW_ACCESS_LOG_TEXT, GW_ACCESS_LOG_OFF };

/* Where configurations come from: files that are watched, or `gatewayctl apply`. */
enum gw_config_origin { GW_CONFIG_FROM_FILES, GW_CONFIG_FROM_API };

/* AUTO: as others want it. */
enum gw_switch { GW_SWITCH_AUTO, GW_SWITCH_OFF, GW_SWITCH_ON };

/* Those that say something to data planes. Each names its environment variable in settings.c's table, with what is allowed. */
struct gw_settings {
  const char *environment;                 /* ENVIRONMENT: default, dev, prod */
  const char *host;                        /* HOST 0.0.0.0 */
  uint16_t port;                           /* PORT 8000 */
  enum gw_config_origin config_source;     /* GATEWAY_CONFIG_SOURCE: files; at the start */
  const char *discovery_type;              /* SERVICE_DISCOVERY_TYPE: static; several with commas */
  const char *huawei_region;               /* GATEWAY_HUAWEI_REGION: cn-north-4; all of these: huawei_settings.h */
  const char *huawei_project_id;           /* GATEWAY_HUAWEI_PROJECT_ID: empty, the region's own */
  const char *huawei_access_key;           /* GATEWAY_HUAWEI_ACCESS_KEY */
  const char *huawei_secret_key;           /* GATEWAY_HUAWEI_SECRET_KEY */
  const char *huawei_security_token;       /* GATEWAY_HUAWEI_SECURITY_TOKEN: of a temporary key */
  const char *huawei_user;                 /* GATEWAY_HUAWEI_USER, in place of a key, with its password and domain (account) */
  const char *huawei_password;             /* GATEWAY_HUAWEI_PASSWORD */
  const char *huawei_domain;               /* GATEWAY_HUAWEI_DOMAIN */
  const char *huawei_credentials_file;     /* GATEWAY_HUAWEI_CREDENTIALS_FILE: in place of all these */
  const char *huawei_ecs_endpoint;         /* GATEWAY_HUAWEI_ECS_ENDPOINT: empty, the region's */
  const char *huawei_iam_endpoint;         /* GATEWAY_HUAWEI_IAM_ENDPOINT: empty, the region's */
  uint64_t huawei_timeout_ms;              /* GATEWAY_HUAWEI_TIMEOUT: 10s, of one request */
  uint64_t huawei_refresh_ms;              /* GATEWAY_HUAWEI_REFRESH: 30s, between two looks for servers */
  enum gw_access_log_mode access_log;      /* GATEWAY_ACCESS_LOG: json */
  uint32_t access_log_sample_millionths;   /* GATEWAY_ACCESS_LOG_SAMPLE_PERCENT: 100, of the requests */
  uint32_t access_log_always_status;       /* GATEWAY_ACCESS_LOG_ALWAYS_STATUS: 0; 500: those with it or a higher one, sampled or not */
  uint64_t access_log_always_ms;           /* GATEWAY_ACCESS_LOG_ALWAYS_DURATION: 0; likewise those that take so long */
  bool has_request_records;                /* GATEWAY_ACCESS_LOG_REQUESTS: false; a record when a request comes, too */
  const char *access_log_request_headers;  /* GATEWAY_ACCESS_LOG_REQUEST_HEADERS: none; names with commas */
  const char *access_log_response_headers; /* GATEWAY_ACCESS_LOG_RESPONSE_HEADERS: none */
  const char *access_log_redact;           /* GATEWAY_ACCESS_LOG_REDACT: of which only is told that they were there, as of credentials */
  bool has_health;                         /* GATEWAY_HEALTH_ENDPOINT: true */
  bool has_ready;                          /* GATEWAY_READY_ENDPOINT: true */
  bool has_metrics;                        /* GATEWAY_METRICS_ENDPOINT: true */
  const char *metrics_allow;               /* GATEWAY_METRICS_ALLOW: CIDRs with commas */
  uint64_t idle_timeout_ms;                /* GATEWAY_IDLE_TIMEOUT: 60s, of client connections */
  uint64_t stream_idle_timeout_ms;         /* GATEWAY_STREAM_IDLE_TIMEOUT: 300s */
  uint64_t request_headers_timeout_ms;     /* GATEWAY_REQUEST_HEADERS_TIMEOUT: 10s */
  uint64_t connect_timeout_ms;             /* GATEWAY_CONNECT_TIMEOUT: 5s */
  uint64_t upstream_idle_timeout_ms;       /* GATEWAY_UPSTREAM_IDLE_TIMEOUT: 60s */
  uint32_t retry_attempts;                 /* GATEWAY_RETRY_ATTEMPTS: 2, of requests that no service can have acted on */
  uint64_t retry_buffer_bytes;             /* GATEWAY_RETRY_BUFFER: 64KiB, of a body that is kept to be sent again */
  uint32_t retry_budget_percent;           /* GATEWAY_RETRY_BUDGET_PERCENT: 20, of a service's other requests */
  uint32_t retry_budget_min_concurrency;   /* GATEWAY_RETRY_BUDGET_MIN_CONCURRENCY: 3 */
  uint64_t dns_refresh_ms;                 /* GATEWAY_DNS_REFRESH: 5s */
  uint32_t max_request_headers_kb;         /* GATEWAY_MAX_REQUEST_HEADERS_KB: 60 */
  uint32_t max_headers_count;              /* GATEWAY_MAX_HEADERS_COUNT: 100 */
  uint32_t xff_num_trusted_hops;           /* GATEWAY_XFF_NUM_TRUSTED_HOPS: 0 */
  const char *trusted_proxies;             /* GATEWAY_TRUSTED_PROXIES: CIDRs with commas */
  const char *ca_file;                     /* GATEWAY_CA_FILE: whom https services without a ca of their own are checked against */
  bool has_http2;                          /* GATEWAY_HTTP2: true */
  bool has_websocket;                      /* GATEWAY_WEBSOCKET: true */
  enum gw_switch circuit_breaker;          /* CIRCUIT_BREAKER_ENABLED: auto (services that ask for one), true (each), false (none) */
  const char *jwt_secret_key;              /* JWT_SECRET_KEY: without an issuer in routes.yaml; of RS256 and such a public key in PEM */
  const char *jwt_public_key_file;         /* JWT_PUBLIC_KEY_FILE: instead of that */
  const char *jwt_algorithm;               /* JWT_ALGORITHM: HS256 */
  bool has_rate_limits;                    /* RATE_LIMIT_ENABLED: true */
  enum gw_rate_limit_headers rate_limit_headers; /* GATEWAY_RATE_LIMIT_HEADERS: refused */
  uint32_t rate_limit_max_keys;                  /* GATEWAY_RATE_LIMIT_MAX_KEYS: 1048576, of each data plane */
  const char *redis_host;                        /* REDIS_HOST: empty, each data plane counts alone */
  uint16_t redis_port;                           /* REDIS_PORT: 6379 */
  uint32_t redis_database;                       /* GATEWAY_REDIS_DATABASE: 0 */
  const char *redis_user;                        /* GATEWAY_REDIS_USER: empty, Redis' default user */
  const char *redis_password;                    /* REDIS_PASSWORD: empty, none; travels as a secret */
  const char *redis_prefix;                      /* GATEWAY_REDIS_PREFIX: gateway:, of its keys */
  uint64_t redis_timeout_ms;                     /* GATEWAY_REDIS_TIMEOUT: 20ms, of a decision */
  enum gw_rate_limit_failure redis_on_failure;   /* GATEWAY_REDIS_ON_FAILURE: local, open or closed */
  const char *mysql_host;                        /* MYSQL_HOST: the store's, where --store does not say another */
  uint16_t mysql_port;                           /* MYSQL_PORT: 3306 */
  const char *mysql_user;                        /* MYSQL_USER */
  const char *mysql_password;                    /* MYSQL_PASSWORD */
  const char *mysql_database;                    /* MYSQL_DATABASE */
  enum gw_switch mysql_tls;                      /* GATEWAY_MYSQL_TLS: auto (with MYSQL_SSL_CA, and beyond this machine), true, false */
  const char *mysql_ca_file;                     /* MYSQL_SSL_CA: whose signature the database's certificate has; empty: ca_file */
  const char *mysql_cert_file;                   /* MYSQL_SSL_CERT, MYSQL_SSL_KEY: ours, where it asks for one */
  const char *mysql_key_file;
  const char *api_key_pepper;      /* GATEWAY_API_KEY_PEPPER: what API keys are hashed under; at least 32 bytes */
  const char *api_key_pepper_file; /* GATEWAY_API_KEY_PEPPER_FILE: instead of that */
  /* Where services are looked up, beside discovery_type. */
  uint32_t registry_max_drop_percent; /* GATEWAY_REGISTRY_MAX_DROP_PERCENT: 50, of a service's instances, at once */
  const char *consul_host;            /* CONSUL_HOST: 127.0.0.1 */
  uint16_t consul_port;               /* CONSUL_PORT: 8500 */
  const char *consul_scheme;          /* CONSUL_SCHEME: http */
  const char *consul_datacenter;      /* CONSUL_DATACENTER: empty, the agent's */
  const char *consul_token;           /* CONSUL_TOKEN: of its ACL */
  const char *consul_token_file;      /* CONSUL_TOKEN_FILE: instead of that; read for each request */
  const char *consul_ca_file;         /* CONSUL_CA_FILE: empty, GATEWAY_CA_FILE */
  const char *consul_cert_file;       /* CONSUL_CERT_FILE, with CONSUL_KEY_FILE: what we show to it */
  const char *consul_key_file;
  uint32_t consul_max_queries; /* CONSUL_MAX_QUERIES: 150, at a time */
  const char *nacos_servers;   /* NACOS_SERVER_ADDRESSES: empty, 127.0.0.1:8848; several with commas */
  const char *nacos_api;       /* NACOS_API: v1; of services; configurations are asked for with v1 in any case */
  const char *nacos_namespace; /* NACOS_NAMESPACE: empty, the public one */
  const char *nacos_group;     /* NACOS_GROUP: DEFAULT_GROUP */
  const char *nacos_user;      /* NACOS_USERNAME: empty, no login */
  const char *nacos_password;  /* NACOS_PASSWORD */
  const char *nacos_ca_file;   /* NACOS_CA_FILE: empty, GATEWAY_CA_FILE */
  bool has_nacos_push;         /* NACOS_PUSH: true, it sends word of changes to a UDP port of ours */
  const char *dns_servers;     /* GATEWAY_DNS_SERVERS: empty, the system's; IP[:PORT] with commas; for `source: dns` */
  /* OpenTelemetry's, and ours beside them (tracing_settings.h). Empty …TRACES… ones: as the general one says. */
  const char *otlp_endpoint;            /* OTEL_EXPORTER_OTLP_ENDPOINT: empty, nothing is traced */
  const char *otlp_traces_endpoint;     /* OTEL_EXPORTER_OTLP_TRACES_ENDPOINT */
  const char *otlp_protocol;            /* OTEL_EXPORTER_OTLP_PROTOCOL: auto (gRPC on port 4317, else HTTP) */
  const char *otlp_traces_protocol;     /* OTEL_EXPORTER_OTLP_TRACES_PROTOCOL */
  const char *otlp_headers;             /* OTEL_EXPORTER_OTLP_HEADERS: of each export; travels as a secret */
  const char *otlp_traces_headers;      /* OTEL_EXPORTER_OTLP_TRACES_HEADERS */
  uint32_t otlp_timeout_ms;             /* OTEL_EXPORTER_OTLP_TIMEOUT: 10000 ms, of one export */
  uint32_t otlp_traces_timeout_ms;      /* OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: 0, the general one */
  const char *otlp_certificate;         /* OTEL_EXPORTER_OTLP_CERTIFICATE: whom to believe, of https; empty, ca_file */
  const char *otel_service_name;        /* OTEL_SERVICE_NAME: gateway */
  const char *otel_resource_attributes; /* OTEL_RESOURCE_ATTRIBUTES */
  const char *otel_sampler;             /* OTEL_TRACES_SAMPLER: parentbased_always_on */
  const char *otel_sampler_arg;         /* OTEL_TRACES_SAMPLER_ARG */
  const char *otel_propagators;         /* OTEL_PROPAGATORS: tracecontext,baggage */
  bool is_otel_disabled;                /* OTEL_SDK_DISABLED: false */
  bool samples_errors;                  /* GATEWAY_TRACE_ERRORS: true, requests that fail are traced in any case */
  bool tells_trace_ids;                 /* GATEWAY_TRACE_RESPONSE_HEADERS: true, X-Trace-Id and X-Span-Id */
  /* Limits; 0 means none where that is allowed. */
  uint64_t max_request_body_bytes;       /* GATEWAY_MAX_REQUEST_BODY: 100MiB */
  uint64_t max_uri_bytes;                /* GATEWAY_MAX_URI: 8KiB */
  uint64_t send_timeout_ms;              /* GATEWAY_SEND_TIMEOUT: 60s */
  uint64_t body_timeout_ms;              /* GATEWAY_REQUEST_BODY_TIMEOUT: 15s */
  uint32_t max_requests_per_connection;  /* GATEWAY_MAX_REQUESTS_PER_CONNECTION: 1000000 */
  uint32_t max_connections_per_worker;   /* GATEWAY_MAX_CONNECTIONS_PER_WORKER: 50000 */
  uint32_t max_failed_credentials;       /* GATEWAY_MAX_FAILED_CREDENTIALS: 100; of an address, in a minute; 0: any number */
  uint32_t max_connections_per_client;   /* GATEWAY_MAX_CONNECTIONS_PER_CLIENT: 2000 */
  uint32_t max_stream_resets_per_minute; /* GATEWAY_HTTP2_MAX_RESETS_PER_MINUTE: 1000 */
  uint32_t overload_memory_percent;      /* GATEWAY_OVERLOAD_MEMORY_PERCENT: 85 */
  uint32_t overload_descriptors_percent; /* GATEWAY_OVERLOAD_DESCRIPTORS_PERCENT: 85 */
  uint32_t max_metric_series;            /* GATEWAY_METRICS_MAX_SERIES: 250000, by route, service and instance */
  uint32_t http2_max_streams;            /* GATEWAY_HTTP2_MAX_STREAMS: 128 */
  uint64_t http2_stream_window;          /* GATEWAY_HTTP2_STREAM_WINDOW: 256KiB */
  uint64_t http2_connection_window;      /* GATEWAY_HTTP2_CONNECTION_WINDOW: 1MiB */
  uint64_t http2_header_table;           /* GATEWAY_HTTP2_HEADER_TABLE: 4KiB */
  uint32_t http2_max_control_frames;     /* GATEWAY_HTTP2_MAX_CONTROL_FRAMES: 1000 */
  uint32_t http2_max_empty_frames;       /* GATEWAY_HTTP2_MAX_EMPTY_FRAMES: 10 */
  uint32_t http2_max_priority_frames;    /* GATEWAY_HTTP2_MAX_PRIORITY_FRAMES: 100 */
  uint32_t http2_max_window_updates;     /* GATEWAY_HTTP2_MAX_WINDOW_UPDATES: 10 */
  struct gw_settings_origins *origins;   /* private: where each value came from, for print */
};

/* Reads the process environment and, when env_file is not NULL that file, else .env, .env.dev or .env.prod (by ENVIRONMENT) in the
 * working directory if there. Flags were put into the environment's place by `overrides` ("PORT=8001", …; NULL-terminated, may be NULL).
 * Bad values are mistakes (place: "environment NAME", "flag NAME" or "FILE:LINE:COLUMN"). An unknown GATEWAY_… name is a mistake in a file
 * and a warning in the environment, where others put names, too (Kubernetes for a service called gateway). Names that belong to data planes
 * or to gatewayctl are left to them; other unknown names are nobody's business here. */
enum gw_err gw_settings_load(const char *env_file, const char *const *overrides, struct gw_errors *errors,
                             struct gw_settings **ret_settings);
void gw_settings_free(struct gw_settings *settings);
/* The text of a setting, as it was given; a name that is no setting is a bug. It may be a secret. */
struct gw_str gw_settings_text(const struct gw_settings *settings, const char *name);
/* Of the texts of these settings (NULL-terminated; NULL: of all): it differs when one of them does. */
uint64_t gw_settings_hash(const struct gw_settings *settings, const char *const *names);
/* Where it was given: the place of a mistake. */
const char *gw_settings_place(const struct gw_settings *settings, const char *name);
/* One line a setting: "PORT=8000  (default)"; secrets are masked. */
void gw_settings_print(const struct gw_settings *settings, struct gw_strbuf *out);

#endif
