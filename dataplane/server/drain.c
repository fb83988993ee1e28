#include "dataplane/server/drain.h"

#include "common/base/mem.h"

#define SPREAD_MAX_MS 5000

static void end(struct gw_drain *drain, bool is_complete) {
  gw_timer_stop(&drain->timer);
  drain->phase = GW_DRAIN_ENDED;
  drain->calls.on_end(drain->calls.arg, is_complete);
}

/* Idle clients that all come back at once would be a load of their own; a quarter of the time is left for what is slow. */
static uint64_t spread_ms(const struct gw_drain *drain) {
  uint64_t quarter_ms = drain->time_ms / 4;
  return quarter_ms < SPREAD_MAX_MS ? quarter_ms : SPREAD_MAX_MS;
}

static void on_timer(struct gw_timer *timer) {
  struct gw_drain *drain = GW_CONTAINER_OF(timer, struct gw_drain, timer);
  if (drain->phase == GW_DRAIN_CLOSING) {
    end(drain, false);
    return;
  }
  drain->phase = GW_DRAIN_CLOSING;
  gw_timer_start(drain->loop, &drain->timer, drain->time_ms);
  drain->calls.on_close(drain->calls.arg, spread_ms(drain));
}

void gw_drain_init(struct gw_drain *drain, struct gw_loop *loop, uint64_t delay_ms, uint64_t time_ms, uint32_t worker_count,
                   const struct gw_drain_calls *calls) {
  *drain = (struct gw_drain){.loop = loop, .calls = *calls, .delay_ms = delay_ms, .time_ms = time_ms, .worker_count = worker_count};
  gw_timer_init(&drain->timer, on_timer);
}

void gw_drain_done(struct gw_drain *drain) {
  gw_timer_stop(&drain->timer);
}

void gw_drain_start(struct gw_drain *drain) {
  if (drain->phase != GW_DRAIN_NOT) return;
  drain->phase = GW_DRAIN_DELAYED;
  gw_timer_start(drain->loop, &drain->timer, drain->delay_ms);
  drain->calls.on_begin(drain->calls.arg);
}

void gw_drain_on_drained(struct gw_drain *drain) {
  if (drain->phase != GW_DRAIN_CLOSING) return;
  if (++drain->drained_count == drain->worker_count) end(drain, true);
}
