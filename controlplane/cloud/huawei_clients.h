/* Why: one client of Huawei Cloud for all who ask with the same settings, so that they share its token and its pace: the cloud throttles,
 * and locks out, an account and not a part of this program.
 * Life: gw_huawei_clients_new … free, after the calls of its clients and after whoever holds one.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_CLOUD_HUAWEI_CLIENTS_H
#define GW_CONTROLPLANE_CLOUD_HUAWEI_CLIENTS_H

#include "controlplane/cloud/huawei.h"

struct gw_huawei_clients;

struct gw_huawei_clients *gw_huawei_clients_new(struct gw_loop *loop);
void gw_huawei_clients_free(struct gw_huawei_clients *clients);

/* The client with these settings. NULL: they say nothing of the cloud. It lives as long as it is held or a call of it is under way, and
 * until it is asked for one with other settings. */
struct gw_huawei *gw_huawei_clients_find(struct gw_huawei_clients *clients, const struct gw_settings *settings);
/* From hold to let_go it stays. NULL is accepted. */
void gw_huawei_hold(struct gw_huawei *huawei);
void gw_huawei_let_go(struct gw_huawei *huawei);

#endif
