#include "controlplane/ctl/rollout.h"

#include <gateway/admin/v1/admin.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "controlplane/ctl/admin_client.h"
#include "controlplane/ctl/progress.h"
#include "controlplane/ctl/terminal_text.h"

#define FIRST_PAUSE_MS 25u
#define PAUSE_MAX_MS 500u
#define ASK_MS 5000u
#define NODES_SHOWN 20u

typedef Gateway__Admin__V1__GetRolloutResponse Reply;
typedef Gateway__Admin__V1__RolloutNode Node;

static void show(struct gw_progress *progress, uint64_t revision, const Reply *reply) {
  GW_CLEANUP(gw_free_ptr) char *what = gw_asprintf("revision %llu on nodes", (unsigned long long)revision);
  gw_progress_show(progress, what, reply->running, reply->running + reply->refused + reply->waiting, gw_clock_monotonic_us());
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

static int judge(uint64_t revision, const Reply *reply) {
  if (reply->newest > revision) return tell_superseded(revision, reply);
  return reply->refused > 0 ? tell_refused(revision, reply) : GW_CTL_OK;
}

static int tell_failed(int exit_code, const char *problem) {
  fprintf(stderr, "gatewayctl: %s\n", problem);
  return exit_code;
}

static int tell_unknown(uint64_t revision, const char *problem) {
  fprintf(stderr, "gatewayctl: revision %llu was accepted; how the fleet does is not known: %s\n", (unsigned long long)revision, problem);
  return GW_CTL_TIMEOUT;
}

/* What one question has come to; -1: it is to be asked again. */
static int ask_once(const struct gw_ctl *ctl, uint64_t revision, uint64_t end_us, struct gw_progress *progress, struct gw_arena *arena,
                    const Reply **ret_reply) {
  Gateway__Admin__V1__GetRolloutRequest request = GATEWAY__ADMIN__V1__GET_ROLLOUT_REQUEST__INIT;
  request.revision = revision;
  ProtobufCMessage *message;
  GW_CLEANUP(gw_free_ptr) char *problem = NULL;
  int exit_code = gw_admin_client_call(ctl, "GetRollout", ASK_MS, &request.base, &gateway__admin__v1__get_rollout_response__descriptor,
                                       arena, &message, &problem);
  bool is_over = gw_clock_monotonic_us() >= end_us;
  if (exit_code != GW_CTL_OK && may_come_back(exit_code) && !is_over) return -1;
  if (exit_code != GW_CTL_OK) {
    gw_progress_done(progress);
    return may_come_back(exit_code) ? tell_unknown(revision, problem) : tell_failed(exit_code, problem);
  }
  const Reply *reply = *ret_reply = (const void *)message;
  if (reply->current == revision) show(progress, revision, reply);
  bool is_judged = reply->newest > revision || (reply->current == revision && (reply->refused > 0 || reply->waiting == 0));
  if (!is_judged && !is_over) return -1;
  gw_progress_done(progress);
  return is_judged ? judge(revision, reply) : tell_behind(revision, reply);
}

int gw_rollout_wait(const struct gw_ctl *ctl, uint64_t revision, uint64_t end_us, struct gw_arena *arena, const Reply **ret_reply) {
  struct gw_progress progress;
  gw_progress_init(&progress, stderr, isatty(STDERR_FILENO) == 1, gw_clock_monotonic_us());
  uint64_t pause_ms = FIRST_PAUSE_MS;
  int verdict;
  while ((verdict = ask_once(ctl, revision, end_us, &progress, arena, ret_reply)) < 0) {
    gw_progress_pause(pause_ms);
    if ((pause_ms *= 2) > PAUSE_MAX_MS) pause_ms = PAUSE_MAX_MS;
  }
  return verdict;
}
