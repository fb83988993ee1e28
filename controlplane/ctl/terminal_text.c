#include "controlplane/ctl/terminal_text.h"

#include <stdbool.h>

/* Of a well-formed sequence. */
static uint32_t code_point(struct gw_str sequence) {
  static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  uint32_t point = (unsigned char)sequence.data[0] & first_bits[sequence.len];
  for (size_t i = 1; i < sequence.len; i++)
    point = point << 6 | ((unsigned char)sequence.data[i] & 0x3fu);
  return point;
}

static bool is_harmless(uint32_t point) {
  bool is_control = point < 0x20 || (point >= 0x7f && point <= 0x9f);
  bool is_separator = point == 0x2028 || point == 0x2029;
  bool turns_order =
      point == 0x061c || point == 0x200e || point == 0x200f || (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
  return !is_control && !is_separator && !turns_order;
}

void gw_terminal_text_append(struct gw_strbuf *out, struct gw_str text) {
  while (text.len > 0) {
    size_t len = gw_str_utf8_len(text);
    struct gw_str sequence = {text.data, len > 0 ? len : 1};
    text = gw_str_skip(text, sequence.len);
    if (sequence.data[0] == '\n') {
      gw_strbuf_append_str(out, text.len > 0 ? GW_STR("; ") : GW_STR(""));
    } else if (len > 0 && is_harmless(code_point(sequence))) {
      gw_strbuf_append_str(out, sequence);
    } else {
      gw_strbuf_append_char(out, '?');
    }
  }
}
