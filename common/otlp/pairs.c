#include "common/otlp/pairs.h"

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum gw_err decode(struct gw_str text, struct gw_arena *arena, struct gw_str *ret_text) {
  char *to = gw_arena_alloc_bytes(arena, text.len + 1);
  size_t len = 0;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    if (c == '%') {
      int high = i + 2 < text.len ? hex_digit(text.data[i + 1]) : -1, low = high >= 0 ? hex_digit(text.data[i + 2]) : -1;
      if (low < 0) return GW_ERR_INVALID;
      c = (char)(high << 4 | low);
      i += 2;
    }
    if ((unsigned char)c < ' ' || c == 0x7f) return GW_ERR_INVALID;
    to[len++] = c;
  }
  to[len] = '\0';
  for (struct gw_str rest = {to, len}; rest.len > 0;) {
    size_t sequence = gw_str_utf8_len(rest);
    if (sequence == 0) return GW_ERR_INVALID;
    rest = gw_str_skip(rest, sequence);
  }
  *ret_text = (struct gw_str){to, len};
  return GW_OK;
}

static uint32_t count_members(struct gw_str text) {
  uint32_t count = 1;
  for (size_t i = 0; i < text.len; i++)
    count += text.data[i] == ',';
  return count;
}

enum gw_err gw_otlp_pairs_parse(struct gw_str text, struct gw_arena *arena, const struct gw_otlp_pair **ret_pairs, uint32_t *ret_count) {
  struct gw_otlp_pair *pairs = gw_arena_calloc(arena, count_members(text), sizeof(*pairs));
  uint32_t count = 0;
  struct gw_str member;
  while (gw_str_split_next(&text, ',', &member)) {
    member = gw_str_trim(member);
    if (member.len == 0) continue;
    ptrdiff_t equals = gw_str_find_char(member, '=');
    if (equals <= 0) return GW_ERR_INVALID;
    struct gw_str name = gw_str_trim((struct gw_str){member.data, (size_t)equals});
    struct gw_str value = gw_str_trim(gw_str_skip(member, (size_t)equals + 1));
    if (decode(name, arena, &pairs[count].key) != GW_OK || decode(value, arena, &pairs[count].value) != GW_OK) return GW_ERR_INVALID;
    if (pairs[count++].key.len == 0) return GW_ERR_INVALID;
  }
  *ret_pairs = pairs;
  *ret_count = count;
  return GW_OK;
}
