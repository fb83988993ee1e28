/* Why: gatewayctl services register, deregister and registrations: instances that the control plane keeps in registries.
 * Life: no objects.
 * Thread: main. */
#ifndef GW_CONTROLPLANE_CTL_VERB_REGISTRATIONS_H
#define GW_CONTROLPLANE_CTL_VERB_REGISTRATIONS_H

#include "common/base/arena.h"
#include "controlplane/ctl/ctl.h"

#define GW_CTL_FLAGS_INSTANCE                                                                                                              \
  (GW_CTL_FLAG_REGISTRY | GW_CTL_FLAG_INSTANCE_ID | GW_CTL_FLAG_GROUP | GW_CTL_FLAG_NAMESPACE | GW_CTL_FLAG_REGISTRY_CLUSTER)
#define GW_CTL_FLAGS_REGISTER (GW_CTL_FLAGS_INSTANCE | GW_CTL_FLAG_WEIGHT | GW_CTL_FLAG_TAG | GW_CTL_FLAG_META)

/* Exit codes. */
int gw_ctl_services_register(const struct gw_ctl *ctl, struct gw_arena *arena);
int gw_ctl_services_deregister(const struct gw_ctl *ctl, struct gw_arena *arena);
int gw_ctl_services_registrations(const struct gw_ctl *ctl, struct gw_arena *arena);

#endif
