/* Why: says in the process's log, once an episode, that a log loses lines, and how many it were when that is over.
 * Life: embedded; zero but for `what` is its start.
 * Thread: the one that looks, now and then. */
#ifndef GW_COMMON_OBSERVE_LOSS_WATCH_H
#define GW_COMMON_OBSERVE_LOSS_WATCH_H

#include "common/observe/log.h"

/* An episode is over when nothing was lost for so long. */
#define GW_LOSS_WATCH_QUIET_MS 60000u

struct gw_loss_watch {
  const char *what;       /* "the access log" */
  uint64_t known;         /* lost, at the last look */
  uint64_t begun_with;    /* … when the episode began */
  uint64_t last_grown_ms; /* when a look found more; 0: no episode */
};

/* `lost`: lines, so far. */
void gw_loss_watch_look(struct gw_loss_watch *watch, struct gw_log *log, uint64_t lost, uint64_t now_ms);

#endif
