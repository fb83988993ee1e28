#include "controlplane/ctl/progress.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/event/loop.h"
#include "controlplane/ctl/table.h"
#include "controlplane/ctl/terminal_text.h"

#define BAR_WIDTH 20u

void gw_progress_init(struct gw_progress *progress, FILE *out, bool is_terminal, uint64_t now_us) {
  *progress = (struct gw_progress){.out = out, .is_terminal = is_terminal, .started_us = now_us};
}

static void append_bar(struct gw_strbuf *line, uint32_t done, uint32_t total) {
  if (done > total) done = total;
  uint32_t filled = (uint32_t)((uint64_t)done * BAR_WIDTH / total);
  gw_strbuf_append_str(line, GW_STR(" ["));
  for (uint32_t i = 0; i < BAR_WIDTH; i++)
    gw_strbuf_append_char(line, i < filled ? '#' : '-');
  gw_strbuf_printf(line, "] %u of %u", done, total);
}

void gw_progress_show(struct gw_progress *progress, const char *what, uint32_t done, uint32_t total, uint64_t now_us) {
  char since[GW_DURATION_TEXT_SIZE];
  struct gw_strbuf line;
  gw_strbuf_init(&line);
  gw_terminal_text_append(&line, gw_str_from(what));
  if (total > 0) append_bar(&line, done, total);
  uint64_t whole_s = (now_us - progress->started_us) / 1000000;
  if (whole_s == 0)
    snprintf(since, sizeof(since), "0s");
  else
    gw_duration_format(whole_s * 1000, since);
  bool is_news = progress->last == NULL || !gw_str_equal(gw_strbuf_str(&line), gw_str_from(progress->last));
  if (progress->is_terminal)
    fprintf(progress->out, "\r\033[K%s, %s", line.data, since);
  else if (is_news)
    fprintf(progress->out, "%s, %s\n", line.data, since);
  fflush(progress->out);
  free(progress->last);
  progress->last = gw_strbuf_take(&line);
}

void gw_progress_pause(uint64_t ms) {
  struct gw_loop *loop = gw_loop_new();
  uint64_t now_us = gw_clock_monotonic_us(), ends_us = now_us + ms * 1000;
  for (; now_us < ends_us; now_us = gw_clock_monotonic_us())
    gw_loop_run_once(loop, (ends_us - now_us) / 1000 + 1);
  gw_loop_free(loop);
}

void gw_progress_done(struct gw_progress *progress) {
  if (progress->is_terminal && progress->last != NULL) fputs("\r\033[K", progress->out);
  fflush(progress->out);
  free(progress->last);
  progress->last = NULL;
}
