#include "dataplane/pipeline/access_log.h"

#include "common/base/json.h"
#include "common/base/mem.h"
#include "dataplane/pipeline/access_log_ops.h"
#include "dataplane/pipeline/stream_trace.h"

/* Room for what is formatted, not found: a time, an address, flags. */
#define TEXT_SIZE 64

static struct gw_str header_value(const struct gw_headers *headers, const struct gw_access_log_op *op) {
  const struct gw_header *header = op->id != GW_HEADER_OTHER ? gw_headers_find(headers, op->id) : gw_headers_find_name(headers, op->text);
  if (header == NULL) return (struct gw_str){0};
  return (struct gw_str){header->value.data, header->value.len < op->max_len ? header->value.len : op->max_len};
}

static struct gw_str request_text(const struct gw_access_log_op *op, const struct gw_stream *stream) {
  switch (op->kind) {
  case GW_ACCESS_LOG_METHOD: return stream->request.method_name;
  case GW_ACCESS_LOG_PATH: return stream->request.path;
  case GW_ACCESS_LOG_PATH_WITHOUT_QUERY: return gw_path_without_query(stream->request.path);
  case GW_ACCESS_LOG_AUTHORITY: return stream->request.authority;
  case GW_ACCESS_LOG_SCHEME: return stream->request.scheme;
  default: return header_value(&stream->request.headers, op);
  }
}

static uint64_t number_of(const struct gw_access_log_op *op, const struct gw_stream *stream) {
  switch (op->kind) {
  case GW_ACCESS_LOG_RESPONSE_CODE: return stream->status;
  case GW_ACCESS_LOG_BYTES_RECEIVED: return stream->bytes_received;
  case GW_ACCESS_LOG_BYTES_SENT: return stream->bytes_sent;
  case GW_ACCESS_LOG_ATTEMPT_COUNT: return stream->attempt_count;
  default: return (gw_loop_now_us(stream->pipeline->loop) - stream->started_us) / 1000;
  }
}

static struct gw_str rbac_text(enum gw_access_log_kind kind, const struct gw_rbac_outcome *outcome) {
  if (outcome == NULL) return (struct gw_str){0};
  if (kind == GW_ACCESS_LOG_RBAC_POLICY) return outcome->policy;
  if (kind == GW_ACCESS_LOG_RBAC_RESULT) return outcome->result;
  return kind == GW_ACCESS_LOG_RBAC_SHADOW_POLICY ? outcome->shadow_policy : outcome->shadow_result;
}

/* Empty: there is no value. */
static struct gw_str text_of(const struct gw_access_log_op *op, const struct gw_stream *stream, char text[TEXT_SIZE]) {
  switch (op->kind) {
  case GW_ACCESS_LOG_TEXT: return op->text;
  case GW_ACCESS_LOG_START_TIME: gw_clock_format_rfc3339(stream->wall_us, text); return (struct gw_str){text, GW_CLOCK_RFC3339_SIZE - 1};
  case GW_ACCESS_LOG_RESPONSE_HEADER: return header_value(&stream->response.headers, op);
  case GW_ACCESS_LOG_PROTOCOL: return stream->request.path.len > 0 ? gw_http_version_name(stream->request.version) : (struct gw_str){0};
  case GW_ACCESS_LOG_RESPONSE_CODE_DETAILS: return stream->detail;
  case GW_ACCESS_LOG_RESPONSE_FLAGS: return gw_response_flags_format(stream->flags, text);
  case GW_ACCESS_LOG_UPSTREAM_HOST: return stream->upstream_host;
  case GW_ACCESS_LOG_UPSTREAM_CLUSTER: return gw_stream_cluster_name(stream);
  case GW_ACCESS_LOG_SNAPSHOT: return gw_view_snapshot_version(stream->view);
  case GW_ACCESS_LOG_TRACE_ID:
    return stream->trace != NULL ? (struct gw_str){stream->trace->trace_id, GW_TRACE_ID_LEN} : (struct gw_str){0};
  case GW_ACCESS_LOG_ROUTE_NAME: return stream->route != NULL ? stream->route->name : (struct gw_str){0};
  case GW_ACCESS_LOG_REMOTE_ADDRESS: return gw_address_format(&stream->remote, text);
  case GW_ACCESS_LOG_REMOTE_ADDRESS_WITHOUT_PORT: return gw_address_format_ip(&stream->remote, text);
  case GW_ACCESS_LOG_ATTEMPTS: return (struct gw_str){0};
  case GW_ACCESS_LOG_RBAC_POLICY:
  case GW_ACCESS_LOG_RBAC_RESULT:
  case GW_ACCESS_LOG_RBAC_SHADOW_POLICY:
  case GW_ACCESS_LOG_RBAC_SHADOW_RESULT: return rbac_text(op->kind, stream->rbac);
  default: {
    struct gw_str value = request_text(op, stream);
    if (value.len == 0 && op->alternative != NULL) return request_text(op->alternative, stream);
    return value;
  }
  }
}

/* false: there are none. */
static bool format_attempts(const struct gw_access_log_op *op, const struct gw_stream *stream, struct gw_strbuf *out) {
  if (op->kind != GW_ACCESS_LOG_ATTEMPTS || stream->attempts.count == 0) return false;
  gw_attempt_records_format(&stream->attempts, out);
  return true;
}

/* As plain text, with "-" for what isn't there. */
static void append_plain(const struct gw_access_log_op *op, const struct gw_stream *stream, struct gw_strbuf *line) {
  char text[TEXT_SIZE];
  if (gw_access_log_is_number(op->kind)) {
    gw_strbuf_append_u64(line, number_of(op, stream));
    return;
  }
  if (format_attempts(op, stream, line)) return;
  struct gw_str value = text_of(op, stream, text);
  gw_strbuf_append_str(line, value.len > 0 ? value : GW_STR("-"));
}

static void append_json(const struct gw_access_log_value *value, const struct gw_stream *stream, struct gw_strbuf *line) {
  if (value->op_count != 1) {
    GW_CLEANUP(gw_strbuf_done) struct gw_strbuf plain = {0};
    for (uint32_t i = 0; i < value->op_count; i++)
      append_plain(&value->ops[i], stream, &plain);
    gw_json_append_string(line, gw_strbuf_str(&plain));
    return;
  }
  const struct gw_access_log_op *op = &value->ops[0];
  if (gw_access_log_is_number(op->kind)) {
    gw_strbuf_append_u64(line, number_of(op, stream));
    return;
  }
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf attempts = {0};
  char buffer[TEXT_SIZE];
  struct gw_str text = format_attempts(op, stream, &attempts) ? gw_strbuf_str(&attempts) : text_of(op, stream, buffer);
  if (text.len > 0) {
    gw_json_append_string(line, text);
  } else {
    gw_strbuf_append_str(line, GW_STR("null"));
  }
}

void gw_access_log_plan_write(const struct gw_access_log_plan *plan, const struct gw_stream *stream, struct gw_strbuf *line) {
  if (!plan->is_json) {
    for (uint32_t i = 0; i < plan->values[0].op_count; i++)
      append_plain(&plan->values[0].ops[i], stream, line);
    return;
  }
  for (uint32_t i = 0; i < plan->value_count; i++) {
    gw_strbuf_append_str(line, plan->values[i].key);
    append_json(&plan->values[i], stream, line);
  }
  gw_strbuf_append_str(line, GW_STR("}\n"));
}

void gw_access_log_plan_write_value(const struct gw_access_log_plan *plan, const struct gw_stream *stream, struct gw_strbuf *value) {
  char text[TEXT_SIZE];
  for (uint32_t i = 0; i < plan->values[0].op_count; i++) {
    const struct gw_access_log_op *op = &plan->values[0].ops[i];
    if (gw_access_log_is_number(op->kind))
      gw_strbuf_append_u64(value, number_of(op, stream));
    else
      gw_strbuf_append_str(value, text_of(op, stream, text));
  }
}
