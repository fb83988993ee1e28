#include "common/base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "common/base/copy.h"

/* What stands for itself: ASCII without controls, quote and backslash. */
static bool is_plain(char c) {
  return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7f && c != '"' && c != '\\';
}

static void append_escaped(struct gw_strbuf *buf, char c) {
  static const char digits[] = "0123456789abcdef";
  static const char letters[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
  char escaped[6] = {'\\', 'u', '0', '0'};
  unsigned char byte = (unsigned char)c;
  if (c == '"' || c == '\\') {
    escaped[1] = c;
    gw_strbuf_append(buf, escaped, 2);
  } else if (byte < sizeof(letters) && letters[byte] != 0) {
    escaped[1] = letters[byte];
    gw_strbuf_append(buf, escaped, 2);
  } else {
    escaped[4] = digits[byte >> 4];
    escaped[5] = digits[byte & 15u];
    gw_strbuf_append(buf, escaped, 6);
  }
}

#ifdef __SSE2__

static inline bool are_plain(__m128i bytes) {
  __m128i is_far = _mm_cmplt_epi8(bytes, _mm_set1_epi8(' ')); /* signed: below it, and from 0x80 on */
  __m128i is_del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
  __m128i is_quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  __m128i is_backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(is_far, is_del), _mm_or_si128(is_quote, is_backslash))) == 0;
}

static inline bool are_both_plain(uint64_t a, uint64_t b) {
  return are_plain(_mm_set_epi64x((long long)b, (long long)a));
}

static inline bool copy_16(const char *from, char *to) {
  __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)from);
  _mm_storeu_si128((__m128i *)(void *)to, bytes);
  return are_plain(bytes);
}

#else

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Of eight bytes: 0 if none is `value`. */
static uint64_t find_byte(uint64_t bytes, uint64_t value) {
  uint64_t differing = bytes ^ EACH_BYTE(value);
  return (differing - EACH_BYTE(1)) & ~differing & EACH_BYTE(0x80);
}

static uint64_t find_other(uint64_t bytes) {
  uint64_t controls = (bytes - EACH_BYTE(0x20)) & ~bytes & EACH_BYTE(0x80), others = bytes & EACH_BYTE(0x80);
  return controls | others | find_byte(bytes, 0x7f) | find_byte(bytes, '"') | find_byte(bytes, '\\');
}

static bool are_both_plain(uint64_t a, uint64_t b) {
  return (find_other(a) | find_other(b)) == 0;
}

static bool copy_16(const char *from, char *to) {
  uint64_t bytes[2];
  memcpy(bytes, from, sizeof(bytes));
  memcpy(to, bytes, sizeof(bytes));
  return are_both_plain(bytes[0], bytes[1]);
}

#endif

/* What is at the end is mostly copied, and looked at, for the second time. */
bool gw_json_copy_plain(struct gw_str s, char *ret_bytes) {
  const char *from = s.data;
  size_t len = s.len;
  if (len >= 16) {
    for (size_t i = 0; i + 16 < len; i += 16)
      if (!copy_16(from + i, ret_bytes + i)) return false;
    return copy_16(from + len - 16, ret_bytes + len - 16);
  }
  if (len >= 8) return are_both_plain(gw_copy_8(from, ret_bytes), gw_copy_8(from + len - 8, ret_bytes + len - 8));
  if (len >= 4) {
    uint64_t bytes = gw_copy_4(from, ret_bytes) | gw_copy_4(from + len - 4, ret_bytes + len - 4) << 32;
    return are_both_plain(bytes, bytes);
  }
  for (size_t i = 0; i < len; i++) {
    if (!is_plain(from[i])) return false;
    ret_bytes[i] = from[i];
  }
  return true;
}

void gw_json_append_escaped(struct gw_strbuf *buf, struct gw_str s) {
  while (s.len > 0) {
    size_t plain = 0;
    while (plain < s.len && is_plain(s.data[plain]))
      plain++;
    gw_strbuf_append(buf, s.data, plain);
    s = gw_str_skip(s, plain);
    if (s.len == 0) break;
    size_t len = gw_str_utf8_len(s);
    bool is_c1 = len == 2 && (unsigned char)s.data[0] == 0xc2 && (unsigned char)s.data[1] < 0xa0;
    if (is_c1) {
      append_escaped(buf, s.data[1]); /* U+0080 to U+009F: terminals obey them */
    } else if (len > 1) {
      gw_strbuf_append(buf, s.data, len);
    } else if (len == 1) {
      append_escaped(buf, s.data[0]);
    } else {
      gw_strbuf_append(buf, "\xEF\xBF\xBD", 3);
      len = 1;
    }
    s = gw_str_skip(s, len);
  }
}

void gw_json_append_string(struct gw_strbuf *buf, struct gw_str s) {
  gw_strbuf_reserve(buf, s.len + 2);
  buf->data[buf->len++] = '"';
  if (gw_json_copy_plain(s, buf->data + buf->len))
    buf->len += s.len;
  else
    gw_json_append_escaped(buf, s);
  gw_strbuf_append_char(buf, '"');
}

void gw_json_writer_init(struct gw_json_writer *writer, struct gw_strbuf *buf) {
  *writer = (struct gw_json_writer){.buf = buf};
}

static void begin_value(struct gw_json_writer *writer) {
  if (writer->needs_comma) gw_strbuf_append_char(writer->buf, ',');
  writer->needs_comma = true;
}

static void open_bracket(struct gw_json_writer *writer, char c) {
  begin_value(writer);
  gw_strbuf_append_char(writer->buf, c);
  writer->needs_comma = false;
}

static void close_bracket(struct gw_json_writer *writer, char c) {
  gw_strbuf_append_char(writer->buf, c);
  writer->needs_comma = true;
}

void gw_json_object_begin(struct gw_json_writer *writer) {
  open_bracket(writer, '{');
}
void gw_json_object_end(struct gw_json_writer *writer) {
  close_bracket(writer, '}');
}
void gw_json_array_begin(struct gw_json_writer *writer) {
  open_bracket(writer, '[');
}
void gw_json_array_end(struct gw_json_writer *writer) {
  close_bracket(writer, ']');
}

void gw_json_key(struct gw_json_writer *writer, const char *key) {
  begin_value(writer);
  gw_json_append_string(writer->buf, gw_str_from(key));
  gw_strbuf_append_char(writer->buf, ':');
  writer->needs_comma = false;
}

void gw_json_string(struct gw_json_writer *writer, struct gw_str value) {
  begin_value(writer);
  gw_json_append_string(writer->buf, value);
}

void gw_json_u64(struct gw_json_writer *writer, uint64_t value) {
  begin_value(writer);
  gw_strbuf_append_u64(writer->buf, value);
}

void gw_json_i64(struct gw_json_writer *writer, int64_t value) {
  begin_value(writer);
  if (value < 0) gw_strbuf_append_char(writer->buf, '-');
  gw_strbuf_append_u64(writer->buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void gw_json_double(struct gw_json_writer *writer, double value) {
  if (!isfinite(value)) { /* JSON has no word for it */
    gw_json_null(writer);
    return;
  }
  begin_value(writer);
  /* 15 digits read nicely; 17 are needed by the few values that 15 don't bring back. */
  char text[32];
  snprintf(text, sizeof(text), "%.15g", value);
  bool is_exact = !(strtod(text, NULL) < value) && !(strtod(text, NULL) > value);
  gw_strbuf_printf(writer->buf, is_exact ? "%.15g" : "%.17g", value);
}

void gw_json_bool(struct gw_json_writer *writer, bool value) {
  begin_value(writer);
  gw_strbuf_append_str(writer->buf, value ? GW_STR("true") : GW_STR("false"));
}

void gw_json_null(struct gw_json_writer *writer) {
  begin_value(writer);
  gw_strbuf_append_str(writer->buf, GW_STR("null"));
}
