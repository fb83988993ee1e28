/* Why: the byte classes of HTTP and searches over them, sixteen bytes a step where the machine has SSE2: parsing is mostly this.
 * Life: constants.
 * Thread: any. */
#ifndef GW_COMMON_MESSAGE_SCAN_H
#define GW_COMMON_MESSAGE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define GW_SCAN_TOKEN 1u       /* RFC 9110 section 5.6.2 */
#define GW_SCAN_VALUE 2u       /* in a field value: HTAB, SP, visible, obs-text (section 5.5) */
#define GW_SCAN_TARGET 4u      /* in a request target: visible ASCII but '#' */
#define GW_SCAN_HOST 8u        /* reg-name without percent-encoding (RFC 3986 section 3.2.2), nor ',': two hosts in one field look so */
#define GW_SCAN_UNRESERVED 16u /* RFC 3986 section 2.3 */
#define GW_SCAN_PLAIN_PATH 32u /* in a path: nothing that normalising could change, '/' apart */
/* LF is in none of these classes: a scan over bytes that end in LF needs no other bound. */
extern const uint8_t gw_scan_classes[256];

static inline bool gw_scan_is(char c, unsigned class_bits) {
  return (gw_scan_classes[(unsigned char)c] & class_bits) != 0;
}

/* The value of a hex digit, or -1. */
static inline int gw_scan_hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char lower = (char)(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Finds the first byte that is not of the class; `end` when all are. */
static inline const char *gw_scan_find_not(const char *at, const char *end, unsigned class_bits) {
  while (at < end && gw_scan_is(*at, class_bits))
    at++;
  return at;
}

/* Skips letters, digits, '-' and '.', which most names are made of; may stop before the first byte that is none of them. */
static inline const char *gw_scan_skip_common(const char *at, const char *end) {
#ifdef __SSE2__
  for (; end - at >= 16; at += 16) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    /* Moved so that the last of a range is the greatest signed byte: what lies above has become negative. */
    __m128i letters = _mm_add_epi8(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), _mm_set1_epi8(0x7f - 'z'));
    __m128i digits = _mm_add_epi8(bytes, _mm_set1_epi8(0x7f - '9'));
    __m128i is_alnum = _mm_or_si128(_mm_cmpgt_epi8(letters, _mm_set1_epi8(0x7f - 26)), _mm_cmpgt_epi8(digits, _mm_set1_epi8(0x7f - 10)));
    __m128i is_mark = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('-')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('.')));
    unsigned bad = (unsigned)_mm_movemask_epi8(_mm_or_si128(is_alnum, is_mark)) ^ 0xffffu;
    if (bad != 0) return at + __builtin_ctz(bad);
  }
#endif
  (void)end;
  return at;
}

static inline const char *gw_scan_find_not_value(const char *at, const char *end) {
#ifdef __SSE2__
  for (; end - at >= 16; at += 16) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i is_low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    __m128i is_tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
    __m128i is_del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    int bad = _mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(is_tab, is_low), is_del));
    if (bad != 0) return at + __builtin_ctz((unsigned)bad);
  }
#endif
  return gw_scan_find_not(at, end, GW_SCAN_VALUE);
}

static inline const char *gw_scan_find_not_target(const char *at, const char *end) {
#ifdef __SSE2__
  for (; end - at >= 16; at += 16) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    /* Signed: bytes from 0x80 on are below '!' too. */
    __m128i is_low = _mm_cmplt_epi8(bytes, _mm_set1_epi8('!'));
    __m128i is_del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    __m128i is_hash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('#'));
    int bad = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(is_low, is_del), is_hash));
    if (bad != 0) return at + __builtin_ctz((unsigned)bad);
  }
#endif
  return gw_scan_find_not(at, end, GW_SCAN_TARGET);
}

static inline uint64_t gw_scan_load8(const char *at) {
  uint64_t word;
  memcpy(&word, at, sizeof(word));
  return word;
}

static inline uint64_t gw_scan_load4(const char *at) {
  uint32_t word;
  memcpy(&word, at, sizeof(word));
  return word;
}

/* 0 when the words are equal but for the case of letters. In `lower` only letters have bit 0x40 set, and only theirs is the bit 0x20
 * that may differ. */
static inline uint64_t gw_scan_differ(uint64_t word, uint64_t lower) {
  return (word ^ lower) & ~((lower & UINT64_C(0x4040404040404040)) >> 1);
}

/* Whether `text` is `lower` in any case; both have `len` bytes. `lower` is of a–z, 0–9 and '-' only: then the answer is exact
 * for any text. */
static inline bool gw_scan_equal_lower(const char *text, const char *lower, size_t len) {
  if (len >= 8) {
    uint64_t differ = gw_scan_differ(gw_scan_load8(text + len - 8), gw_scan_load8(lower + len - 8));
    for (size_t i = 0; i + 8 < len; i += 8)
      differ |= gw_scan_differ(gw_scan_load8(text + i), gw_scan_load8(lower + i));
    return differ == 0;
  }
  if (len >= 4) {
    uint64_t differ = gw_scan_differ(gw_scan_load4(text), gw_scan_load4(lower));
    return (differ | gw_scan_differ(gw_scan_load4(text + len - 4), gw_scan_load4(lower + len - 4))) == 0;
  }
  uint64_t differ = 0;
  for (size_t i = 0; i < len; i++)
    differ |= gw_scan_differ((unsigned char)text[i], (unsigned char)lower[i]);
  return differ == 0;
}

#endif
