/* Huawei Cloud's servers in the admin API. Each call waits for the cloud; whose client leaves is given up, and what was not sent to the
 * cloud by then is not sent. */
#include <gateway/admin/v1/admin.pb-c.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "controlplane/api/admin_reply.h"
#include "controlplane/cloud/ecs.h"

/* What an answer of four MiB has room for. */
#define SERVERS_MAX 5000u

/* A call that waits for the cloud. */
struct waiting {
  struct gw_admin_call *call;
  struct gw_ecs_list *list; /* one of these */
  struct gw_ecs_call *job;
  const ProtobufCMessageDescriptor *answer; /* of a job: its only field */
};

static void on_gone(void *arg) {
  struct waiting *waiting = arg;
  gw_ecs_list_cancel(waiting->list);
  gw_ecs_call_cancel(waiting->job);
  free(waiting);
}

/* NULL: the call was refused. */
static struct gw_huawei *find_cloud(const struct gw_admin_request *request, struct gw_admin_call *call) {
  const struct gw_admin_cloud *cloud = &request->options->cloud;
  char *words = NULL;
  struct gw_huawei *huawei = cloud->get != NULL ? cloud->get(cloud->arg, &words) : NULL;
  if (huawei == NULL) gw_admin_call_refuse(call, GW_RPC_FAILED_PRECONDITION, words != NULL ? words : "no cloud is known here");
  free(words);
  return huawei;
}

static struct waiting *wait_for(struct gw_admin_call *call, const ProtobufCMessageDescriptor *answer) {
  struct waiting *waiting = gw_calloc(1, sizeof(*waiting));
  *waiting = (struct waiting){.call = call, .answer = answer};
  gw_admin_call_wait(call, on_gone, waiting);
  return waiting;
}

/* ---- list ---- */

static char **copy_addresses(const struct gw_ecs_server *server, bool is_floating, struct gw_arena *arena, size_t *ret_count) {
  char **texts = gw_arena_calloc(arena, server->address_count, sizeof(*texts));
  size_t count = 0;
  for (uint32_t i = 0; i < server->address_count; i++)
    if (server->addresses[i].is_floating == is_floating) texts[count++] = gw_admin_text(arena, server->addresses[i].ip);
  *ret_count = count;
  return texts;
}

static char **copy_texts(const struct gw_str *texts, uint32_t count, struct gw_arena *arena) {
  char **copies = gw_arena_calloc(arena, count, sizeof(*copies));
  for (uint32_t i = 0; i < count; i++)
    copies[i] = gw_admin_text(arena, texts[i]);
  return copies;
}

static Gateway__Admin__V1__EcsServer *make_server(const struct gw_ecs_server *server, struct gw_arena *arena) {
  Gateway__Admin__V1__EcsServer *m = gw_admin_message_new(arena, &gateway__admin__v1__ecs_server__descriptor);
  m->id = gw_admin_text(arena, server->id);
  m->name = gw_admin_text(arena, server->name);
  m->status = gw_admin_text(arena, server->status);
  m->flavor = gw_admin_text(arena, server->flavor);
  m->zone = gw_admin_text(arena, server->zone);
  m->created = gw_admin_text(arena, server->created);
  m->fixed_addresses = copy_addresses(server, false, arena, &m->n_fixed_addresses);
  m->floating_addresses = copy_addresses(server, true, arena, &m->n_floating_addresses);
  m->tags = copy_texts(server->tags, server->tag_count, arena);
  m->n_tags = server->tag_count;
  return m;
}

static void on_servers(void *arg, const struct gw_ecs_servers *servers) {
  struct waiting *waiting = arg;
  struct gw_arena arena;
  gw_arena_init(&arena, 16384);
  if (servers->err != GW_OK) {
    gw_admin_call_fail(waiting->call, servers->err, servers->words);
  } else if (servers->count > SERVERS_MAX) {
    gw_admin_call_refuse(waiting->call, GW_RPC_RESOURCE_EXHAUSTED,
                         gw_arena_printf(&arena, "%u servers match, and at most %u are told; a name or a tag makes them fewer",
                                         servers->count, SERVERS_MAX));
  } else {
    Gateway__Admin__V1__ListEcsServersResponse *m =
        gw_admin_message_new(&arena, &gateway__admin__v1__list_ecs_servers_response__descriptor);
    m->servers = gw_arena_calloc(&arena, servers->count, sizeof(void *));
    for (uint32_t i = 0; i < servers->count; i++)
      m->servers[m->n_servers++] = make_server(&servers->items[i], &arena);
    gw_admin_call_answer(waiting->call, &m->base);
  }
  gw_arena_done(&arena);
  free(waiting);
}

void gw_admin_start_list_ecs(const struct gw_admin_request *request, struct gw_admin_call *call) {
  const Gateway__Admin__V1__ListEcsServersRequest *m = (const void *)request->message;
  struct gw_huawei *huawei = find_cloud(request, call);
  if (huawei == NULL) return;
  const struct gw_ecs_filter filter = {.name = gw_str_from(m->name), .tag = gw_str_from(m->tag), .status = gw_str_from(m->status)};
  struct waiting *waiting = wait_for(call, NULL);
  waiting->list = gw_ecs_list_start(huawei, &filter, on_servers, waiting);
}

/* ---- jobs ---- */

static Gateway__Admin__V1__EcsJob *make_job(const struct gw_ecs_job *job, struct gw_arena *arena) {
  Gateway__Admin__V1__EcsJob *m = gw_admin_message_new(arena, &gateway__admin__v1__ecs_job__descriptor);
  m->id = gw_admin_text(arena, job->id);
  m->type = gw_admin_text(arena, job->type);
  m->cloud_status = gw_admin_text(arena, job->cloud_status);
  m->state = job->state == GW_ECS_JOB_SUCCESS  ? GATEWAY__ADMIN__V1__ECS_JOB__STATE__SUCCESS
             : job->state == GW_ECS_JOB_FAILED ? GATEWAY__ADMIN__V1__ECS_JOB__STATE__FAILED
                                               : GATEWAY__ADMIN__V1__ECS_JOB__STATE__RUNNING;
  m->done = job->done_count;
  m->failed = job->failed_count;
  m->total = job->total_count;
  m->server_ids = copy_texts(job->server_ids, job->server_count, arena);
  m->n_server_ids = job->server_count;
  m->problem = gw_arena_strdup(arena, job->words);
  return m;
}

/* All three answers are a job in their first field. */
static void on_job(void *arg, const struct gw_ecs_job *job) {
  struct waiting *waiting = arg;
  if (job->err != GW_OK) {
    gw_admin_call_fail(waiting->call, job->err, job->words);
  } else {
    struct gw_arena arena;
    gw_arena_init(&arena, 4096);
    Gateway__Admin__V1__GetEcsJobResponse *m = gw_admin_message_new(&arena, waiting->answer);
    m->job = make_job(job, &arena);
    gw_admin_call_answer(waiting->call, &m->base);
    gw_arena_done(&arena);
  }
  free(waiting);
}

/* What was begun, or why it could not be. */
static void keep(struct waiting *waiting, struct gw_ecs_call *job, char *words) {
  waiting->job = job;
  if (job != NULL) return;
  gw_admin_call_refuse(waiting->call, GW_RPC_INVALID_ARGUMENT, words);
  free(words);
  free(waiting);
}

static const struct gw_str *read_texts(char *const *texts, size_t count, struct gw_arena *arena) {
  struct gw_str *list = gw_arena_calloc(arena, count, sizeof(*list));
  for (size_t i = 0; i < count; i++)
    list[i] = gw_str_from(texts[i]);
  return list;
}

void gw_admin_start_create_ecs(const struct gw_admin_request *request, struct gw_admin_call *call) {
  const Gateway__Admin__V1__CreateEcsServersRequest *m = (const void *)request->message;
  struct gw_huawei *huawei = find_cloud(request, call);
  if (huawei == NULL) return;
  const struct gw_ecs_create create = {.server = gw_str_from(m->server),
                                       .name = gw_str_from(m->name),
                                       .count = m->count,
                                       .tags = read_texts(m->tags, m->n_tags, request->arena),
                                       .tag_count = (uint32_t)m->n_tags,
                                       .is_dry_run = m->dry_run != 0};
  struct waiting *waiting = wait_for(call, &gateway__admin__v1__create_ecs_servers_response__descriptor);
  char *words = NULL;
  struct gw_ecs_call *job = gw_ecs_create_start(huawei, &create, on_job, waiting, &words);
  keep(waiting, job, words);
}

void gw_admin_start_delete_ecs(const struct gw_admin_request *request, struct gw_admin_call *call) {
  const Gateway__Admin__V1__DeleteEcsServersRequest *m = (const void *)request->message;
  struct gw_huawei *huawei = find_cloud(request, call);
  if (huawei == NULL) return;
  const struct gw_ecs_delete wanted = {.ids = read_texts(m->ids, m->n_ids, request->arena),
                                       .id_count = (uint32_t)m->n_ids,
                                       .with_addresses = m->addresses != 0,
                                       .with_volumes = m->volumes != 0};
  struct waiting *waiting = wait_for(call, &gateway__admin__v1__delete_ecs_servers_response__descriptor);
  char *words = NULL;
  struct gw_ecs_call *job = gw_ecs_delete_start(huawei, &wanted, on_job, waiting, &words);
  keep(waiting, job, words);
}

void gw_admin_start_get_ecs_job(const struct gw_admin_request *request, struct gw_admin_call *call) {
  const Gateway__Admin__V1__GetEcsJobRequest *m = (const void *)request->message;
  struct gw_huawei *huawei = find_cloud(request, call);
  if (huawei == NULL) return;
  struct waiting *waiting = wait_for(call, &gateway__admin__v1__get_ecs_job_response__descriptor);
  char *words = NULL;
  struct gw_ecs_call *job = gw_ecs_job_start(huawei, gw_str_from(m->id), on_job, waiting, &words);
  keep(waiting, job, words);
}
