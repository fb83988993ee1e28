/* Why: one resource type on one stream: what is asked for, what was sent, accepted and refused (state-of-the-world xDS).
 * Life: embedded in the stream (init/done).
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_ADS_SUBSCRIPTION_H
#define GW_CONTROLPLANE_ADS_SUBSCRIPTION_H

#include "common/xds/discovery.h"
#include "controlplane/ads/name_set.h"

#define GW_REFUSALS_KEPT 8
struct gw_refusal {
  char version[17];
  char *reason;
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
  uint64_t answered_ms;
  struct gw_refusal refusals[GW_REFUSALS_KEPT]; /* not to be sent again on this stream; the oldest goes first */
  uint32_t refusal_count;
};

void gw_subscription_init(struct gw_subscription *subscription, enum gw_resource_type type);
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
/* NULL: not refused. */
const struct gw_refusal *gw_subscription_find_refusal(const struct gw_subscription *subscription, const char *version);
void gw_subscription_on_sent(struct gw_subscription *subscription, struct gw_resource_set *target, uint64_t nonce, uint64_t now_ms);
/* The client has it already, as its version says. */
void gw_subscription_adopt(struct gw_subscription *subscription, struct gw_resource_set *target);

#endif
