/* Why: shows on standard error how far something is that takes its time: one line that is drawn anew on a terminal, a line for each step
 * elsewhere. Life: init … done, which leaves the terminal's line. Thread: main. */
#ifndef GW_CONTROLPLANE_CTL_PROGRESS_H
#define GW_CONTROLPLANE_CTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/str.h"

struct gw_progress {
  FILE *out;
  bool is_terminal;
  uint64_t started_us;
  char *last; /* what was shown last, without the time */
};

void gw_progress_init(struct gw_progress *progress, FILE *out, bool is_terminal, uint64_t now_us);
/* "createServer RUNNING [######--------------] 2 of 6, 12s". `total` 0: it is not known how much there is. `what` is cleaned as
 * terminal_text.h says. */
void gw_progress_show(struct gw_progress *progress, const char *what, uint32_t done, uint32_t total, uint64_t now_us);
/* Nothing for so long, before it is looked at again. */
void gw_progress_pause(uint64_t ms);
void gw_progress_done(struct gw_progress *progress);

#endif
