/* Why: the key of a WebSocket's opening handshake and the answer to it (RFC 6455 section 4): for handshakes that change the version of HTTP
 * on their way. Life: no objects. Thread: any. */
#ifndef GW_COMMON_CRYPTO_WEBSOCKET_KEY_H
#define GW_COMMON_CRYPTO_WEBSOCKET_KEY_H

#include "common/base/random.h"
#include "common/base/str.h"

#define GW_WEBSOCKET_KEY_SIZE 25
#define GW_WEBSOCKET_ACCEPT_SIZE 29

/* A new Sec-WebSocket-Key, NUL-terminated. It is a nonce against caches, not a secret. */
void gw_websocket_key_new(struct gw_random *random, char ret_key[GW_WEBSOCKET_KEY_SIZE]);
/* Sec-WebSocket-Accept for a key, NUL-terminated. */
void gw_websocket_key_accept(struct gw_str key, char ret_accept[GW_WEBSOCKET_ACCEPT_SIZE]);

#endif
