/* Why: numbers of bytes as people write them.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_COMMON_BASE_BYTE_COUNT_H
#define GW_COMMON_BASE_BYTE_COUNT_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

/* A whole number with B, KiB, MiB, GiB or nothing behind it. GW_ERR_INVALID, also for what 64 bits can't hold. */
enum gw_err gw_byte_count_parse(struct gw_str text, uint64_t *ret_bytes);

#endif
