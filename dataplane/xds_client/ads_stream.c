#include "dataplane/xds_client/ads_stream.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/xds/codec.h"

struct gw_ads_stream {
  struct gw_rpc_stream *call; /* NULL: closed */
  struct gw_ads_events events;
  void *arg;
  char *node_id;
  char *node_cluster;
  char *nonces[GW_RESOURCE_TYPE_COUNT]; /* of the last response; NULL: none yet */
  const char *broken;                   /* why we cancelled it, or NULL */
  bool has_told_node;
  bool is_abandoned; /* the owner is gone: only the call's end is waited for */
};

static void destroy(struct gw_ads_stream *stream) {
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    free(stream->nonces[type]);
  free(stream->node_id);
  free(stream->node_cluster);
  free(stream);
}

static void deliver(struct gw_ads_stream *stream, const struct gw_discovery_response *response) {
  enum gw_resource_type type;
  if (gw_xds_parse_type_url(response->type_url, &type) != GW_OK) {
    stream->events.on_stray(stream->arg, response->type_url);
    return;
  }
  free(stream->nonces[type]);
  stream->nonces[type] = gw_str_dup(response->nonce);
  stream->events.on_response(stream->arg, type, response);
}

static void on_message(void *state, struct gw_rpc_stream *call, struct gw_str message) {
  struct gw_ads_stream *stream = state;
  if (stream->is_abandoned || stream->broken != NULL) return;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  struct gw_discovery_response response;
  if (gw_discovery_response_decode(message, &arena, &response) == GW_OK) {
    deliver(stream, &response);
    for (uint32_t i = 0; i < response.resource_count; i++)
      gw_bytes_unref(response.resources[i]);
  } else {
    stream->broken = "it sent a response that is not a DiscoveryResponse";
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

struct gw_ads_stream *gw_ads_stream_new(struct gw_rpc_channel *channel, struct gw_str node_id, struct gw_str node_cluster,
                                        const struct gw_ads_events *events, void *arg) {
  struct gw_ads_stream *stream = gw_calloc(1, sizeof(*stream));
  stream->events = *events;
  stream->arg = arg;
  stream->node_id = gw_str_dup(node_id);
  stream->node_cluster = gw_str_dup(node_cluster);
  stream->call = gw_rpc_channel_open(channel, GW_XDS_ADS_METHOD, 0, false, NULL, 0, &rpc_events, stream);
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

void gw_ads_stream_ask(struct gw_ads_stream *stream, enum gw_resource_type type, struct gw_str version, const struct gw_str *names,
                       uint32_t name_count, const char *refusal) {
  if (stream->call == NULL) return;
  struct gw_discovery_request request = {
      .version_info = version,
      .resource_names = names,
      .resource_name_count = name_count,
      .type_url = gw_str_from(gw_xds_type_url(type)),
      .response_nonce = gw_str_from(stream->nonces[type]),
      .has_error = refusal != NULL,
  };
  if (refusal != NULL) {
    request.error_code = GW_RPC_INVALID_ARGUMENT;
    request.error_message = gw_str_from(refusal);
  }
  if (!stream->has_told_node) {
    stream->has_told_node = request.has_node = true;
    request.node = (struct gw_xds_node){
        .id = gw_str_from(stream->node_id),
        .cluster = gw_str_from(stream->node_cluster),
        .user_agent_name = GW_STR("gateway-dataplane"),
        .user_agent_version = GW_STR(GW_VERSION),
    };
  }
  struct gw_bytes *bytes = gw_discovery_request_encode(&request);
  gw_rpc_stream_send(stream->call, &bytes, 1);
  gw_bytes_unref(bytes);
}
