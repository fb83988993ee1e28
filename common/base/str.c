#include "common/base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"

static unsigned char lower(char c) {
  return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool gw_str_equal_nocase(struct gw_str a, struct gw_str b) {
  if (a.len != b.len) return false;
  for (size_t i = 0; i < a.len; i++) {
    if (lower(a.data[i]) != lower(b.data[i])) return false;
  }
  return true;
}

int gw_str_compare(struct gw_str a, struct gw_str b) {
  size_t common = a.len < b.len ? a.len : b.len;
  int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
  if (order != 0) return order;
  return (a.len > b.len) - (a.len < b.len);
}

bool gw_str_has_prefix(struct gw_str s, struct gw_str prefix) {
  return s.len >= prefix.len && gw_str_equal((struct gw_str){s.data, prefix.len}, prefix);
}

bool gw_str_has_suffix(struct gw_str s, struct gw_str suffix) {
  return s.len >= suffix.len && gw_str_equal(gw_str_skip(s, s.len - suffix.len), suffix);
}

ptrdiff_t gw_str_find_char(struct gw_str s, char c) {
  const char *at = s.len == 0 ? NULL : memchr(s.data, c, s.len);
  return at == NULL ? -1 : at - s.data;
}

static bool is_of_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

bool gw_str_has_name(struct gw_str text, struct gw_str name) {
  const char *text_end = text.data + text.len;
  for (struct gw_str rest = text; name.len > 0 && rest.len > 0;) {
    const char *at = memmem(rest.data, rest.len, name.data, name.len);
    if (at == NULL) return false;
    const char *end = at + name.len;
    if ((at == text.data || !is_of_name(at[-1])) && (end == text_end || !is_of_name(*end))) return true;
    rest = (struct gw_str){at + 1, (size_t)(text_end - at) - 1};
  }
  return false;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

struct gw_str gw_str_trim(struct gw_str s) {
  while (s.len > 0 && is_blank(s.data[0]))
    s = gw_str_skip(s, 1);
  while (s.len > 0 && is_blank(s.data[s.len - 1]))
    s.len--;
  return s;
}

bool gw_str_split_next(struct gw_str *rest, char separator, struct gw_str *ret_piece) {
  /* A NULL pointer, not a length of 0, says used up: after "a," one empty piece is still to come. */
  if (rest->data == NULL) return false;
  ptrdiff_t at = gw_str_find_char(*rest, separator);
  if (at < 0) {
    *ret_piece = *rest;
    *rest = (struct gw_str){NULL, 0};
  } else {
    *ret_piece = (struct gw_str){rest->data, (size_t)at};
    *rest = gw_str_skip(*rest, (size_t)at + 1);
  }
  return true;
}

enum gw_err gw_str_parse_u64(struct gw_str s, uint64_t *ret_value) {
  if (s.len == 0) return GW_ERR_INVALID;
  uint64_t value = 0;
  bool is_too_big = false;
  for (size_t i = 0; i < s.len; i++) {
    if (s.data[i] < '0' || s.data[i] > '9') return GW_ERR_INVALID;
    is_too_big |= __builtin_mul_overflow(value, (uint64_t)10, &value);
    is_too_big |= __builtin_add_overflow(value, (uint64_t)(s.data[i] - '0'), &value);
  }
  if (is_too_big) return GW_ERR_LIMIT;
  *ret_value = value;
  return GW_OK;
}

struct gw_str gw_str_format_u64(uint64_t value, char ret_digits[GW_U64_DIGITS_MAX]) {
  static const char pairs[200] = "0001020304050607080910111213141516171819"
                                 "2021222324252627282930313233343536373839"
                                 "4041424344454647484950515253545556575859"
                                 "6061626364656667686970717273747576777879"
                                 "8081828384858687888990919293949596979899";
  size_t at = GW_U64_DIGITS_MAX;
  for (; value >= 100; value /= 100)
    memcpy(ret_digits + (at -= 2), pairs + 2 * (value % 100), 2);
  if (value >= 10)
    memcpy(ret_digits + (at -= 2), pairs + 2 * value, 2);
  else
    ret_digits[--at] = (char)('0' + value);
  return (struct gw_str){ret_digits + at, GW_U64_DIGITS_MAX - at};
}

char *gw_str_dup(struct gw_str s) {
  return gw_strndup(s.data, s.len);
}

static bool is_continuation(char c) {
  return ((unsigned char)c & 0xC0u) == 0x80u;
}

size_t gw_str_utf8_len(struct gw_str s) {
  if (s.len == 0) return 0;
  unsigned char first = (unsigned char)s.data[0];
  if (first < 0x80) return 1;
  size_t len = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || s.len < len) return 0;
  for (size_t i = 1; i < len; i++) {
    if (!is_continuation(s.data[i])) return 0;
  }
  unsigned char second = (unsigned char)s.data[1];
  bool is_overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  bool is_surrogate = first == 0xED && second > 0x9F;
  bool is_beyond = first == 0xF4 && second > 0x8F;
  return is_overlong || is_surrogate || is_beyond ? 0 : len;
}

void gw_strbuf_init(struct gw_strbuf *buf) {
  *buf = (struct gw_strbuf){0};
}

void gw_strbuf_done(struct gw_strbuf *buf) {
  if (buf == NULL) return;
  free(buf->data);
  *buf = (struct gw_strbuf){0};
}

void gw_strbuf_wipe(struct gw_strbuf *buf) {
  if (buf->data != NULL) explicit_bzero(buf->data, buf->cap);
  gw_strbuf_done(buf);
}

void gw_strbuf_clear(struct gw_strbuf *buf) {
  buf->len = 0;
  if (buf->data != NULL) buf->data[0] = '\0';
}

void gw_strbuf_grow(struct gw_strbuf *buf, size_t extra) {
  size_t wanted;
  if (__builtin_add_overflow(buf->len, extra, &wanted) || wanted > SIZE_MAX / 2 - 1) GW_PANIC("out of memory (%zu more bytes)", extra);
  size_t cap = buf->cap < 32 ? 64 : buf->cap * 2;
  if (cap < wanted + 1) cap = wanted + 1;
  buf->data = gw_realloc_array(buf->data, cap, 1);
  buf->data[buf->len] = '\0';
  buf->cap = cap;
}

void gw_strbuf_append(struct gw_strbuf *buf, const void *data, size_t len) {
  gw_strbuf_reserve(buf, len);
  if (len > 0) memcpy(buf->data + buf->len, data, len);
  buf->len += len;
  buf->data[buf->len] = '\0';
}

void gw_strbuf_append_str(struct gw_strbuf *buf, struct gw_str s) {
  gw_strbuf_append(buf, s.data, s.len);
}

void gw_strbuf_append_char(struct gw_strbuf *buf, char c) {
  gw_strbuf_append(buf, &c, 1);
}

void gw_strbuf_append_u64(struct gw_strbuf *buf, uint64_t value) {
  char digits[GW_U64_DIGITS_MAX];
  gw_strbuf_append_str(buf, gw_str_format_u64(value, digits));
}

void gw_strbuf_vprintf(struct gw_strbuf *buf, const char *format, va_list args) {
  gw_strbuf_reserve(buf, 64);
  va_list again;
  va_copy(again, args);
  int len = vsnprintf(buf->data + buf->len, buf->cap - buf->len, format, args);
  if (len < 0) GW_PANIC("unformattable text: %s", format);
  if ((size_t)len >= buf->cap - buf->len) {
    gw_strbuf_reserve(buf, (size_t)len);
    vsnprintf(buf->data + buf->len, buf->cap - buf->len, format, again);
  }
  va_end(again);
  buf->len += (size_t)len;
}

void gw_strbuf_printf(struct gw_strbuf *buf, const char *format, ...) {
  va_list args;
  va_start(args, format);
  gw_strbuf_vprintf(buf, format, args);
  va_end(args);
}

char *gw_strbuf_take(struct gw_strbuf *buf) {
  char *text = buf->data == NULL ? gw_strdup("") : buf->data;
  *buf = (struct gw_strbuf){0};
  return text;
}
