#include "dataplane/pipeline/limit_text.h"

#include "common/base/json_value.h"
#include "common/model/rate_limit.h"
#include "dataplane/pipeline/access_log_ops.h"
#include "dataplane/pipeline/stream.h"

static void append(struct gw_strbuf *out, const char *kind, struct gw_str name, struct gw_str value) {
  gw_strbuf_append_str(out, gw_str_from(kind));
  if (name.len > 0) gw_strbuf_append_char(out, ':');
  gw_strbuf_append_str(out, name);
  gw_strbuf_append_char(out, '=');
  gw_strbuf_append_str(out, value);
}

static void append_user(struct gw_strbuf *out, const struct gw_stream *stream) {
  append(out, "user", GW_STR(""), stream->identity != NULL ? stream->identity->user_id : GW_STR(""));
}

static void append_api_key(struct gw_strbuf *out, const struct gw_stream *stream) {
  append(out, "api_key", GW_STR(""), stream->plan != NULL ? stream->plan->key_id : GW_STR(""));
}

static void append_client(struct gw_strbuf *out, const struct gw_stream *stream) {
  char text[GW_ADDRESS_TEXT_SIZE];
  append(out, "client", GW_STR(""), gw_address_format_ip(&stream->remote, text));
}

static void append_header(struct gw_strbuf *out, const struct gw_stream *stream, struct gw_str name) {
  const struct gw_header *header = gw_headers_find_name(&stream->request.headers, name);
  struct gw_str value = header != NULL ? header->value : GW_STR("");
  if (header != NULL && gw_access_log_is_secret(header->id, name)) value = GW_STR("[redacted]");
  append(out, "header", name, value);
}

static void append_claim(struct gw_strbuf *out, const struct gw_stream *stream, struct gw_str name, const struct gw_json_path *path) {
  const struct gw_json_value *value = stream->identity != NULL ? gw_json_walk(stream->identity->claims, path) : NULL;
  append(out, "claim", name, GW_STR(""));
  if (value != NULL) gw_json_append_scalar(out, value);
}

static void append_caller(struct gw_strbuf *out, const struct gw_stream *stream) {
  if (stream->identity != NULL && stream->identity->user_id.len > 0)
    append_user(out, stream);
  else if (stream->plan != NULL && stream->plan->key_id.len > 0)
    append_api_key(out, stream);
  else
    append_client(out, stream);
}

void gw_limit_text_append(struct gw_strbuf *out, const struct gw_stream *stream, const struct gw_limit_ref *limit) {
  for (uint32_t i = 0; i < limit->model->key_count; i++) {
    const struct gw_rate_limit_key *key = &limit->model->keys[i];
    if (i > 0) gw_strbuf_append_char(out, ',');
    switch (key->kind) {
    case GW_RATE_LIMIT_KEY_CALLER: append_caller(out, stream); break;
    case GW_RATE_LIMIT_KEY_USER: append_user(out, stream); break;
    case GW_RATE_LIMIT_KEY_API_KEY: append_api_key(out, stream); break;
    case GW_RATE_LIMIT_KEY_CLIENT: append_client(out, stream); break;
    case GW_RATE_LIMIT_KEY_HEADER: append_header(out, stream, key->name); break;
    case GW_RATE_LIMIT_KEY_CLAIM: append_claim(out, stream, key->name, &limit->claims[i]); break;
    }
  }
}
