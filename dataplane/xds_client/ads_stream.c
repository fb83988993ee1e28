#include "dataplane/xds_client/ads_stream.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/xds/codec.h"

/* Of one type. */
struct asked {
  char *nonce;          /* of the last response; incremental: NULL once it was answered */
  struct gw_str *names; /* incremental: those subscribed to, sorted, own copies */
  uint32_t name_count;
  bool is_asked;
};

struct gw_ads_stream {
  struct gw_rpc_stream *call; /* NULL: closed */
  bool is_delta;
  struct gw_ads_events events;
  void *arg;
  char *node_id;
  char *node_cluster;
  char *instance_id;
  struct asked types[GW_RESOURCE_TYPE_COUNT];
  const char *broken; /* why we cancelled it, or NULL */
  bool has_told_node;
  bool was_answered;
  bool is_abandoned; /* the owner is gone: only the call's end is waited for */
};

static void forget_names(struct asked *asked) {
  for (uint32_t i = 0; i < asked->name_count; i++)
    free((void *)(uintptr_t)asked->names[i].data);
  free(asked->names);
}

static void destroy(struct gw_ads_stream *stream) {
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    free(stream->types[type].nonce);
    forget_names(&stream->types[type]);
  }
  free(stream->node_id);
  free(stream->node_cluster);
  free(stream->instance_id);
  free(stream);
}

static void deliver(struct gw_ads_stream *stream, const struct gw_discovery_response *response) {
  enum gw_resource_type type;
  if (gw_xds_parse_type_url(response->type_url, &type) != GW_OK) {
    stream->events.on_stray(stream->arg, response->type_url);
    return;
  }
  free(stream->types[type].nonce);
  stream->types[type].nonce = gw_str_dup(response->nonce);
  stream->events.on_response(stream->arg, type, response);
}

static void on_message(void *state, struct gw_rpc_stream *call, struct gw_str message) {
  struct gw_ads_stream *stream = state;
  if (stream->is_abandoned || stream->broken != NULL) return;
  stream->was_answered = true;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  struct gw_discovery_response response;
  enum gw_err err =
      stream->is_delta ? gw_delta_response_decode(message, &arena, &response) : gw_discovery_response_decode(message, &arena, &response);
  if (err == GW_OK) {
    deliver(stream, &response);
    for (uint32_t i = 0; i < response.resource_count; i++)
      gw_bytes_unref(response.resources[i]);
  } else {
    stream->broken = "it sent a response that is none";
    gw_rpc_stream_cancel(call);
  }
  gw_arena_done(&arena);
}

static void on_closed(void *state, struct gw_rpc_stream *call, int code, struct gw_str reason) {
  (void)call;
  struct gw_ads_stream *stream = state;
  stream->call = NULL;
  if (stream->is_abandoned) {
    destroy(stream);
    return;
  }
  if (stream->broken != NULL) {
    code = GW_RPC_INTERNAL;
    reason = gw_str_from(stream->broken);
  }
  stream->events.on_closed(stream->arg, code, reason);
}

static const struct gw_rpc_events rpc_events = {.on_message = on_message, .on_closed = on_closed};

struct gw_ads_stream *gw_ads_stream_new(struct gw_rpc_channel *channel, bool is_delta, struct gw_str node_id, struct gw_str node_cluster,
                                        const char *instance_id, const struct gw_ads_events *events, void *arg) {
  struct gw_ads_stream *stream = gw_calloc(1, sizeof(*stream));
  stream->is_delta = is_delta;
  stream->events = *events;
  stream->arg = arg;
  stream->node_id = gw_str_dup(node_id);
  stream->node_cluster = gw_str_dup(node_cluster);
  stream->instance_id = gw_strdup(instance_id);
  stream->call = gw_rpc_channel_open(channel, is_delta ? GW_XDS_DELTA_METHOD : GW_XDS_ADS_METHOD, 0, false, NULL, 0, &rpc_events, stream);
  return stream;
}

void gw_ads_stream_free(struct gw_ads_stream *stream) {
  if (stream == NULL) return;
  if (stream->call == NULL) {
    destroy(stream);
    return;
  }
  stream->is_abandoned = true;
  gw_rpc_stream_cancel(stream->call);
}

bool gw_ads_stream_is_delta(const struct gw_ads_stream *stream) {
  return stream->is_delta;
}

bool gw_ads_stream_was_answered(const struct gw_ads_stream *stream) {
  return stream->was_answered;
}

bool gw_ads_stream_has_asked(const struct gw_ads_stream *stream, enum gw_resource_type type) {
  return stream->types[type].is_asked;
}

/* A stream's first request alone says who asks. */
static bool tell_node(struct gw_ads_stream *stream, struct gw_xds_node *ret_node) {
  if (stream->has_told_node) return false;
  stream->has_told_node = true;
  *ret_node = (struct gw_xds_node){
      .id = gw_str_from(stream->node_id),
      .cluster = gw_str_from(stream->node_cluster),
      .user_agent_name = GW_STR("gateway-dataplane"),
      .user_agent_version = GW_STR(GW_VERSION),
      .instance_id = gw_str_from(stream->instance_id),
  };
  return true;
}

static void send(struct gw_ads_stream *stream, struct gw_bytes *bytes) {
  gw_rpc_stream_send(stream->call, &bytes, 1);
  gw_bytes_unref(bytes);
}

static void ask_for_state(struct gw_ads_stream *stream, const struct gw_ads_ask *ask) {
  struct gw_discovery_request request = {
      .version_info = ask->version,
      .resource_names = ask->names,
      .resource_name_count = ask->name_count,
      .type_url = gw_str_from(gw_xds_type_url(ask->type)),
      .response_nonce = gw_str_from(stream->types[ask->type].nonce),
      .has_error = ask->refusal != NULL,
      .error_code = ask->refusal != NULL ? GW_RPC_INVALID_ARGUMENT : 0,
      .error_message = gw_str_from(ask->refusal),
  };
  request.has_node = tell_node(stream, &request.node);
  send(stream, gw_discovery_request_encode(&request));
}

/* Of two sorted lists what only the first has. */
static uint32_t subtract(const struct gw_str *list, uint32_t count, const struct gw_str *other, uint32_t other_count,
                         struct gw_str *ret_rest) {
  uint32_t rest = 0;
  for (uint32_t i = 0, j = 0; i < count; i++) {
    while (j < other_count && gw_str_compare(other[j], list[i]) < 0)
      j++;
    bool has_it = j < other_count && gw_str_equal(other[j], list[i]);
    if (!has_it) ret_rest[rest++] = list[i];
  }
  return rest;
}

static void remember_names(struct asked *asked, const struct gw_ads_ask *ask) {
  struct gw_str *names = gw_malloc(((size_t)ask->name_count + 1) * sizeof *names);
  for (uint32_t i = 0; i < ask->name_count; i++)
    names[i] = (struct gw_str){gw_str_dup(ask->names[i]), ask->names[i].len};
  forget_names(asked);
  asked->names = names;
  asked->name_count = ask->name_count;
}

static void ask_for_changes(struct gw_ads_stream *stream, const struct gw_ads_ask *ask) {
  struct asked *asked = &stream->types[ask->type];
  struct gw_str *more = gw_malloc(((size_t)ask->name_count + asked->name_count + 1) * sizeof *more);
  struct gw_str *fewer = more + ask->name_count;
  struct gw_delta_request request = {
      .type_url = gw_str_from(gw_xds_type_url(ask->type)),
      .subscribe = more,
      .subscribe_count = subtract(ask->names, ask->name_count, asked->names, asked->name_count, more),
      .unsubscribe = fewer,
      .unsubscribe_count = subtract(asked->names, asked->name_count, ask->names, ask->name_count, fewer),
      .held_names = ask->held_names,
      .held_versions = ask->held_versions,
      .held_count = asked->is_asked ? 0 : ask->held_count,
      .response_nonce = gw_str_from(asked->nonce),
      .has_error = ask->refusal != NULL,
      .error_code = ask->refusal != NULL ? GW_RPC_INVALID_ARGUMENT : 0,
      .error_message = gw_str_from(ask->refusal),
  };
  bool is_change = request.subscribe_count > 0 || request.unsubscribe_count > 0;
  bool says_something = is_change || !asked->is_asked || asked->nonce != NULL;
  if (says_something) {
    request.has_node = tell_node(stream, &request.node);
    send(stream, gw_delta_request_encode(&request));
  }
  if (is_change) remember_names(asked, ask);
  free(asked->nonce);
  asked->nonce = NULL;
  free(more);
}

void gw_ads_stream_ask(struct gw_ads_stream *stream, const struct gw_ads_ask *ask) {
  if (stream->call == NULL) return;
  if (stream->is_delta)
    ask_for_changes(stream, ask);
  else
    ask_for_state(stream, ask);
  stream->types[ask->type].is_asked = true;
}
