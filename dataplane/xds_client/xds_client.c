#include "dataplane/xds_client/xds_client.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/event/timer.h"
#include "common/model/consistency.h"
#include "common/xds/codec.h"
#include "dataplane/xds_client/ads_stream.h"
#include "dataplane/xds_client/agent.h"
#include "dataplane/xds_client/assembler.h"
#include "dataplane/xds_client/backoff.h"
#include "dataplane/xds_client/response_check.h"

#define MESSAGE_MAX ((size_t)256 * 1024 * 1024) /* and of a type in all; a snapshot of 100,000 routes has some 10 MiB a type */
#define KEEPALIVE_MS 20000
#define BACKOFF_BASE_MS 250
#define BACKOFF_CAP_MS 10000
#define LIFE_MS 10000        /* until a target that we opened both calls on has answered one of them */
#define SILENT_LIFE_MS 30000 /* a call that stands this long has a server: gRPC gives up connecting after 20 s */
/* Until a target that said UNIMPLEMENTED is asked again whether it has the agent's service, or incremental xDS. */
#define ABSENT_MS 300000

struct gw_xds_client {
  struct gw_xds_client_options options;
  uint32_t target_count;
  uint32_t target_index;
  uint64_t *agent_absent_until_us; /* by target: it said UNIMPLEMENTED */
  uint64_t *delta_absent_until_us; /* likewise */
  char instance_id[GW_UUID_SIZE];

  struct gw_rpc_channel *channel; /* NULL: between two tries */
  struct gw_ads_stream *ads;
  struct gw_agent *agent;
  struct gw_timer retry;
  struct gw_timer life;
  struct gw_timer agent_retry;
  struct gw_backoff backoff;
  struct gw_backoff agent_backoff;

  struct gw_assembler *assembler;
  struct gw_timer bound; /* of what the assembler waits for */
  struct gw_task assemble;
  char *versions[GW_RESOURCE_TYPE_COUNT]; /* of the last accepted response, if that was a state of the world; else NULL */
  char delivered_version[17];
  bool was_complete; /* … what was delivered */

  struct gw_refusals refusals;
  bool is_connected;
  uint64_t connected_us;
  uint64_t responses_total;
  struct gw_histogram decode_times;
  uint64_t refused_total;
  uint64_t disconnects_total;
  uint32_t fleet_size;
  struct gw_agent_calls agent_calls; /* NULLs: nobody answers */
  uint32_t agent_session;            /* the number of the one that is open */
};

static const char *target_of(const struct gw_xds_client *client) {
  return client->options.targets[client->target_index];
}

/* A message came (or the call has stood for so long that somebody must be there). */
static void be_connected(struct gw_xds_client *client) {
  gw_backoff_reset(&client->backoff);
  gw_timer_stop(&client->life);
  if (client->is_connected) return;
  client->is_connected = true;
  client->connected_us = gw_loop_now_us(client->options.loop);
  /* What this control plane still says wrong, it will say again. */
  gw_refusals_clear_all(&client->refusals);
  GW_LOG_INFO(client->options.log, "connected to the control plane at %s", target_of(client));
}

/* ---- requests ---- */

static void ask(struct gw_xds_client *client, enum gw_resource_type type, const char *refusal) {
  struct gw_ads_ask ask = {.type = type, .refusal = refusal, .version = gw_str_from(client->versions[type])};
  ask.names = gw_assembler_names(client->assembler, type, &ask.name_count);
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  bool tells_held = gw_ads_stream_is_delta(client->ads) && !gw_ads_stream_has_asked(client->ads, type);
  if (tells_held && type == GW_RESOURCE_API_KEY)
    ask.held_count = client->options.keys.held(client->options.keys.arg, &arena, &ask.held_names, &ask.held_versions);
  else if (tells_held)
    ask.held_count = gw_assembler_held(client->assembler, type, &arena, &ask.held_names, &ask.held_versions);
  gw_ads_stream_ask(client->ads, &ask);
  gw_arena_done(&arena);
}

/* By name is asked only for what is named; having asked before, also for nothing more. */
static void ask_by_name(struct gw_xds_client *client, enum gw_resource_type type) {
  uint32_t count;
  gw_assembler_names(client->assembler, type, &count);
  if (count > 0 || gw_ads_stream_has_asked(client->ads, type)) ask(client, type, NULL);
}

/* Once a listener needs them; a foreign server is never asked. */
static void ask_for_keys(struct gw_xds_client *client) {
  bool is_needed = client->options.keys.take != NULL && gw_assembler_needs_keys(client->assembler);
  if (is_needed && !gw_ads_stream_has_asked(client->ads, GW_RESOURCE_API_KEY)) ask(client, GW_RESOURCE_API_KEY, NULL);
}

static void ask_for_all(struct gw_xds_client *client) {
  ask(client, GW_RESOURCE_CLUSTER, NULL);
  ask_by_name(client, GW_RESOURCE_ENDPOINTS);
  ask_by_name(client, GW_RESOURCE_SECRET);
  ask(client, GW_RESOURCE_LISTENER, NULL);
  ask_by_name(client, GW_RESOURCE_ROUTE_CONFIG);
  ask_for_keys(client);
}

/* ---- responses ---- */

static void take_keys(struct gw_xds_client *client, const struct gw_discovery_response *response, struct gw_resource **resources) {
  bool is_delta = gw_ads_stream_is_delta(client->ads);
  struct gw_xds_key_changes changes = {.is_whole = !is_delta,
                                       .resources = resources,
                                       .versions = is_delta ? response->resource_versions : NULL,
                                       .count = response->resource_count,
                                       .removed = response->removed,
                                       .removed_count = is_delta ? response->removed_count : 0};
  client->options.keys.take(client->options.keys.arg, &changes);
  for (uint32_t i = 0; i < response->resource_count; i++)
    gw_resource_unref(resources[i]);
  gw_assembler_set_keys_known(client->assembler);
}

/* Takes in what is accepted: the changes, or the whole state. Returns the types whose names changed, as bits. */
static unsigned take_in(struct gw_xds_client *client, enum gw_resource_type type, const struct gw_discovery_response *response,
                        struct gw_resource **resources) {
  bool is_delta = gw_ads_stream_is_delta(client->ads);
  free(client->versions[type]);
  client->versions[type] = is_delta ? NULL : gw_str_dup(response->version_info);
  gw_loop_at_turn_end(client->options.loop, &client->assemble);
  if (type == GW_RESOURCE_API_KEY) {
    take_keys(client, response, resources);
    return 0;
  }
  return is_delta ? gw_assembler_accept_changes(client->assembler, type, response, resources)
                  : gw_assembler_accept(client->assembler, type, resources, response->resource_count);
}

/* `reason` NULL: the ACK. Of a refused state of the world nothing is taken in (`resources` is NULL); of changes what is good. */
static void answer(struct gw_xds_client *client, enum gw_resource_type type, const struct gw_discovery_response *response,
                   struct gw_resource **resources, const char *reason) {
  unsigned renamed = resources != NULL ? take_in(client, type, response, resources) : 0;
  ask(client, type, reason);
  for (unsigned other = 0; other < GW_RESOURCE_TYPE_COUNT; other++) {
    if ((renamed & 1u << other) != 0) ask_by_name(client, (enum gw_resource_type)other);
  }
  if (type == GW_RESOURCE_LISTENER) ask_for_keys(client);
  const char *short_type = gw_xds_type_short(type);
  if (reason != NULL) {
    client->refused_total++;
    GW_LOG_ERROR(client->options.log, "refused %s %.*s of the control plane at %s: %s", short_type, GW_STR_ARG(response->version_info),
                 target_of(client), reason);
  } else {
    GW_LOG_DEBUG(client->options.log, "accepted %s %.*s: %u resources, %u removed", short_type, GW_STR_ARG(response->version_info),
                 response->resource_count, response->removed_count);
  }
}

/* What this response says anew is not refused any more, unless it is again. */
static void clear_refusals(struct gw_xds_client *client, enum gw_resource_type type, const struct gw_discovery_response *response) {
  if (!gw_ads_stream_is_delta(client->ads)) {
    gw_refusals_clear(&client->refusals, type);
    return;
  }
  if (client->refusals.count == 0) return;
  for (uint32_t i = 0; i < response->resource_count; i++)
    gw_refusals_remove(&client->refusals, type, response->resource_names[i]);
  for (uint32_t i = 0; i < response->removed_count; i++)
    gw_refusals_remove(&client->refusals, type, response->removed[i]);
}

static void on_response(void *arg, enum gw_resource_type type, const struct gw_discovery_response *response) {
  struct gw_xds_client *client = arg;
  be_connected(client);
  client->responses_total++;
  bool was_refused = client->refusals.count > 0;
  clear_refusals(client, type, response);
  struct gw_response_check check = {.assembler = client->assembler,
                                    .held_max = type == GW_RESOURCE_API_KEY ? GW_RESPONSE_KEYS_MAX : GW_RESPONSE_RESOURCES_MAX,
                                    .held_bytes_max = MESSAGE_MAX,
                                    .on_check = client->options.on_check,
                                    .arg = client->options.arg};
  struct gw_resource **resources = NULL;
  struct gw_strbuf reason;
  gw_strbuf_init(&reason);
  uint64_t start_us = gw_clock_monotonic_us();
  enum gw_err err = gw_response_check(&check, type, response, &client->refusals, &reason, &resources);
  gw_histogram_add(&client->decode_times, gw_clock_monotonic_us() - start_us);
  answer(client, type, response, resources, err == GW_OK ? NULL : reason.data);
  free(resources);
  gw_strbuf_done(&reason);
  if (was_refused || client->refusals.count > 0) gw_agent_report_soon(client->agent);
}

static void on_stray(void *arg, struct gw_str type_url) {
  struct gw_xds_client *client = arg;
  be_connected(client);
  GW_LOG_WARNING(client->options.log, "the control plane at %s sent a type that was not asked for: %.*s", target_of(client),
                 GW_STR_ARG(type_url));
}

/* ---- assembling ---- */

/* What was refused was told when it was. */
static void log_missing(struct gw_xds_client *client, const struct gw_snapshot *snapshot) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  gw_consistency_check(snapshot, GW_CONSISTENCY_SERVED, &errors);
  if (errors.error_count > 0) {
    char *text = gw_errors_format_line(&errors);
    GW_LOG_WARNING(client->options.log, "going on without what the control plane did not send within %d s: %s",
                   GW_ASSEMBLER_BOUND_MS / 1000, text);
    free(text);
  }
  gw_errors_done(&errors);
}

static void assemble(void *arg) {
  struct gw_xds_client *client = arg;
  struct gw_snapshot *snapshot;
  bool is_complete;
  uint64_t now_us = gw_loop_now_us(client->options.loop);
  if (gw_assembler_assemble(client->assembler, now_us, &snapshot, &is_complete) != GW_OK) {
    uint64_t deadline_us = gw_assembler_deadline_us(client->assembler);
    if (deadline_us > now_us) gw_timer_start(client->options.loop, &client->bound, (deadline_us - now_us) / 1000 + 1);
    return;
  }
  gw_timer_stop(&client->bound);
  if (strcmp(snapshot->version, client->delivered_version) != 0 || is_complete != client->was_complete) {
    client->was_complete = is_complete;
    memcpy(client->delivered_version, snapshot->version, sizeof(client->delivered_version));
    if (!is_complete) log_missing(client, snapshot);
    client->options.on_snapshot(client->options.arg, snapshot, is_complete);
  }
  gw_snapshot_unref(snapshot);
}

static void on_bound(struct gw_timer *timer) {
  assemble(GW_CONTAINER_OF(timer, struct gw_xds_client, bound));
}

/* ---- the agent ---- */

static void on_call(void *arg, uint64_t call_id, struct gw_str method, struct gw_str request) {
  struct gw_xds_client *client = arg;
  const struct gw_agent_calls *calls = &client->agent_calls;
  if (calls->call != NULL) calls->call(calls->arg, (struct gw_agent_query){call_id, client->agent_session}, method, request);
}

static void open_agent(struct gw_xds_client *client);

static void on_fleet(void *arg, uint32_t size) {
  struct gw_xds_client *client = arg;
  be_connected(client);
  gw_backoff_reset(&client->agent_backoff);
  client->fleet_size = size;
}

static void on_agent_closed(void *arg, int code, struct gw_str reason) {
  struct gw_xds_client *client = arg;
  gw_agent_free(client->agent);
  client->agent = NULL;
  client->fleet_size = 0;
  uint64_t wait_ms = gw_backoff_next_ms(&client->agent_backoff, 1);
  if (code == GW_RPC_UNIMPLEMENTED) {
    be_connected(client);
    wait_ms = ABSENT_MS;
    client->agent_absent_until_us[client->target_index] = gw_loop_now_us(client->options.loop) + ABSENT_MS * 1000ull;
    GW_LOG_DEBUG(client->options.log, "the control plane at %s has no agent service", target_of(client));
  } else {
    GW_LOG_DEBUG(client->options.log, "agent session with %s closed: %s %.*s", target_of(client), gw_rpc_code_name(code),
                 GW_STR_ARG(reason));
  }
  gw_timer_start(client->options.loop, &client->agent_retry, wait_ms);
}

static void on_report(void *arg, struct gw_arena *arena, struct gw_agent_report *ret_report, uint64_t *ret_refused_total,
                      const struct gw_refusals **ret_refusals) {
  struct gw_xds_client *client = arg;
  if (client->agent_calls.report != NULL) client->agent_calls.report(client->agent_calls.arg, arena, ret_report);
  *ret_refused_total = client->refused_total;
  *ret_refusals = &client->refusals;
}

static void on_find_failures(void *arg, uint64_t query_id, struct gw_str request_id) {
  struct gw_xds_client *client = arg;
  const struct gw_agent_calls *calls = &client->agent_calls;
  if (calls->find_failures != NULL) calls->find_failures(calls->arg, (struct gw_agent_query){query_id, client->agent_session}, request_id);
}

static void open_agent(struct gw_xds_client *client) {
  static const struct gw_agent_events events = {on_fleet, on_agent_closed, on_report, on_find_failures, on_call};
  struct gw_agent_hello hello = {client->options.node_id, client->options.node_cluster, client->instance_id};
  client->agent_session++;
  client->agent = gw_agent_new(client->options.loop, client->channel, &hello, &events, client);
}

static void on_agent_retry(struct gw_timer *timer) {
  struct gw_xds_client *client = GW_CONTAINER_OF(timer, struct gw_xds_client, agent_retry);
  if (client->channel != NULL && client->agent == NULL) open_agent(client);
}

/* ---- connections ---- */

static void disconnect(struct gw_xds_client *client) {
  gw_timer_stop(&client->life);
  gw_timer_stop(&client->agent_retry);
  gw_agent_free(client->agent);
  client->agent = NULL;
  gw_ads_stream_free(client->ads);
  client->ads = NULL;
  gw_rpc_channel_free(client->channel);
  client->channel = NULL;
  client->is_connected = false;
  client->connected_us = 0;
  client->fleet_size = 0;
}

/* On to the next control plane, after a while. */
static void lose(struct gw_xds_client *client, const char *how, struct gw_str reason) {
  const char *target = target_of(client);
  bool was_connected = client->is_connected;
  disconnect(client);
  if (was_connected) client->disconnects_total++;
  client->target_index = (client->target_index + 1) % client->target_count;
  uint64_t wait_ms = gw_backoff_next_ms(&client->backoff, client->target_count);
  uint32_t failures = client->backoff.failures;
  bool is_worth_telling = was_connected || (failures & (failures - 1)) == 0; /* ever more rarely while nothing changes */
  gw_log_write(client->options.log, is_worth_telling ? GW_LOG_WARNING : GW_LOG_DEBUG,
               "the control plane at %s is away: %s%s%.*s; trying %s in %" PRIu64 " ms (try %u)", target, how, reason.len > 0 ? ": " : "",
               GW_STR_ARG(reason), target_of(client), wait_ms, failures);
  gw_timer_start(client->options.loop, &client->retry, wait_ms);
}

static void open_ads(struct gw_xds_client *client, bool is_delta);

/* Some servers have the method without what is behind it, and say so by an error that gRPC makes UNKNOWN. */
static bool lacks_delta(const struct gw_ads_stream *ads, int code) {
  if (!gw_ads_stream_is_delta(ads)) return false;
  return code == GW_RPC_UNIMPLEMENTED || (code == GW_RPC_UNKNOWN && !gw_ads_stream_was_answered(ads));
}

static void on_ads_closed(void *arg, int code, struct gw_str reason) {
  struct gw_xds_client *client = arg;
  if (lacks_delta(client->ads, code)) {
    client->delta_absent_until_us[client->target_index] = gw_loop_now_us(client->options.loop) + ABSENT_MS * 1000ull;
    GW_LOG_INFO(client->options.log, "the control plane at %s has no incremental xDS: it is asked for the state of the world",
                target_of(client));
    gw_ads_stream_free(client->ads);
    open_ads(client, false);
    return;
  }
  if (code != GW_RPC_UNAVAILABLE) {
    lose(client, gw_rpc_code_name(code), reason);
    return;
  }
  char *words = gw_rpc_explain_unavailable(reason, client->options.credentials != NULL, client->is_connected);
  lose(client, gw_rpc_code_name(code), gw_str_from(words));
  free(words);
}

static void on_life(struct gw_timer *timer) {
  struct gw_xds_client *client = GW_CONTAINER_OF(timer, struct gw_xds_client, life);
  if (client->agent != NULL) {
    lose(client, "no answer", (struct gw_str){0});
  } else {
    be_connected(client);
  }
}

static void open_ads(struct gw_xds_client *client, bool is_delta) {
  static const struct gw_ads_events events = {on_response, on_stray, on_ads_closed};
  struct gw_str node_id = gw_str_from(client->options.node_id), node_cluster = gw_str_from(client->options.node_cluster);
  client->ads = gw_ads_stream_new(client->channel, is_delta, node_id, node_cluster, client->instance_id, &events, client);
  gw_assembler_forget_refused(client->assembler);
  ask_for_all(client);
}

static void connect_target(struct gw_xds_client *client) {
  struct gw_rpc_channel_options options = {
      .target = gw_str_from(target_of(client)),
      .credentials = client->options.credentials,
      .max_message_bytes = MESSAGE_MAX,
      .keepalive_ms = KEEPALIVE_MS,
  };
  client->channel = gw_rpc_channel_new(client->options.rpc, &options);
  uint64_t now_us = gw_loop_now_us(client->options.loop);
  open_ads(client, now_us >= client->delta_absent_until_us[client->target_index]);
  bool has_agent = now_us >= client->agent_absent_until_us[client->target_index];
  if (has_agent) open_agent(client);
  gw_timer_start(client->options.loop, &client->life, has_agent ? LIFE_MS : SILENT_LIFE_MS);
}

static void on_retry(struct gw_timer *timer) {
  connect_target(GW_CONTAINER_OF(timer, struct gw_xds_client, retry));
}

/* ---- life ---- */

struct gw_xds_client *gw_xds_client_new(const struct gw_xds_client_options *options) {
  struct gw_xds_client *client = gw_calloc(1, sizeof(*client));
  client->options = *options;
  while (options->targets[client->target_count] != NULL)
    client->target_count++;
  GW_ASSERT(client->target_count > 0);
  client->agent_absent_until_us = gw_calloc(client->target_count, sizeof(*client->agent_absent_until_us));
  client->delta_absent_until_us = gw_calloc(client->target_count, sizeof(*client->delta_absent_until_us));
  client->assembler = gw_assembler_new();
  gw_refusals_init(&client->refusals);
  gw_backoff_init(&client->backoff, BACKOFF_BASE_MS, BACKOFF_CAP_MS, 0);
  gw_backoff_init(&client->agent_backoff, BACKOFF_BASE_MS, BACKOFF_CAP_MS, 0);
  gw_random_uuid(&client->backoff.random, client->instance_id);
  gw_timer_init(&client->retry, on_retry);
  gw_timer_init(&client->life, on_life);
  gw_timer_init(&client->agent_retry, on_agent_retry);
  gw_timer_init(&client->bound, on_bound);
  gw_task_init(&client->assemble, assemble, client);
  return client;
}

void gw_xds_client_free(struct gw_xds_client *client) {
  if (client == NULL) return;
  disconnect(client);
  gw_timer_stop(&client->retry);
  gw_timer_stop(&client->bound);
  gw_task_cancel(&client->assemble);
  gw_assembler_free(client->assembler);
  gw_refusals_done(&client->refusals);
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    free(client->versions[type]);
  free(client->agent_absent_until_us);
  free(client->delta_absent_until_us);
  free(client);
}

void gw_xds_client_start(struct gw_xds_client *client) {
  connect_target(client);
}

void gw_xds_client_seed(struct gw_xds_client *client, struct gw_snapshot *snapshot) {
  gw_assembler_seed(client->assembler, snapshot);
}

void gw_xds_client_get_status(const struct gw_xds_client *client, struct gw_xds_client_status *ret_status) {
  *ret_status = (struct gw_xds_client_status){
      .is_connected = client->is_connected,
      .target = target_of(client),
      .is_delta = client->ads != NULL && gw_ads_stream_is_delta(client->ads),
      .connected_us = client->connected_us,
      .responses_total = client->responses_total,
      .decode_times = &client->decode_times,
      .refused_total = client->refused_total,
      .disconnects_total = client->disconnects_total,
      .fleet_size = client->fleet_size,
  };
}

bool gw_xds_client_refusal(const struct gw_xds_client *client, uint32_t index, const char **ret_type_url, const char **ret_resource,
                           const char **ret_reason) {
  if (index >= client->refusals.count) return false;
  *ret_type_url = gw_xds_type_url(client->refusals.items[index].type);
  *ret_resource = client->refusals.items[index].resource;
  *ret_reason = client->refusals.items[index].reason;
  return true;
}

void gw_xds_client_set_agent_calls(struct gw_xds_client *client, const struct gw_agent_calls *calls) {
  client->agent_calls = *calls;
}

void gw_xds_client_tell_answer(struct gw_xds_client *client, struct gw_agent_query query, int code, const char *problem,
                               struct gw_str answer) {
  if (query.session == client->agent_session) gw_agent_tell_answer(client->agent, query.id, code, problem, answer);
}

void gw_xds_client_tell_failures(struct gw_xds_client *client, struct gw_agent_query query, const struct gw_failure_record *const *records,
                                 uint32_t count, uint32_t silent_workers) {
  if (query.session == client->agent_session) gw_agent_tell_failures(client->agent, query.id, records, count, silent_workers);
}

bool gw_xds_client_tell_key_uses(struct gw_xds_client *client, const struct gw_agent_key_use *uses, uint32_t count, uint32_t unknown) {
  return gw_agent_tell_key_uses(client->agent, uses, count, unknown);
}

void gw_xds_client_report_soon(struct gw_xds_client *client) {
  gw_agent_report_soon(client->agent);
}
