#include "controlplane/ads/ads_stream.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/xds/codec.h"
#include "controlplane/ads/delta_subscription.h"
#include "controlplane/snapshot/node_permission.h"

/* In one request. A state-of-the-world client names all that it wants in each: one for each service. */
#define NAMES_MAX 100000u
/* What a returning client may say that it has of a type, in the same request. */
#define HELD_MAX 1000000u
#define NODE_ID_MAX 256u
#define LOGGED_REASON_MAX 500u
/* Streams are a bounded number: who takes one says soon who it is. */
#define FIRST_REQUEST_MS 10000u

static void on_wait_over(struct gw_timer *timer);

struct gw_ads_stream *gw_ads_stream_new(const struct gw_ads_shared *shared, struct gw_rpc_stream *rpc, bool is_delta) {
  struct gw_ads_stream *stream = gw_calloc(1, sizeof *stream);
  stream->shared = shared;
  stream->rpc = rpc;
  stream->is_delta = stream->status.is_delta = is_delta;
  stream->stage_since_ms = gw_loop_now_ms(shared->loop);
  gw_timer_init(&stream->timer, on_wait_over);
  gw_timer_start(shared->loop, &stream->timer, FIRST_REQUEST_MS);
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    gw_subscription_init(&stream->subscriptions[type], (enum gw_resource_type)type, is_delta);
  return stream;
}

void gw_ads_stream_free(struct gw_ads_stream *stream) {
  gw_timer_stop(&stream->timer);
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    gw_subscription_done(&stream->subscriptions[type]);
  if (stream->node != NULL) {
    GW_LOG_INFO(stream->shared->log, "node %s has closed its xDS stream", stream->node->id);
    gw_node_table_close_stream(stream->shared->nodes, stream->node, &stream->status);
  }
  free(stream);
}

static void end(struct gw_ads_stream *stream, enum gw_rpc_code code, const char *reason) {
  stream->is_finished = true;
  gw_timer_stop(&stream->timer);
  gw_rpc_stream_finish(stream->rpc, (int)code, reason);
}

static void refuse(struct gw_ads_stream *stream, enum gw_rpc_code code, const char *reason) {
  GW_LOG_WARNING(stream->shared->log, "xDS stream of node %s from %.*s ended: %s", stream->node != NULL ? stream->node->id : "(unknown)",
                 GW_STR_ARG(gw_rpc_stream_peer(stream->rpc)), reason);
  end(stream, code, reason);
}

static void on_wait_over(struct gw_timer *timer) {
  struct gw_ads_stream *stream = GW_CONTAINER_OF(timer, struct gw_ads_stream, timer);
  if (stream->node == NULL)
    end(stream, GW_RPC_DEADLINE_EXCEEDED, "the first request of a stream is wanted within 10 s");
  else
    gw_ads_stream_advance(stream);
}

/* Whether the client may be the node that it says it is. */
static bool admit(struct gw_ads_stream *stream, const struct gw_xds_node *node) {
  char *reason = NULL;
  if (gw_node_permission_check(stream->rpc, node->id, node->cluster, &stream->may_have_secrets, &reason) == GW_OK) return true;
  const struct gw_ads_shared *shared = stream->shared;
  struct gw_str peer = gw_rpc_stream_peer(stream->rpc);
  bool is_worth_telling = gw_node_denials_add(&shared->nodes->denials, node->id, node->cluster, peer, reason, gw_loop_now_us(shared->loop));
  gw_log_write(shared->log, is_worth_telling ? GW_LOG_WARNING : GW_LOG_DEBUG, "xDS stream from %.*s denied: %s", GW_STR_ARG(peer), reason);
  end(stream, GW_RPC_PERMISSION_DENIED, reason);
  free(reason);
  return false;
}

/* `node` NULL: the request names none. */
static bool learn_node(struct gw_ads_stream *stream, const struct gw_xds_node *node) {
  if (node == NULL || node->id.len == 0) {
    refuse(stream, GW_RPC_INVALID_ARGUMENT, "the first request of a stream must name its node: node.id is missing");
    return false;
  }
  if (node->id.len > NODE_ID_MAX || node->cluster.len > NODE_ID_MAX || node->instance_id.len > NODE_ID_MAX) {
    refuse(stream, GW_RPC_INVALID_ARGUMENT, "node.id and node.cluster may have 256 bytes each");
    return false;
  }
  if (!admit(stream, node)) return false;
  const struct gw_ads_shared *shared = stream->shared;
  struct gw_node *entry = gw_node_table_open_stream(shared->nodes, node->id, node->cluster, node->instance_id,
                                                    gw_rpc_stream_peer(stream->rpc), gw_loop_now_us(shared->loop), &stream->status);
  stream->node = entry;
  stream->warms = !gw_str_equal(node->user_agent_name, GW_STR("gateway-dataplane"));
  gw_ads_stream_join(stream, node->cluster, stream->warms);
  gw_node_set_text(&entry->kind, node->user_agent_name);
  if (node->user_agent_version.len > 0) gw_node_set_text(&entry->version, node->user_agent_version);
  GW_LOG_INFO(shared->log, "node %s (%s) has opened an xDS stream (%s) from %s", entry->id, entry->kind,
              stream->is_delta ? "incremental" : "state of the world", entry->peer);
  if (stream->warms) gw_node_set_text(&entry->troubles, gw_ads_stream_foreign_words(stream));
  const struct gw_node *namesake = gw_node_table_find_namesake(shared->nodes, entry);
  if (namesake != NULL)
    GW_LOG_WARNING(shared->log, "two nodes call themselves %s (from %s and %s): give each its own --node-id", entry->id, namesake->peer,
                   entry->peer);
  if (entry->has_twin)
    GW_LOG_WARNING(shared->log,
                   "%u xDS streams from different peers use the node id %s (the newest from %s): give each data plane its own --node-id",
                   entry->xds_streams, entry->id, entry->peer);
  return true;
}

static void record_refusal(struct gw_ads_stream *stream, const struct gw_subscription *subscription) {
  const struct gw_refusal *refusal = subscription->newest_refusal;
  struct gw_str reason = gw_str_from(refusal->reason);
  gw_node_type_status_set_refusal(&stream->status.types[subscription->type], refusal->version, reason);
  gw_node_table_add_refusal(stream->shared->nodes, stream->node, subscription->type, refusal->version, reason);
  if (reason.len > LOGGED_REASON_MAX) reason.len = LOGGED_REASON_MAX;
  GW_LOG_WARNING(stream->shared->log, "node %s refuses %s %s: %.*s", stream->node->id, gw_xds_type_short(subscription->type),
                 refusal->version, GW_STR_ARG(reason));
}

static void record_acceptance(struct gw_ads_stream *stream, const struct gw_subscription *subscription) {
  struct gw_node_type_status *status = &stream->status.types[subscription->type];
  memcpy(status->accepted_version, gw_resource_set_version(subscription->accepted), sizeof status->accepted_version);
  gw_node_type_status_clear_refusal(status);
}

/* What both protocols' requests begin with. NULL: nothing more is to be done with it. */
static struct gw_subscription *begin(struct gw_ads_stream *stream, const struct gw_xds_node *node, struct gw_str type_url,
                                     uint32_t most_names) {
  if (stream->node == NULL && !learn_node(stream, node)) return NULL;
  enum gw_resource_type type;
  if (gw_xds_parse_type_url(type_url, &type) != GW_OK) {
    if (!stream->has_told_unknown_type)
      GW_LOG_INFO(stream->shared->log, "node %s asks for %.*s, which is not served here", stream->node->id,
                  (int)(type_url.len < 200 ? type_url.len : 200), type_url.data);
    stream->has_told_unknown_type = true;
    return NULL;
  }
  if (most_names > NAMES_MAX) {
    refuse(stream, GW_RPC_INVALID_ARGUMENT, "a request may have 100000 resource names");
    return NULL;
  }
  struct gw_subscription *subscription = &stream->subscriptions[type];
  subscription->withholds = !stream->may_have_secrets;
  subscription->warms = stream->warms;
  stream->status.types[type].is_subscribed = true;
  return subscription;
}

static void end_request(struct gw_ads_stream *stream, const struct gw_subscription *subscription, enum gw_request_kind kind) {
  if (kind == GW_REQUEST_ACK || kind == GW_REQUEST_NACK)
    gw_histogram_add(&stream->shared->nodes->answer_times[subscription->type],
                     gw_loop_now_us(stream->shared->loop) - subscription->sent_us);
  switch (kind) {
  case GW_REQUEST_STALE: return;
  case GW_REQUEST_ASKS: break;
  case GW_REQUEST_ACK: record_acceptance(stream, subscription); break;
  case GW_REQUEST_NACK: record_refusal(stream, subscription); break;
  }
  gw_ads_stream_advance(stream);
}

static enum gw_err on_request(struct gw_ads_stream *stream, struct gw_str message, struct gw_arena *arena) {
  struct gw_discovery_request request;
  if (gw_discovery_request_decode(message, arena, &request) != GW_OK) return GW_ERR_INVALID;
  const struct gw_xds_node *node = request.has_node ? &request.node : NULL;
  struct gw_subscription *subscription = begin(stream, node, request.type_url, request.resource_name_count);
  if (subscription == NULL) return GW_OK;
  uint64_t now_ms = gw_loop_now_ms(stream->shared->loop);
  end_request(stream, subscription, gw_subscription_on_request(subscription, stream->shared->name_sets, &request, now_ms));
  return GW_OK;
}

static enum gw_err on_delta_request(struct gw_ads_stream *stream, struct gw_str message, struct gw_arena *arena) {
  struct gw_delta_request request;
  if (gw_delta_request_decode(message, arena, &request) != GW_OK) return GW_ERR_INVALID;
  const struct gw_xds_node *node = request.has_node ? &request.node : NULL;
  uint32_t most_names = request.subscribe_count > request.unsubscribe_count ? request.subscribe_count : request.unsubscribe_count;
  if (request.held_count > HELD_MAX) most_names = request.held_count;
  struct gw_subscription *subscription = begin(stream, node, request.type_url, most_names);
  if (subscription == NULL) return GW_OK;
  uint64_t now_ms = gw_loop_now_ms(stream->shared->loop);
  enum gw_request_kind kind = gw_delta_subscription_on_request(subscription, stream->shared->name_sets, &request, now_ms);
  bool changes_names = request.subscribe_count > 0 || request.unsubscribe_count > 0;
  if (changes_names && gw_delta_subscription_is_too_big(subscription))
    refuse(stream, GW_RPC_INVALID_ARGUMENT, "a stream may ask for 100000 resource names of a type, of 16 MiB in all");
  else
    end_request(stream, subscription, kind);
  return GW_OK;
}

void gw_ads_stream_on_request(struct gw_ads_stream *stream, struct gw_str message) {
  if (stream->is_finished) return;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  enum gw_err err = stream->is_delta ? on_delta_request(stream, message, &arena) : on_request(stream, message, &arena);
  if (err != GW_OK)
    refuse(stream, GW_RPC_INVALID_ARGUMENT,
           stream->is_delta ? "the message is not a DeltaDiscoveryRequest" : "the message is not a DiscoveryRequest");
  gw_arena_done(&arena);
}

void gw_ads_stream_on_snapshot(struct gw_ads_stream *stream) {
  if (gw_snapshot_cache_is_keys_alone(stream->shared->cache)) {
    gw_ads_stream_advance(stream); /* whatever the rollout of a configuration is waiting for */
    return;
  }
  if (stream->node != NULL && stream->warms) gw_node_set_text(&stream->node->troubles, gw_ads_stream_foreign_words(stream));
  if (stream->stage != GW_ROLLOUT_ADD) stream->stage_since_ms = gw_loop_now_ms(stream->shared->loop);
  stream->stage = GW_ROLLOUT_ADD;
  gw_ads_stream_advance(stream);
}
