/* Why: the endpoints of a cluster as plain values (envoy.config.endpoint.v3.ClusterLoadAssignment).
 * Life: in the arena of the resource that holds it; frozen.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_ENDPOINT_H
#define GW_COMMON_MODEL_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

struct gw_endpoint {
  struct gw_str address; /* numeric IP; a host name in STRICT_DNS clusters only */
  uint16_t port;
  uint32_t weight;   /* load_balancing_weight; at least 1 */
  bool is_unhealthy; /* health_status UNHEALTHY, DRAINING or TIMEOUT */
  uint32_t priority; /* of its locality; 0 first */
};

struct gw_endpoints {
  struct gw_str cluster_name;
  const struct gw_endpoint *items; /* all localities, in order of priority */
  uint32_t count;
};

#endif
