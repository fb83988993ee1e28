/* Why: the compiled form of an access-log format, shared by the compiler and the writer.
 * Life: in the plan's arena.
 * Thread: frozen once built. */
#ifndef GW_DATAPLANE_PIPELINE_ACCESS_LOG_OPS_H
#define GW_DATAPLANE_PIPELINE_ACCESS_LOG_OPS_H

#include "common/base/arena.h"
#include "common/message/headers.h"
#include "dataplane/pipeline/access_log.h"
#include "dataplane/pipeline/log_filter.h"

enum gw_access_log_kind {
  GW_ACCESS_LOG_TEXT,
  GW_ACCESS_LOG_START_TIME,
  GW_ACCESS_LOG_TYPE,
  GW_ACCESS_LOG_REQUEST_HEADER,
  GW_ACCESS_LOG_RESPONSE_HEADER,
  GW_ACCESS_LOG_RESPONSE_TRAILER,
  GW_ACCESS_LOG_METHOD,
  GW_ACCESS_LOG_PATH,
  GW_ACCESS_LOG_PATH_WITHOUT_QUERY,
  GW_ACCESS_LOG_AUTHORITY,
  GW_ACCESS_LOG_SCHEME,
  GW_ACCESS_LOG_PROTOCOL,
  GW_ACCESS_LOG_RESPONSE_CODE, /* numbers, and true or false, from here … */
  GW_ACCESS_LOG_BYTES_RECEIVED,
  GW_ACCESS_LOG_BYTES_SENT,
  GW_ACCESS_LOG_ATTEMPT_COUNT,
  GW_ACCESS_LOG_DURATION,
  GW_ACCESS_LOG_RESPONSE_DURATION,
  GW_ACCESS_LOG_DOWNSTREAM_REUSED,
  GW_ACCESS_LOG_UPSTREAM_REUSED, /* … to here */
  GW_ACCESS_LOG_SNAPSHOT,
  GW_ACCESS_LOG_ATTEMPTS, /* what most requests have nothing of, from here … */
  GW_ACCESS_LOG_CONSUMER,
  GW_ACCESS_LOG_API_KEY,
  GW_ACCESS_LOG_LIMIT,
  GW_ACCESS_LOG_LIMIT_KEY,
  GW_ACCESS_LOG_RBAC_POLICY,
  GW_ACCESS_LOG_RBAC_RESULT,
  GW_ACCESS_LOG_RBAC_SHADOW_POLICY,
  GW_ACCESS_LOG_RBAC_SHADOW_RESULT, /* … to here */
  GW_ACCESS_LOG_TRACE_ID,
  GW_ACCESS_LOG_RESPONSE_CODE_DETAILS,
  GW_ACCESS_LOG_RESPONSE_FLAGS,
  GW_ACCESS_LOG_UPSTREAM_HOST,
  GW_ACCESS_LOG_UPSTREAM_CLUSTER,
  GW_ACCESS_LOG_ROUTE_NAME,
  GW_ACCESS_LOG_REMOTE_ADDRESS,
  GW_ACCESS_LOG_REMOTE_ADDRESS_WITHOUT_PORT,
  GW_ACCESS_LOG_DIRECT_REMOTE_ADDRESS,
  GW_ACCESS_LOG_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT,
  GW_ACCESS_LOG_SERVER_NAME,
  GW_ACCESS_LOG_TLS_VERSION,
};

/* In the place of what is hidden. */
#define GW_ACCESS_LOG_REDACTED "[redacted]"

struct gw_access_log_op {
  enum gw_access_log_kind kind;
  struct gw_str text; /* of TEXT; a header's name, lower case; of LIMIT_KEY: header names that are hidden, with commas */
  enum gw_header_id id;
  bool is_secret;                             /* of a header: only that it is there is told */
  const struct gw_access_log_op *alternative; /* when the header is absent; NULL: none */
  size_t max_len;                             /* of a header's value */
};

/* Keys, and what is bare, are copied in steps of so many bytes: up to a multiple of them what is behind may be read. */
#define GW_ACCESS_LOG_STEP 32u
#define GW_ACCESS_LOG_SHORT 256u /* bytes of a value */

struct gw_access_log_value {
  struct gw_str key;   /* JSON: ready to append: `,"name":` */
  struct gw_str nulls; /* … of this and those behind it that most requests have nothing of: `,"name":null,"other":null` */
  uint32_t null_count; /* … how many */
  uint32_t op_count;
  const struct gw_access_log_op *ops;
  bool is_bare; /* JSON: without quotation marks */
};

struct gw_access_log_plan {
  bool is_json;
  bool omits_empty;
  const struct gw_access_log_value *values; /* text: one */
  uint32_t value_count;
  size_t short_len;                   /* JSON: what a line with short values needs at most */
  const struct gw_log_filter *filter; /* NULL: every request */
  struct gw_arena arena;
};

#endif
