/* Why: what the admin API asks of the instances that are kept in registries.
 * Life: no objects; the registrations are borrowed.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SERVER_REGISTRATION_CALLS_H
#define GW_CONTROLPLANE_SERVER_REGISTRATION_CALLS_H

#include "controlplane/api/admin_api.h"
#include "controlplane/discovery/registrations.h"

struct gw_admin_registrations gw_registration_calls_of(struct gw_registrations *registrations);

#endif
