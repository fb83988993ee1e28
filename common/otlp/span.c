#include "common/otlp/span.h"

#include "common/base/err.h"

/* A field's number and wire type (encoding.md of protobuf). All numbers here are below 16, so that a tag is one byte. */
#define TAG(number, wire_type) ((char)((number) << 3 | (wire_type)))
#define VARINT 0
#define FIXED64 1
#define BYTES 2

#define US_TO_NS 1000u
#define LENGTH_BYTES 3u /* of a span: a varint of that many bytes, however short it could be */
#define LENGTH_MAX ((size_t)1 << 21)
#define STATUS_ERROR 2

static inline size_t varint_len(uint64_t value) {
  size_t len = 1;
  for (; value >= 128; value >>= 7)
    len++;
  return len;
}

static inline char *put_varint(char *at, uint64_t value) {
  for (; value >= 128; value >>= 7)
    *at++ = (char)(value | 128);
  *at++ = (char)value;
  return at;
}

static char *put_bytes(char *at, int number, const void *bytes, size_t len) {
  *at++ = TAG(number, BYTES);
  at = put_varint(at, len);
  memcpy(at, bytes, len);
  return at + len;
}

static char *put_time(char *at, int number, uint64_t time_us) {
  uint64_t ns = time_us * US_TO_NS;
  *at++ = TAG(number, FIXED64);
  for (int i = 0; i < 8; i++)
    *at++ = (char)(ns >> (8 * i));
  return at;
}

static char *make_room(struct gw_strbuf *out, size_t len) {
  gw_strbuf_reserve(out, len);
  return out->data + out->len;
}

static void take_room(struct gw_strbuf *out, const char *end) {
  out->len = (size_t)(end - out->data);
}

/* Eight bytes at a time; the last eight overlap those before. */
static bool is_ascii(struct gw_str text) {
  uint64_t any = 0, eight;
  for (size_t at = 0; text.len < sizeof(eight) && at < text.len; at++)
    any |= (uint64_t)(unsigned char)text.data[at];
  for (size_t at = 0; text.len >= sizeof(eight); at += sizeof(eight)) {
    bool is_last = at + sizeof(eight) >= text.len;
    memcpy(&eight, text.data + (is_last ? text.len - sizeof(eight) : at), sizeof(eight));
    any |= eight;
    if (is_last) break;
  }
  return (any & UINT64_C(0x8080808080808080)) == 0;
}

/* A collector throws a whole request away for one string that is not UTF-8. */
static char *put_text(char *at, struct gw_str text) {
  if (is_ascii(text)) {
    memcpy(at, text.data != NULL ? text.data : "", text.len);
    return at + text.len;
  }
  while (text.len > 0) {
    size_t len = gw_str_utf8_len(text);
    if (len > 0)
      memcpy(at, text.data, len);
    else
      *at = '?';
    if (len == 0) len = 1;
    at += len;
    text = gw_str_skip(text, len);
  }
  return at;
}

static struct gw_str cut(struct gw_str text) {
  if (text.len > GW_SPAN_VALUE_MAX) text.len = GW_SPAN_VALUE_MAX;
  return text;
}

struct gw_span_writer gw_span_begin(struct gw_strbuf *out, const struct gw_span *span) {
  struct gw_str name = cut(span->name);
  char *at = make_room(out, 128 + name.len);
  *at++ = TAG(2, BYTES); /* ScopeSpans.spans */
  at += LENGTH_BYTES;
  struct gw_span_writer writer = {.out = out, .start = (size_t)(at - out->data)};
  at = put_bytes(at, 1, span->trace_id, GW_TRACE_ID_BYTES);
  at = put_bytes(at, 2, span->span_id, GW_SPAN_ID_BYTES);
  if (span->parent_id != NULL) at = put_bytes(at, 4, span->parent_id, GW_SPAN_ID_BYTES);
  *at++ = TAG(5, BYTES);
  at = put_text(put_varint(at, name.len), name);
  *at++ = TAG(6, VARINT);
  *at++ = (char)span->kind;
  at = put_time(at, 7, span->start_us);
  take_room(out, put_time(at, 8, span->end_us < span->start_us ? span->start_us : span->end_us));
  return writer;
}

/* Span.attributes: KeyValue{key, AnyValue}, up to the AnyValue's content. */
static char *begin_pair(struct gw_strbuf *out, struct gw_str key, size_t value_len) {
  size_t value_field = 1 + varint_len(value_len) + value_len;
  size_t key_field = 1 + varint_len(key.len) + key.len;
  char *at = make_room(out, 4 + key_field + value_field);
  *at++ = TAG(9, BYTES);
  at = put_varint(at, key_field + value_field);
  at = put_bytes(at, 1, key.data, key.len);
  *at++ = TAG(2, BYTES);
  return put_varint(at, value_len);
}

void gw_span_put_str(struct gw_span_writer *writer, struct gw_str key, struct gw_str value) {
  value = cut(value);
  char *at = begin_pair(writer->out, key, 1 + varint_len(value.len) + value.len);
  *at++ = TAG(1, BYTES);
  take_room(writer->out, put_text(put_varint(at, value.len), value));
}

void gw_span_put_int(struct gw_span_writer *writer, struct gw_str key, int64_t value) {
  char *at = begin_pair(writer->out, key, 1 + varint_len((uint64_t)value));
  *at++ = TAG(3, VARINT);
  take_room(writer->out, put_varint(at, (uint64_t)value));
}

void gw_span_put_bool(struct gw_span_writer *writer, struct gw_str key, bool value) {
  char *at = begin_pair(writer->out, key, 2);
  *at++ = TAG(2, VARINT);
  *at++ = (char)(value ? 1 : 0);
  take_room(writer->out, at);
}

void gw_span_put_error(struct gw_span_writer *writer, struct gw_str message) {
  message = cut(message);
  size_t message_field = message.len > 0 ? 1 + varint_len(message.len) + message.len : 0;
  char *at = make_room(writer->out, 8 + message_field);
  *at++ = TAG(15, BYTES);
  at = put_varint(at, message_field + 2);
  if (message.len > 0) {
    *at++ = TAG(2, BYTES);
    at = put_text(put_varint(at, message.len), message);
  }
  *at++ = TAG(3, VARINT);
  *at++ = STATUS_ERROR;
  take_room(writer->out, at);
}

void gw_span_put_link(struct gw_span_writer *writer, const uint8_t *trace_id, const uint8_t *span_id) {
  char *at = make_room(writer->out, 64);
  *at++ = TAG(13, BYTES);
  at = put_varint(at, 2 + GW_TRACE_ID_BYTES + 2 + GW_SPAN_ID_BYTES);
  at = put_bytes(at, 1, trace_id, GW_TRACE_ID_BYTES);
  take_room(writer->out, put_bytes(at, 2, span_id, GW_SPAN_ID_BYTES));
}

void gw_span_end(struct gw_span_writer *writer) {
  size_t len = writer->out->len - writer->start;
  char *at = writer->out->data + writer->start - LENGTH_BYTES;
  GW_ASSERT(len < LENGTH_MAX);
  at[0] = (char)(len | 128);
  at[1] = (char)(len >> 7 | 128);
  at[2] = (char)(len >> 14);
}
