#include "controlplane/ctl/change.h"

#include <gateway/admin/v1/admin.pb-c.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "controlplane/ctl/admin_client.h"
#include "controlplane/ctl/loosenings.h"
#include "controlplane/ctl/message_json.h"
#include "controlplane/ctl/progress.h"
#include "controlplane/ctl/rollout.h"

#define TIMEOUT_DEFAULT_MS 60000u
#define FIRST_ASK_MS 10000u
#define RETRY_MS 200u

typedef Gateway__Admin__V1__ApplyResponse Response;
#define OUTCOME(name) GATEWAY__ADMIN__V1__APPLY_RESPONSE__OUTCOME__##name

void gw_change_make_id(char ret_id[GW_CHANGE_ID_SIZE]) {
  struct gw_random random;
  gw_random_init(&random, 0);
  gw_random_uuid(&random, ret_id);
}

const char *gw_change_author(struct gw_arena *arena) {
  char host[256] = "";
  if (gethostname(host, sizeof(host) - 1) != 0) host[0] = '\0';
  const struct passwd *user = getpwuid(geteuid());
  return gw_arena_printf(arena, "%s%s%s", user != NULL ? user->pw_name : "unknown", host[0] != '\0' ? "@" : "", host);
}

/* ---- asking ---- */

/* The answer was lost: it may have been done. */
static bool is_unknown(int exit_code, const char *problem) {
  return exit_code == GW_CTL_UNREACHED || exit_code == GW_CTL_TIMEOUT ||
         (exit_code == GW_CTL_FAILED && strstr(problem, "the database went away before it said") != NULL);
}

static uint64_t left_ms(uint64_t end_us) {
  uint64_t now_us = gw_clock_monotonic_us();
  return now_us < end_us ? (end_us - now_us) / 1000 + 1 : 1;
}

/* Nothing was asked for before this answers, so that a control plane that is not there is just that. */
static int greet(const struct gw_ctl *ctl, uint64_t end_us, struct gw_arena *arena) {
  Gateway__Admin__V1__GetVersionRequest request = GATEWAY__ADMIN__V1__GET_VERSION_REQUEST__INIT;
  ProtobufCMessage *reply;
  char *problem = NULL;
  uint64_t wait_ms = left_ms(end_us);
  int exit_code = gw_admin_client_call(ctl, "GetVersion", wait_ms < FIRST_ASK_MS ? wait_ms : FIRST_ASK_MS, &request.base,
                                       &gateway__admin__v1__get_version_response__descriptor, arena, &reply, &problem);
  if (exit_code != GW_CTL_OK) fprintf(stderr, "gatewayctl: %s\n", problem);
  free(problem);
  return exit_code;
}

static int ask(const struct gw_ctl *ctl, const char *method, const ProtobufCMessage *request, uint64_t end_us, struct gw_arena *arena,
               const Response **ret_response) {
  for (;;) {
    ProtobufCMessage *reply;
    GW_CLEANUP(gw_free_ptr) char *problem = NULL;
    int exit_code = gw_admin_client_call(ctl, method, left_ms(end_us), request, &gateway__admin__v1__apply_response__descriptor, arena,
                                         &reply, &problem);
    if (exit_code == GW_CTL_OK) {
      *ret_response = (const void *)reply;
      return GW_CTL_OK;
    }
    if (!is_unknown(exit_code, problem)) {
      fprintf(stderr, "gatewayctl: %s\n", problem);
      return exit_code;
    }
    if (gw_clock_monotonic_us() >= end_us) {
      fprintf(stderr, "gatewayctl: whether it was done is not known (gatewayctl history tells): %s\n", problem);
      return GW_CTL_TIMEOUT;
    }
    gw_progress_pause(RETRY_MS);
  }
}

/* ---- telling ---- */

static void print_lines(FILE *out, const char *label, char *const *lines, size_t count) {
  for (size_t i = 0; i < count; i++)
    fprintf(out, "%s%s\n", label, lines[i]);
}

static uint64_t number_of(const Response *response) {
  return response->revision != NULL ? response->revision->number : 0;
}

static void print_outcome(const Response *response) {
  print_lines(stdout, "warning: ", response->warnings, response->n_warnings);
  switch (response->outcome) {
  case OUTCOME(ACCEPTED): printf("revision %llu is in force\n", (unsigned long long)number_of(response)); break;
  case OUTCOME(UNCHANGED): printf("nothing has changed since revision %llu\n", (unsigned long long)number_of(response)); break;
  case OUTCOME(VALID): printf("valid; the newest revision is %llu\n", (unsigned long long)number_of(response)); break;
  case OUTCOME(INVALID):
    print_lines(stdout, "", response->errors, response->n_errors);
    printf("invalid: nothing has changed\n");
    break;
  default: break;
  }
  if (response->n_loosenings == 0) return;
  bool is_refused = response->outcome == OUTCOME(LOOSENS);
  printf("%s:\n", is_refused ? "protections would be loosened" : "protections that are loosened");
  gw_loosenings_print(response->loosenings, response->n_loosenings);
  if (is_refused) printf("nothing has changed; --allow-loosening goes on\n");
}

static void print_json(const Response *response, const Gateway__Admin__V1__GetRolloutResponse *rollout) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  struct gw_json_writer json;
  gw_json_writer_init(&json, &text);
  gw_json_object_begin(&json);
  gw_json_key(&json, "change");
  gw_message_json_write(&json, &response->base);
  gw_json_key(&json, "rollout");
  if (rollout != NULL)
    gw_message_json_write(&json, &rollout->base);
  else
    gw_json_null(&json);
  gw_json_object_end(&json);
  puts(text.data);
  gw_strbuf_done(&text);
}

static int code_of(const Response *response) {
  switch (response->outcome) {
  case OUTCOME(INVALID): return GW_CTL_INVALID;
  case OUTCOME(LOOSENS): return GW_CTL_FINDINGS;
  default: return GW_CTL_OK;
  }
}

static int finish(const struct gw_ctl *ctl, const Response *response, uint64_t end_us, struct gw_arena *arena) {
  int exit_code = code_of(response);
  const Gateway__Admin__V1__GetRolloutResponse *rollout = NULL;
  bool waits = exit_code == GW_CTL_OK && response->outcome != OUTCOME(VALID) && !ctl->change.does_not_wait;
  if (!ctl->is_json) {
    print_outcome(response);
    fflush(stdout);
  }
  if (waits) exit_code = gw_rollout_wait(ctl, number_of(response), end_us, arena, &rollout);
  if (ctl->is_json)
    print_json(response, rollout);
  else if (waits && exit_code == GW_CTL_OK && rollout->running == 0)
    puts("no data plane is connected");
  else if (waits && exit_code == GW_CTL_OK)
    printf("every node runs it: %u\n", rollout->running);
  return exit_code;
}

int gw_change_run(const struct gw_ctl *ctl, const char *method, const ProtobufCMessage *request) {
  uint64_t timeout_ms = ctl->change.timeout_ms > 0 ? ctl->change.timeout_ms : TIMEOUT_DEFAULT_MS;
  uint64_t end_us = gw_clock_monotonic_us() + timeout_ms * 1000;
  struct gw_arena arena;
  gw_arena_init(&arena, 16384);
  const Response *response = NULL;
  int exit_code = greet(ctl, end_us, &arena);
  if (exit_code == GW_CTL_OK) exit_code = ask(ctl, method, request, end_us, &arena, &response);
  if (exit_code == GW_CTL_OK) exit_code = finish(ctl, response, end_us, &arena);
  gw_arena_done(&arena);
  return exit_code;
}
