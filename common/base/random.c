#include "common/base/random.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "common/base/err.h"
#include "common/base/hex.h"

static uint64_t rotate_left(uint64_t x, int by) {
  return (x << by) | (x >> (64 - by));
}

/* SplitMix64 spreads a seed of few set bits over the whole state. */
static uint64_t splitmix_next(uint64_t *state) {
  uint64_t z = (*state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

void gw_random_init(struct gw_random *random, uint64_t seed) {
  if (seed == 0) gw_random_secure(&seed, sizeof(seed));
  for (size_t i = 0; i < 4; i++)
    random->state[i] = splitmix_next(&seed);
}

uint64_t gw_random_next(struct gw_random *random) {
  uint64_t *s = random->state;
  uint64_t result = rotate_left(s[1] * 5, 7) * 9;
  uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate_left(s[3], 45);
  return result;
}

uint64_t gw_random_below(struct gw_random *random, uint64_t bound) {
  GW_ASSERT(bound > 0);
  /* Lemire: the high half of a 128-bit product; the few low halves that would favour some results are drawn again. */
  unsigned __int128 product = (unsigned __int128)gw_random_next(random) * bound;
  if ((uint64_t)product < bound) {
    uint64_t threshold = (0 - bound) % bound;
    while ((uint64_t)product < threshold)
      product = (unsigned __int128)gw_random_next(random) * bound;
  }
  return (uint64_t)(product >> 64);
}

void gw_random_secure(void *ret_bytes, size_t len) {
  unsigned char *at = ret_bytes;
  while (len > 0) {
    ssize_t n = getrandom(at, len, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) GW_PANIC("the system gives no random bytes: %s", strerror(errno));
    at += n;
    len -= (size_t)n;
  }
}

void gw_random_uuid(struct gw_random *random, char ret_uuid[GW_UUID_SIZE]) {
  /* The version is the seventh byte's left half, the variant the ninth's two first bits. */
  uint64_t first = htole64((gw_random_next(random) & ~(UINT64_C(0xf0) << 48)) | UINT64_C(0x40) << 48);
  uint64_t last = htole64((gw_random_next(random) & ~UINT64_C(0xc0)) | UINT64_C(0x80));
  char digits[32];
  gw_hex_format_8(&first, digits);
  gw_hex_format_8(&last, digits + 16);
  memcpy(ret_uuid, digits, 8);
  memcpy(ret_uuid + 9, digits + 8, 4);
  memcpy(ret_uuid + 14, digits + 12, 4);
  memcpy(ret_uuid + 19, digits + 16, 4);
  memcpy(ret_uuid + 24, digits + 20, 12);
  ret_uuid[8] = ret_uuid[13] = ret_uuid[18] = ret_uuid[23] = '-';
  ret_uuid[36] = '\0';
}
