#include "common/base/base64url.h"

/* The six bits of a character, plus one; 0: not in the alphabet. */
static const uint8_t sextets[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,  ['I'] = 9,  ['J'] = 10, ['K'] = 11,
    ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22,
    ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33,
    ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44,
    ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55,
    ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};

enum gw_err gw_base64url_decode(struct gw_str text, struct gw_arena *arena, struct gw_str *ret_bytes) {
  if (text.len % 4 == 1) return GW_ERR_INVALID;
  size_t len = gw_base64url_decoded_len(text.len), out = 0;
  char *bytes = gw_arena_alloc_bytes(arena, len + 1);
  const unsigned char *at = (const unsigned char *)text.data;
  size_t left = text.len;
  for (; left >= 4; left -= 4, at += 4) {
    unsigned a = sextets[at[0]], b = sextets[at[1]], c = sextets[at[2]], d = sextets[at[3]];
    if (a == 0 || b == 0 || c == 0 || d == 0) return GW_ERR_INVALID;
    uint32_t group = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
    bytes[out++] = (char)(group >> 16);
    bytes[out++] = (char)(group >> 8 & 0xff);
    bytes[out++] = (char)(group & 0xff);
  }
  uint32_t group = 0; /* the last two or three characters; the bits that are too many are zero */
  for (size_t i = 0; i < left; i++) {
    if (sextets[at[i]] == 0) return GW_ERR_INVALID;
    group |= (uint32_t)(sextets[at[i]] - 1) << (18 - 6 * i);
  }
  if (left > 0) bytes[out++] = (char)(group >> 16);
  if (left == 3) bytes[out++] = (char)(group >> 8 & 0xff);
  if ((group & (left == 3 ? 0xffu : left == 2 ? 0xffffu : 0)) != 0) return GW_ERR_INVALID;
  bytes[len] = '\0';
  *ret_bytes = (struct gw_str){bytes, len};
  return GW_OK;
}

void gw_base64url_append(struct gw_strbuf *buf, struct gw_str bytes) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  gw_strbuf_reserve(buf, bytes.len / 3 * 4 + 4);
  uint32_t group = 0;
  unsigned bits = 0;
  for (size_t i = 0; i < bytes.len; i++) {
    group = group << 8 | (unsigned char)bytes.data[i];
    for (bits += 8; bits >= 6; bits -= 6)
      gw_strbuf_append_char(buf, alphabet[group >> (bits - 6) & 63]);
  }
  if (bits > 0) gw_strbuf_append_char(buf, alphabet[group << (6 - bits) & 63]);
}
