#include "common/otlp/span.h"

#include <endian.h>

#include "common/base/copy.h"

#define TAG(number, wire_type) GW_SPAN_TAG(number, GW_SPAN_##wire_type)
#define US_TO_NS 1000u
#define LENGTH_BYTES 3u /* of a span: a varint of that many bytes, however short it could be */
#define LENGTH_MAX ((size_t)1 << 21)
#define STATUS_ERROR 2

static inline char *put_bytes(char *at, int number, const void *bytes, size_t len) {
  *at++ = TAG(number, BYTES);
  at = gw_span_put_varint(at, len);
  memcpy(at, bytes, len);
  return at + len;
}

static inline char *put_time(char *at, int number, uint64_t time_us) {
  uint64_t ns = htole64(time_us * US_TO_NS);
  *at++ = TAG(number, FIXED64);
  memcpy(at, &ns, sizeof(ns));
  return at + sizeof(ns);
}

static char *make_room(struct gw_strbuf *out, size_t len) {
  gw_strbuf_reserve(out, len);
  return out->data + out->len;
}

static void take_room(struct gw_strbuf *out, const char *end) {
  out->len = (size_t)(end - out->data);
}

static bool copy_ascii(char *at, struct gw_str text) {
  uint64_t all = 0;
  size_t len = text.len;
  if (len >= 8) {
    for (size_t i = 0; i + 8 < len; i += 8)
      all |= gw_copy_8(text.data + i, at + i);
    all |= gw_copy_8(text.data + len - 8, at + len - 8);
  } else if (len >= 4) {
    all = gw_copy_4(text.data, at) | gw_copy_4(text.data + len - 4, at + len - 4);
  } else {
    for (size_t i = 0; i < len; i++)
      all |= (unsigned char)(at[i] = text.data[i]);
  }
  return (all & UINT64_C(0x8080808080808080)) == 0;
}

/* A collector throws a whole request away for one string that is not UTF-8. */
void gw_span_copy_text(char *at, struct gw_str text) {
  if (copy_ascii(at, text)) return;
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
}

static char *put_text(char *at, struct gw_str text) {
  at = gw_span_put_varint(at, text.len);
  gw_span_copy_text(at, text);
  return at + text.len;
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
  at = put_text(at, name);
  *at++ = TAG(6, VARINT);
  *at++ = (char)span->kind;
  at = put_time(at, 7, span->start_us);
  take_room(out, put_time(at, 8, span->end_us < span->start_us ? span->start_us : span->end_us));
  return writer;
}

void gw_span_put_long_str(struct gw_span_writer *writer, struct gw_str key, struct gw_str value) {
  value = cut(value);
  size_t any_value = 1 + gw_span_varint_len(value.len) + value.len;
  size_t pair = 1 + gw_span_varint_len(key.len) + key.len + 1 + gw_span_varint_len(any_value) + any_value;
  char *at = make_room(writer->out, 4 + pair);
  *at++ = TAG(9, BYTES);
  at = put_bytes(gw_span_put_varint(at, pair), 1, key.data, key.len);
  *at++ = TAG(2, BYTES);
  at = gw_span_put_varint(at, any_value);
  *at++ = TAG(1, BYTES);
  take_room(writer->out, put_text(at, value));
}

void gw_span_put_error(struct gw_span_writer *writer, struct gw_str message) {
  message = cut(message);
  size_t message_field = message.len > 0 ? 1 + gw_span_varint_len(message.len) + message.len : 0;
  char *at = make_room(writer->out, 8 + message_field);
  *at++ = TAG(15, BYTES);
  at = gw_span_put_varint(at, message_field + 2);
  if (message.len > 0) {
    *at++ = TAG(2, BYTES);
    at = put_text(at, message);
  }
  *at++ = TAG(3, VARINT);
  *at++ = STATUS_ERROR;
  take_room(writer->out, at);
}

void gw_span_put_link(struct gw_span_writer *writer, const uint8_t *trace_id, const uint8_t *span_id) {
  char *at = make_room(writer->out, 64);
  *at++ = TAG(13, BYTES);
  at = gw_span_put_varint(at, 2 + GW_TRACE_ID_BYTES + 2 + GW_SPAN_ID_BYTES);
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
