/* gatewayctl why: what data planes remember of a request that failed or was retried, in words. */
#include <gateway/admin/v1/admin.pb-c.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "controlplane/ctl/admin_client.h"
#include "controlplane/ctl/ctl.h"
#include "controlplane/ctl/message_json.h"
#include "controlplane/ctl/table.h"
#include "controlplane/ctl/terminal_text.h"
#include "controlplane/ctl/why_words.h"

#define NAMES_SHOWN 10
#define LAST_TIME_MS 253402300799999u /* of the year 9999: what is later is no time that a clock told */

/* All that is printed goes through here: most of it nodes have said. Empties the text. */
static void print_text(struct gw_strbuf *text) {
  struct gw_strbuf clean;
  gw_strbuf_init(&clean);
  gw_terminal_text_append(&clean, gw_strbuf_str(text));
  gw_strbuf_append_char(&clean, '\n');
  fwrite(clean.data, 1, clean.len, stdout);
  gw_strbuf_done(&clean);
  gw_strbuf_clear(text);
}

/* A line of a failure; of an empty text there is none. */
static void print_line(const char *label, struct gw_strbuf *text) {
  if (text->len == 0) return;
  printf("  %-14s ", label);
  print_text(text);
}

static void print_word(const char *label, const char *word) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  gw_strbuf_append_str(&text, gw_str_from(word));
  print_line(label, &text);
  gw_strbuf_done(&text);
}

/* Finer than a table's: what counts here is often less than a second. */
static void append_duration(struct gw_strbuf *out, uint64_t ms) {
  char text[GW_DURATION_TEXT_SIZE];
  if (ms >= 1000 && ms < 60000) {
    gw_strbuf_printf(out, "%llu.%02llus", (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000 / 10));
  } else {
    gw_strbuf_append_str(out, gw_str_from(gw_duration_format(ms, text)));
  }
}

static bool has_flags(const char *flags) {
  return flags[0] != '\0' && strcmp(flags, "-") != 0;
}

/* ---- a try ---- */

static const char *phase_of(const Gateway__Agent__V1__Attempt *attempt) {
  bool is_within_answer = gw_str_has_prefix(gw_str_from(attempt->detail), GW_STR("upstream_reset_after_response_started"));
  switch (attempt->phase) {
  case GATEWAY__AGENT__V1__ATTEMPT__PHASE__CONNECT: return ", connecting";
  case GATEWAY__AGENT__V1__ATTEMPT__PHASE__REQUEST: return ", sending the request";
  case GATEWAY__AGENT__V1__ATTEMPT__PHASE__RESPONSE: return is_within_answer ? ", taking the answer" : ", waiting for the answer";
  default: return "";
  }
}

static void append_connection(struct gw_strbuf *out, const Gateway__Agent__V1__Attempt *attempt) {
  if (attempt->reused) {
    gw_strbuf_append_str(out, GW_STR(", on a reused connection that had been idle for "));
    append_duration(out, attempt->idle_ms);
  } else if (attempt->phase != GATEWAY__AGENT__V1__ATTEMPT__PHASE__CONNECT) {
    gw_strbuf_append_str(out, GW_STR(", on a new connection"));
  }
}

static void append_failure(struct gw_strbuf *out, const Gateway__Agent__V1__Attempt *attempt) {
  gw_strbuf_printf(out, "%s, failed after ", phase_of(attempt));
  append_duration(out, attempt->duration_ms);
  gw_strbuf_append_str(out, GW_STR(": "));
  gw_why_append_detail(out, gw_str_from(attempt->detail));
  if (has_flags(attempt->flags)) gw_strbuf_printf(out, " (%s)", attempt->flags);
}

static void print_attempt(const Gateway__Agent__V1__Attempt *attempt) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  gw_strbuf_append_str(&text, attempt->endpoint[0] != '\0' ? gw_str_from(attempt->endpoint) : GW_STR("no instance"));
  if (attempt->endpoint[0] != '\0') append_connection(&text, attempt);
  if (attempt->status != 0) gw_strbuf_printf(&text, ", answered %u", attempt->status);
  if (attempt->status == 0 || has_flags(attempt->flags)) {
    append_failure(&text, attempt);
  } else {
    gw_strbuf_append_str(&text, GW_STR(" after "));
    append_duration(&text, attempt->duration_ms);
  }
  char label[24];
  snprintf(label, sizeof(label), "try %u", attempt->number);
  print_line(label, &text);
  gw_strbuf_done(&text);
}

/* ---- a failure ---- */

static void print_head(const Gateway__Admin__V1__NodeFailure *found) {
  char at[GW_CLOCK_RFC3339_SIZE] = "at an unknown time";
  if (found->failure->at_ms <= LAST_TIME_MS) gw_clock_format_rfc3339(found->failure->at_ms * 1000, at);
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  gw_strbuf_printf(&text, "%s, data plane %s", at, found->node_id);
  if (found->node_cluster[0] != '\0') gw_strbuf_printf(&text, " (cluster %s)", found->node_cluster);
  putchar('\n');
  print_text(&text);
  gw_strbuf_done(&text);
}

static void print_request(const Gateway__Agent__V1__Failure *failure) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  bool is_known = failure->method[0] != '\0' || failure->path[0] != '\0';
  if (is_known) {
    gw_strbuf_printf(&text, "%s %s%s", failure->method, failure->authority, failure->path);
  } else {
    gw_strbuf_append_str(&text, GW_STR("not understood"));
  }
  if (failure->client[0] != '\0') gw_strbuf_printf(&text, ", from %s", failure->client);
  print_line("request", &text);
  gw_strbuf_done(&text);
}

static void print_answer(const Gateway__Agent__V1__Failure *failure) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  if (failure->status != 0) {
    gw_strbuf_append_u64(&text, failure->status);
  } else {
    gw_strbuf_append_str(&text, GW_STR("the client was told nothing"));
  }
  gw_strbuf_append_str(&text, GW_STR(", after "));
  append_duration(&text, failure->duration_ms);
  print_line("answer", &text);
  gw_why_append_detail(&text, gw_str_from(failure->detail));
  print_line("why", &text);
  gw_strbuf_done(&text);
}

static void print_flags(const Gateway__Agent__V1__Failure *failure) {
  struct gw_str rest = gw_str_from(failure->flags), flag;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  for (const char *label = "flags"; has_flags(failure->flags) && gw_str_split_next(&rest, ',', &flag); label = "") {
    const char *meaning = gw_why_flag(flag);
    gw_strbuf_append_str(&text, flag);
    if (meaning != NULL) gw_strbuf_printf(&text, ": %s", meaning);
    print_line(label, &text);
  }
  gw_strbuf_done(&text);
}

static void print_limits(const Gateway__Agent__V1__Failure *failure) {
  struct gw_why_limits limits = {.count = 0};
  gw_why_add_limits(&limits, gw_str_from(failure->flags), gw_str_from(failure->detail));
  for (size_t i = 0; i < failure->n_attempts; i++)
    gw_why_add_limits(&limits, gw_str_from(failure->attempts[i]->flags), gw_str_from(failure->attempts[i]->detail));
  for (uint32_t i = 0; i < limits.count; i++)
    print_word(i == 0 ? "limit" : "", limits.items[i]);
}

static void print_attempts(const Gateway__Agent__V1__Failure *failure) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  if (failure->attempt_count == 0) {
    gw_strbuf_append_str(&text, GW_STR("none: no instance was asked"));
  } else {
    gw_strbuf_append_u64(&text, failure->attempt_count);
    if (failure->n_attempts < failure->attempt_count) gw_strbuf_append_str(&text, GW_STR(", of which not all are remembered"));
  }
  print_line("tries", &text);
  gw_strbuf_done(&text);
  for (size_t i = 0; i < failure->n_attempts; i++)
    print_attempt(failure->attempts[i]);
}

static void print_failure(const Gateway__Admin__V1__NodeFailure *found) {
  const Gateway__Agent__V1__Failure *failure = found->failure;
  print_head(found);
  print_request(failure);
  print_word("route", failure->route[0] != '\0' ? failure->route : "none");
  print_word("service", failure->service);
  print_answer(failure);
  print_flags(failure);
  print_word("detail", failure->detail);
  print_limits(failure);
  print_word("configuration", failure->snapshot_version);
  print_attempts(failure);
}

/* ---- the whole ---- */

static void print_silent(const Gateway__Admin__V1__FindFailuresResponse *response) {
  if (response->n_silent_nodes == 0) return;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  gw_strbuf_printf(&text, "%zu of %u data planes did not answer, or not with all of their workers; what they remember is missing here:",
                   response->n_silent_nodes, response->asked_nodes);
  size_t shown = response->n_silent_nodes < NAMES_SHOWN ? response->n_silent_nodes : NAMES_SHOWN;
  for (size_t i = 0; i < shown; i++)
    gw_strbuf_printf(&text, "%s %s", i > 0 ? "," : "", response->silent_nodes[i]);
  if (shown < response->n_silent_nodes) gw_strbuf_printf(&text, " and %zu more", response->n_silent_nodes - shown);
  putchar('\n');
  print_text(&text);
  gw_strbuf_done(&text);
}

static void print_found(const char *request_id, const Gateway__Admin__V1__FindFailuresResponse *response) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  gw_strbuf_printf(&text, "Request %s, as data planes remember it:", request_id);
  print_text(&text);
  for (size_t i = 0; i < response->n_failures; i++) {
    if (response->failures[i]->failure != NULL) print_failure(response->failures[i]);
  }
  if (response->left_out_failures > 0) {
    putchar('\n');
    gw_strbuf_printf(&text, "%u more with this id are left out: too many to be told.", response->left_out_failures);
    print_text(&text);
  }
  gw_strbuf_done(&text);
}

static void print_not_found(const char *request_id, const Gateway__Admin__V1__FindFailuresResponse *response) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  if (response->asked_nodes == 0) {
    gw_strbuf_printf(&text, "Nothing is known of request %s: no data plane is connected that could be asked.", request_id);
  } else if (response->n_silent_nodes == response->asked_nodes) {
    gw_strbuf_printf(&text, "Nothing is known of request %s: no data plane has answered in full.", request_id);
  } else {
    gw_strbuf_printf(&text,
                     "Request %s has not failed, nor was it retried, on any data plane that is connected and has answered; or it is "
                     "forgotten: each worker of a data plane remembers the last 512 such requests. The id is request_id of the access log "
                     "and of the gateway's own error answers, and what services get as x-request-id.",
                     request_id);
  }
  print_text(&text);
  gw_strbuf_done(&text);
}

static int exit_code_of(const Gateway__Admin__V1__FindFailuresResponse *response) {
  if (response->n_failures > 0) return GW_CTL_OK;
  return response->n_silent_nodes > 0 ? GW_CTL_TIMEOUT : GW_CTL_NOT_FOUND;
}

static void print_response(const char *request_id, const Gateway__Admin__V1__FindFailuresResponse *response) {
  if (response->n_failures > 0) {
    print_found(request_id, response);
  } else {
    print_not_found(request_id, response);
  }
  print_silent(response);
}

int gw_ctl_why(const struct gw_ctl *ctl) {
  struct gw_arena arena;
  gw_arena_init(&arena, 16384);
  Gateway__Admin__V1__FindFailuresRequest request = GATEWAY__ADMIN__V1__FIND_FAILURES_REQUEST__INIT;
  request.request_id = (char *)ctl->words[0];
  ProtobufCMessage *reply;
  int exit_code =
      gw_admin_client_ask(ctl, "FindFailures", &request.base, &gateway__admin__v1__find_failures_response__descriptor, &arena, &reply);
  if (exit_code == GW_CTL_OK) {
    const Gateway__Admin__V1__FindFailuresResponse *response = (const void *)reply;
    if (ctl->is_json) {
      gw_message_json_print(reply);
    } else {
      print_response(ctl->words[0], response);
    }
    exit_code = exit_code_of(response);
  }
  gw_arena_done(&arena);
  return exit_code;
}
