/* Why: strings with a length that point into somebody's memory, and a growable text builder.
 * Life: a struct gw_str owns nothing. A struct gw_strbuf owns its bytes until gw_strbuf_done.
 * Thread: any; a builder is used by one thread at a time. */
#ifndef GW_COMMON_BASE_STR_H
#define GW_COMMON_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/err.h"

struct gw_str {
  const char *data; /* not NUL-terminated; may be NULL when len is 0 */
  size_t len;
};

#define GW_STR(literal) ((struct gw_str){(literal), sizeof(literal) - 1})
/* For printf: "%.*s", GW_STR_ARG(s) */
#define GW_STR_ARG(s) (int)(s).len, (s).data

static inline struct gw_str gw_str_from(const char *text) {
  return (struct gw_str){text, text ? strlen(text) : 0};
}
static inline bool gw_str_equal(struct gw_str a, struct gw_str b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}
static inline struct gw_str gw_str_skip(struct gw_str s, size_t n) {
  return (struct gw_str){s.data + n, s.len - n};
}
/* ASCII only, as HTTP field names and host names want. */
bool gw_str_equal_nocase(struct gw_str a, struct gw_str b);
/* Bytewise; a prefix sorts before what it begins. */
int gw_str_compare(struct gw_str a, struct gw_str b);
bool gw_str_has_prefix(struct gw_str s, struct gw_str prefix);
bool gw_str_has_suffix(struct gw_str s, struct gw_str suffix);
/* Index of the first c, or -1. */
ptrdiff_t gw_str_find_char(struct gw_str s, char c);
/* Whether `name` stands in the text by itself: no letter, digit, '_', '-' or '.' goes on with it on either side. The empty one does not. */
bool gw_str_has_name(struct gw_str text, struct gw_str name);
/* Without leading and trailing space and tab. */
struct gw_str gw_str_trim(struct gw_str s);
/* Cuts the piece before the next `separator` off *rest and returns true; false when *rest is used up. "a,,b" gives "a", "", "b". */
bool gw_str_split_next(struct gw_str *rest, char separator, struct gw_str *ret_piece);
/* Decimal digits only, no sign, no space. GW_ERR_INVALID, GW_ERR_LIMIT on overflow. */
enum gw_err gw_str_parse_u64(struct gw_str s, uint64_t *ret_value);
/* Decimal digits, at the end of `ret_digits`, into which the text points. */
#define GW_U64_DIGITS_MAX 20u
struct gw_str gw_str_format_u64(uint64_t value, char ret_digits[GW_U64_DIGITS_MAX]);
/* A NUL-terminated copy, freed with free(). */
char *gw_str_dup(struct gw_str s);
/* Bytes of the UTF-8 sequence (RFC 3629) that s begins with, 1 to 4; 0 when s is empty or begins with none. */
size_t gw_str_utf8_len(struct gw_str s);

struct gw_strbuf {
  char *data; /* NUL-terminated once anything was appended */
  size_t len;
  size_t cap;
};

void gw_strbuf_init(struct gw_strbuf *buf);
void gw_strbuf_done(struct gw_strbuf *buf);
/* The same, overwritten first: for key material, with room reserved before (growing leaves copies). */
void gw_strbuf_wipe(struct gw_strbuf *buf);
void gw_strbuf_clear(struct gw_strbuf *buf);
/* Makes room for `extra` more bytes; one stays for the NUL. */
void gw_strbuf_grow(struct gw_strbuf *buf, size_t extra);
static inline void gw_strbuf_reserve(struct gw_strbuf *buf, size_t extra) {
  if (extra >= buf->cap - buf->len) gw_strbuf_grow(buf, extra);
}
void gw_strbuf_append(struct gw_strbuf *buf, const void *data, size_t len);
void gw_strbuf_append_str(struct gw_strbuf *buf, struct gw_str s);
void gw_strbuf_append_char(struct gw_strbuf *buf, char c);
void gw_strbuf_append_u64(struct gw_strbuf *buf, uint64_t value);
void gw_strbuf_printf(struct gw_strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void gw_strbuf_vprintf(struct gw_strbuf *buf, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
static inline struct gw_str gw_strbuf_str(const struct gw_strbuf *buf) {
  return (struct gw_str){buf->data, buf->len};
}
/* Hands the bytes over; the caller frees with free(). Never NULL. */
char *gw_strbuf_take(struct gw_strbuf *buf);

#endif
