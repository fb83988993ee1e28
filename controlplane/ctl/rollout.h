/* Why: waits until every node of the fleet runs a revision, or one has refused it, or the time is up; shows how far it has come.
 * Life: one command line.
 * Thread: main. */
#ifndef GW_CONTROLPLANE_CTL_ROLLOUT_H
#define GW_CONTROLPLANE_CTL_ROLLOUT_H

#include <gateway/admin/v1/admin.pb-c.h>

#include "common/base/arena.h"
#include "controlplane/ctl/ctl.h"

/* *ret_reply (in `arena`): the last answer; NULL: there was none. Words go to standard error. GW_CTL_OK, GW_CTL_REFUSED, GW_CTL_BEHIND,
 * GW_CTL_TIMEOUT (the control plane has not answered to the end), or what else keeps it from answering. */
int gw_rollout_wait(const struct gw_ctl *ctl, uint64_t revision, uint64_t end_us, struct gw_arena *arena,
                    const Gateway__Admin__V1__GetRolloutResponse **ret_reply);

#endif
