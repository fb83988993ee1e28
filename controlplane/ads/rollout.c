#include <string.h>

#include "common/base/mem.h"
#include "common/xds/codec.h"
#include "controlplane/ads/ads_stream.h"
#include "controlplane/ads/delta_subscription.h"

/* How long a node may take to answer before the rollout goes on without it, and to ask for what a new cluster or listener names.
 * Envoy gives up on a warming resource after 15 s. */
#define ANSWER_WAIT_MS 5000u
/* The same for a type that the node has never asked for: it may be about to, or never do. */
#define FIRST_ASK_WAIT_MS 500u

static struct gw_subscription *of_type(struct gw_ads_stream *stream, enum gw_resource_type type) {
  return &stream->subscriptions[type];
}

/* False once that time has come; else the stream will be looked at again then. */
static bool waits_until(struct gw_ads_stream *stream, uint64_t until_ms) {
  if (gw_loop_now_ms(stream->shared->loop) >= until_ms) return false;
  if (until_ms < stream->wake_ms) stream->wake_ms = until_ms;
  return true;
}

static bool waits_for_answer(struct gw_ads_stream *stream, const struct gw_subscription *subscription) {
  return subscription->is_pending && waits_until(stream, subscription->sent_ms + ANSWER_WAIT_MS);
}

/* What the client should have at this stage. One reference. */
static struct gw_resource_set *wanted_of(const struct gw_ads_stream *stream, struct gw_subscription *subscription) {
  struct gw_resource_set *selected = gw_name_set_select(subscription->names);
  /* A listener is closed, and a key revoked, at once. */
  bool is_needed = subscription->type != GW_RESOURCE_LISTENER && subscription->type != GW_RESOURCE_API_KEY;
  bool keeps_leaving = stream->stage != GW_ROLLOUT_REMOVE && is_needed;
  if (!keeps_leaving) return gw_resource_set_ref(selected);
  return gw_resource_set_with_leaving(selected, subscription->has, gw_name_set_filter(subscription->names));
}

/* The same, with what it has refused left as it was, where the protocol tells resources apart. */
static struct gw_resource_set *target_of(const struct gw_ads_stream *stream, struct gw_subscription *subscription) {
  struct gw_resource_set *wanted = wanted_of(stream, subscription);
  if (!subscription->is_delta) return wanted;
  struct gw_resource_set *target = gw_delta_subscription_without_refused(subscription, wanted);
  gw_resource_set_unref(wanted);
  return target;
}

/* Whether the next response of the type must wait. Who has never answered one is sent the whole state in another after a while; changes
 * build on each other, so they wait. */
static bool is_busy(struct gw_ads_stream *stream, const struct gw_subscription *subscription) {
  return subscription->is_delta ? subscription->is_pending : waits_for_answer(stream, subscription);
}

static bool is_type_on_turn(const struct gw_ads_stream *stream, enum gw_resource_type type) {
  bool comes_first = type < GW_RESOURCE_LISTENER || type == GW_RESOURCE_API_KEY;
  return comes_first || stream->stage != GW_ROLLOUT_ADD;
}

/* Content that this node refused before is not sent again; `status` shows why it does not have it. */
static bool recall_refusal(struct gw_ads_stream *stream, struct gw_subscription *subscription) {
  struct gw_resource_set *wanted = wanted_of(stream, subscription);
  const struct gw_refusal *refusal = gw_subscription_find_refusal(subscription, wanted);
  gw_resource_set_unref(wanted);
  struct gw_node_type_status *status = &stream->status.types[subscription->type];
  bool is_news = refusal != NULL && status->refused_version[0] == '\0';
  if (is_news) gw_node_type_status_set_refusal(status, refusal->version, gw_str_from(refusal->reason));
  return refusal != NULL;
}

static void adopt(struct gw_ads_stream *stream, struct gw_subscription *subscription, struct gw_resource_set *target) {
  gw_subscription_adopt(subscription, target);
  struct gw_node_type_status *status = &stream->status.types[subscription->type];
  memcpy(status->sent_version, gw_resource_set_version(target), sizeof status->sent_version);
  memcpy(status->accepted_version, gw_resource_set_version(target), sizeof status->accepted_version);
}

/* While keys are not known, because the store is away, whoever has some keeps them. */
static bool is_known(const struct gw_ads_stream *stream, enum gw_resource_type type) {
  return type != GW_RESOURCE_API_KEY || gw_snapshot_cache_current(stream->shared->cache)->knows_api_keys;
}

static bool send_if_wanted(struct gw_ads_stream *stream, struct gw_subscription *subscription) {
  if (!subscription->is_subscribed || !is_type_on_turn(stream, subscription->type) || !is_known(stream, subscription->type)) return false;
  struct gw_resource_set *target = target_of(stream, subscription);
  bool is_sent = false;
  if (gw_subscription_wants(subscription, target)) {
    is_sent = !is_busy(stream, subscription);
    if (is_sent) gw_ads_stream_answer(stream, subscription, target);
  } else {
    gw_delta_subscription_settle(subscription);
    bool is_refused = recall_refusal(stream, subscription);
    /* Refused changes are not in the target; a refused state of the world is the target. */
    bool has_it = !subscription->is_pending && (subscription->is_delta || !is_refused);
    if (has_it) adopt(stream, subscription, target);
  }
  gw_resource_set_unref(target);
  return is_sent;
}

/* Whether the node has asked for all that its clusters (listeners) name: an ACK says that they decoded, not that they are warm. */
static bool has_asked_on(struct gw_ads_stream *stream, enum gw_resource_type naming_type, enum gw_resource_type named_type) {
  struct gw_subscription *naming = of_type(stream, naming_type), *named = of_type(stream, named_type);
  if (!naming->is_subscribed || naming->accepted == NULL) return true;
  uint64_t since_ms = naming->answered_ms > stream->stage_since_ms ? naming->answered_ms : stream->stage_since_ms;
  if (named->is_subscribed) return gw_name_set_covers(named->names, naming->accepted) || !waits_until(stream, since_ms + ANSWER_WAIT_MS);
  if (stream->has_given_up[named_type] || (gw_resource_set_named_types(naming->accepted) & 1u << named_type) == 0) return true;
  if (waits_until(stream, since_ms + FIRST_ASK_WAIT_MS)) return false;
  stream->has_given_up[named_type] = true;
  return true;
}

static bool has_refused_target(struct gw_ads_stream *stream, enum gw_resource_type type) {
  struct gw_subscription *subscription = of_type(stream, type);
  if (!subscription->is_subscribed) return false;
  struct gw_resource_set *wanted = wanted_of(stream, subscription);
  bool is_refused = gw_subscription_find_refusal(subscription, wanted) != NULL;
  gw_resource_set_unref(wanted);
  return is_refused;
}

static bool is_stage_done(struct gw_ads_stream *stream) {
  switch (stream->stage) {
  case GW_ROLLOUT_ADD:
    return !waits_for_answer(stream, of_type(stream, GW_RESOURCE_SECRET)) &&
           !waits_for_answer(stream, of_type(stream, GW_RESOURCE_CLUSTER)) &&
           !waits_for_answer(stream, of_type(stream, GW_RESOURCE_ENDPOINTS)) &&
           has_asked_on(stream, GW_RESOURCE_CLUSTER, GW_RESOURCE_ENDPOINTS) &&
           has_asked_on(stream, GW_RESOURCE_CLUSTER, GW_RESOURCE_SECRET);
  case GW_ROLLOUT_SWITCH:
    if (waits_for_answer(stream, of_type(stream, GW_RESOURCE_SECRET)) || !has_asked_on(stream, GW_RESOURCE_LISTENER, GW_RESOURCE_SECRET))
      return false;
    /* A node that refused the new routes lives on with the old ones, and needs their clusters. */
    return !waits_for_answer(stream, of_type(stream, GW_RESOURCE_LISTENER)) &&
           !waits_for_answer(stream, of_type(stream, GW_RESOURCE_ROUTE_CONFIG)) &&
           has_asked_on(stream, GW_RESOURCE_LISTENER, GW_RESOURCE_ROUTE_CONFIG) && !has_refused_target(stream, GW_RESOURCE_LISTENER) &&
           !has_refused_target(stream, GW_RESOURCE_ROUTE_CONFIG);
  case GW_ROLLOUT_REMOVE: return false;
  }
  return false;
}

/* In the order of the enum: secrets, clusters, endpoints, listeners, routes; keys, which wait for nobody. */
static bool send_first_wanted(struct gw_ads_stream *stream) {
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    if (send_if_wanted(stream, of_type(stream, (enum gw_resource_type)type))) return true;
  return false;
}

/* Told once a stream; `status` shows it for as long as it is so. */
static void record_withheld(struct gw_ads_stream *stream) {
  const struct gw_subscription *secrets = of_type(stream, GW_RESOURCE_SECRET);
  stream->status.secrets_withheld = secrets->is_subscribed ? gw_name_set_withheld(secrets->names) : 0;
  if (stream->status.secrets_withheld == 0 || stream->has_told_withheld) return;
  stream->has_told_withheld = true;
  GW_LOG_WARNING(stream->shared->log, "%u secrets are withheld from node %s: %s", stream->status.secrets_withheld, stream->node->id,
                 GW_NODE_WITHHELD);
}

/* What `status` compares with. A node that has what is wanted has no refusal to show, whatever it refused before. */
static void record_wanted(struct gw_ads_stream *stream) {
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    struct gw_subscription *subscription = of_type(stream, (enum gw_resource_type)type);
    if (!subscription->is_subscribed || !is_known(stream, subscription->type)) continue;
    const char *version = gw_resource_set_version(gw_name_set_select(subscription->names));
    struct gw_node_type_status *status = &stream->status.types[type];
    memcpy(status->wanted_version, version, sizeof status->wanted_version);
    bool has_it = !subscription->is_pending && strcmp(status->accepted_version, version) == 0;
    if (has_it) gw_node_type_status_clear_refusal(status);
  }
}

static void advance(struct gw_ads_stream *stream) {
  gw_timer_stop(&stream->timer);
  for (;;) {
    /* A slow reader is sent nothing more until flow control took what is queued; then only the newest. */
    if (gw_rpc_stream_pending(stream->rpc) > 0) return;
    stream->wake_ms = UINT64_MAX;
    if (send_first_wanted(stream)) continue;
    if (!is_stage_done(stream)) break;
    stream->stage++;
    stream->stage_since_ms = gw_loop_now_ms(stream->shared->loop);
  }
  if (stream->wake_ms == UINT64_MAX) return;
  gw_timer_start(stream->shared->loop, &stream->timer, stream->wake_ms - gw_loop_now_ms(stream->shared->loop));
}

void gw_ads_stream_advance(struct gw_ads_stream *stream) {
  if (stream->node == NULL || stream->is_finished) return;
  if (gw_snapshot_cache_current(stream->shared->cache) != NULL) {
    record_withheld(stream);
    record_wanted(stream);
    advance(stream);
  }
  gw_node_refresh(stream->node);
  gw_node_table_tell(stream->shared->nodes, stream->node);
}
