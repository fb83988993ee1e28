/* Why: Huawei Cloud for the admin API, with the settings as they are when it is asked.
 * Life: gw_cloud_new … gw_cloud_free, after the admin API's calls.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SERVER_CLOUD_H
#define GW_CONTROLPLANE_SERVER_CLOUD_H

#include "controlplane/api/admin_api.h"
#include "controlplane/cloud/huawei_clients.h"
#include "controlplane/server/options.h"

struct gw_cloud;

/* Both are borrowed. Nothing is read or asked before the first call. */
struct gw_cloud *gw_cloud_new(struct gw_huawei_clients *clients, const struct gw_options *options);
void gw_cloud_free(struct gw_cloud *cloud);

struct gw_admin_cloud gw_cloud_for_admin(struct gw_cloud *cloud);

#endif
