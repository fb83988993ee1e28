/* Why: shares as people write them.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_COMMON_BASE_PERCENT_H
#define GW_COMMON_BASE_PERCENT_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define GW_PERCENT_MILLION 1000000u
#define GW_PERCENT_ALLOWED "a number from 0 to 100, with up to four decimals"

/* "100", "0.5", "0.0001", also with "%" behind it, in millionths. GW_ERR_INVALID. */
enum gw_err gw_percent_parse(struct gw_str text, uint32_t *ret_millionths);

#endif
