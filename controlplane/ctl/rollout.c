#include "controlplane/ctl/rollout.h"

#include <gateway/admin/v1/admin.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/event/loop.h"
#include "controlplane/ctl/admin_client.h"
#include "controlplane/ctl/terminal_text.h"

#define FIRST_PAUSE_MS 25u
#define PAUSE_MAX_MS 500u
#define ASK_MS 5000u
#define NODES_SHOWN 20u
#define LINE_EVERY_US 1000000u /* of progress, where it is not a terminal */

typedef Gateway__Admin__V1__GetRolloutResponse Reply;
typedef Gateway__Admin__V1__RolloutNode Node;

void gw_rollout_pause(uint64_t ms) {
  struct gw_loop *loop = gw_loop_new();
  uint64_t end_us = gw_clock_monotonic_us() + ms * 1000;
  for (uint64_t now_us = gw_clock_monotonic_us(); now_us < end_us; now_us = gw_clock_monotonic_us())
    gw_loop_run_once(loop, (end_us - now_us) / 1000 + 1);
  gw_loop_free(loop);
}

/* ---- progress ---- */

struct progress {
  bool is_terminal;
  bool has_line; /* one stands on the terminal, without an end */
  uint64_t told_us;
  uint32_t running;
  uint32_t total;
};

static void show_progress(struct progress *progress, uint64_t revision, const Reply *reply) {
  uint32_t total = reply->running + reply->refused + reply->waiting;
  uint64_t now_us = gw_clock_monotonic_us();
  bool is_news = progress->told_us == 0 || reply->running != progress->running || total != progress->total;
  bool is_due = progress->is_terminal || progress->told_us == 0 || now_us - progress->told_us >= LINE_EVERY_US;
  if (!is_news || !is_due) return;
  progress->told_us = now_us;
  progress->running = reply->running;
  progress->total = total;
  fprintf(stderr, "%srevision %llu: %u of %u nodes run it%s", progress->is_terminal ? "\r" : "", (unsigned long long)revision,
          reply->running, total, progress->is_terminal ? "" : "\n");
  progress->has_line = progress->is_terminal;
}

static void end_progress(struct progress *progress) {
  if (progress->has_line) fputc('\n', stderr);
  progress->has_line = false;
}

/* ---- verdict ---- */

/* Nodes have said most of it. */
static void print_clean(struct gw_strbuf *text) {
  struct gw_strbuf clean;
  gw_strbuf_init(&clean);
  gw_terminal_text_append(&clean, gw_strbuf_str(text));
  gw_strbuf_append_char(&clean, '\n');
  fwrite(clean.data, 1, clean.len, stderr);
  gw_strbuf_done(&clean);
  gw_strbuf_clear(text);
}

static void print_node(const Node *node) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  gw_strbuf_printf(&text, "  %s", node->id);
  if (node->kind[0] != '\0') gw_strbuf_printf(&text, " (%s)", node->kind);
  if (node->refused) gw_strbuf_printf(&text, " refused %s", node->resource[0] != '\0' ? node->resource : "it");
  gw_strbuf_printf(&text, ": %s", node->reason);
  print_clean(&text);
  if (node->place[0] != '\0') {
    gw_strbuf_printf(&text, "    written at %s", node->place);
    print_clean(&text);
  }
  gw_strbuf_done(&text);
}

static void print_nodes(const Reply *reply, bool wants_refused) {
  size_t shown = 0, left_out = 0;
  for (size_t i = 0; i < reply->n_nodes; i++) {
    if (wants_refused && !reply->nodes[i]->refused) continue;
    if (shown < NODES_SHOWN)
      print_node(reply->nodes[i]);
    else
      left_out++;
    shown++;
  }
  if (left_out > 0) fprintf(stderr, "  and %zu more\n", left_out);
}

static int tell_refused(uint64_t revision, const Reply *reply) {
  fprintf(stderr, "gatewayctl: revision %llu was refused by %u of %u nodes:\n", (unsigned long long)revision, reply->refused,
          reply->running + reply->refused + reply->waiting);
  print_nodes(reply, true);
  return GW_CTL_REFUSED;
}

static int tell_behind(uint64_t revision, const Reply *reply) {
  if (reply->current != revision) {
    fprintf(stderr, "gatewayctl: revision %llu is not in force at this control plane: revision %llu is\n", (unsigned long long)revision,
            (unsigned long long)reply->current);
    return GW_CTL_BEHIND;
  }
  fprintf(stderr, "gatewayctl: revision %llu is not run by %u of %u nodes in time:\n", (unsigned long long)revision, reply->waiting,
          reply->running + reply->refused + reply->waiting);
  print_nodes(reply, false);
  return GW_CTL_BEHIND;
}

static int tell_superseded(uint64_t revision, const Reply *reply) {
  fprintf(stderr, "gatewayctl: revision %llu was replaced by revision %llu before every node ran it\n", (unsigned long long)revision,
          (unsigned long long)reply->newest);
  return GW_CTL_BEHIND;
}

static bool may_come_back(int exit_code) {
  return exit_code == GW_CTL_UNREACHED || exit_code == GW_CTL_TIMEOUT;
}

/* -1: not yet. */
static int judge(uint64_t revision, const Reply *reply) {
  if (reply->newest > revision) return tell_superseded(revision, reply);
  if (reply->current != revision) return -1;
  if (reply->refused > 0) return tell_refused(revision, reply);
  return reply->waiting == 0 ? GW_CTL_OK : -1;
}

static int tell_unknown(uint64_t revision, const char *problem) {
  fprintf(stderr, "gatewayctl: revision %llu was accepted; how the fleet does is not known: %s\n", (unsigned long long)revision, problem);
  return GW_CTL_TIMEOUT;
}

int gw_rollout_wait(const struct gw_ctl *ctl, uint64_t revision, uint64_t end_us, struct gw_arena *arena, const Reply **ret_reply) {
  struct progress progress = {.is_terminal = isatty(STDERR_FILENO) == 1};
  Gateway__Admin__V1__GetRolloutRequest request = GATEWAY__ADMIN__V1__GET_ROLLOUT_REQUEST__INIT;
  request.revision = revision;
  int verdict = -1;
  for (uint64_t pause_ms = FIRST_PAUSE_MS; verdict < 0; pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS) {
    ProtobufCMessage *message;
    char *problem = NULL;
    int exit_code = gw_admin_client_call(ctl, "GetRollout", ASK_MS, &request.base, &gateway__admin__v1__get_rollout_response__descriptor,
                                         arena, &message, &problem);
    bool is_over = gw_clock_monotonic_us() >= end_us;
    if (exit_code == GW_CTL_OK) {
      const Reply *reply = *ret_reply = (const void *)message;
      if (reply->current == revision) show_progress(&progress, revision, reply);
      end_progress(reply->waiting == 0 || is_over || reply->refused > 0 ? &progress : &(struct progress){0});
      verdict = judge(revision, reply);
      if (verdict < 0 && is_over) verdict = tell_behind(revision, reply);
    } else if (!may_come_back(exit_code)) {
      fprintf(stderr, "gatewayctl: %s\n", problem);
      verdict = exit_code;
    } else if (is_over) {
      verdict = tell_unknown(revision, problem);
    }
    free(problem);
    if (verdict < 0) gw_rollout_pause(pause_ms);
  }
  return verdict;
}
