/* Why: which requests of a listener are traced, what is told of them, and where their spans go (HttpConnectionManager.Tracing with
 *   envoy.config.trace.v3.OpenTelemetryConfig, and gateway.filters.http.v1.Tracing).
 * Life: in the arena of the resource that holds it; frozen.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_TRACING_H
#define GW_COMMON_MODEL_TRACING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

#define GW_TRACING_ALL 1000000u      /* millionths */
#define GW_TRACING_TIMEOUT_MS 10000u /* OpenTelemetry's default */
#define GW_TRACING_PATH_LEN 256u     /* Envoy's default */
#define GW_SECRET_NAME_OTLP_HEADERS "otlp/headers"

/* How services are told of a trace, as a set. */
#define GW_PROPAGATE_W3C 1u      /* traceparent, tracestate */
#define GW_PROPAGATE_B3 2u       /* b3 */
#define GW_PROPAGATE_B3_MULTI 4u /* x-b3-traceid, … */

struct gw_trace_pair {
  struct gw_str key;
  struct gw_str value;
};

/* envoy.type.tracing.v3.CustomTag */
struct gw_trace_tag {
  struct gw_str name;
  struct gw_str header; /* of the request, lower case; empty: always `value` */
  struct gw_str value;  /* without that header; empty: then there is no tag */
};

struct gw_tracing {
  /* Where to. */
  bool is_http;                 /* OTLP/HTTP; else gRPC */
  struct gw_str cluster;        /* of the collector; or: */
  struct gw_str target;         /* "HOST:PORT", plaintext (google_grpc) */
  struct gw_str authority;      /* empty: the target */
  struct gw_str path;           /* of HTTP */
  uint64_t timeout_ms;          /* of one export */
  struct gw_str headers_secret; /* "name=value,…" of each export; empty: none */
  const struct gw_trace_pair *headers;
  uint32_t header_count;
  /* Who. */
  struct gw_str service_name;
  const struct gw_trace_pair *attributes; /* of the resource */
  uint32_t attribute_count;
  /* Which. */
  bool heeds_parent;
  uint32_t sampled_millionths;
  double sampled_per_s; /* > 0: instead of a share */
  bool samples_errors;  /* requests that fail, in any case */
  /* What. */
  bool has_attempt_spans;
  uint32_t max_path_len;
  const struct gw_trace_tag *tags;
  uint32_t tag_count;
  unsigned propagation; /* GW_PROPAGATE_… to services, beside what the client speaks */
  bool tells_client;    /* X-Trace-Id and X-Span-Id of the answer */
};

/* What tells one destination of spans from another: where and who. */
uint64_t gw_tracing_destination(const struct gw_tracing *tracing);

#endif
