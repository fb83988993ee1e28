/* Why: how long to wait before the next try: exponential with full jitter, so that a fleet does not come back in step.
 * Life: embedded.
 * Thread: one at a time. */
#ifndef GW_DATAPLANE_XDS_CLIENT_BACKOFF_H
#define GW_DATAPLANE_XDS_CLIENT_BACKOFF_H

#include <stdint.h>

#include "common/base/random.h"

struct gw_backoff {
  struct gw_random random;
  uint64_t base_ms;
  uint64_t cap_ms;
  uint32_t failures;
};

/* `seed` 0: from the system. */
void gw_backoff_init(struct gw_backoff *backoff, uint64_t base_ms, uint64_t cap_ms, uint64_t seed);
/* Counts a failure; uniform in [0, min(cap, base × 2^rounds)], where a round is one try of each of `target_count` targets. */
uint64_t gw_backoff_next_ms(struct gw_backoff *backoff, uint32_t target_count);
/* The other side has shown that it works: a message came (a connection alone shows nothing). */
void gw_backoff_reset(struct gw_backoff *backoff);

#endif
