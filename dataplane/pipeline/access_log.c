#include "dataplane/pipeline/access_log.h"

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/visible_text.h"
#include "dataplane/pipeline/access_log_ops.h"
#include "dataplane/pipeline/frozen_parts.h"
#include "dataplane/pipeline/stream.h"
#include "dataplane/pipeline/stream_trace.h"

/* Room for what is formatted, not found: an address, flags, or the digits of a number, which are copied in steps. */
#define TEXT_SIZE 64
_Static_assert(TEXT_SIZE >= GW_U64_DIGITS_MAX + GW_ACCESS_LOG_STEP, "a step from any digit on ends in the room");

/* What is being written. */
struct record {
  struct gw_stream *stream;
  enum gw_access_log_type type;
  struct gw_strbuf *line;
  char text[TEXT_SIZE];
};

/* ---- values ---- */

static const struct gw_str nothing = {NULL, 0};

/* What takes some work is not to make text_of, which is called for every value, save registers. */
#define ASIDE __attribute__((noinline))

static struct gw_str header_text(const struct gw_headers *headers, const struct gw_access_log_op *op) {
  if (headers == NULL) return nothing;
  const struct gw_header *header = op->id != GW_HEADER_OTHER ? gw_headers_find(headers, op->id) : gw_headers_find_name(headers, op->text);
  if (header == NULL) return nothing;
  if (op->is_secret) return GW_STR(GW_ACCESS_LOG_REDACTED);
  return (struct gw_str){header->value.data, header->value.len < op->max_len ? header->value.len : op->max_len};
}

static struct gw_str number_text(uint64_t value, struct record *record) {
  return gw_str_format_u64(value, record->text);
}

/* A duration in ms; nothing while it has no end. */
static ASIDE struct gw_str duration_text(const struct gw_access_log_op *op, struct record *record) {
  const struct gw_stream *stream = record->stream;
  bool is_of_answer = op->kind == GW_ACCESS_LOG_RESPONSE_DURATION;
  if (is_of_answer && stream->answered_us == 0) return nothing;
  uint64_t end_us = is_of_answer ? stream->answered_us : gw_loop_now_us(stream->pipeline->loop);
  return number_text(end_us > stream->started_us ? (end_us - stream->started_us) / 1000 : 0, record);
}

static struct gw_str flag_text(bool is_set) {
  static const char texts[][GW_ACCESS_LOG_STEP] = {"false", "true"};
  return (struct gw_str){texts[is_set], is_set ? 4 : 5};
}

static ASIDE struct gw_str rbac_text(enum gw_access_log_kind kind, const struct gw_rbac_outcome *outcome) {
  if (outcome == NULL) return nothing;
  if (kind == GW_ACCESS_LOG_RBAC_POLICY) return outcome->policy;
  if (kind == GW_ACCESS_LOG_RBAC_RESULT) return outcome->result;
  return kind == GW_ACCESS_LOG_RBAC_SHADOW_POLICY ? outcome->shadow_policy : outcome->shadow_result;
}

static struct gw_str consumer_of(const struct gw_stream *stream) {
  if (stream->identity != NULL && stream->identity->user_id.len > 0) return stream->identity->user_id;
  return stream->plan != NULL ? stream->plan->key_id : nothing;
}

/* Requests of one turn of the loop, or of one millisecond, began at the same time. */
static ASIDE struct gw_str time_text(const struct gw_stream *stream) {
  struct gw_pipeline *pipeline = stream->pipeline;
  uint64_t ms = stream->wall_us / 1000;
  if (pipeline->log_time_ms != ms) {
    pipeline->log_time_ms = ms;
    gw_clock_format_rfc3339(stream->wall_us, pipeline->log_time);
  }
  return (struct gw_str){pipeline->log_time, GW_CLOCK_RFC3339_SIZE - 1};
}

/* Of the client's connection. */
static ASIDE struct gw_str connection_text(enum gw_access_log_kind kind, const struct gw_stream *stream, char text[TEXT_SIZE]) {
  switch (kind) {
  case GW_ACCESS_LOG_REMOTE_ADDRESS: return gw_address_format(&stream->remote, text);
  case GW_ACCESS_LOG_REMOTE_ADDRESS_WITHOUT_PORT: return gw_address_format_ip(&stream->remote, text);
  case GW_ACCESS_LOG_DIRECT_REMOTE_ADDRESS: return gw_address_format(stream->peer, text);
  case GW_ACCESS_LOG_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: return gw_address_format_ip(stream->peer, text);
  default: break;
  }
  const struct gw_tls *tls = stream->transport != NULL ? stream->transport->tls : NULL;
  if (tls == NULL) return nothing;
  return kind == GW_ACCESS_LOG_SERVER_NAME ? gw_tls_sni(tls) : gw_tls_version(tls);
}

/* What has no length that is known before. */
static ASIDE struct gw_str long_text(const struct gw_access_log_op *op, const struct gw_stream *stream) {
  struct gw_strbuf *text = &stream->pipeline->log_text;
  gw_strbuf_clear(text);
  if (op->kind == GW_ACCESS_LOG_ATTEMPTS)
    gw_attempt_records_format(&stream->attempts, text);
  else
    gw_limit_text_append(text, stream, op->text);
  return gw_strbuf_str(text);
}

static struct gw_str text_of(const struct gw_access_log_op *op, struct record *record) {
  struct gw_stream *stream = record->stream;
  switch (op->kind) {
  case GW_ACCESS_LOG_TEXT: return op->text;
  case GW_ACCESS_LOG_START_TIME: return time_text(stream);
  case GW_ACCESS_LOG_TYPE: return record->type == GW_ACCESS_LOG_TYPE_START ? GW_STR("DownstreamStart") : GW_STR("DownstreamEnd");
  case GW_ACCESS_LOG_REQUEST_HEADER: return header_text(&stream->request.headers, op);
  case GW_ACCESS_LOG_RESPONSE_HEADER: return header_text(&stream->response.headers, op);
  case GW_ACCESS_LOG_RESPONSE_TRAILER: return header_text(stream->response_trailers, op);
  case GW_ACCESS_LOG_METHOD: return stream->request.method_name;
  case GW_ACCESS_LOG_PATH: return stream->request.path;
  case GW_ACCESS_LOG_PATH_WITHOUT_QUERY: return gw_path_without_query(stream->request.path);
  case GW_ACCESS_LOG_AUTHORITY: return stream->request.authority;
  case GW_ACCESS_LOG_SCHEME: return stream->request.scheme;
  case GW_ACCESS_LOG_PROTOCOL: return stream->request.path.len > 0 ? gw_http_version_name(stream->request.version) : nothing;
  case GW_ACCESS_LOG_RESPONSE_CODE: return number_text(stream->status, record);
  case GW_ACCESS_LOG_BYTES_RECEIVED: return number_text(stream->bytes_received, record);
  case GW_ACCESS_LOG_BYTES_SENT: return number_text(stream->bytes_sent, record);
  case GW_ACCESS_LOG_ATTEMPT_COUNT: return number_text(stream->attempt_count, record);
  case GW_ACCESS_LOG_DURATION:
  case GW_ACCESS_LOG_RESPONSE_DURATION: return duration_text(op, record);
  case GW_ACCESS_LOG_DOWNSTREAM_REUSED: return flag_text(stream->is_connection_reused);
  case GW_ACCESS_LOG_UPSTREAM_REUSED: return stream->attempt_count > 0 ? flag_text(stream->is_upstream_reused) : nothing;
  case GW_ACCESS_LOG_ATTEMPTS: return stream->attempts.count > 0 ? long_text(op, stream) : nothing;
  case GW_ACCESS_LOG_LIMIT_KEY: return stream->limit.count > 0 ? long_text(op, stream) : nothing;
  case GW_ACCESS_LOG_RESPONSE_CODE_DETAILS: return stream->detail;
  case GW_ACCESS_LOG_RESPONSE_FLAGS: return stream->flags == 0 ? GW_STR("-") : gw_response_flags_format(stream->flags, record->text);
  case GW_ACCESS_LOG_UPSTREAM_HOST: return stream->upstream_host;
  case GW_ACCESS_LOG_UPSTREAM_CLUSTER: return gw_stream_cluster_name(stream);
  case GW_ACCESS_LOG_SNAPSHOT: return gw_view_snapshot_version(stream->view);
  case GW_ACCESS_LOG_TRACE_ID: return stream->trace != NULL ? gw_stream_trace_id(stream) : nothing;
  case GW_ACCESS_LOG_ROUTE_NAME: return stream->route != NULL ? stream->route->name : nothing;
  case GW_ACCESS_LOG_CONSUMER: return consumer_of(stream);
  case GW_ACCESS_LOG_API_KEY: return stream->plan != NULL ? stream->plan->key_id : nothing;
  case GW_ACCESS_LOG_LIMIT: return stream->limit.name;
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
  }
  return nothing;
}

/* Empty: there is no value. Good until the next one is asked for. */
static inline struct gw_str value_of(const struct gw_access_log_op *op, struct record *record) {
  struct gw_str text = text_of(op, record);
  return text.len > 0 || op->alternative == NULL ? text : text_of(op->alternative, record);
}

/* ---- writing ---- */

/* "-" stands for what is absent. */
static struct gw_str part_of(const struct gw_access_log_op *op, bool omits_empty, struct record *record) {
  struct gw_str text = value_of(op, record);
  return text.len > 0 || omits_empty ? text : GW_STR("-");
}

static void append_text(const struct gw_access_log_plan *plan, struct record *record) {
  const struct gw_access_log_value *value = &plan->values[0];
  for (uint32_t i = 0; i < value->op_count; i++) {
    const struct gw_access_log_op *op = &value->ops[i];
    struct gw_str text = part_of(op, plan->omits_empty, record);
    if (op->kind == GW_ACCESS_LOG_TEXT)
      gw_strbuf_append_str(record->line, text);
    else
      gw_visible_text_append(record->line, text, true);
  }
}

/* Copies in steps, beyond the end too. */
static inline char *put_steps(char *at, struct gw_str text) {
  size_t i = 0;
  do
    memcpy(at + i, text.data + i, GW_ACCESS_LOG_STEP);
  while ((i += GW_ACCESS_LOG_STEP) < text.len);
  return at + text.len;
}

/* What is of several parts: a string in any case. */
static void append_parts(const struct gw_access_log_value *value, bool omits_empty, struct record *record) {
  struct gw_strbuf *line = record->line;
  gw_strbuf_append_str(line, value->key);
  gw_strbuf_append_char(line, '"');
  for (uint32_t i = 0; i < value->op_count; i++)
    gw_json_append_escaped(line, part_of(&value->ops[i], omits_empty, record));
  gw_strbuf_append_char(line, '"');
}

/* Where the line goes on, with room for all values as long as they are short. */
static char *go_on(const struct gw_access_log_plan *plan, struct gw_strbuf *line) {
  gw_strbuf_reserve(line, plan->short_len);
  return line->data + line->len;
}

static void stop_at(struct gw_strbuf *line, const char *at) {
  line->len = (size_t)(at - line->data);
}

static char *put_string(const struct gw_access_log_plan *plan, struct gw_strbuf *line, char *at, struct gw_str text) {
  if (text.len <= GW_ACCESS_LOG_SHORT && gw_json_copy_plain(text, at + 1)) { /* nearly always */
    *at = '"';
    at += text.len + 2;
    at[-1] = '"';
    return at;
  }
  stop_at(line, at);
  gw_json_append_string(line, text);
  return go_on(plan, line);
}

/* Nothing of the kinds that most requests have nothing of. */
static bool is_ordinary(const struct gw_stream *stream) {
  return stream->attempts.count == 0 && stream->identity == NULL && stream->plan == NULL && stream->limit.name.len == 0 &&
         stream->limit.count == 0 && stream->rbac == NULL;
}

/* Each member has its comma in front; the first one's becomes the bracket. */
static void append_object(const struct gw_access_log_plan *plan, struct record *record) {
  static const char null[GW_ACCESS_LOG_STEP] = "null";
  struct gw_strbuf *line = record->line;
  size_t start = line->len;
  bool joins_nulls = is_ordinary(record->stream);
  char *at = go_on(plan, line);
  for (const struct gw_access_log_value *value = plan->values, *end = value + plan->value_count; value < end; value++) {
    if (value->op_count != 1) {
      stop_at(line, at);
      append_parts(value, plan->omits_empty, record);
      at = go_on(plan, line);
      continue;
    }
    struct gw_str text = value_of(value->ops, record);
    if (text.len > 0) {
      at = put_steps(at, value->key);
      at = value->is_bare ? put_steps(at, text) : put_string(plan, line, at, text);
    } else if (value->null_count > 0 && joins_nulls) {
      at = put_steps(at, value->nulls);
      value += value->null_count - 1;
    } else if (!plan->omits_empty) {
      at = put_steps(put_steps(at, value->key), (struct gw_str){null, 4});
    }
  }
  if (at == line->data + start) *at++ = ',';
  line->data[start] = '{';
  memcpy(at, "}\n", 3); /* and NUL */
  stop_at(line, at + 2);
}

bool gw_access_log_plan_write(const struct gw_access_log_plan *plan, const struct gw_log_filter *filter, struct gw_stream *stream,
                              enum gw_access_log_type type, struct gw_strbuf *line) {
  if (filter == NULL) filter = plan->filter;
  if (filter != NULL && !gw_log_filter_match(filter, stream, type)) return false;
  struct record record = {.stream = stream, .type = type, .line = line};
  if (plan->is_json)
    append_object(plan, &record);
  else
    append_text(plan, &record);
  return true;
}

void gw_access_log_plan_write_value(const struct gw_access_log_plan *plan, struct gw_stream *stream, struct gw_strbuf *value) {
  struct record record = {.stream = stream, .type = GW_ACCESS_LOG_TYPE_END, .line = value};
  for (uint32_t i = 0; i < plan->values[0].op_count; i++)
    gw_strbuf_append_str(value, value_of(&plan->values[0].ops[i], &record));
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
