/* Why: texts in little room: a configuration of 10,000 routes is a megabyte, and a twentieth of that packed (zlib).
 * Life: what is returned is freed with free().
 * Thread: any. */
#ifndef GW_CONTROLPLANE_STORE_TEXT_PACK_H
#define GW_CONTROLPLANE_STORE_TEXT_PACK_H

#include "common/base/err.h"
#include "common/base/str.h"

/* Both, one behind the other. */
struct gw_str gw_text_pack(struct gw_str first, struct gw_str second);
/* GW_ERR_INVALID: not what packing `bytes` bytes gives. A NUL follows the text. */
enum gw_err gw_text_unpack(struct gw_str packed, size_t bytes, struct gw_str *ret_text);

#endif
