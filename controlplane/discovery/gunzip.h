/* Why: unpacks gzip (RFC 1952) that strangers send, no further than the caller allows.
 * Life: no objects kept.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_DISCOVERY_GUNZIP_H
#define GW_CONTROLPLANE_DISCOVERY_GUNZIP_H

#include <stdbool.h>

#include "common/base/str.h"

bool gw_gunzip_is_packed(struct gw_str data);
/* Appends what is in it. GW_ERR_LIMIT: more than bytes_max; GW_ERR_INVALID: broken, cut off, or with something behind it. What was appended
 * until then stays. */
enum gw_err gw_gunzip(struct gw_str packed, size_t bytes_max, struct gw_strbuf *ret_data);

#endif
