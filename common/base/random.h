/* Why: fast random numbers for balancing and jitter, and secure bytes for ids and tokens.
 * Life: struct gw_random is embedded and seeded once.
 * Thread: one generator a thread; gw_random_secure any. */
#ifndef GW_COMMON_BASE_RANDOM_H
#define GW_COMMON_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct gw_random {
  uint64_t state[4]; /* xoshiro256** */
};

/* `seed` 0: seeded from the system. */
void gw_random_init(struct gw_random *random, uint64_t seed);
uint64_t gw_random_next(struct gw_random *random);
/* Uniform in [0, bound), without modulo bias; bound > 0. */
uint64_t gw_random_below(struct gw_random *random, uint64_t bound);
/* From the system's generator (getrandom); aborts when there is none. */
void gw_random_secure(void *ret_bytes, size_t len);
/* A random UUID (RFC 9562 version 4) from `random`: 36 characters and NUL. Unique, not secret. */
#define GW_UUID_SIZE 37
void gw_random_uuid(struct gw_random *random, char ret_uuid[GW_UUID_SIZE]);

#endif
