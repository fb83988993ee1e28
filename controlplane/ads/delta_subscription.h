/* Why: what of a subscription is special to incremental xDS: names that come and go one by one, what a returning client says it has,
 * refusals by resource.
 * Life: that of the subscription.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_ADS_DELTA_SUBSCRIPTION_H
#define GW_CONTROLPLANE_ADS_DELTA_SUBSCRIPTION_H

#include "controlplane/ads/subscription.h"

/* What a stream may ask for of a type, over all of its requests: as much as one request of a state of the world could. */
#define GW_DELTA_NAMES_MAX 100000u
#define GW_DELTA_NAME_BYTES_MAX ((size_t)16 * 1024 * 1024)

/* Takes over what the request says, and says what it was. What it changes of the names counts whatever its nonce. */
enum gw_request_kind gw_delta_subscription_on_request(struct gw_subscription *subscription, struct gw_name_sets *name_sets,
                                                      const struct gw_delta_request *request, uint64_t now_ms);
/* Beyond these bounds: the stream is to be ended. Look after a request that changes names. */
bool gw_delta_subscription_is_too_big(const struct gw_subscription *subscription);
/* `set` with what this client has refused left as it was: as it last accepted it, or away. One reference. */
struct gw_resource_set *gw_delta_subscription_without_refused(const struct gw_subscription *subscription, struct gw_resource_set *set);
/* Of those asked for since the last response the ones that neither `target` has nor the client: they do not exist. Into `ret_names`, which
 * has room for asked_count. */
uint32_t gw_delta_subscription_absent(const struct gw_subscription *subscription, const struct gw_resource_set *target,
                                      struct gw_str *ret_names);
/* These (sorted) are to be sent again, though the client has them. */
void gw_delta_subscription_forget(struct gw_subscription *subscription, const struct gw_str *names, uint32_t count);

/* What subscription.h does, for this protocol. */
void gw_delta_subscription_done(struct gw_subscription *subscription);
const struct gw_refusal *gw_delta_subscription_find_refusal(const struct gw_subscription *subscription,
                                                            const struct gw_resource_set *target);
bool gw_delta_subscription_wants(const struct gw_subscription *subscription, const struct gw_resource_set *target);
void gw_delta_subscription_on_sent(struct gw_subscription *subscription, struct gw_resource_set *target);
void gw_delta_subscription_settle(struct gw_subscription *subscription);

#endif
