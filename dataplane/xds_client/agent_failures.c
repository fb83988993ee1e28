#include "dataplane/xds_client/agent_failures.h"

#include "common/base/arena.h"
#include "common/message/failure.h"
#include "common/xds/wire.h"
#include "gateway/agent/v1/agent.pb-c.h"

/* Clients' bytes, which may be no UTF-8, as protobuf wants it. */
static char *text(struct gw_arena *arena, struct gw_str from) {
  char *copy = gw_arena_alloc_bytes(arena, from.len + 1);
  for (size_t i = 0; i < from.len; i++)
    copy[i] = (char)(from.data[i] >= ' ' && from.data[i] <= '~' ? from.data[i] : '?');
  copy[from.len] = '\0';
  return copy;
}

static char *flags_text(struct gw_arena *arena, uint32_t flags) {
  char formatted[64];
  return text(arena, gw_response_flags_format(flags, formatted));
}

static Gateway__Agent__V1__Attempt__Phase phase_of(const struct gw_attempt_record *record) {
  switch (record->phase) {
  case GW_ATTEMPT_CONNECT: return GATEWAY__AGENT__V1__ATTEMPT__PHASE__CONNECT;
  case GW_ATTEMPT_REQUEST: return GATEWAY__AGENT__V1__ATTEMPT__PHASE__REQUEST;
  case GW_ATTEMPT_RESPONSE: return GATEWAY__AGENT__V1__ATTEMPT__PHASE__RESPONSE;
  }
  return GATEWAY__AGENT__V1__ATTEMPT__PHASE__PHASE_UNSPECIFIED;
}

static Gateway__Agent__V1__Attempt *attempt_on_wire(struct gw_arena *arena, const struct gw_attempt_record *record) {
  Gateway__Agent__V1__Attempt *attempt = gw_arena_alloc(arena, sizeof(*attempt));
  gateway__agent__v1__attempt__init(attempt);
  attempt->number = record->number;
  attempt->endpoint = text(arena, record->endpoint);
  attempt->phase = phase_of(record);
  attempt->reused = record->is_reused;
  attempt->idle_ms = record->idle_ms;
  attempt->duration_ms = record->duration_ms;
  attempt->status = record->status;
  attempt->flags = flags_text(arena, record->flag);
  attempt->detail = text(arena, record->detail);
  return attempt;
}

static Gateway__Agent__V1__Failure *failure_on_wire(struct gw_arena *arena, const struct gw_failure_record *record) {
  Gateway__Agent__V1__Failure *failure = gw_arena_alloc(arena, sizeof(*failure));
  gateway__agent__v1__failure__init(failure);
  failure->request_id = text(arena, record->request_id);
  failure->at_ms = record->wall_us / 1000;
  failure->duration_ms = record->duration_ms;
  failure->method = text(arena, record->method);
  failure->authority = text(arena, record->authority);
  failure->path = text(arena, record->path);
  failure->client = text(arena, record->client);
  failure->route = text(arena, record->route);
  failure->service = text(arena, record->service);
  failure->status = record->status;
  failure->flags = flags_text(arena, record->flags);
  failure->detail = text(arena, record->detail);
  failure->snapshot_version = text(arena, record->snapshot_version);
  failure->attempt_count = record->attempt_count;
  failure->n_attempts = record->record_count;
  failure->attempts = gw_arena_calloc(arena, record->record_count, sizeof(void *));
  for (uint32_t i = 0; i < record->record_count; i++)
    failure->attempts[i] = attempt_on_wire(arena, &record->attempts[i]);
  return failure;
}

struct gw_bytes *gw_agent_encode_failures(uint64_t query_id, const struct gw_failure_record *const *records, uint32_t count,
                                          uint32_t silent_workers) {
  uint32_t first = count > GW_AGENT_FAILURES_MAX ? count - GW_AGENT_FAILURES_MAX : 0;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  Gateway__Agent__V1__FoundFailures body = GATEWAY__AGENT__V1__FOUND_FAILURES__INIT;
  body.query_id = query_id;
  body.silent_workers = silent_workers;
  body.failures = gw_arena_calloc(&arena, count, sizeof(void *));
  for (uint32_t i = first; i < count; i++)
    body.failures[body.n_failures++] = failure_on_wire(&arena, records[i]);
  Gateway__Agent__V1__NodeMessage message = GATEWAY__AGENT__V1__NODE_MESSAGE__INIT;
  message.message_case = GATEWAY__AGENT__V1__NODE_MESSAGE__MESSAGE_FOUND_FAILURES;
  message.found_failures = &body;
  struct gw_bytes *bytes = gw_wire_pack(&message.base);
  gw_arena_done(&arena);
  return bytes;
}
