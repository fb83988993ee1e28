#include "controlplane/ads/subscription.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "controlplane/ads/delta_subscription.h"

#define VERSION_LEN 16
#define REASON_MAX 2000

void gw_subscription_init(struct gw_subscription *subscription, enum gw_resource_type type, bool is_delta) {
  *subscription = (struct gw_subscription){.type = type, .is_delta = is_delta};
}

void gw_subscription_done(struct gw_subscription *subscription) {
  gw_name_set_unref(subscription->names);
  gw_resource_set_unref(subscription->has);
  gw_resource_set_unref(subscription->accepted);
  for (uint32_t i = 0; i < subscription->refusal_count; i++)
    free(subscription->refusals[i].reason);
  gw_delta_subscription_done(subscription);
}

void gw_subscription_set(struct gw_resource_set **slot, struct gw_resource_set *set) {
  gw_resource_set_ref(set);
  gw_resource_set_unref(*slot);
  *slot = set;
}

static bool asks_more(const struct gw_name_set *before, const struct gw_name_set *now) {
  if (before == NULL || before == now) return before == NULL;
  const struct gw_resource_filter *asked = gw_name_set_filter(before), *asks = gw_name_set_filter(now);
  for (uint32_t i = 0; i < asks->name_count; i++)
    if (!gw_resource_filter_takes(asked, asks->names[i])) return true;
  return asks->takes_all && !asked->takes_all;
}

/* Only listeners, clusters and API keys can be asked for as a whole: with "*", or by naming none from the start. Returns whether the client
 * asks for more than before. */
static bool set_names(struct gw_subscription *subscription, struct gw_name_sets *name_sets, const struct gw_discovery_request *request) {
  bool may_take_all = !gw_resource_type_is_named(subscription->type);
  bool names_any = request->resource_name_count > 0;
  if (!subscription->is_subscribed) subscription->takes_all_unnamed = may_take_all && !names_any;
  if (names_any) subscription->takes_all_unnamed = false;
  bool takes_all = subscription->takes_all_unnamed;

  struct gw_str *names = gw_malloc(((size_t)request->resource_name_count + 1) * sizeof *names);
  uint32_t count = 0;
  for (uint32_t i = 0; i < request->resource_name_count; i++) {
    bool is_star = may_take_all && gw_str_equal(request->resource_names[i], GW_STR("*"));
    takes_all = takes_all || is_star;
    if (!is_star) names[count++] = request->resource_names[i];
  }
  struct gw_name_set *set = gw_name_sets_get(name_sets, &(struct gw_names_wanted){.type = subscription->type,
                                                                                  .takes_all = takes_all,
                                                                                  .withholds = subscription->withholds,
                                                                                  .names = names,
                                                                                  .name_count = count});
  free(names);
  bool has_grown = asks_more(subscription->names, set);
  gw_name_set_unref(subscription->names);
  subscription->names = set;
  return has_grown;
}

char *gw_refusal_keep_reason(struct gw_str reason) {
  if (reason.len > REASON_MAX) reason.len = REASON_MAX;
  while (reason.len == REASON_MAX && reason.len > 0 && ((unsigned char)reason.data[reason.len - 1] & 0xc0u) == 0x80u)
    reason.len--;
  return gw_str_dup(reason);
}

static void add_refusal(struct gw_subscription *subscription, const char *version, struct gw_str reason) {
  if (subscription->refusal_count == GW_REFUSALS_KEPT) {
    free(subscription->refusals[0].reason);
    memmove(&subscription->refusals[0], &subscription->refusals[1], (GW_REFUSALS_KEPT - 1) * sizeof(struct gw_refusal));
    subscription->refusal_count--;
  }
  struct gw_refusal *refusal = &subscription->refusals[subscription->refusal_count++];
  memcpy(refusal->version, version, sizeof refusal->version);
  refusal->reason = gw_refusal_keep_reason(reason);
  subscription->newest_refusal = refusal;
}

/* The first request of a type on this stream. A client that comes back says which version it has. */
static void on_first(struct gw_subscription *subscription, const struct gw_discovery_request *request,
                     const struct gw_name_sets *name_sets) {
  if (request->version_info.len != VERSION_LEN) return;
  memcpy(subscription->presented, request->version_info.data, VERSION_LEN);
  /* If others still have that set, we know what is in it, and so what must not be taken away too early. */
  gw_subscription_set(&subscription->has, gw_name_sets_find_resources(name_sets, subscription->type, request->version_info));
  gw_subscription_set(&subscription->accepted, subscription->has);
  /* It may wait for endpoints of a cluster that warms, and no version tells. */
  subscription->must_answer = subscription->type == GW_RESOURCE_ENDPOINTS;
}

static enum gw_request_kind on_answer(struct gw_subscription *subscription, const struct gw_discovery_request *request, uint64_t now_ms) {
  subscription->is_pending = false;
  subscription->answered_ms = now_ms;
  if (!request->has_error) {
    gw_subscription_set(&subscription->accepted, subscription->has);
    return GW_REQUEST_ACK;
  }
  add_refusal(subscription, gw_resource_set_version(subscription->has), request->error_message);
  gw_subscription_set(&subscription->has, subscription->accepted);
  return GW_REQUEST_NACK;
}

enum gw_request_kind gw_subscription_on_request(struct gw_subscription *subscription, struct gw_name_sets *name_sets,
                                                const struct gw_discovery_request *request, uint64_t now_ms) {
  uint64_t nonce = 0;
  bool has_nonce = request->response_nonce.len > 0 && subscription->nonce > 0;
  bool is_stale = has_nonce && (gw_str_parse_u64(request->response_nonce, &nonce) != GW_OK || nonce != subscription->nonce);
  if (is_stale) return GW_REQUEST_STALE;

  bool is_first = !subscription->is_subscribed;
  bool has_grown = set_names(subscription, name_sets, request);
  subscription->is_subscribed = true;
  if (is_first) {
    on_first(subscription, request, name_sets);
    return GW_REQUEST_ASKS;
  }
  if (has_nonce && subscription->is_pending) {
    subscription->must_answer = has_grown; /* also to hear that something does not exist */
    return on_answer(subscription, request, now_ms);
  }
  if (!request->has_error) subscription->must_answer = true;
  return GW_REQUEST_ASKS;
}

const struct gw_refusal *gw_subscription_find_refusal(const struct gw_subscription *subscription, const struct gw_resource_set *target) {
  if (subscription->is_delta) return gw_delta_subscription_find_refusal(subscription, target);
  for (uint32_t i = 0; i < subscription->refusal_count; i++)
    if (memcmp(subscription->refusals[i].version, gw_resource_set_version(target), VERSION_LEN) == 0) return &subscription->refusals[i];
  return NULL;
}

bool gw_subscription_wants(const struct gw_subscription *subscription, const struct gw_resource_set *target) {
  if (subscription->is_delta) return gw_delta_subscription_wants(subscription, target);
  if (gw_subscription_find_refusal(subscription, target) != NULL) return false;
  if (subscription->must_answer) return true;
  const char *has = subscription->has != NULL ? gw_resource_set_version(subscription->has) : subscription->presented;
  return memcmp(has, gw_resource_set_version(target), VERSION_LEN) != 0;
}

void gw_subscription_on_sent(struct gw_subscription *subscription, struct gw_resource_set *target, uint64_t nonce, uint64_t now_ms) {
  if (subscription->is_delta) gw_delta_subscription_on_sent(subscription, target);
  gw_subscription_set(&subscription->has, target);
  subscription->nonce = nonce;
  subscription->is_pending = true;
  subscription->must_answer = false;
  subscription->sent_ms = now_ms;
}

void gw_subscription_adopt(struct gw_subscription *subscription, struct gw_resource_set *target) {
  gw_subscription_set(&subscription->has, target);
  gw_subscription_set(&subscription->accepted, target);
}
