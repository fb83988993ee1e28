/* Why: durations as operators write them: 30 (seconds), 30s, 250ms, 5m, 24h.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_COMMON_BASE_DURATION_H
#define GW_COMMON_BASE_DURATION_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define GW_DURATION_MAX_MS ((uint64_t)365 * 24 * 3600 * 1000)
/* For messages: "what, and what is allowed". */
#define GW_DURATION_ALLOWED "a whole number of seconds, or with a unit: 250ms, 30s, 5m, 24h"

/* GW_ERR_INVALID; GW_ERR_LIMIT: more than a year. */
enum gw_err gw_duration_parse(struct gw_str text, uint64_t *ret_ms);

#endif
