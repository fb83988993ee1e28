/* Why: what apply and rollback share: asking for a revision so that the outcome is known, and waiting for the fleet's verdict.
 * Life: one command line.
 * Thread: main. */
#ifndef GW_CONTROLPLANE_CTL_CHANGE_H
#define GW_CONTROLPLANE_CTL_CHANGE_H

#include <protobuf-c/protobuf-c.h>

#include "common/base/arena.h"
#include "controlplane/ctl/ctl.h"

/* Random; the same for all tries of one change. */
#define GW_CHANGE_ID_SIZE 37
void gw_change_make_id(char ret_id[GW_CHANGE_ID_SIZE]);
/* "ann@build-7": who this says it is, where no certificate does. In `arena`. */
const char *gw_change_author(struct gw_arena *arena);

/* Asks `method` (Apply or Rollback), again when the answer was lost on its way: the request's id makes it one change. Tells the outcome,
 * waits for the fleet unless that is not wanted, and returns the exit code. */
int gw_change_run(const struct gw_ctl *ctl, const char *method, const ProtobufCMessage *request);

#endif
