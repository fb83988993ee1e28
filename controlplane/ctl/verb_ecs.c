/* gatewayctl ecs: Huawei Cloud's servers, asked through the control plane, which has the credentials. */
#include <gateway/admin/v1/admin.pb-c.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "controlplane/ctl/admin_client.h"
#include "controlplane/ctl/message_json.h"
#include "controlplane/ctl/progress.h"
#include "controlplane/ctl/table.h"
#include "controlplane/ctl/terminal_text.h"

/* The control plane itself waits for the cloud for 45 s at most. */
#define CALL_MS 60000u
#define WAIT_DEFAULT_MS 600000u
#define POLL_FIRST_MS 500u
#define POLL_MAX_MS 5000u
#define FILE_BYTES_MAX ((size_t)64 * 1024)

typedef Gateway__Admin__V1__EcsJob EcsJob;
#define DESCRIPTOR(name) gateway__admin__v1__##name##__descriptor

static int ask(const struct gw_ctl *ctl, const char *method, const ProtobufCMessage *request, const ProtobufCMessageDescriptor *reply,
               struct gw_arena *arena, ProtobufCMessage **ret_reply) {
  char *problem = NULL;
  int exit_code = gw_admin_client_call(ctl, method, CALL_MS, request, reply, arena, ret_reply, &problem);
  if (exit_code != GW_CTL_OK) fprintf(stderr, "gatewayctl: %s\n", problem);
  free(problem);
  return exit_code;
}

/* ---- list ---- */

static void add_words(struct gw_table *table, char *const *words, size_t count) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  for (size_t i = 0; i < count; i++)
    gw_strbuf_printf(&text, "%s%s", i > 0 ? "," : "", words[i]);
  gw_table_add(table, text.data);
  gw_strbuf_done(&text);
}

static void print_servers(const Gateway__Admin__V1__ListEcsServersResponse *answer) {
  static const char *const heads[] = {"ID", "NAME", "STATUS", "FLAVOR", "ZONE", "FIXED", "FLOATING", "TAGS"};
  struct gw_table table;
  gw_table_init(&table, heads, GW_ARRAY_LEN(heads));
  for (size_t i = 0; i < answer->n_servers; i++) {
    const Gateway__Admin__V1__EcsServer *server = answer->servers[i];
    gw_table_add(&table, server->id);
    gw_table_add(&table, server->name);
    gw_table_add(&table, server->status);
    gw_table_add(&table, server->flavor);
    gw_table_add(&table, server->zone);
    add_words(&table, server->fixed_addresses, server->n_fixed_addresses);
    add_words(&table, server->floating_addresses, server->n_floating_addresses);
    add_words(&table, server->tags, server->n_tags);
  }
  gw_table_print(&table, stdout);
  gw_table_done(&table);
}

static char *text_or_empty(const char *text) {
  return (char *)(uintptr_t)(text != NULL ? text : "");
}

static int list(const struct gw_ctl *ctl, struct gw_arena *arena) {
  Gateway__Admin__V1__ListEcsServersRequest request = GATEWAY__ADMIN__V1__LIST_ECS_SERVERS_REQUEST__INIT;
  if (ctl->tag_count > 1) return gw_ctl_fail_usage("ecs list takes one --tag");
  request.name = text_or_empty(ctl->keys.name);
  request.tag = text_or_empty(ctl->tag_count == 1 ? ctl->tags[0] : NULL);
  request.status = text_or_empty(ctl->ecs_status);
  ProtobufCMessage *reply;
  int exit_code = ask(ctl, "ListEcsServers", &request.base, &DESCRIPTOR(list_ecs_servers_response), arena, &reply);
  if (exit_code != GW_CTL_OK) return exit_code;
  if (ctl->is_json)
    gw_message_json_print(reply);
  else
    print_servers((const void *)reply);
  return GW_CTL_OK;
}

/* ---- jobs ---- */

static int verdict(const EcsJob *job) {
  return job->state == GATEWAY__ADMIN__V1__ECS_JOB__STATE__FAILED ? GW_CTL_FAILED : GW_CTL_OK;
}

/* What there is to say in the end; on standard output what is of use to scripts. */
static void print_job(const struct gw_ctl *ctl, const EcsJob *job) {
  if (ctl->is_json) {
    gw_message_json_print(&job->base);
    return;
  }
  static const char *const heads[] = {"JOB", "TYPE", "STATUS", "DONE", "SERVERS"};
  struct gw_table table;
  gw_table_init(&table, heads, GW_ARRAY_LEN(heads));
  gw_table_add(&table, job->id);
  gw_table_add(&table, job->type);
  gw_table_add(&table, job->cloud_status);
  gw_table_printf(&table, "%u of %u", job->done, job->total);
  add_words(&table, job->server_ids, job->n_server_ids);
  gw_table_print(&table, stdout);
  gw_table_done(&table);
}

static void say_problem(const EcsJob *job) {
  if (job->state != GATEWAY__ADMIN__V1__ECS_JOB__STATE__FAILED) return;
  fprintf(stderr, "gatewayctl: the job %s failed: ", job->id);
  struct gw_strbuf words;
  gw_strbuf_init(&words);
  gw_terminal_text_append(&words, gw_str_from(job->problem));
  fprintf(stderr, "%s\n", words.data);
  gw_strbuf_done(&words);
}

static int fetch_job(const struct gw_ctl *ctl, const char *id, struct gw_arena *arena, const EcsJob **ret_job) {
  Gateway__Admin__V1__GetEcsJobRequest request = GATEWAY__ADMIN__V1__GET_ECS_JOB_REQUEST__INIT;
  request.id = (char *)(uintptr_t)id;
  ProtobufCMessage *reply;
  int exit_code = ask(ctl, "GetEcsJob", &request.base, &DESCRIPTOR(get_ecs_job_response), arena, &reply);
  if (exit_code != GW_CTL_OK) return exit_code;
  *ret_job = ((Gateway__Admin__V1__GetEcsJobResponse *)(void *)reply)->job;
  return *ret_job != NULL ? GW_CTL_OK : GW_CTL_FAILED;
}

static void show(struct gw_progress *progress, const EcsJob *job) {
  GW_CLEANUP(gw_free_ptr) char *what = gw_asprintf("%s %s", job->type, job->cloud_status);
  gw_progress_show(progress, what, job->done + job->failed, job->total, gw_clock_monotonic_us());
}

static bool wait_a_while(uint64_t *pause_ms, uint64_t ends_us) {
  uint64_t now_us = gw_clock_monotonic_us();
  if (now_us >= ends_us) return false;
  uint64_t left_ms = (ends_us - now_us) / 1000;
  gw_progress_pause(*pause_ms < left_ms ? *pause_ms : left_ms);
  *pause_ms = *pause_ms * 3 / 2 < POLL_MAX_MS ? *pause_ms * 3 / 2 : POLL_MAX_MS;
  return true;
}

/* Until it is over: what it came to is the exit code. */
static int follow(const struct gw_ctl *ctl, const char *id) {
  uint64_t now_us = gw_clock_monotonic_us(), pause_ms = POLL_FIRST_MS;
  uint64_t ends_us = now_us + (ctl->change.timeout_ms > 0 ? ctl->change.timeout_ms : WAIT_DEFAULT_MS) * 1000;
  struct gw_progress progress;
  struct gw_arena arena;
  int exit_code;
  gw_progress_init(&progress, stderr, isatty(STDERR_FILENO) == 1, now_us);
  for (;;) {
    const EcsJob *job = NULL;
    gw_arena_init(&arena, 4096);
    exit_code = fetch_job(ctl, id, &arena, &job);
    if (exit_code != GW_CTL_OK) break;
    show(&progress, job);
    bool is_over = job->state != GATEWAY__ADMIN__V1__ECS_JOB__STATE__RUNNING, is_late = !is_over && !wait_a_while(&pause_ms, ends_us);
    if (is_over || is_late) {
      gw_progress_done(&progress);
      print_job(ctl, job);
      say_problem(job);
      exit_code = is_late ? GW_CTL_TIMEOUT : verdict(job);
      break;
    }
    gw_arena_done(&arena);
  }
  gw_progress_done(&progress);
  if (exit_code == GW_CTL_TIMEOUT) fprintf(stderr, "gatewayctl: the job %s goes on; gatewayctl ecs job %s --wait follows it\n", id, id);
  gw_arena_done(&arena);
  return exit_code;
}

static bool waits(const struct gw_ctl *ctl) {
  return (ctl->given & GW_CTL_FLAG_WAIT) != 0 && !ctl->change.does_not_wait;
}

/* The cloud has promised a job. */
static int end_with(const struct gw_ctl *ctl, const EcsJob *job) {
  if (job == NULL) return GW_CTL_FAILED;
  if (waits(ctl) && job->id[0] != '\0') {
    fprintf(stderr, "job %s\n", job->id); /* it goes on whatever becomes of us */
    return follow(ctl, job->id);
  }
  print_job(ctl, job);
  if (job->id[0] != '\0') fprintf(stderr, "the cloud does it in its own time; gatewayctl ecs job %s --wait follows it\n", job->id);
  return GW_CTL_OK;
}

static int job_verb(const struct gw_ctl *ctl, struct gw_arena *arena) {
  const EcsJob *job = NULL;
  if (waits(ctl)) return follow(ctl, ctl->words[1]);
  int exit_code = fetch_job(ctl, ctl->words[1], arena, &job);
  if (exit_code != GW_CTL_OK) return exit_code;
  print_job(ctl, job);
  say_problem(job);
  return verdict(job);
}

/* ---- create and delete ---- */

/* Standard input for "-". It may hold a password. */
static int read_server(const char *path, struct gw_strbuf *text) {
  FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
  const char *problem = file == NULL ? strerror(errno) : NULL;
  gw_strbuf_reserve(text, FILE_BYTES_MAX + 2);
  if (file != NULL) {
    text->len = fread(text->data, 1, FILE_BYTES_MAX + 1, file);
    text->data[text->len] = '\0';
    if (ferror(file) != 0)
      problem = strerror(errno);
    else if (text->len > FILE_BYTES_MAX)
      problem = "it is too long";
    else if (strlen(text->data) != text->len)
      problem = "there is a NUL in it";
    if (file != stdin) fclose(file);
  }
  if (problem == NULL) return GW_CTL_OK;
  fprintf(stderr, "gatewayctl: %s cannot be read: %s\n", path, problem);
  return GW_CTL_INVALID;
}

static int create(const struct gw_ctl *ctl, struct gw_arena *arena) {
  Gateway__Admin__V1__CreateEcsServersRequest request = GATEWAY__ADMIN__V1__CREATE_ECS_SERVERS_REQUEST__INIT;
  struct gw_strbuf server;
  gw_strbuf_init(&server);
  int exit_code = read_server(ctl->words[1], &server);
  ProtobufCMessage *reply = NULL;
  if (exit_code == GW_CTL_OK) {
    request.server = server.data;
    request.name = text_or_empty(ctl->keys.name);
    request.count = ctl->count;
    request.tags = (char **)(uintptr_t)ctl->tags;
    request.n_tags = ctl->tag_count;
    request.dry_run = ctl->change.is_dry;
    exit_code = ask(ctl, "CreateEcsServers", &request.base, &DESCRIPTOR(create_ecs_servers_response), arena, &reply);
  }
  gw_strbuf_wipe(&server);
  if (exit_code != GW_CTL_OK) return exit_code;
  if (ctl->change.is_dry) {
    if (!ctl->is_json) puts("the cloud would do it");
    if (ctl->is_json) gw_message_json_print(reply);
    return GW_CTL_OK;
  }
  return end_with(ctl, ((Gateway__Admin__V1__CreateEcsServersResponse *)(void *)reply)->job);
}

static int delete_servers(const struct gw_ctl *ctl, struct gw_arena *arena) {
  Gateway__Admin__V1__DeleteEcsServersRequest request = GATEWAY__ADMIN__V1__DELETE_ECS_SERVERS_REQUEST__INIT;
  request.ids = (char **)(uintptr_t)(ctl->words + 1);
  request.n_ids = (size_t)ctl->word_count - 1;
  request.addresses = (ctl->given & GW_CTL_FLAG_WITH_ADDRESSES) != 0;
  request.volumes = (ctl->given & GW_CTL_FLAG_WITH_VOLUMES) != 0;
  ProtobufCMessage *reply;
  int exit_code = ask(ctl, "DeleteEcsServers", &request.base, &DESCRIPTOR(delete_ecs_servers_response), arena, &reply);
  return exit_code != GW_CTL_OK ? exit_code : end_with(ctl, ((Gateway__Admin__V1__DeleteEcsServersResponse *)(void *)reply)->job);
}

static const struct gw_ctl_word words[] = {
    {"list", 1, 1, "no further words", list, GW_CTL_FLAG_NAME | GW_CTL_FLAG_TAG | GW_CTL_FLAG_STATUS},
    {"create", 2, 2, "a FILE, or -", create,
     GW_CTL_FLAG_NAME | GW_CTL_FLAG_TAG | GW_CTL_FLAG_COUNT | GW_CTL_FLAG_DRY_RUN | GW_CTL_FLAG_WAIT | GW_CTL_FLAG_TIMEOUT},
    {"delete", 2, GW_CTL_ANY_WORDS, "one ID or more", delete_servers,
     GW_CTL_FLAG_WITH_ADDRESSES | GW_CTL_FLAG_WITH_VOLUMES | GW_CTL_FLAG_WAIT | GW_CTL_FLAG_TIMEOUT},
    {"job", 2, 2, "an ID", job_verb, GW_CTL_FLAG_WAIT | GW_CTL_FLAG_TIMEOUT},
};

int gw_ctl_ecs(const struct gw_ctl *ctl) {
  return gw_ctl_run_word(ctl, "ecs", words, GW_ARRAY_LEN(words));
}
