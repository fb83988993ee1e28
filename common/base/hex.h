/* Why: bytes as lower-case hexadecimal digits: ids that each request gets.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_COMMON_BASE_HEX_H
#define GW_COMMON_BASE_HEX_H

#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Two digits a byte, not NUL-terminated. */
static inline void gw_hex_format_8(const void *bytes, char ret_digits[16]) {
#ifdef __SSE2__
  __m128i eight = _mm_loadl_epi64((const __m128i *)bytes);
  __m128i mask = _mm_set1_epi8(15);
  __m128i nibbles = _mm_unpacklo_epi8(_mm_and_si128(_mm_srli_epi16(eight, 4), mask), _mm_and_si128(eight, mask));
  __m128i letters = _mm_and_si128(_mm_cmpgt_epi8(nibbles, _mm_set1_epi8(9)), _mm_set1_epi8('a' - '0' - 10));
  _mm_storeu_si128((__m128i *)(void *)ret_digits, _mm_add_epi8(_mm_add_epi8(nibbles, _mm_set1_epi8('0')), letters));
#else
  const unsigned char *from = bytes;
  for (size_t i = 0; i < 8; i++) {
    ret_digits[2 * i] = "0123456789abcdef"[from[i] >> 4];
    ret_digits[2 * i + 1] = "0123456789abcdef"[from[i] & 15];
  }
#endif
}

#endif
