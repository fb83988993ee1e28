/* Why: what RBAC said of a request: for the access log, by Envoy's words for it.
 * Life: in the stream's arena; NULL on the stream: it was not judged. Thread: the worker's. */
#ifndef GW_DATAPLANE_PIPELINE_RBAC_OUTCOME_H
#define GW_DATAPLANE_PIPELINE_RBAC_OUTCOME_H

#include "common/base/str.h"

struct gw_rbac_outcome {
  struct gw_str policy; /* that decided; empty: none did */
  struct gw_str result; /* "allowed" or "denied"; empty: there are no rules */
  struct gw_str shadow_policy;
  struct gw_str shadow_result;
};

#endif
