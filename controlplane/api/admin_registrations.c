/* Instances in registries in the admin API. */
#include <gateway/admin/v1/admin.pb-c.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/rpc/rpc.h"
#include "controlplane/api/admin_reply.h"

typedef Gateway__Admin__V1__RegistryInstance RegistryInstance;

/* A call that waits for a registry. Its client may leave before. */
struct waiting {
  struct gw_admin_call *call;
  const struct gw_admin_registrations *registrations;
  const ProtobufCMessageDescriptor *answer;
};

static void on_gone(void *arg) {
  struct waiting *waiting = arg;
  waiting->registrations->forget(waiting->registrations->arg, waiting);
  free(waiting);
}

static void on_outcome(void *arg, enum gw_err err, const char *words) {
  struct waiting *waiting = arg;
  if (err == GW_OK) {
    struct gw_arena arena;
    gw_arena_init(&arena, 256);
    gw_admin_call_answer(waiting->call, gw_admin_message_new(&arena, waiting->answer));
    gw_arena_done(&arena);
  } else {
    char *told = gw_asprintf("%s%s", err == GW_ERR_CLOSED ? "the registry does not answer: " : "", words);
    gw_admin_call_fail(waiting->call, err, told);
    free(told);
  }
  free(waiting);
}

static struct waiting *wait_for(const struct gw_admin_request *request, struct gw_admin_call *call,
                                const ProtobufCMessageDescriptor *answer) {
  struct waiting *waiting = gw_calloc(1, sizeof(*waiting));
  *waiting = (struct waiting){.call = call, .registrations = &request->options->registrations, .answer = answer};
  gw_admin_call_wait(call, on_gone, waiting);
  return waiting;
}

static struct gw_instance read_instance(const RegistryInstance *m, struct gw_arena *arena) {
  struct gw_str *tags = gw_arena_calloc(arena, m->n_tags, sizeof(*tags));
  struct gw_metadata *metadata = gw_arena_calloc(arena, m->n_metadata, sizeof(*metadata));
  for (size_t i = 0; i < m->n_tags; i++)
    tags[i] = gw_str_from(m->tags[i]);
  for (size_t i = 0; i < m->n_metadata; i++)
    metadata[i] = (struct gw_metadata){gw_str_from(m->metadata[i]->key), gw_str_from(m->metadata[i]->value)};
  return (struct gw_instance){.service = gw_str_from(m->service),
                              .address = gw_str_from(m->address),
                              .port = m->port <= UINT16_MAX ? (uint16_t)m->port : 0,
                              .weight = m->weight == 0.0 ? 1.0 : m->weight,
                              .id = gw_str_from(m->id),
                              .tags = tags,
                              .tag_count = (uint32_t)m->n_tags,
                              .group = gw_str_from(m->group),
                              .namespace = gw_str_from(m->namespace_),
                              .cluster = gw_str_from(m->cluster),
                              .metadata = metadata,
                              .metadata_count = (uint32_t)m->n_metadata};
}

void gw_admin_start_register(const struct gw_admin_request *request, struct gw_admin_call *call) {
  const Gateway__Admin__V1__RegisterInstanceRequest *m = (const void *)request->message;
  const struct gw_admin_registrations *registrations = &request->options->registrations;
  if (m->instance == NULL) {
    gw_admin_call_refuse(call, GW_RPC_INVALID_ARGUMENT, "an instance is wanted");
    return;
  }
  struct gw_instance instance = read_instance(m->instance, request->arena);
  registrations->add(registrations->arg, gw_str_from(m->instance->registry), &instance, on_outcome,
                     wait_for(request, call, &gateway__admin__v1__register_instance_response__descriptor));
}

void gw_admin_start_deregister(const struct gw_admin_request *request, struct gw_admin_call *call) {
  const Gateway__Admin__V1__DeregisterInstanceRequest *m = (const void *)request->message;
  const struct gw_admin_registrations *registrations = &request->options->registrations;
  if (m->instance == NULL) {
    gw_admin_call_refuse(call, GW_RPC_INVALID_ARGUMENT, "an instance is wanted");
    return;
  }
  struct gw_instance instance = read_instance(m->instance, request->arena);
  registrations->remove(registrations->arg, gw_str_from(m->instance->registry), &instance, on_outcome,
                        wait_for(request, call, &gateway__admin__v1__deregister_instance_response__descriptor));
}

/* ---- list ---- */

static RegistryInstance *make_instance(struct gw_arena *arena, const struct gw_registration_status *status) {
  const struct gw_instance *instance = status->instance;
  RegistryInstance *m = gw_admin_message_new(arena, &gateway__admin__v1__registry_instance__descriptor);
  m->registry = gw_arena_strdup(arena, status->registry);
  m->service = gw_admin_text(arena, instance->service);
  m->address = gw_admin_text(arena, instance->address);
  m->port = instance->port;
  m->weight = instance->weight;
  m->id = gw_admin_text(arena, instance->id);
  m->group = gw_admin_text(arena, instance->group);
  m->namespace_ = gw_admin_text(arena, instance->namespace);
  m->cluster = gw_admin_text(arena, instance->cluster);
  m->n_tags = instance->tag_count;
  m->tags = gw_arena_calloc(arena, instance->tag_count, sizeof(*m->tags));
  for (uint32_t i = 0; i < instance->tag_count; i++)
    m->tags[i] = gw_admin_text(arena, instance->tags[i]);
  m->n_metadata = instance->metadata_count;
  m->metadata = gw_arena_calloc(arena, instance->metadata_count, sizeof(void *));
  for (uint32_t i = 0; i < instance->metadata_count; i++) {
    m->metadata[i] = gw_admin_message_new(arena, &gateway__admin__v1__registry_instance__metadata_entry__descriptor);
    m->metadata[i]->key = gw_admin_text(arena, instance->metadata[i].name);
    m->metadata[i]->value = gw_admin_text(arena, instance->metadata[i].value);
  }
  return m;
}

static Gateway__Admin__V1__Registration__State state_of(enum gw_registration_state state) {
  switch (state) {
  case GW_REGISTRATION_ALIVE: return GATEWAY__ADMIN__V1__REGISTRATION__STATE__ALIVE;
  case GW_REGISTRATION_FAILING: return GATEWAY__ADMIN__V1__REGISTRATION__STATE__FAILING;
  case GW_REGISTRATION_LEAVING: return GATEWAY__ADMIN__V1__REGISTRATION__STATE__LEAVING;
  default: return GATEWAY__ADMIN__V1__REGISTRATION__STATE__PENDING;
  }
}

ProtobufCMessage *gw_admin_reply_registrations(const struct gw_admin_request *request) {
  struct gw_arena *arena = request->arena;
  const struct gw_admin_registrations *registrations = &request->options->registrations;
  Gateway__Admin__V1__ListRegistrationsResponse *m =
      gw_admin_message_new(arena, &gateway__admin__v1__list_registrations_response__descriptor);
  uint64_t now_ms = gw_loop_now_ms(request->options->loop);
  struct gw_registration_status status;
  uint32_t count = 0;
  while (registrations->get(registrations->arg, count, &status))
    count++;
  m->registrations = gw_arena_calloc(arena, count, sizeof(void *));
  for (uint32_t i = 0; i < count && registrations->get(registrations->arg, i, &status); i++) {
    Gateway__Admin__V1__Registration *one = gw_admin_message_new(arena, &gateway__admin__v1__registration__descriptor);
    one->instance = make_instance(arena, &status);
    one->state = state_of(status.state);
    one->problem = gw_arena_strdup(arena, status.words);
    one->age_ms = status.since_ms > 0 ? now_ms - status.since_ms : 0;
    one->beat_age_ms = status.beat_ms > 0 ? now_ms - status.beat_ms : 0;
    m->registrations[m->n_registrations++] = one;
  }
  return &m->base;
}
