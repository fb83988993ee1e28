#include "dataplane/pipeline/local_reply.h"

#include <stdio.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/message/status.h"

/* false: nothing follows the head. */
static bool begin(struct gw_stream *stream, uint32_t status, struct gw_str content_type, size_t body_len) {
  bool may_have_body = status != 204 && status != 304;
  bool is_head = stream->request.method == GW_METHOD_HEAD;
  bool has_body = may_have_body && !is_head && body_len > 0;
  stream->response.status = status;
  stream->response.version = GW_HTTP_1_1;
  stream->response.content_length = may_have_body && !is_head ? (int64_t)body_len : GW_LENGTH_NONE;
  stream->response.declared_length = may_have_body && is_head ? (int64_t)body_len : GW_LENGTH_NONE;
  if (may_have_body && content_type.len > 0) {
    gw_headers_add(&stream->response.headers, &stream->arena, GW_HEADER_CONTENT_TYPE, GW_STR("content-type"), content_type);
  }
  gw_stream_respond(stream, has_body);
  return has_body && !stream->is_response_complete;
}

static void respond(struct gw_stream *stream, uint32_t status, struct gw_str content_type, struct gw_str body) {
  if (!begin(stream, status, content_type, body.len)) return;
  gw_stream_respond_body(stream, body);
  gw_stream_respond_end(stream);
}

/* Percent-encoded as grpc-message wants it (gRPC over HTTP/2, "Responses"). */
static struct gw_str encode_grpc_message(struct gw_arena *arena, struct gw_str message) {
  char *out = gw_arena_alloc_bytes(arena, message.len * 3 + 1);
  size_t len = 0;
  for (size_t i = 0; i < message.len; i++) {
    unsigned char c = (unsigned char)message.data[i];
    if (c >= 0x20 && c < 0x7f && c != '%') {
      out[len++] = (char)c;
    } else {
      len += (size_t)snprintf(out + len, 4, "%%%02X", (unsigned)c);
    }
  }
  return (struct gw_str){out, len};
}

static void respond_grpc(struct gw_stream *stream, uint32_t grpc_status, struct gw_str message) {
  struct gw_headers *headers = &stream->response.headers;
  const char *code = gw_arena_printf(&stream->arena, "%u", grpc_status);
  gw_headers_add(headers, &stream->arena, GW_HEADER_GRPC_STATUS, GW_STR("grpc-status"), gw_str_from(code));
  gw_headers_add(headers, &stream->arena, GW_HEADER_GRPC_MESSAGE, GW_STR("grpc-message"), encode_grpc_message(&stream->arena, message));
  respond(stream, 200, GW_STR("application/grpc"), (struct gw_str){0});
}

static void ensure_request_id(struct gw_stream *stream) {
  if (stream->request_id.len == 0) stream->request_id = gw_pipeline_new_request_id(stream->pipeline, &stream->arena);
}

void gw_local_reply_failure(struct gw_stream *stream, uint32_t status, uint32_t grpc_status, struct gw_str message) {
  ensure_request_id(stream);
  if (gw_stream_is_grpc(stream)) {
    respond_grpc(stream, grpc_status != 0 ? grpc_status : gw_status_to_grpc(status), message);
    return;
  }
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  struct gw_json_writer json;
  gw_json_writer_init(&json, &buf);
  gw_json_object_begin(&json);
  gw_json_key(&json, "error");
  gw_json_u64(&json, status);
  gw_json_key(&json, "message");
  gw_json_string(&json, message);
  gw_json_key(&json, "request_id");
  gw_json_string(&json, stream->request_id);
  gw_json_object_end(&json);
  respond(stream, status, GW_STR("application/json"), gw_arena_copy(&stream->arena, gw_strbuf_str(&buf)));
}

void gw_local_reply_text(struct gw_stream *stream, uint32_t status, struct gw_str content_type, struct gw_str body) {
  ensure_request_id(stream);
  respond(stream, status, content_type, body);
}

bool gw_local_reply_begin_text(struct gw_stream *stream, uint32_t status, struct gw_str content_type, size_t len) {
  ensure_request_id(stream);
  return begin(stream, status, content_type, len);
}

/* Local reply form: an object with "error" first, as our control plane writes it, and no request id yet. */
static bool is_reply_form(struct gw_str body) {
  if (!gw_str_has_prefix(body, GW_STR("{\"error\":")) || body.data[body.len - 1] != '}') return false;
  return memmem(body.data, body.len, "\"request_id\"", 12) == NULL;
}

static struct gw_str with_request_id(struct gw_stream *stream, struct gw_str body) {
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  gw_strbuf_append(&buf, body.data, body.len - 1);
  gw_strbuf_append_str(&buf, GW_STR(",\"request_id\":"));
  gw_json_append_string(&buf, stream->request_id);
  gw_strbuf_append_char(&buf, '}');
  return gw_arena_copy(&stream->arena, gw_strbuf_str(&buf));
}

void gw_local_reply_direct(struct gw_stream *stream, const struct gw_route_direct_response *direct) {
  ensure_request_id(stream);
  if (gw_stream_is_grpc(stream)) {
    respond_grpc(stream, gw_status_to_grpc(direct->status), gw_status_reason(direct->status));
  } else if (is_reply_form(direct->body)) {
    respond(stream, direct->status, GW_STR("application/json"), with_request_id(stream, direct->body));
  } else {
    respond(stream, direct->status, direct->body.len > 0 ? GW_STR("text/plain") : (struct gw_str){0}, direct->body);
  }
}
