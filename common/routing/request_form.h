/* Why: whether a request is one that can be routed at all, and the form in which it is: one form of the path, fields that may be there.
 * Pure functions, the proxy's and explain's alike.
 * Life: no objects; results are literals, or lie in the arena given.
 * Thread: any. */
#ifndef GW_COMMON_ROUTING_REQUEST_FORM_H
#define GW_COMMON_ROUTING_REQUEST_FORM_H

#include "common/base/arena.h"
#include "common/message/message.h"
#include "common/model/listener.h"
#include "common/routing/reserved_fields.h"

/* What a request is answered with before any route is looked for. */
struct gw_form_answer {
  uint32_t status; /* 307, 400, 403, 405, 414 or 501 */
  struct gw_str detail;
  struct gw_str message;
  struct gw_str location; /* of 307 */
  struct gw_str allow;    /* of 405 */
};

/* The length of the target, the method, names with underscores, fields that only we set, the path, an upgrade: in that order, in `head`.
 * `max_uri_bytes` 0: any. False: it is answered. */
bool gw_request_form_apply(const struct gw_http_connection_manager *http, uint32_t max_uri_bytes, const struct gw_reserved_fields *reserved,
                           struct gw_request_head *head, struct gw_arena *arena, struct gw_form_answer *ret_answer);

#endif
