/* Writes one response, in the stream's protocol. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/xds/codec.h"
#include "controlplane/ads/ads_stream.h"
#include "controlplane/ads/delta_subscription.h"

#define NONCE_SIZE 21

static int compare_names(const void *a, const void *b) {
  return gw_str_compare(*(const struct gw_str *)a, *(const struct gw_str *)b);
}

/* A cluster that is sent warms in Envoy until its endpoints come again, unasked, whatever of them it has. Our data planes go on with those.
 */
static void send_endpoints_again(struct gw_ads_stream *stream, const struct gw_resource_set *clusters,
                                 const struct gw_resource_set *before) {
  struct gw_subscription *endpoints = &stream->subscriptions[GW_RESOURCE_ENDPOINTS];
  if (!endpoints->is_subscribed) return;
  struct gw_str *names = gw_malloc(((size_t)gw_resource_set_list(clusters)->count + 1) * sizeof *names);
  uint32_t count = 0;
  for (struct gw_resource_step step = {0}; gw_resource_set_next_step(clusters, before, &step);) {
    enum gw_resource_type type;
    struct gw_str name;
    for (uint32_t cursor = 0; step.now != NULL && gw_resource_next_name(step.now, &cursor, &type, &name);)
      if (type == GW_RESOURCE_ENDPOINTS) names[count++] = name;
  }
  if (count > 0) qsort(names, count, sizeof *names, compare_names);
  gw_delta_subscription_forget(endpoints, names, count);
  free(names);
}

static struct gw_bytes *encode_changes_head(const struct gw_subscription *subscription, const struct gw_resource_set *target,
                                            const char *nonce, uint32_t *ret_absent_count) {
  struct gw_str *absent = gw_malloc(((size_t)subscription->asked_count + 1) * sizeof *absent);
  *ret_absent_count = gw_delta_subscription_absent(subscription, target, absent);
  struct gw_bytes *head =
      gw_delta_response_encode_head(gw_str_from(gw_resource_set_version(target)), gw_str_from(gw_xds_type_url(subscription->type)),
                                    gw_str_from(nonce), absent, *ret_absent_count);
  free(absent);
  return head;
}

void gw_ads_stream_answer(struct gw_ads_stream *stream, struct gw_subscription *subscription, struct gw_resource_set *target) {
  enum gw_resource_type type = subscription->type;
  uint64_t nonce = ++stream->last_nonce;
  char text[NONCE_SIZE];
  snprintf(text, sizeof text, "%" PRIu64, nonce);
  struct gw_bytes *parts[2];
  struct gw_xds_sent sent = {.responses = 1};
  if (stream->is_delta) {
    uint32_t absent_count;
    parts[0] = encode_changes_head(subscription, target, text, &absent_count);
    const struct gw_resource_changes *changes = gw_resource_set_encode_changes(target, subscription->has);
    parts[1] = changes->bytes;
    sent.resources = changes->changed_count;
    sent.removed = changes->removed_count + absent_count;
  } else {
    parts[0] = gw_discovery_response_encode_head(gw_str_from(gw_resource_set_version(target)), gw_str_from(gw_xds_type_url(type)),
                                                 gw_str_from(text));
    parts[1] = gw_resource_set_encode(target);
    sent.resources = gw_resource_set_list(target)->count;
  }
  sent.bytes = parts[0]->len + parts[1]->len;
  gw_rpc_stream_send(stream->rpc, parts, parts[1]->len > 0 ? 2 : 1);
  gw_bytes_unref(parts[0]);
  gw_node_table_add_sent(stream->shared->nodes, stream->node, stream->is_delta, type, &sent);
  memcpy(stream->status.types[type].sent_version, gw_resource_set_version(target), sizeof stream->status.types[0].sent_version);
  if (stream->is_delta && stream->warms && type == GW_RESOURCE_CLUSTER) send_endpoints_again(stream, target, subscription->has);
  gw_subscription_on_sent(subscription, target, nonce, gw_loop_now_ms(stream->shared->loop));
  subscription->sent_us = gw_loop_now_us(stream->shared->loop);
}
