#include "common/http/h1_codec.h"
#include "common/message/status.h"

static inline char *put(char *at, struct gw_str piece) {
  if (piece.len == 0) return at;
  memcpy(at, piece.data, piece.len);
  return at + piece.len;
}
#define PUT(at, literal) put(at, GW_STR(literal))

static size_t fields_size(const struct gw_headers *headers) {
  size_t size = 0;
  for (uint32_t i = 0; i < headers->count; i++)
    size += headers->items[i].name.len + headers->items[i].value.len + 4;
  return size;
}

/* Whether the bytes "NAME: VALUE" CRLF stand in memory just so, as a parsed head has them. Behind other strings there may be no memory. */
static inline bool is_contiguous(const struct gw_header *header) {
  const char *name_end = header->name.data + header->name.len;
  const char *value_end = header->value.data + header->value.len;
  return header->is_received && header->value.data == name_end + 2 && name_end[0] == ':' && name_end[1] == ' ' && value_end[0] == '\r' &&
         value_end[1] == '\n';
}

/* Neighbours that stand in memory as they will on the wire go in one copy: what is forwarded unchanged is mostly that. */
static char *put_fields(char *at, const struct gw_headers *headers) {
  const struct gw_header *header = headers->items;
  const struct gw_header *end = header + headers->count;
  while (header < end) {
    if (!is_contiguous(header)) {
      at = put(at, header->name);
      at = PUT(at, ": ");
      at = put(at, header->value);
      at = PUT(at, "\r\n");
      header++;
      continue;
    }
    const char *from = header->name.data;
    const char *to;
    do {
      to = header->value.data + header->value.len + 2;
      header++;
    } while (header < end && header->name.data == to && is_contiguous(header));
    at = put(at, (struct gw_str){from, (size_t)(to - from)});
  }
  return at;
}

/* How the head says how long the body is. */
struct framing {
  bool is_chunked;
  struct gw_str length; /* digits, or empty */
  char digits[GW_U64_DIGITS_MAX];
};

#define CHUNKED_LINE "Transfer-Encoding: chunked\r\n"
#define LENGTH_FIELD "Content-Length: "

static void set_length(struct framing *framing, int64_t length) {
  framing->length = gw_str_format_u64((uint64_t)length, framing->digits);
}

static size_t framing_size(const struct framing *framing) {
  if (framing->is_chunked) return sizeof(CHUNKED_LINE) - 1;
  return framing->length.len == 0 ? 0 : sizeof(LENGTH_FIELD) - 1 + framing->length.len + 2;
}

static char *put_framing(char *at, const struct framing *framing) {
  if (framing->is_chunked) return PUT(at, CHUNKED_LINE);
  if (framing->length.len == 0) return at;
  at = PUT(at, LENGTH_FIELD);
  at = put(at, framing->length);
  return PUT(at, "\r\n");
}

/* RFC 9110 section 10.1.4: TE stands beside a Connection that names it. Of TE only "trailers" is ever passed on. */
static struct gw_str request_connection_fields(const struct gw_request_head *head) {
  bool has_te = gw_headers_find(&head->headers, GW_HEADER_TE) != NULL;
  if (head->upgrade.len > 0) return has_te ? GW_STR("Connection: TE, Upgrade\r\nUpgrade: ") : GW_STR("Connection: Upgrade\r\nUpgrade: ");
  return has_te ? GW_STR("Connection: TE") : GW_STR("");
}

static bool has_body_by_method(enum gw_method method) {
  return method == GW_METHOD_POST || method == GW_METHOD_PUT || method == GW_METHOD_PATCH;
}

struct gw_str gw_h1_encode_request(const struct gw_request_head *head, struct gw_arena *arena) {
  struct framing framing;
  framing.is_chunked = false;
  framing.length.len = 0;
  if (head->content_length == GW_LENGTH_UNKNOWN) {
    framing.is_chunked = true;
  } else if (head->content_length >= 0) {
    set_length(&framing, head->content_length);
  } else if (has_body_by_method(head->method)) {
    set_length(&framing, 0);
  }
  size_t size = head->method_name.len + 1 + head->path.len + sizeof(" HTTP/1.1\r\nHost: \r\n\r\n") - 1 + head->authority.len +
                fields_size(&head->headers) + framing_size(&framing);
  struct gw_str connection = request_connection_fields(head);
  if (connection.len > 0) size += connection.len + head->upgrade.len + 2;
  char *data = gw_arena_alloc_bytes(arena, size);
  char *at = put(data, head->method_name);
  at = PUT(at, " ");
  at = put(at, head->path);
  at = PUT(at, " HTTP/1.1\r\nHost: ");
  at = put(at, head->authority);
  at = PUT(at, "\r\n");
  at = put_fields(at, &head->headers);
  at = put_framing(at, &framing);
  if (connection.len > 0) {
    at = put(at, connection);
    at = put(at, head->upgrade);
    at = PUT(at, "\r\n");
  }
  PUT(at, "\r\n");
  return (struct gw_str){data, size};
}

static struct gw_str connection_fields(uint32_t status, bool close, bool keep_alive_1_0) {
  if (status == 101) return GW_STR("Connection: Upgrade\r\nUpgrade: websocket\r\n");
  if (close) return GW_STR("Connection: close\r\n");
  return keep_alive_1_0 ? GW_STR("Connection: keep-alive\r\n") : GW_STR("");
}

struct gw_str gw_h1_encode_response(const struct gw_response_head *head, bool is_chunked, bool close, bool keep_alive_1_0,
                                    struct gw_arena *arena) {
  struct framing framing;
  framing.is_chunked = false;
  framing.length.len = 0;
  if (head->status < 200 || head->status == 204) {
    /* RFC 9110 section 8.6 and RFC 9112 section 6.1: such an answer says neither. */
  } else if (head->content_length >= 0) {
    set_length(&framing, head->content_length);
  } else if (head->content_length == GW_LENGTH_NONE && head->declared_length >= 0) {
    set_length(&framing, head->declared_length);
  } else if (head->content_length == GW_LENGTH_UNKNOWN && is_chunked) {
    framing.is_chunked = true;
  }
  struct gw_str connection = connection_fields(head->status, close, keep_alive_1_0);
  struct gw_str reason = gw_status_reason(head->status);
  size_t size = sizeof("HTTP/1.1 200 \r\n\r\n") - 1 + reason.len + fields_size(&head->headers) + framing_size(&framing) + connection.len;
  char *data = gw_arena_alloc_bytes(arena, size);
  char *at = PUT(data, "HTTP/1.1 ");
  *at++ = (char)('0' + head->status / 100 % 10);
  *at++ = (char)('0' + head->status / 10 % 10);
  *at++ = (char)('0' + head->status % 10);
  *at++ = ' ';
  at = put(at, reason);
  at = PUT(at, "\r\n");
  at = put_fields(at, &head->headers);
  at = put_framing(at, &framing);
  at = put(at, connection);
  PUT(at, "\r\n");
  return (struct gw_str){data, size};
}

struct gw_str gw_h1_encode_chunk_head(uint64_t len, char ret_text[GW_H1_CHUNK_HEAD_MAX]) {
  static const char digits[] = "0123456789abcdef";
  char *at = ret_text + GW_H1_CHUNK_HEAD_MAX;
  *--at = '\n';
  *--at = '\r';
  do {
    *--at = digits[len & 15];
    len >>= 4;
  } while (len > 0);
  return (struct gw_str){at, (size_t)(ret_text + GW_H1_CHUNK_HEAD_MAX - at)};
}

struct gw_str gw_h1_encode_last_chunk(const struct gw_headers *trailers, struct gw_arena *arena) {
  if (trailers == NULL || trailers->count == 0) return GW_STR("0\r\n\r\n");
  size_t size = sizeof("0\r\n\r\n") - 1 + fields_size(trailers);
  char *data = gw_arena_alloc_bytes(arena, size);
  char *at = PUT(data, "0\r\n");
  at = put_fields(at, trailers);
  PUT(at, "\r\n");
  return (struct gw_str){data, size};
}
