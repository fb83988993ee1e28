/* Why: one ADS stream: reads requests, and brings the node from what it has to the current snapshot in an order that breaks nothing.
 * Life: gw_ads_stream_new at the call's start … gw_ads_stream_free when it is closed.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_ADS_ADS_STREAM_H
#define GW_CONTROLPLANE_ADS_ADS_STREAM_H

#include "common/event/timer.h"
#include "common/observe/log.h"
#include "common/rpc/server.h"
#include "controlplane/ads/subscription.h"
#include "controlplane/snapshot/node_table.h"

struct gw_ads_server;
struct gw_ads_stream;

/* What streams of a server share whose nodes get the same: of the same cluster, and all or none of them data planes of ours. */
struct gw_ads_shared {
  struct gw_loop *loop;
  struct gw_snapshot_cache *cache;
  struct gw_node_table *nodes;
  struct gw_log *log;
  struct gw_name_sets *name_sets;
  struct gw_ads_server *server;
};
/* Moves a stream from what it has shared so far to what nodes of that cluster do; strangers, which are no data planes of ours, get another
 * snapshot (snapshot/foreign.h), which is made from now on (ads_share.c). */
void gw_ads_stream_join(struct gw_ads_stream *stream, struct gw_str cluster, bool is_stranger);
/* Why routes are closed to the strangers among nodes of its cluster; empty: none are. */
struct gw_str gw_ads_stream_foreign_words(const struct gw_ads_stream *stream);

/* Make before break. Secrets, clusters and endpoints come first, beside those that leave; listeners and routes follow once those are in
 * place; what has left is taken away when no route names it any more. */
enum gw_rollout_stage { GW_ROLLOUT_ADD, GW_ROLLOUT_SWITCH, GW_ROLLOUT_REMOVE };

struct gw_ads_stream {
  struct gw_list link; /* among those that share this */
  const struct gw_ads_shared *shared;
  struct gw_rpc_stream *rpc;
  struct gw_node *node;  /* NULL before the first request */
  bool is_delta;         /* incremental */
  bool warms;            /* may wait for endpoints of clusters that it has: all but our own data planes */
  bool may_have_secrets; /* mutual TLS, and the certificate permits this node: on plaintext secrets are withheld */
  struct gw_node_stream status;
  struct gw_subscription subscriptions[GW_RESOURCE_TYPE_COUNT];
  uint64_t last_nonce;
  enum gw_rollout_stage stage;
  uint64_t stage_since_ms;
  bool has_given_up[GW_RESOURCE_TYPE_COUNT]; /* a type that it does not ask for, though what it has names such */
  uint64_t wake_ms;                          /* the earliest end of a wait */
  struct gw_timer timer;
  bool has_told_unknown_type;
  bool has_told_withheld;
  bool is_finished; /* the call was ended from here */
};

struct gw_ads_stream *gw_ads_stream_new(const struct gw_ads_shared *shared, struct gw_rpc_stream *rpc, bool is_delta);
void gw_ads_stream_free(struct gw_ads_stream *stream);
void gw_ads_stream_on_request(struct gw_ads_stream *stream, struct gw_str message);
/* There is a new snapshot. */
void gw_ads_stream_on_snapshot(struct gw_ads_stream *stream);
/* Sends what can and should be sent now (rollout.c). */
void gw_ads_stream_advance(struct gw_ads_stream *stream);
/* Sends what brings the client to `target` (answer.c). */
void gw_ads_stream_answer(struct gw_ads_stream *stream, struct gw_subscription *subscription, struct gw_resource_set *target);

#endif
