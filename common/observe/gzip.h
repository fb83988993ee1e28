/* Why: packs texts that repeat themselves, such as metrics, for who says that they take gzip (RFC 1952).
 * Life: no objects kept.
 * Thread: any; it takes a while, so not a loop's for what is large. */
#ifndef GW_COMMON_OBSERVE_GZIP_H
#define GW_COMMON_OBSERVE_GZIP_H

#include "common/base/bytes.h"

/* One reference. */
struct gw_bytes *gw_gzip(struct gw_str text);

#endif
