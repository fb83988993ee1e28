/* Why: sizes as operators write them: 65536, 64KiB, 100MiB, 1GiB.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_COMMON_BASE_SIZE_H
#define GW_COMMON_BASE_SIZE_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

/* Bytes; the unit is B, KiB, MiB, GiB or nothing. GW_ERR_INVALID; GW_ERR_LIMIT: more than 64 bits hold. */
enum gw_err gw_size_parse(struct gw_str text, uint64_t *ret_bytes);

#endif
