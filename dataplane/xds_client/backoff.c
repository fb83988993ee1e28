#include "dataplane/xds_client/backoff.h"

void gw_backoff_init(struct gw_backoff *backoff, uint64_t base_ms, uint64_t cap_ms, uint64_t seed) {
  *backoff = (struct gw_backoff){.base_ms = base_ms, .cap_ms = cap_ms};
  gw_random_init(&backoff->random, seed);
}

uint64_t gw_backoff_next_ms(struct gw_backoff *backoff, uint32_t target_count) {
  uint32_t rounds = backoff->failures / (target_count > 0 ? target_count : 1);
  if (backoff->failures < UINT32_MAX) backoff->failures++;
  uint64_t most_ms = backoff->base_ms;
  while (rounds-- > 0 && most_ms < backoff->cap_ms)
    most_ms *= 2;
  if (most_ms > backoff->cap_ms) most_ms = backoff->cap_ms;
  return gw_random_below(&backoff->random, most_ms + 1);
}

void gw_backoff_reset(struct gw_backoff *backoff) {
  backoff->failures = 0;
}
