/* Why: one resource type on one stream: what is asked for, what was sent, accepted and refused, in both protocols. What is special of
 * incremental xDS is in delta_subscription.h.
 * Life: embedded in the stream (init/done).
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_ADS_SUBSCRIPTION_H
#define GW_CONTROLPLANE_ADS_SUBSCRIPTION_H

#include "common/base/map.h"
#include "common/xds/discovery.h"
#include "controlplane/ads/name_set.h"

#define GW_REFUSALS_KEPT 8
struct gw_refusal {
  char version[17]; /* of the set; in incremental xDS of the resource */
  char *reason;
  bool is_named; /* incremental: the reason names the resource; else it is one of several that were refused together */
};

struct gw_subscription {
  enum gw_resource_type type;
  bool is_subscribed;     /* a request has come */
  bool withholds;         /* confidential secrets: set by the stream, before each request */
  bool takes_all_unnamed; /* its first request had no names: all, as long as it names none */
  struct gw_name_set *names;
  char presented[17];          /* the version that a returning client says it has; "" when it has none */
  struct gw_resource_set *has; /* what the client has or is getting: last sent, or accepted once that was refused; NULL: unknown */
  struct gw_resource_set *accepted;
  uint64_t nonce;   /* of the last response; 0: none yet */
  bool is_pending;  /* … which is not answered yet */
  bool must_answer; /* the client waits for a response, be it the same again */
  uint64_t sent_ms;
  uint64_t sent_us; /* the same; set by the stream */
  uint64_t answered_ms;
  struct gw_refusal refusals[GW_REFUSALS_KEPT]; /* not to be sent again on this stream; the oldest goes first */
  uint32_t refusal_count;
  const struct gw_refusal *newest_refusal; /* valid right after a NACK */

  bool is_delta;
  bool warms; /* incremental: a client that comes back may wait for endpoints of clusters that it has (set by the stream, as `withholds`) */
  struct gw_str *asked; /* incremental: names asked for since the last response, sorted: those that do not exist are told */
  uint32_t asked_count;
  struct gw_resource_set *sent_from; /* incremental: the response that is pending brings from this (NULL: nothing) … */
  struct gw_resource_set *sent_to;   /* … to this */
  struct gw_map *refused;            /* incremental: name and version → struct gw_refusal; NULL: none */
};

void gw_subscription_init(struct gw_subscription *subscription, enum gw_resource_type type, bool is_delta);
void gw_subscription_done(struct gw_subscription *subscription);

enum gw_request_kind {
  GW_REQUEST_STALE, /* answers an older response: nothing was changed */
  GW_REQUEST_ASKS,  /* the first of its type, or again with nothing pending */
  GW_REQUEST_ACK,
  GW_REQUEST_NACK,
};
/* Takes over what the request says, and says what it was. */
enum gw_request_kind gw_subscription_on_request(struct gw_subscription *subscription, struct gw_name_sets *name_sets,
                                                const struct gw_discovery_request *request, uint64_t now_ms);
/* Whether `target` is to be sent: the client lacks it or asks for an answer, and has not refused it. */
bool gw_subscription_wants(const struct gw_subscription *subscription, const struct gw_resource_set *target);
/* Of `target`, or of one of its resources. NULL: none. */
const struct gw_refusal *gw_subscription_find_refusal(const struct gw_subscription *subscription, const struct gw_resource_set *target);
void gw_subscription_on_sent(struct gw_subscription *subscription, struct gw_resource_set *target, uint64_t nonce, uint64_t now_ms);
/* For delta_subscription.c: keeps a reference on the new one. */
void gw_subscription_set(struct gw_resource_set **slot, struct gw_resource_set *set);
/* A reason as it is kept: at most 2,000 bytes. The caller frees it. */
char *gw_refusal_keep_reason(struct gw_str reason);
/* The client has it already, as its versions say. */
void gw_subscription_adopt(struct gw_subscription *subscription, struct gw_resource_set *target);

#endif
