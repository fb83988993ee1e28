/* Why: the one SipHash (Aumasson and Bernstein), for keyed hash tables and for content versions: they differ in key and rounds.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_COMMON_BASE_SIPHASH_H
#define GW_COMMON_BASE_SIPHASH_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct gw_siphash_key {
  uint64_t low;
  uint64_t high;
};

struct gw_siphash_state {
  uint64_t v0, v1, v2, v3;
};

static inline uint64_t gw_siphash_rotate(uint64_t x, int by) {
  return (x << by) | (x >> (64 - by));
}

static inline void gw_siphash_rounds(struct gw_siphash_state *s, int count) {
  for (int i = 0; i < count; i++) {
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = gw_siphash_rotate(s->v1, 13) ^ s->v0;
    s->v3 = gw_siphash_rotate(s->v3, 16) ^ s->v2;
    s->v0 = gw_siphash_rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = gw_siphash_rotate(s->v1, 17) ^ s->v2;
    s->v3 = gw_siphash_rotate(s->v3, 21) ^ s->v0;
    s->v2 = gw_siphash_rotate(s->v2, 32);
  }
}

static inline void gw_siphash_word(struct gw_siphash_state *s, uint64_t word, int rounds) {
  s->v3 ^= word;
  gw_siphash_rounds(s, rounds);
  s->v0 ^= word;
}

/* SipHash-`word_rounds`-`last_rounds`; the same on every machine. Inlined with constant rounds, since hash tables wait for it. */
static inline uint64_t gw_siphash(struct gw_siphash_key key, const void *data, size_t len, int word_rounds, int last_rounds) {
  struct gw_siphash_state s = {key.low ^ 0x736f6d6570736575u, key.high ^ 0x646f72616e646f6du, key.low ^ 0x6c7967656e657261u,
                               key.high ^ 0x7465646279746573u};
  const unsigned char *at = (const unsigned char *)data;
  uint64_t word;
  size_t left = len;
  for (; left >= 8; left -= 8, at += 8) {
    memcpy(&word, at, 8);
    gw_siphash_word(&s, le64toh(word), word_rounds);
  }
  word = (uint64_t)len << 56;
  for (size_t i = 0; i < left; i++)
    word |= (uint64_t)at[i] << (8 * i);
  gw_siphash_word(&s, word, word_rounds);
  s.v2 ^= 0xff;
  gw_siphash_rounds(&s, last_rounds);
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

#endif
