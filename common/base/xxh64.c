#include "common/base/xxh64.h"

#include <endian.h>

#define P1 UINT64_C(0x9e3779b185ebca87)
#define P2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define P3 UINT64_C(0x165667b19e3779f9)
#define P4 UINT64_C(0x85ebca77c2b2ae63)
#define P5 UINT64_C(0x27d4eb2f165667c5)

static uint64_t rotate(uint64_t x, int by) {
  return (x << by) | (x >> (64 - by));
}

static uint64_t read64(const char *at) {
  uint64_t word;
  memcpy(&word, at, 8);
  return le64toh(word);
}

static uint64_t read32(const char *at) {
  uint32_t word;
  memcpy(&word, at, 4);
  return le32toh(word);
}

static uint64_t mix(uint64_t lane, uint64_t word) {
  return rotate(lane + word * P2, 31) * P1;
}

/* Four lanes, as long as there are 32 bytes. */
static uint64_t hash_stripes(struct gw_str *data, uint64_t seed) {
  uint64_t lanes[4] = {seed + P1 + P2, seed + P2, seed, seed - P1};
  for (; data->len >= 32; *data = gw_str_skip(*data, 32))
    for (size_t i = 0; i < 4; i++)
      lanes[i] = mix(lanes[i], read64(data->data + 8 * i));
  uint64_t hash = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18);
  for (int i = 0; i < 4; i++)
    hash = (hash ^ mix(0, lanes[i])) * P1 + P4;
  return hash;
}

uint64_t gw_xxh64(struct gw_str data, uint64_t seed) {
  uint64_t len = data.len;
  uint64_t hash = (data.len >= 32 ? hash_stripes(&data, seed) : seed + P5) + len;
  for (; data.len >= 8; data = gw_str_skip(data, 8))
    hash = rotate(hash ^ mix(0, read64(data.data)), 27) * P1 + P4;
  if (data.len >= 4) {
    hash = rotate(hash ^ (read32(data.data) * P1), 23) * P2 + P3;
    data = gw_str_skip(data, 4);
  }
  for (size_t i = 0; i < data.len; i++)
    hash = rotate(hash ^ ((unsigned char)data.data[i] * P5), 11) * P1;
  hash = (hash ^ (hash >> 33)) * P2;
  hash = (hash ^ (hash >> 29)) * P3;
  return hash ^ (hash >> 32);
}
