/* Why: `load_balancing` of a service: which instance gets a request.
 * Life: in the arena of the reader.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_BALANCING_YAML_H
#define GW_CONTROLPLANE_POLICY_BALANCING_YAML_H

#include "common/model/cluster.h"
#include "common/model/route.h"
#include "controlplane/policy/reader.h"

struct gw_service_balancing {
  struct gw_load_balancing balancing;
  const struct gw_hash_policy *hash_policies; /* for the routes of the service */
  uint32_t hash_policy_count;
};

/* `node`: the value of load_balancing; NULL: round robin by weight. */
struct gw_service_balancing gw_balancing_read(const struct gw_reader *reader, const struct gw_yaml_node *node);
/* The value of `hash`: one thing to go by, or a list of them; only these fields are set. */
void gw_balancing_read_hashes(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_service_balancing *out);

#endif
