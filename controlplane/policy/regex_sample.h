/* Why: a text that a regular expression matches, so that it can be asked who takes it.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_POLICY_REGEX_SAMPLE_H
#define GW_CONTROLPLANE_POLICY_REGEX_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

/* One of several, by `variant`: other branches, and one more of what may be repeated. False: the expression has what this does not
 * understand (look-around, back references, flags). It is a guess that the caller has to try: what stands behind `^` and `$` is not looked
 * at. */
bool gw_regex_sample(struct gw_str pattern, uint32_t variant, struct gw_strbuf *ret_text);
#define GW_REGEX_SAMPLES 6u

#endif
