/* Blocks of fields ⇄ heads of messages (RFC 9113 section 8). nghttp2 has checked the order of pseudo-header fields, names and values. */
#include "common/base/mem.h"
#include "common/http/h2_internal.h"
#include "common/message/scan.h"
#include "common/message/uri.h"

#define FIELDS_USUAL 16
/* A peer that sends so many times what is allowed is not answered any more. */
#define ABUSE_FACTOR 4
#define FIELD_OVERHEAD 32 /* RFC 7541 section 4.1 */

static void refuse(struct gw_h2_stream *stream, uint32_t status, struct gw_str detail) {
  if (stream->refusal != 0) return;
  stream->refusal = status;
  stream->detail = detail;
}

static void take_pseudo(struct gw_h2_stream *stream, struct gw_str name, struct gw_str value) {
  struct gw_request_head *request = &stream->request;
  if (gw_str_equal(name, GW_STR(":path"))) {
    request->path = value;
  } else if (gw_str_equal(name, GW_STR(":method"))) {
    request->method_name = value;
    request->method = gw_method_find(value);
  } else if (gw_str_equal(name, GW_STR(":authority"))) {
    request->authority = value;
  } else if (gw_str_equal(name, GW_STR(":scheme"))) {
    request->scheme = value;
  } else if (gw_str_equal(name, GW_STR(":protocol"))) {
    stream->protocol = value;
  } else if (gw_str_equal(name, GW_STR(":status"))) {
    /* Three digits, or nghttp2 would have refused it. */
    stream->response.status =
        (uint32_t)(value.data[0] - '0') * 100 + (uint32_t)(value.data[1] - '0') * 10 + (uint32_t)(value.data[2] - '0');
  }
}

static struct gw_headers *receiving(const struct gw_h2_codec *codec, struct gw_h2_stream *stream) {
  if (stream->is_head_done) return &stream->trailers;
  return codec->options.is_client ? &stream->response.headers : &stream->request.headers;
}

bool gw_h2_has_excess_fields(const struct gw_h2_codec *codec, const struct gw_h2_stream *stream) {
  return stream->field_bytes > codec->options.head_bytes || stream->field_count > codec->options.header_count;
}

bool gw_h2_take_field(struct gw_h2_codec *codec, struct gw_h2_stream *stream, struct gw_str name, struct gw_str value) {
  const struct gw_h2_options *options = &codec->options;
  stream->field_bytes += name.len + value.len + FIELD_OVERHEAD;
  stream->field_count++;
  if (gw_h2_has_excess_fields(codec, stream)) {
    bool is_count = stream->field_count > options->header_count;
    refuse(stream, 431, is_count ? GW_STR("http2.too_many_headers") : GW_STR("http2.head_too_large"));
    bool is_abuse = stream->field_bytes > options->head_bytes * ABUSE_FACTOR || stream->field_count > options->header_count * ABUSE_FACTOR;
    if (is_abuse) codec->detail = GW_STR("http2.head_too_large");
    return !is_abuse;
  }
  struct gw_str value_copy = gw_arena_copy(stream->arena, value);
  if (name.len > 0 && name.data[0] == ':') {
    take_pseudo(stream, name, value_copy);
    return true;
  }
  struct gw_headers *headers = receiving(codec, stream);
  enum gw_header_id id = gw_header_id_find(name);
  if (headers->cap == 0) gw_headers_init(headers, stream->arena, FIELDS_USUAL);
  struct gw_str kept_name = id != GW_HEADER_OTHER ? gw_header_id_name(id) : gw_arena_copy(stream->arena, name);
  gw_headers_add(headers, stream->arena, id, kept_name, value_copy);
  return true;
}

/* Takes Content-Length out of the headers. nghttp2 holds the body to it. */
static int64_t take_length(struct gw_headers *headers) {
  const struct gw_header *header = gw_headers_find(headers, GW_HEADER_CONTENT_LENGTH);
  uint64_t length;
  if (header == NULL || gw_str_parse_u64(header->value, &length) != GW_OK || length > INT64_MAX) return GW_LENGTH_NONE;
  gw_headers_remove(headers, GW_HEADER_CONTENT_LENGTH);
  return (int64_t)length;
}

/* RFC 9113 section 8.2.3: crumbs become one field again, for those behind us who don't speak HTTP/2. */
static void join_cookies(struct gw_headers *headers, struct gw_arena *arena) {
  size_t len = 0;
  uint32_t count = 0;
  for (uint32_t i = 0; i < headers->count; i++) {
    if (headers->items[i].id != GW_HEADER_COOKIE) continue;
    len += headers->items[i].value.len + 2;
    count++;
  }
  if (count < 2) return;
  char *text = gw_arena_alloc_bytes(arena, len);
  size_t at = 0;
  for (uint32_t i = 0; i < headers->count; i++) {
    const struct gw_header *header = &headers->items[i];
    if (header->id != GW_HEADER_COOKIE) continue;
    if (at > 0) {
      text[at++] = ';';
      text[at++] = ' ';
    }
    memcpy(text + at, header->value.data, header->value.len);
    at += header->value.len;
  }
  gw_headers_set(headers, arena, GW_HEADER_COOKIE, (struct gw_str){text, at});
}

/* RFC 9113 section 8.3.1: Host may stand beside :authority, but not say something else. */
static void resolve_authority(struct gw_h2_stream *stream) {
  struct gw_request_head *request = &stream->request;
  const struct gw_header *host = gw_headers_find(&request->headers, GW_HEADER_HOST);
  if (host != NULL) {
    if (request->authority.len == 0) request->authority = host->value;
    if (!gw_str_equal_nocase(request->authority, host->value)) refuse(stream, 400, GW_STR("http2.host_differs"));
    gw_headers_remove(&request->headers, GW_HEADER_HOST);
  }
  if (request->authority.len == 0) {
    refuse(stream, 400, GW_STR("http2.no_authority"));
  } else if (!gw_uri_authority_is_valid(request->authority)) {
    refuse(stream, 400, GW_STR("http2.bad_authority"));
  }
}

static void check_target(struct gw_h2_stream *stream) {
  const struct gw_request_head *request = &stream->request;
  if (request->method == GW_METHOD_CONNECT) return; /* it has no path, and is refused by its method */
  const char *end = request->path.data + request->path.len;
  bool is_star = request->method == GW_METHOD_OPTIONS && gw_str_equal(request->path, GW_STR("*"));
  if (request->path.len == 0 || gw_scan_find_not_target(request->path.data, end) != end || (request->path.data[0] != '/' && !is_star)) {
    refuse(stream, 400, GW_STR("http2.bad_target"));
  }
}

/* Extended CONNECT (RFC 8441) is to those behind us what an upgrade is in HTTP/1.1. */
static void resolve_tunnel(struct gw_h2_stream *stream) {
  struct gw_request_head *request = &stream->request;
  if (request->method != GW_METHOD_CONNECT || stream->protocol.len == 0) return;
  request->method = GW_METHOD_GET;
  request->method_name = gw_method_name(GW_METHOD_GET);
  request->upgrade = stream->protocol;
  request->content_length = GW_LENGTH_NONE;
}

static bool expects_continue(struct gw_headers *headers) {
  const struct gw_header *expect = gw_headers_find(headers, GW_HEADER_EXPECT);
  return expect != NULL && gw_str_equal_nocase(expect->value, GW_STR("100-continue"));
}

void gw_h2_finish_request(struct gw_h2_stream *stream, bool has_body) {
  struct gw_request_head *request = &stream->request;
  request->version = GW_HTTP_2;
  request->content_length = GW_LENGTH_NONE;
  if (stream->refusal == 0) {
    int64_t length = take_length(&request->headers);
    request->content_length = length != GW_LENGTH_NONE ? length : has_body ? GW_LENGTH_UNKNOWN : GW_LENGTH_NONE;
    request->expects_continue = expects_continue(&request->headers);
    join_cookies(&request->headers, stream->arena);
    resolve_authority(stream);
    resolve_tunnel(stream);
    check_target(stream);
  }
  if (stream->refusal != 0) request->headers.count = 0;
}

void gw_h2_finish_response(struct gw_h2_stream *stream, bool has_body) {
  struct gw_response_head *response = &stream->response;
  int64_t length = take_length(&response->headers);
  response->version = GW_HTTP_2;
  response->is_chunked = false;
  response->declared_length = has_body ? GW_LENGTH_NONE : length;
  response->content_length = !has_body ? GW_LENGTH_NONE : length != GW_LENGTH_NONE ? length : GW_LENGTH_UNKNOWN;
}

/* ---- to the peer ---- */

static void add(struct gw_h2_block *block, struct gw_str name, struct gw_str value) {
  block->items[block->count++] = (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name.data,
                                              .namelen = name.len,
                                              .value = (uint8_t *)(uintptr_t)value.data,
                                              .valuelen = value.len};
}

/* Fields that HTTP/2 has no place for (RFC 9113 section 8.2.2). */
static bool is_of_http1(enum gw_header_id id) {
  switch (id) {
  case GW_HEADER_HOST:
  case GW_HEADER_CONNECTION:
  case GW_HEADER_KEEP_ALIVE:
  case GW_HEADER_PROXY_CONNECTION:
  case GW_HEADER_TRANSFER_ENCODING:
  case GW_HEADER_UPGRADE:
  case GW_HEADER_HTTP2_SETTINGS: return true;
  default: return false;
  }
}

static void add_fields(struct gw_h2_block *block, const struct gw_headers *headers) {
  for (uint32_t i = 0; i < headers->count; i++) {
    const struct gw_header *header = &headers->items[i];
    if (!is_of_http1(header->id)) add(block, header->name, header->value);
  }
}

static struct gw_h2_block new_block(struct gw_arena *arena, size_t field_count, size_t more) {
  return (struct gw_h2_block){.items = gw_arena_alloc(arena, (field_count + more) * sizeof(nghttp2_nv))};
}

static void add_length(struct gw_h2_block *block, struct gw_arena *arena, int64_t length) {
  if (length < 0) return;
  char digits[GW_U64_DIGITS_MAX];
  add(block, GW_STR("content-length"), gw_arena_copy(arena, gw_str_format_u64((uint64_t)length, digits)));
}

struct gw_h2_block gw_h2_request_block(const struct gw_request_head *head, struct gw_arena *arena) {
  struct gw_h2_block block = new_block(arena, head->headers.count, 6);
  add(&block, GW_STR(":method"), head->upgrade.len > 0 ? GW_STR("CONNECT") : head->method_name);
  if (head->upgrade.len > 0) add(&block, GW_STR(":protocol"), head->upgrade);
  add(&block, GW_STR(":scheme"), head->scheme);
  add(&block, GW_STR(":authority"), head->authority);
  add(&block, GW_STR(":path"), head->path);
  add_fields(&block, &head->headers);
  add_length(&block, arena, head->content_length);
  return block;
}

struct gw_h2_block gw_h2_response_block(const struct gw_response_head *head, struct gw_arena *arena) {
  struct gw_h2_block block = new_block(arena, head->headers.count, 2);
  char *status = gw_arena_alloc_bytes(arena, 3);
  status[0] = (char)('0' + head->status / 100 % 10);
  status[1] = (char)('0' + head->status / 10 % 10);
  status[2] = (char)('0' + head->status % 10);
  add(&block, GW_STR(":status"), (struct gw_str){status, 3});
  add_fields(&block, &head->headers);
  add_length(&block, arena, head->content_length >= 0 ? head->content_length : head->declared_length);
  return block;
}

struct gw_h2_block gw_h2_trailer_block(const struct gw_headers *trailers, struct gw_arena *arena) {
  struct gw_h2_block block = new_block(arena, trailers->count, 0);
  add_fields(&block, trailers);
  return block;
}
