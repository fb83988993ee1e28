#include "common/base/visible_text.h"

#include "common/base/json.h"

/* Stands for itself: ASCII without controls. */
static bool is_plain(char c, bool is_quoted) {
  return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7f && (!is_quoted || (c != '"' && c != '\\'));
}

static void append_byte(struct gw_strbuf *buf, unsigned char byte) {
  static const char digits[] = "0123456789abcdef";
  const char text[4] = {'\\', 'x', digits[byte >> 4], digits[byte & 15u]};
  gw_strbuf_append(buf, text, sizeof(text));
}

/* What `s` begins with, which does not stand for itself. Returns its length. */
static size_t append_other(struct gw_strbuf *buf, struct gw_str s) {
  unsigned char byte = (unsigned char)s.data[0];
  size_t len = gw_str_utf8_len(s);
  bool is_c1 = len == 2 && byte == 0xC2 && (unsigned char)s.data[1] < 0xA0;
  if (len == 0) len = 1;
  if (byte == '\n') {
    gw_strbuf_append(buf, "\\n", 2);
  } else if (byte == '"' || byte == '\\') {
    gw_strbuf_append_char(buf, '\\');
    gw_strbuf_append_char(buf, s.data[0]);
  } else if (len > 1 && !is_c1) {
    gw_strbuf_append(buf, s.data, len);
  } else {
    for (size_t i = 0; i < len; i++)
      append_byte(buf, (unsigned char)s.data[i]);
  }
  return len;
}

void gw_visible_text_append(struct gw_strbuf *buf, struct gw_str s, bool is_quoted) {
  gw_strbuf_reserve(buf, s.len);
  if (gw_json_copy_plain(s, buf->data + buf->len)) { /* what JSON takes as it is, so does a line */
    buf->len += s.len;
    buf->data[buf->len] = '\0';
    return;
  }
  while (s.len > 0) {
    size_t plain = 0;
    while (plain < s.len && is_plain(s.data[plain], is_quoted))
      plain++;
    gw_strbuf_append(buf, s.data, plain);
    s = gw_str_skip(s, plain);
    if (s.len > 0) s = gw_str_skip(s, append_other(buf, s));
  }
}
