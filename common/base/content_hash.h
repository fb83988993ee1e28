/* Why: the version of a content: equal bytes, equal version, on every machine and in every run. So the key is fixed; what is hashed
 * is the operator's own, and who could choose collisions could as well choose the content.
 * Life: no objects kept.
 * Thread: any. */
#ifndef GW_COMMON_BASE_CONTENT_HASH_H
#define GW_COMMON_BASE_CONTENT_HASH_H

#include <stdint.h>

#include "common/base/str.h"

/* SipHash-1-3 with the key 00 01 02 … 0f, that of SipHash's published test vectors. */
uint64_t gw_content_hash(struct gw_str content);

/* The same as 16 hex digits and NUL. */
#define GW_CONTENT_VERSION_SIZE 17
void gw_content_hash_format(struct gw_str content, char ret_version[GW_CONTENT_VERSION_SIZE]);

#endif
