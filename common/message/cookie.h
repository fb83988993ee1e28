/* Why: one value out of a request's Cookie fields (RFC 6265 section 4.2).
 * Life: the value points into the header's.
 * Thread: any. */
#ifndef GW_COMMON_MESSAGE_COOKIE_H
#define GW_COMMON_MESSAGE_COOKIE_H

#include "common/message/headers.h"

/* The first of that name, which is compared with case, over all Cookie fields (HTTP/2 may split them); quotes around it are left out.
 * GW_ERR_NOT_FOUND. */
enum gw_err gw_cookie_find(const struct gw_headers *headers, struct gw_str name, struct gw_str *ret_value);
/* Removes all of that name from all Cookie fields; a field that has no other goes. New text is in `arena`. */
void gw_cookie_remove(struct gw_headers *headers, struct gw_arena *arena, struct gw_str name);

#endif
