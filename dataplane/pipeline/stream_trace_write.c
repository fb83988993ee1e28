/* Spans in OpenTelemetry's words: the stable semantic conventions of HTTP, and "gateway.…" for what they have no word for. */
#include <stdio.h>

#include "common/base/mem.h"
#include "common/message/failure.h"
#include "common/otlp/span.h"
#include "dataplane/pipeline/frozen_parts.h"
#include "dataplane/pipeline/stream_trace.h"

#define PUT(writer, key, value) gw_span_put_str(writer, GW_STR(key), value)
#define PUT_INT(writer, key, value) gw_span_put_int(writer, GW_STR(key), (int64_t)(value))

/* The semantic conventions leave a server's 4xx without an error, and who left before the answer is none of the gateway's. */
bool gw_stream_trace_is_failed(const struct gw_stream *stream) {
  const uint32_t clients = GW_FLAG_DOWNSTREAM_TERMINATION;
  if (stream->status >= 500) return true;
  return stream->is_aborted && (stream->flags & clients) == 0 && !stream->is_tunnel;
}

static struct gw_str method_of(const struct gw_request_head *request) {
  return request->method == GW_METHOD_OTHER ? GW_STR("_OTHER") : request->method_name;
}

static void put_method(struct gw_span_writer *writer, const struct gw_request_head *request) {
  PUT(writer, "http.request.method", method_of(request));
  if (request->method == GW_METHOD_OTHER) PUT(writer, "http.request.method_original", request->method_name);
}

static struct gw_str version_of(enum gw_http_version version) {
  switch (version) {
  case GW_HTTP_1_0: return GW_STR("1.0");
  case GW_HTTP_1_1: return GW_STR("1.1");
  case GW_HTTP_2: return GW_STR("2");
  }
  return (struct gw_str){0};
}

/* A path, without what may hold secrets. */
static struct gw_str shown_path(const struct gw_stream *stream, struct gw_str path) {
  uint32_t max = stream->listener->http->model->http.tracing->max_path_len;
  path = gw_path_without_query(path);
  if (path.len > max) path.len = max;
  return path;
}

static void put_host(struct gw_span_writer *writer, struct gw_str authority) {
  struct gw_str host;
  uint16_t port;
  if (gw_address_split(authority, &host, &port) == GW_OK) {
    PUT(writer, "server.address", host);
    PUT_INT(writer, "server.port", port);
  } else if (authority.len > 0) {
    PUT(writer, "server.address", authority);
  }
}

static void put_client(struct gw_span_writer *writer, const struct gw_stream *stream) {
  char text[GW_ADDRESS_TEXT_SIZE], forwarded[GW_ADDRESS_TEXT_SIZE];
  struct gw_str peer = gw_address_format_ip(stream->peer, text);
  PUT(writer, "client.address", stream->is_remote_forwarded ? gw_address_format_ip(&stream->remote, forwarded) : peer);
  PUT(writer, "network.peer.address", peer);
  PUT_INT(writer, "network.peer.port", gw_address_port(stream->peer));
  PUT(writer, "network.protocol.version", version_of(stream->request.version));
  const struct gw_header *agent = gw_headers_find(&stream->request.headers, GW_HEADER_USER_AGENT);
  if (agent != NULL) PUT(writer, "user_agent.original", agent->value);
}

/* The status where there is one, else the cause. */
static void put_error_type(struct gw_span_writer *writer, uint32_t status, struct gw_str detail) {
  char text[16];
  if (status >= 400) {
    int len = snprintf(text, sizeof(text), "%u", status);
    PUT(writer, "error.type", ((struct gw_str){text, (size_t)len}));
  } else {
    PUT(writer, "error.type", detail.len > 0 ? detail : GW_STR("_OTHER"));
  }
}

static void put_tags(struct gw_span_writer *writer, const struct gw_stream *stream) {
  const struct gw_tracing *model = stream->listener->http->model->http.tracing;
  for (uint32_t i = 0; i < model->tag_count; i++) {
    const struct gw_trace_tag *tag = &model->tags[i];
    const struct gw_header *header = tag->header.len > 0 ? gw_headers_find_name(&stream->request.headers, tag->header) : NULL;
    struct gw_str value = header != NULL ? header->value : tag->value;
    if (value.len > 0) gw_span_put_str(writer, tag->name, value);
  }
}

static void put_outcome(struct gw_span_writer *writer, const struct gw_stream *stream) {
  char flags[64];
  if (stream->status != 0) PUT_INT(writer, "http.response.status_code", stream->status);
  if (stream->flags != 0) PUT(writer, "gateway.response_flags", gw_response_flags_format(stream->flags, flags));
  if (stream->detail.len > 0) PUT(writer, "gateway.response_code_details", stream->detail);
  if (!gw_stream_trace_is_failed(stream)) return;
  put_error_type(writer, stream->status, stream->detail);
  gw_span_put_error(writer, stream->detail);
}

/* All of them, as far as there is room. */
static struct gw_str join(char *room, size_t size, const struct gw_str *pieces, size_t count) {
  size_t len = 0;
  for (size_t i = 0; i < count; i++) {
    size_t piece = pieces[i].len < size - len ? pieces[i].len : size - len;
    if (piece > 0) memcpy(room + len, pieces[i].data, piece);
    len += piece;
  }
  return (struct gw_str){room, len};
}

/* "GET /orders/{id}": of few values, as the name of a route is. */
static struct gw_str name_of(const struct gw_stream *stream, char *room, size_t size) {
  struct gw_str method = stream->request.method == GW_METHOD_OTHER ? GW_STR("HTTP") : stream->request.method_name;
  if (stream->route == NULL || stream->route->name.len == 0) return method;
  const struct gw_str pieces[] = {method, GW_STR(" "), stream->route->name};
  return join(room, size, pieces, GW_ARRAY_LEN(pieces));
}

static void write_request(const struct gw_stream *stream, uint64_t end_us, struct gw_strbuf *out) {
  const struct gw_stream_trace *trace = stream->trace;
  char name[256];
  struct gw_span span = {.trace_id = trace->context.trace_id,
                         .span_id = trace->context.span_id,
                         .parent_id = trace->has_parent ? trace->parent_id : NULL,
                         .name = name_of(stream, name, sizeof(name)),
                         .kind = GW_SPAN_SERVER,
                         .start_us = stream->wall_us,
                         .end_us = end_us};
  struct gw_span_writer writer = gw_span_begin(out, &span);
  put_method(&writer, &stream->request);
  PUT(&writer, "url.scheme", stream->request.scheme);
  PUT(&writer, "url.path", shown_path(stream, stream->request.path));
  if (stream->route != NULL && stream->route->name.len > 0) PUT(&writer, "http.route", stream->route->name);
  put_host(&writer, stream->request.authority);
  put_client(&writer, stream);
  put_outcome(&writer, stream);
  struct gw_str cluster = gw_stream_cluster_name(stream);
  if (cluster.len > 0) PUT(&writer, "gateway.cluster", cluster);
  if (stream->request_id.len > 0) PUT(&writer, "gateway.request_id", stream->request_id);
  PUT(&writer, "gateway.snapshot", gw_view_snapshot_version(stream->view));
  put_tags(&writer, stream);
  gw_span_end(&writer);
}

static void put_attempt(struct gw_span_writer *writer, const struct gw_stream *stream, const struct gw_trace_step *step) {
  char url[512];
  struct gw_str path = shown_path(stream, step->path);
  put_method(writer, &stream->request);
  const struct gw_str pieces[] = {step->has_tls ? GW_STR("https://") : GW_STR("http://"), step->endpoint, path};
  PUT(writer, "url.full", join(url, sizeof(url), pieces, GW_ARRAY_LEN(pieces)));
  put_host(writer, step->endpoint);
  PUT_INT(writer, "gateway.attempt", step->number);
  if (step->number > 1) PUT_INT(writer, "http.request.resend_count", step->number - 1);
  gw_span_put_bool(writer, GW_STR("gateway.connection_reused"), step->is_reused);
  PUT(writer, "gateway.cluster", gw_stream_cluster_name(stream));
  if (step->status == 0) return;
  PUT_INT(writer, "http.response.status_code", step->status);
  PUT(writer, "network.protocol.version", version_of(step->version));
}

static void write_step(const struct gw_stream *stream, const struct gw_trace_step *step, uint64_t end_us, struct gw_strbuf *out) {
  struct gw_span span = {.trace_id = stream->trace->context.trace_id,
                         .span_id = step->span_id,
                         .parent_id = stream->trace->context.span_id,
                         .name = step->name != NULL ? gw_str_from(step->name) : method_of(&stream->request),
                         .kind = step->name != NULL ? GW_SPAN_INTERNAL : GW_SPAN_CLIENT,
                         .start_us = step->start_us,
                         .end_us = step->end_us > 0 ? step->end_us : end_us};
  struct gw_span_writer writer = gw_span_begin(out, &span);
  if (step->name == NULL) put_attempt(&writer, stream, step);
  if (step->is_failed) {
    put_error_type(&writer, step->status, step->detail);
    gw_span_put_error(&writer, step->detail);
  }
  gw_span_end(&writer);
}

uint32_t gw_stream_trace_write(const struct gw_stream *stream, uint64_t end_us, struct gw_strbuf *out) {
  uint32_t count = 1;
  write_request(stream, end_us, out);
  for (const struct gw_trace_step *step = stream->trace->first; step != NULL; step = step->next, count++)
    write_step(stream, step, end_us, out);
  return count;
}
