/* Why: whom the control plane has turned away lately because its certificate does not permit the node it said it is: for
 * `gatewayctl status`, since such a node is in no table. Newest first, a bounded number.
 * Life: embedded (zeroed … done).
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SNAPSHOT_NODE_DENIALS_H
#define GW_CONTROLPLANE_SNAPSHOT_NODE_DENIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"

#define GW_NODE_DENIALS_MAX 16
#define GW_NODE_DENIAL_AGE_US (600ull * 1000 * 1000) /* without another one it is forgotten */

struct gw_node_denial {
  char *id;
  char *cluster;
  char *peer;
  char *reason;
  uint64_t count; /* of this node */
  uint64_t last_us;
  uint64_t told_us; /* when it was last worth telling */
};

struct gw_node_denials {
  struct gw_node_denial items[GW_NODE_DENIALS_MAX];
  size_t count;
  uint64_t total; /* since start */
};

/* Whether it is worth telling: of a node that tries again and again once a minute. */
bool gw_node_denials_add(struct gw_node_denials *denials, struct gw_str id, struct gw_str cluster, struct gw_str peer, const char *reason,
                         uint64_t now_us);
void gw_node_denials_expire(struct gw_node_denials *denials, uint64_t now_us);
void gw_node_denials_done(struct gw_node_denials *denials);

#endif
