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
  GW_ACCESS_LOG_RESPONSE_CODE, /* numbers from here … */
  GW_ACCESS_LOG_BYTES_RECEIVED,
  GW_ACCESS_LOG_BYTES_SENT,
  GW_ACCESS_LOG_ATTEMPT_COUNT,
  GW_ACCESS_LOG_DURATION,
  GW_ACCESS_LOG_RESPONSE_DURATION, /* … to here */
  GW_ACCESS_LOG_DOWNSTREAM_REUSED, /* true or false, … */
  GW_ACCESS_LOG_UPSTREAM_REUSED,   /* … both */
  GW_ACCESS_LOG_ATTEMPTS,
  GW_ACCESS_LOG_SNAPSHOT,
  GW_ACCESS_LOG_CONSUMER,
  GW_ACCESS_LOG_API_KEY,
  GW_ACCESS_LOG_LIMIT,
  GW_ACCESS_LOG_LIMIT_KEY,
  GW_ACCESS_LOG_TRACE_ID,
  GW_ACCESS_LOG_RBAC_POLICY,
  GW_ACCESS_LOG_RBAC_RESULT,
  GW_ACCESS_LOG_RBAC_SHADOW_POLICY,
  GW_ACCESS_LOG_RBAC_SHADOW_RESULT,
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

/* What a value is, so that nobody has to look. */
enum gw_access_log_form {
  GW_ACCESS_LOG_FORM_ANY,    /* text in which a stranger may have had a hand */
  GW_ACCESS_LOG_FORM_WORD,   /* text of ours that needs no escaping */
  GW_ACCESS_LOG_FORM_NUMBER, /* … and no quotation marks */
  GW_ACCESS_LOG_FORM_FLAG,   /* … either: true or false */
  GW_ACCESS_LOG_FORM_LONG,   /* text of any length that is made, not found */
};

struct gw_access_log_op {
  enum gw_access_log_kind kind;
  enum gw_access_log_form form;
  struct gw_str text; /* of TEXT; a header's name, lower case; of LIMIT_KEY: header names that are hidden, with commas */
  enum gw_header_id id;
  bool is_secret;                             /* of a header: only that it is there is told */
  const struct gw_access_log_op *alternative; /* when the header is absent; NULL: none */
  size_t max_len;                             /* of a header's value */
};

struct gw_access_log_value {
  struct gw_str key; /* JSON: ready to append: `,"name":` */
  const struct gw_access_log_op *ops;
  uint32_t op_count;
};

struct gw_access_log_plan {
  bool is_json;
  bool omits_empty;
  const struct gw_access_log_value *values; /* text: one */
  uint32_t value_count;
  const struct gw_log_filter *filter; /* NULL: every request */
  struct gw_arena arena;
};

#endif
