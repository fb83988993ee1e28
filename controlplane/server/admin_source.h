/* Why: what the admin API asks of the policy: the routes as operators wrote them, and the mistakes.
 * Life: no objects; the files are borrowed.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SERVER_ADMIN_SOURCE_H
#define GW_CONTROLPLANE_SERVER_ADMIN_SOURCE_H

#include "controlplane/api/admin_api.h"
#include "controlplane/server/discovery.h"
#include "controlplane/server/files.h"

struct gw_admin_source gw_admin_source_of(struct gw_files *files);
/* What the guard knows. */
struct gw_admin_services gw_admin_services_of(struct gw_discovery *discovery);

#endif
