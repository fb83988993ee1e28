/* Why: an access log as plain values: its form, and which requests it tells of (envoy.config.accesslog.v3.AccessLog).
 * Life: everything points into the arena of the resource that holds it; frozen once built.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_ACCESS_LOG_H
#define GW_COMMON_MODEL_ACCESS_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/model/route.h"

/* AccessLogType, by its numbers: when a record is written. */
enum gw_access_log_type {
  GW_ACCESS_LOG_TYPE_START = 4, /* DownstreamStart: the request came */
  GW_ACCESS_LOG_TYPE_END = 6,   /* DownstreamEnd: it is over */
};

enum gw_access_log_filter_kind {
  GW_LOG_FILTER_STATUS,   /* of `comparison`: what the client was told; 0: nothing was */
  GW_LOG_FILTER_DURATION, /* likewise, in milliseconds */
  GW_LOG_FILTER_SAMPLE,
  GW_LOG_FILTER_HEADER,
  GW_LOG_FILTER_FLAGS,
  GW_LOG_FILTER_TYPE,
  GW_LOG_FILTER_AND,
  GW_LOG_FILTER_OR,
};

/* ComparisonFilter.Op, by its numbers. */
enum gw_comparison { GW_COMPARE_EQUAL, GW_COMPARE_AT_LEAST, GW_COMPARE_AT_MOST, GW_COMPARE_OTHER };

/* AccessLogFilter. */
#define GW_LOG_FILTER_DEPTH_MAX 8  /* of filters in filters */
#define GW_LOG_FILTER_CHILD_MAX 32 /* of one */
struct gw_access_log_filter {
  enum gw_access_log_filter_kind kind;
  enum gw_comparison comparison;
  uint32_t value;
  uint32_t numerator; /* of SAMPLE: so many of `denominator` (100, 10000 or 1000000) */
  uint32_t denominator;
  bool is_independent; /* of SAMPLE: chance decides, not the request's id */
  bool is_excluded;    /* of TYPE: all but those */
  uint32_t types;      /* of TYPE: 1 << gw_access_log_type of each */
  uint32_t flag_count; /* of FLAGS: one is enough; 0: any */
  const struct gw_str *flags;
  const struct gw_header_match *header;
  const struct gw_access_log_filter *children; /* of AND and OR */
  uint32_t child_count;
};

/* What a route has instead of the listener's filters (gateway.filters.http.v1.AccessLogPerRoute). */
struct gw_access_log_route {
  struct gw_access_log_filter filter;
};

/* One field of a JSON access-log line: its name and its value's format, such as "%RESPONSE_CODE%". */
struct gw_access_log_field {
  struct gw_str name;
  struct gw_str format;
};

/* StdoutAccessLog. Either fields (a JSON object a line) or text. */
struct gw_access_log {
  const struct gw_access_log_field *fields;
  uint32_t field_count;
  bool omits_empty;                          /* omit_empty_values */
  struct gw_str text;                        /* text_format_source.inline_string; used when field_count is 0 */
  const struct gw_access_log_filter *filter; /* NULL: every request */
};

#endif
