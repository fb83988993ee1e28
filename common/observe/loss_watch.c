#include "common/observe/loss_watch.h"

void gw_loss_watch_look(struct gw_loss_watch *watch, struct gw_log *log, uint64_t lost, uint64_t now_ms) {
  uint64_t before = watch->known;
  watch->known = lost;
  if (lost > before) {
    if (watch->last_grown_ms == 0) {
      watch->begun_with = before;
      GW_LOG_WARNING(log, "%s loses lines (%llu so far): its disk is full or slow, or nobody reads", watch->what,
                     (unsigned long long)(lost - before));
    }
    watch->last_grown_ms = now_ms;
  } else if (watch->last_grown_ms != 0 && now_ms - watch->last_grown_ms >= GW_LOSS_WATCH_QUIET_MS) {
    GW_LOG_WARNING(log, "%s lost %llu lines; now it loses none", watch->what, (unsigned long long)(lost - watch->begun_with));
    watch->last_grown_ms = 0;
  }
}
