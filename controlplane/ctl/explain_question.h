/* Why: what `explain` is asked on the command line, as the message that control planes and data planes take.
 * Life: in the arena given.
 * Thread: main. */
#ifndef GW_CONTROLPLANE_CTL_EXPLAIN_QUESTION_H
#define GW_CONTROLPLANE_CTL_EXPLAIN_QUESTION_H

#include <gateway/dataplane/v1/explain.pb-c.h>

#include "common/base/arena.h"
#include "controlplane/ctl/ctl.h"

/* METHOD URL, -H, --identity, --role, --permission, --api-key, --plan, --client, --listener. Tokens and keys in headers are not passed on:
 * of a token its claims are, unless --identity says who asks. GW_CTL_OK, or the exit code after a word on standard error. */
int gw_ctl_explain_question(const struct gw_ctl *ctl, struct gw_arena *arena, Gateway__Dataplane__V1__ExplainRequest **ret_question);

#endif
