#include "common/base/content_hash.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KEY_LOW UINT64_C(0x0706050403020100)
#define KEY_HIGH UINT64_C(0x0f0e0d0c0b0a0908)

struct state {
  uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, unsigned bits) {
  return x << bits | x >> (64 - bits);
}

static void round_once(struct state *s) {
  s->v0 += s->v1;
  s->v1 = rotate(s->v1, 13) ^ s->v0;
  s->v0 = rotate(s->v0, 32);
  s->v2 += s->v3;
  s->v3 = rotate(s->v3, 16) ^ s->v2;
  s->v0 += s->v3;
  s->v3 = rotate(s->v3, 21) ^ s->v0;
  s->v2 += s->v1;
  s->v1 = rotate(s->v1, 17) ^ s->v2;
  s->v2 = rotate(s->v2, 32);
}

static void compress(struct state *s, uint64_t word) {
  s->v3 ^= word;
  round_once(s);
  round_once(s);
  s->v0 ^= word;
}

/* Little-endian on every machine. */
static uint64_t load(const char *at, size_t len) {
  uint64_t word = 0;
  memcpy(&word, at, len);
  return le64toh(word);
}

uint64_t gw_content_hash(struct gw_str content) {
  struct state s = {KEY_LOW ^ UINT64_C(0x736f6d6570736575), KEY_HIGH ^ UINT64_C(0x646f72616e646f6d), KEY_LOW ^ UINT64_C(0x6c7967656e657261),
                    KEY_HIGH ^ UINT64_C(0x7465646279746573)};
  const char *at = content.data;
  size_t whole = content.len / 8;
  for (size_t i = 0; i < whole; i++)
    compress(&s, load(at + 8 * i, 8));
  uint64_t rest = content.len % 8 > 0 ? load(at + 8 * whole, content.len % 8) : 0;
  compress(&s, rest | (uint64_t)(content.len & 0xff) << 56);
  s.v2 ^= 0xff;
  for (int i = 0; i < 4; i++)
    round_once(&s);
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

void gw_content_hash_format(struct gw_str content, char ret_version[GW_CONTENT_VERSION_SIZE]) {
  snprintf(ret_version, GW_CONTENT_VERSION_SIZE, "%016" PRIx64, gw_content_hash(content));
}
