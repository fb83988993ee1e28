/* Why: says whether a snapshot is whole: every resource that another one names is there.
 * Life: no objects kept.
 * Thread: any. */
#ifndef GW_COMMON_MODEL_CONSISTENCY_H
#define GW_COMMON_MODEL_CONSISTENCY_H

#include "common/base/err.h"
#include "common/model/snapshot.h"

enum gw_consistency {
  /* What a control plane wants to serve: also a route's cluster must be there. Not secrets: a certificate's file that is missing takes down
   * only what needs it. */
  GW_CONSISTENCY_WANTED,
  /* What a data plane serves: secrets too. A route whose cluster is missing answers 503. */
  GW_CONSISTENCY_SERVED,
};

/* Adds one mistake per missing resource that another one names. */
void gw_consistency_check(const struct gw_snapshot *snapshot, enum gw_consistency of, struct gw_errors *errors);

#endif
