#include "dataplane/pipeline/access_log.h"

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/visible_text.h"
#include "dataplane/pipeline/access_log_ops.h"
#include "dataplane/pipeline/frozen_parts.h"
#include "dataplane/pipeline/stream.h"
#include "dataplane/pipeline/stream_trace.h"

/* Room for what is formatted, not found: a time, an address, flags. */
#define TEXT_SIZE 64

/* What is being written. */
struct record {
  struct gw_stream *stream;
  enum gw_access_log_type type;
  struct gw_strbuf *line;
  char text[TEXT_SIZE];
};

/* ---- values ---- */

static struct gw_str header_value(const struct gw_headers *headers, const struct gw_access_log_op *op) {
  if (headers == NULL) return (struct gw_str){0};
  const struct gw_header *header = op->id != GW_HEADER_OTHER ? gw_headers_find(headers, op->id) : gw_headers_find_name(headers, op->text);
  if (header == NULL) return (struct gw_str){0};
  if (op->is_secret) return GW_STR(GW_ACCESS_LOG_REDACTED);
  return (struct gw_str){header->value.data, header->value.len < op->max_len ? header->value.len : op->max_len};
}

static struct gw_str header_text(const struct gw_access_log_op *op, const struct gw_stream *stream) {
  switch (op->kind) {
  case GW_ACCESS_LOG_METHOD: return stream->request.method_name;
  case GW_ACCESS_LOG_PATH: return stream->request.path;
  case GW_ACCESS_LOG_PATH_WITHOUT_QUERY: return gw_path_without_query(stream->request.path);
  case GW_ACCESS_LOG_AUTHORITY: return stream->request.authority;
  case GW_ACCESS_LOG_SCHEME: return stream->request.scheme;
  case GW_ACCESS_LOG_RESPONSE_HEADER: return header_value(&stream->response.headers, op);
  case GW_ACCESS_LOG_RESPONSE_TRAILER: return header_value(stream->response_trailers, op);
  default: return header_value(&stream->request.headers, op);
  }
}

static uint64_t since_start_ms(const struct gw_stream *stream, uint64_t us) {
  return us > stream->started_us ? (us - stream->started_us) / 1000 : 0;
}

static uint64_t number_of(const struct gw_access_log_op *op, const struct gw_stream *stream) {
  switch (op->kind) {
  case GW_ACCESS_LOG_RESPONSE_CODE: return stream->status;
  case GW_ACCESS_LOG_BYTES_RECEIVED: return stream->bytes_received;
  case GW_ACCESS_LOG_BYTES_SENT: return stream->bytes_sent;
  case GW_ACCESS_LOG_ATTEMPT_COUNT: return stream->attempt_count;
  case GW_ACCESS_LOG_RESPONSE_DURATION: return since_start_ms(stream, stream->answered_us);
  default: return since_start_ms(stream, gw_loop_now_us(stream->pipeline->loop));
  }
}

/* Whether there is a number, or a yes or no, to be told. */
static bool is_known(const struct gw_access_log_op *op, const struct gw_stream *stream) {
  if (op->kind == GW_ACCESS_LOG_RESPONSE_DURATION) return stream->answered_us != 0;
  return op->kind != GW_ACCESS_LOG_UPSTREAM_REUSED || stream->attempt_count > 0;
}

static struct gw_str rbac_text(enum gw_access_log_kind kind, const struct gw_rbac_outcome *outcome) {
  if (outcome == NULL) return (struct gw_str){0};
  if (kind == GW_ACCESS_LOG_RBAC_POLICY) return outcome->policy;
  if (kind == GW_ACCESS_LOG_RBAC_RESULT) return outcome->result;
  return kind == GW_ACCESS_LOG_RBAC_SHADOW_POLICY ? outcome->shadow_policy : outcome->shadow_result;
}

static struct gw_str consumer_of(const struct gw_stream *stream) {
  if (stream->identity != NULL && stream->identity->user_id.len > 0) return stream->identity->user_id;
  return stream->plan != NULL ? stream->plan->key_id : (struct gw_str){0};
}

/* Requests of one turn of the loop, or of one millisecond, began at the same time. */
static struct gw_str time_text(const struct gw_stream *stream) {
  struct gw_pipeline *pipeline = stream->pipeline;
  uint64_t ms = stream->wall_us / 1000;
  if (pipeline->log_time_ms != ms) {
    pipeline->log_time_ms = ms;
    gw_clock_format_rfc3339(stream->wall_us, pipeline->log_time);
  }
  return (struct gw_str){pipeline->log_time, GW_CLOCK_RFC3339_SIZE - 1};
}

/* Of the client's connection. */
static struct gw_str connection_text(enum gw_access_log_kind kind, const struct gw_stream *stream, char text[TEXT_SIZE]) {
  switch (kind) {
  case GW_ACCESS_LOG_REMOTE_ADDRESS: return gw_address_format(&stream->remote, text);
  case GW_ACCESS_LOG_REMOTE_ADDRESS_WITHOUT_PORT: return gw_address_format_ip(&stream->remote, text);
  case GW_ACCESS_LOG_DIRECT_REMOTE_ADDRESS: return gw_address_format(stream->peer, text);
  case GW_ACCESS_LOG_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: return gw_address_format_ip(stream->peer, text);
  default: break;
  }
  const struct gw_tls *tls = stream->transport != NULL ? stream->transport->tls : NULL;
  if (tls == NULL) return (struct gw_str){0};
  return kind == GW_ACCESS_LOG_SERVER_NAME ? gw_tls_sni(tls) : gw_tls_version(tls);
}

/* Empty: there is no value. */
static struct gw_str text_of(const struct gw_access_log_op *op, struct record *record) {
  struct gw_stream *stream = record->stream;
  switch (op->kind) {
  case GW_ACCESS_LOG_TEXT: return op->text;
  case GW_ACCESS_LOG_START_TIME: return time_text(stream);
  case GW_ACCESS_LOG_TYPE: return record->type == GW_ACCESS_LOG_TYPE_START ? GW_STR("DownstreamStart") : GW_STR("DownstreamEnd");
  case GW_ACCESS_LOG_PROTOCOL: return stream->request.path.len > 0 ? gw_http_version_name(stream->request.version) : (struct gw_str){0};
  case GW_ACCESS_LOG_RESPONSE_CODE_DETAILS: return stream->detail;
  case GW_ACCESS_LOG_RESPONSE_FLAGS: return stream->flags == 0 ? GW_STR("-") : gw_response_flags_format(stream->flags, record->text);
  case GW_ACCESS_LOG_UPSTREAM_HOST: return stream->upstream_host;
  case GW_ACCESS_LOG_UPSTREAM_CLUSTER: return gw_stream_cluster_name(stream);
  case GW_ACCESS_LOG_SNAPSHOT: return gw_view_snapshot_version(stream->view);
  case GW_ACCESS_LOG_TRACE_ID: return stream->trace != NULL ? gw_stream_trace_id(stream) : (struct gw_str){0};
  case GW_ACCESS_LOG_ROUTE_NAME: return stream->route != NULL ? stream->route->name : (struct gw_str){0};
  case GW_ACCESS_LOG_CONSUMER: return consumer_of(stream);
  case GW_ACCESS_LOG_API_KEY: return stream->plan != NULL ? stream->plan->key_id : (struct gw_str){0};
  case GW_ACCESS_LOG_LIMIT: return stream->limit.name;
  case GW_ACCESS_LOG_ATTEMPTS:
  case GW_ACCESS_LOG_LIMIT_KEY: return (struct gw_str){0}; /* append_long's */
  case GW_ACCESS_LOG_DOWNSTREAM_REUSED: return stream->is_connection_reused ? GW_STR("true") : GW_STR("false");
  case GW_ACCESS_LOG_UPSTREAM_REUSED: return stream->is_upstream_reused ? GW_STR("true") : GW_STR("false");
  case GW_ACCESS_LOG_REMOTE_ADDRESS:
  case GW_ACCESS_LOG_REMOTE_ADDRESS_WITHOUT_PORT:
  case GW_ACCESS_LOG_DIRECT_REMOTE_ADDRESS:
  case GW_ACCESS_LOG_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT:
  case GW_ACCESS_LOG_SERVER_NAME:
  case GW_ACCESS_LOG_TLS_VERSION: return connection_text(op->kind, stream, record->text);
  case GW_ACCESS_LOG_RBAC_POLICY:
  case GW_ACCESS_LOG_RBAC_RESULT:
  case GW_ACCESS_LOG_RBAC_SHADOW_POLICY:
  case GW_ACCESS_LOG_RBAC_SHADOW_RESULT: return rbac_text(op->kind, stream->rbac);
  default: {
    struct gw_str value = header_text(op, stream);
    if (value.len == 0 && op->alternative != NULL) return header_text(op->alternative, stream);
    return value;
  }
  }
}

/* ---- writing ---- */

/* Without the NUL that a builder ends with: that comes at the end. */
static inline void put(struct gw_strbuf *line, struct gw_str s) {
  if (s.len >= line->cap - line->len) gw_strbuf_reserve(line, s.len);
  if (s.len > 0) memcpy(line->data + line->len, s.data, s.len);
  line->len += s.len;
}

static void terminate(struct gw_strbuf *line) {
  gw_strbuf_append(line, "", 0);
}

static void put_number(struct gw_strbuf *line, uint64_t value) {
  char digits[GW_U64_DIGITS_MAX];
  put(line, gw_str_format_u64(value, digits));
}

/* Nearly all values stand for themselves. */
static void put_json_string(struct gw_strbuf *line, struct gw_str s, bool is_clean) {
  if (!is_clean && !gw_json_is_plain(s)) {
    gw_json_append_string(line, s);
    return;
  }
  if (s.len + 2 >= line->cap - line->len) gw_strbuf_reserve(line, s.len + 2);
  char *at = line->data + line->len;
  *at++ = '"';
  memcpy(at, s.data, s.len);
  at[s.len] = '"';
  line->len += s.len + 2;
}

static bool is_own(const struct gw_access_log_op *op) {
  return op->form == GW_ACCESS_LOG_FORM_NUMBER || op->form == GW_ACCESS_LOG_FORM_FLAG;
}

/* Numbers and flags; false: there is nothing to be told. */
static bool append_own(const struct gw_access_log_op *op, struct record *record) {
  if (!is_known(op, record->stream)) return false;
  if (op->form == GW_ACCESS_LOG_FORM_NUMBER)
    put_number(record->line, number_of(op, record->stream));
  else
    put(record->line, text_of(op, record));
  return true;
}

/* What has no length that is known before; false: none of these, or there is nothing to be told. */
static bool append_long(const struct gw_access_log_op *op, const struct gw_stream *stream, struct gw_strbuf *out) {
  if (op->kind == GW_ACCESS_LOG_ATTEMPTS && stream->attempts.count > 0) {
    gw_attempt_records_format(&stream->attempts, out);
    return true;
  }
  if (op->kind != GW_ACCESS_LOG_LIMIT_KEY || stream->limit.count == 0) return false;
  gw_limit_text_append(out, stream, op->text);
  return true;
}

/* What is not own; empty: there is no value. */
static struct gw_str value_of(const struct gw_access_log_op *op, struct record *record) {
  if (op->form != GW_ACCESS_LOG_FORM_LONG) return text_of(op, record);
  struct gw_strbuf *text = &record->stream->pipeline->log_text;
  gw_strbuf_clear(text);
  return append_long(op, record->stream, text) ? gw_strbuf_str(text) : (struct gw_str){0};
}

/* As part of a text; false: there is no value. */
static bool append_part(const struct gw_access_log_op *op, struct record *record) {
  if (is_own(op)) return append_own(op, record);
  if (op->kind == GW_ACCESS_LOG_TEXT) {
    gw_strbuf_append_str(record->line, op->text);
    return true;
  }
  struct gw_str value = value_of(op, record);
  gw_visible_text_append(record->line, value, true);
  return value.len > 0;
}

static void append_text(const struct gw_access_log_value *value, bool omits_empty, struct record *record) {
  for (uint32_t i = 0; i < value->op_count; i++)
    if (!append_part(&value->ops[i], record) && !omits_empty) gw_strbuf_append_char(record->line, '-');
}

/* Several parts: a string in any case. */
static void append_json_text(const struct gw_access_log_value *value, bool omits_empty, struct record *record) {
  struct gw_strbuf *text = &record->stream->pipeline->log_text;
  struct record part = {.stream = record->stream, .type = record->type, .line = text};
  gw_strbuf_clear(text);
  for (uint32_t i = 0; i < value->op_count; i++) {
    const struct gw_access_log_op *op = &value->ops[i];
    size_t before = text->len;
    if (is_own(op))
      append_own(op, &part);
    else if (!append_long(op, record->stream, text))
      gw_strbuf_append_str(text, text_of(op, &part));
    if (text->len == before && !omits_empty) gw_strbuf_append_char(text, '-');
  }
  gw_json_append_string(record->line, gw_strbuf_str(text));
}

/* false: there is no value. */
static bool append_json(const struct gw_access_log_value *value, bool omits_empty, struct record *record) {
  if (value->op_count != 1) {
    append_json_text(value, omits_empty, record);
    return true;
  }
  const struct gw_access_log_op *op = &value->ops[0];
  if (is_own(op)) return append_own(op, record);
  struct gw_str text = value_of(op, record);
  if (text.len > 0) put_json_string(record->line, text, op->form == GW_ACCESS_LOG_FORM_WORD);
  return text.len > 0;
}

/* Each member has its comma in front; the first one's becomes the bracket. */
static void append_object(const struct gw_access_log_plan *plan, struct record *record) {
  struct gw_strbuf *line = record->line;
  size_t start = line->len;
  for (uint32_t i = 0; i < plan->value_count; i++) {
    size_t before = line->len;
    put(line, plan->values[i].key);
    if (append_json(&plan->values[i], plan->omits_empty, record)) continue;
    if (plan->omits_empty)
      line->len = before;
    else
      put(line, GW_STR("null"));
  }
  if (line->len == start) put(line, GW_STR(","));
  line->data[start] = '{';
  gw_strbuf_append_str(line, GW_STR("}\n"));
}

bool gw_access_log_plan_write(const struct gw_access_log_plan *plan, const struct gw_log_filter *filter, struct gw_stream *stream,
                              enum gw_access_log_type type, struct gw_strbuf *line) {
  if (filter == NULL) filter = plan->filter;
  if (filter != NULL && !gw_log_filter_match(filter, stream, type)) return false;
  struct record record = {.stream = stream, .type = type, .line = line};
  if (plan->is_json)
    append_object(plan, &record);
  else
    append_text(&plan->values[0], plan->omits_empty, &record);
  terminate(line);
  return true;
}

void gw_access_log_plan_write_value(const struct gw_access_log_plan *plan, struct gw_stream *stream, struct gw_strbuf *value) {
  struct record record = {.stream = stream, .type = GW_ACCESS_LOG_TYPE_END, .line = value};
  for (uint32_t i = 0; i < plan->values[0].op_count; i++) {
    const struct gw_access_log_op *op = &plan->values[0].ops[i];
    if (is_own(op))
      append_own(op, &record);
    else
      gw_strbuf_append_str(value, text_of(op, &record));
  }
  terminate(value);
}

/* What the request's route has instead of the listener's filters; NULL: nothing. */
static const struct gw_log_filter *find_log_filter(const struct gw_stream *stream) {
  if (stream->route == NULL || stream->route->filters == NULL) return NULL;
  return gw_route_settings_find(gw_stream_find_routes(stream)->settings, stream->route, GW_FILTER_ACCESS_LOG);
}

void gw_access_log_write(struct gw_stream *stream, enum gw_access_log_type type) {
  struct gw_pipeline *pipeline = stream->pipeline;
  const struct gw_frozen_http *http = stream->listener->http;
  uint32_t count = http->model->http.access_log_count;
  if (pipeline->options.access_log == NULL || count == 0) return;
  const struct gw_log_filter *filter = find_log_filter(stream);
  for (uint32_t i = 0; i < count; i++) {
    gw_strbuf_clear(&pipeline->line);
    if (gw_access_log_plan_write(http->access_logs[i], filter, stream, type, &pipeline->line))
      gw_log_ring_append(pipeline->options.access_log, gw_strbuf_str(&pipeline->line));
  }
}
