/* Why: explain by files, on this machine, as a control plane would serve them.
 * Life: the answer lies in the arena given.
 * Thread: main. */
#ifndef GW_CONTROLPLANE_CTL_EXPLAIN_OFFLINE_H
#define GW_CONTROLPLANE_CTL_EXPLAIN_OFFLINE_H

#include <gateway/dataplane/v1/explain.pb-c.h>

#include "common/base/arena.h"
#include "controlplane/ctl/ctl.h"
#include "controlplane/policy/policy.h"

/* By the files of -f, or --routes and --services. GW_CTL_OK, or the exit code after words on standard error: GW_CTL_INVALID with all
 * mistakes of the files. */
int gw_ctl_explain_offline(const struct gw_ctl *ctl, const Gateway__Dataplane__V1__ExplainRequest *question, struct gw_arena *arena,
                           Gateway__Dataplane__V1__ExplainResponse **ret_answer);
/* The same of the texts of --revision, which the control plane has, by the settings here. */
int gw_ctl_explain_revision(const struct gw_ctl *ctl, const Gateway__Dataplane__V1__ExplainRequest *question, struct gw_arena *arena,
                            Gateway__Dataplane__V1__ExplainResponse **ret_answer);
/* The same of texts that come from elsewhere. */
int gw_ctl_explain_texts(const struct gw_ctl *ctl, const struct gw_policy_source *routes, const struct gw_policy_source *services,
                         const Gateway__Dataplane__V1__ExplainRequest *question, struct gw_arena *arena,
                         Gateway__Dataplane__V1__ExplainResponse **ret_answer);

#endif
