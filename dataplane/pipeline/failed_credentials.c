#include "dataplane/pipeline/failed_credentials.h"

#include <string.h>

#include "common/base/map.h"
#include "dataplane/pipeline/client_table.h"

#define THOUSANDTHS 1000u

/* No limit of a route begins like this. */
static uint64_t key_of(const struct gw_stream *stream) {
  char bytes[8 + GW_CLIENT_KEY_BYTES] = "failures";
  gw_client_key(&stream->remote, bytes + 8);
  return gw_hash_keyed(bytes, sizeof bytes);
}

void gw_failed_credentials_note(struct gw_stream *stream) {
  struct gw_rate_limit_outcome outcome;
  if (stream->failed_credentials == NULL) return;
  gw_rate_limit_table_take(stream->pipeline->options.rate_limits, key_of(stream), stream->failed_credentials,
                           gw_loop_now_us(stream->pipeline->loop), &outcome);
}

bool gw_failed_credentials_are_used_up(const struct gw_stream *stream, uint32_t *ret_wait_s) {
  const struct gw_rate_limit_rate *rate = stream->failed_credentials;
  if (rate == NULL) return false;
  uint64_t used =
      gw_rate_limit_table_used(stream->pipeline->options.rate_limits, key_of(stream), rate, gw_loop_now_us(stream->pipeline->loop));
  uint64_t most = ((uint64_t)rate->burst - 1) * THOUSANDTHS;
  if (used <= most) return false;
  /* A minute for all of them. */
  uint64_t wait_ms = (used - most) * 60 / rate->burst;
  *ret_wait_s = wait_ms < 1000 ? 1 : (uint32_t)((wait_ms + 999) / 1000);
  return true;
}
