/* Why: the one place where what a data plane says of a failure, its flags and details, has words that an operator reads at night.
 * Life: no objects; words are constants.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_CTL_WHY_WORDS_H
#define GW_CONTROLPLANE_CTL_WHY_WORDS_H

#include <stdbool.h>

#include "common/base/str.h"

/* Of one flag (%RESPONSE_FLAGS%, such as "UF"): what it means; NULL: not known here. */
const char *gw_why_flag(struct gw_str flag);
/* Appends what a detail (%RESPONSE_CODE_DETAILS%) means, as a clause: "the instance closed the connection before it had answered". One that
 * is not known here is appended as it is; false then. Nothing of it is cleaned. */
bool gw_why_append_detail(struct gw_strbuf *out, struct gw_str detail);

/* The limits that were met, each with the key or setting that moves it, without doubles. */
#define GW_WHY_LIMITS_MAX 8u
struct gw_why_limits {
  const char *items[GW_WHY_LIMITS_MAX];
  uint32_t count;
};
/* Adds those that flags ("UF,URX") and detail tell of: of the request, or of one of its tries. */
void gw_why_add_limits(struct gw_why_limits *limits, struct gw_str flags, struct gw_str detail);

#endif
