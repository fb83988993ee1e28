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

/* One type on one node's xDS stream. Empty strings: nothing yet. */
struct gw_node_type_status {
  char wanted_version[17]; /* what of the current snapshot it asks for; differs from the snapshot's when it asks for less */
  char sent_version[17];
  char accepted_version[17];
  char refused_version[17]; /* of the newest NACK; cleared by a later ACK */
  char *refused_reason;     /* NULL: none */
};

enum gw_node_state { GW_NODE_SYNCED, GW_NODE_STALE, GW_NODE_REFUSED };

struct gw_node {
  struct gw_list link; /* in gw_node_table.nodes */
  char *id;
  char *cluster;
  char *kind;    /* user agent: "gateway-dataplane", "envoy" */
  char *version; /* of the program */
  char *peer;
  char *instance_id;     /* from the agent's hello; "" before */
  uint64_t connected_us; /* monotonic */
  uint32_t xds_streams;
  uint32_t agent_streams;
  struct gw_node_type_status types[GW_RESOURCE_TYPE_COUNT];
  bool is_subscribed[GW_RESOURCE_TYPE_COUNT];
  /* From the agent's reports; has_report is false for nodes without an agent. */
  bool has_report;
  char snapshot_version[17];
  uint64_t snapshot_active_us; /* monotonic, here */
  char snapshot_source[8];
  bool is_ready;
  bool is_draining;
  uint64_t requests_total;
  uint64_t refused_total;
  char *refusals; /* "type name: reason" lines, or NULL */
};

struct gw_map;
struct gw_node_table {
  struct gw_list nodes;
  uint32_t count;
  uint64_t refused_total; /* NACKs since start, over all nodes */
  struct gw_map *by_key;
};

struct gw_node_table *gw_node_table_new(void);
void gw_node_table_free(struct gw_node_table *table);
/* The entry of that id and cluster, made when absent. Take it per stream: raise xds_streams or agent_streams, and release through
 * gw_node_table_release. */
struct gw_node *gw_node_table_get(struct gw_node_table *table, struct gw_str id, struct gw_str cluster, uint64_t now_us);
/* After xds_streams or agent_streams was lowered: forgets what the last xDS stream had, and removes the entry when no stream is left. */
void gw_node_table_release(struct gw_node_table *table, struct gw_node *node);
/* Sets one of a node's texts (a copy; what was there is freed). */
void gw_node_set_text(char **text, struct gw_str value);
/* A NACK: `reason` is kept up to 2,000 bytes. */
void gw_node_table_add_refusal(struct gw_node_table *table, struct gw_node *node, enum gw_resource_type type, const char *version,
                               struct gw_str reason);
/* The node has what is wanted of that type. */
void gw_node_clear_refusal(struct gw_node *node, enum gw_resource_type type);
/* SYNCED: has accepted (and, with an agent, runs) `snapshot`; the reason is a sentence in `ret_reason` (freed by the caller; NULL when
 * synced). */
struct gw_snapshot;
enum gw_node_state gw_node_state_of(const struct gw_node *node, const struct gw_snapshot *snapshot, char **ret_reason);

#endif
