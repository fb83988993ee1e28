/* Why: a service's health_check and outlier_detection of services.yaml → model.
 * Life: in the arena of the reader.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_HEALTH_YAML_H
#define GW_CONTROLPLANE_POLICY_HEALTH_YAML_H

#include "common/model/cluster.h"
#include "controlplane/policy/reader.h"

struct gw_service_health {
  const struct gw_health_check *check;        /* NULL: none is asked for */
  const struct gw_outlier_detection *outlier; /* NULL: none is asked for */
};

/* Of the mapping of a service whose protocol is that. */
struct gw_service_health gw_health_read(const struct gw_reader *reader, const struct gw_yaml_node *service,
                                        enum gw_upstream_protocol protocol);

#endif
