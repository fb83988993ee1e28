/* Why: a WebSocket's opening handshake where its key changes: HTTP/1.1 wants one (RFC 6455 section 4), HTTP/2 has none (RFC 8441 section
 * 5). Life: all in the arena that is passed in. Thread: the worker's. */
#ifndef GW_DATAPLANE_UPSTREAM_HANDSHAKE_H
#define GW_DATAPLANE_UPSTREAM_HANDSHAKE_H

#include "common/base/arena.h"
#include "common/base/random.h"
#include "common/message/message.h"

/* `head` for a service with HTTP/1.1. *ret_key: the key that was made for it; empty: the client has sent one, and checks the answer itself.
 */
struct gw_request_head gw_handshake_with_key(const struct gw_request_head *head, struct gw_arena *arena, struct gw_random *random,
                                             struct gw_str *ret_key);
/* The answer to a key of ours is right; it leaves the fields, since the client has asked for none. */
bool gw_handshake_take_answer(struct gw_response_head *response, struct gw_str key);
/* `head` for a service with HTTP/2. */
struct gw_request_head gw_handshake_without_key(const struct gw_request_head *head, struct gw_arena *arena);
/* Answers the client's key, if it has sent one, in place of a service with HTTP/2. */
void gw_handshake_add_answer(struct gw_response_head *response, const struct gw_request_head *head, struct gw_arena *arena);

#endif
