/* Why: what each connected node was sent, accepted and refused, and what its agent reports: the truth behind `gatewayctl status`.
 * Life: gw_node_table_new … gw_node_table_free; an entry lives while one of the node's streams (xDS or agent) is open.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SNAPSHOT_NODE_TABLE_H
#define GW_CONTROLPLANE_SNAPSHOT_NODE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"
#include "common/base/str.h"
#include "common/model/resource.h"
#include "common/observe/metrics.h"
#include "controlplane/snapshot/node_denials.h"

/* One type on one xDS stream. Empty strings: nothing yet. */
struct gw_node_type_status {
  char wanted_version[17]; /* what of the current snapshot it asks for; differs from the snapshot's when it asks for less */
  char sent_version[17];
  char accepted_version[17];
  char refused_version[17]; /* of the newest NACK; cleared by a later ACK */
  char *refused_reason;     /* NULL: none */
  bool is_subscribed;
};

/* One xDS stream of a node; embedded in the stream. A gRPC process may have several on one connection. */
struct gw_node_stream {
  struct gw_list link; /* in gw_node.streams, newest first */
  char *peer;
  bool is_delta;             /* incremental xDS */
  uint32_t secrets_withheld; /* certificates and ticket keys that it asks for and does not get */
  struct gw_node_type_status types[GW_RESOURCE_TYPE_COUNT];
};

/* What was sent of one type. */
struct gw_xds_sent {
  uint64_t responses;
  uint64_t resources;
  uint64_t removed; /* names of what is gone; incremental only */
  uint64_t bytes;   /* of the messages */
};

/* Why secrets are withheld. */
#define GW_NODE_WITHHELD "they go only over mutual TLS, to nodes that their certificate permits"

/* What a node says of services that it finds in trouble. */
#define GW_NODE_TROUBLES_MAX 100u

enum gw_node_state { GW_NODE_SYNCED, GW_NODE_STALE, GW_NODE_REFUSED };

struct gw_node {
  struct gw_list link; /* in gw_node_table.nodes */
  char *id;
  char *cluster;
  char *kind;    /* user agent: "gateway-dataplane", "envoy" */
  char *version; /* of the program */
  char *peer;
  char *instance_id;             /* new at each start of a data plane; "": it has not told any */
  struct gw_node *next_namesake; /* of the same id and cluster, another instance; NULL: none */
  uint64_t connected_us;         /* monotonic */
  struct gw_list streams;
  uint32_t xds_streams;
  uint32_t agent_streams;
  uint32_t delta_streams;                          /* of xds_streams those that are incremental */
  struct gw_xds_sent sent[GW_RESOURCE_TYPE_COUNT]; /* over its streams, while the entry lives */
  bool has_twin; /* xDS streams from different peers: two nodes with one id, or one that has just come back */
  /* Of each type that of the stream that is worst off (refused before lagging before up to date); copies. */
  struct gw_node_type_status types[GW_RESOURCE_TYPE_COUNT];
  bool is_subscribed[GW_RESOURCE_TYPE_COUNT];
  uint32_t secrets_withheld; /* the most of one stream */
  /* From the agent's reports; has_report is false for nodes without an agent. */
  bool has_report;
  char snapshot_version[17];
  char policy_version[17];     /* "": an older data plane, which does not tell */
  uint64_t snapshot_active_us; /* monotonic, here */
  char snapshot_source[8];
  bool is_ready;
  bool is_draining;
  uint64_t requests_total;
  uint64_t refused_total;
  char *refusals; /* "type name: reason" lines, or NULL */
  char *troubles; /* at most GW_NODE_TROUBLES_MAX lines, or NULL */
};

/* A node has accepted, refused or reported something. */
typedef void (*gw_node_watch_fn)(void *arg, const struct gw_node *node);

struct gw_map;
struct gw_node_table {
  struct gw_list nodes;
  uint32_t count;
  uint64_t refused_total;                                   /* NACKs since start, over all nodes */
  struct gw_xds_sent sent[2][GW_RESOURCE_TYPE_COUNT];       /* since start, over all nodes; by is_delta */
  struct gw_histogram answer_times[GW_RESOURCE_TYPE_COUNT]; /* from a response to its ACK or NACK */
  struct gw_node_denials denials;
  struct gw_map *by_key;
  gw_node_watch_fn watch_fn; /* NULL: nobody watches */
  void *watch_arg;
};

struct gw_node_table *gw_node_table_new(void);
void gw_node_table_free(struct gw_node_table *table);
/* The entry of that id, cluster and instance, made when absent; one whose instance is not known yet (older data planes tell it by their
 * agent alone) may be anybody. An agent's session raises agent_streams, and later lowers it and calls gw_node_table_release. */
struct gw_node *gw_node_table_get(struct gw_node_table *table, struct gw_str id, struct gw_str cluster, struct gw_str instance_id,
                                  uint64_t now_us);
/* Whether it is connected here; who tells no instance may be any. */
bool gw_node_table_has(const struct gw_node_table *table, struct gw_str id, struct gw_str cluster, struct gw_str instance_id);
/* Another one that says it is this node; NULL: there is none. */
const struct gw_node *gw_node_table_find_namesake(const struct gw_node_table *table, const struct gw_node *node);
/* Removes the entry when no stream is left. */
void gw_node_table_release(struct gw_node_table *table, struct gw_node *node);
/* An xDS stream of that node begins: the same for xds_streams. `stream` is zeroed before. */
struct gw_node *gw_node_table_open_stream(struct gw_node_table *table, struct gw_str id, struct gw_str cluster, struct gw_str instance_id,
                                          struct gw_str peer, uint64_t now_us, struct gw_node_stream *stream);
void gw_node_table_close_stream(struct gw_node_table *table, struct gw_node *node, struct gw_node_stream *stream);
/* One watcher; NULL ends it. */
void gw_node_table_watch(struct gw_node_table *table, gw_node_watch_fn fn, void *arg);
/* Tells the watcher: after gw_node_refresh, or a report. */
static inline void gw_node_table_tell(const struct gw_node_table *table, const struct gw_node *node) {
  if (table->watch_fn != NULL) table->watch_fn(table->watch_arg, node);
}
/* Sets one of a node's texts (a copy; what was there is freed). */
void gw_node_set_text(char **text, struct gw_str value);
/* Counts a NACK and shows it; `reason` is kept up to 2,000 bytes. */
void gw_node_table_add_refusal(struct gw_node_table *table, struct gw_node *node, enum gw_resource_type type, const char *version,
                               struct gw_str reason);
void gw_node_table_add_sent(struct gw_node_table *table, struct gw_node *node, bool is_delta, enum gw_resource_type type,
                            const struct gw_xds_sent *sent);
void gw_node_type_status_set_refusal(struct gw_node_type_status *status, const char *version, struct gw_str reason);
void gw_node_type_status_clear_refusal(struct gw_node_type_status *status);
/* After the types of one of its streams have changed. */
void gw_node_refresh(struct gw_node *node);
/* SYNCED: has accepted (and, with an agent, runs) `snapshot`; the reason is a sentence in `ret_reason` (freed by the caller; NULL when
 * synced). */
struct gw_snapshot;
enum gw_node_state gw_node_state_of(const struct gw_node *node, const struct gw_snapshot *snapshot, char **ret_reason);
/* The same of what was written alone: whoever lags with endpoints, which change all the time, is not behind with that. */
enum gw_node_state gw_node_policy_state_of(const struct gw_node *node, const struct gw_snapshot *snapshot, char **ret_reason);

#endif
