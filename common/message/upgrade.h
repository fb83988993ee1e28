/* Why: whether a request of HTTP/1.1 wants its connection to become something else, and whether the answer says that it did.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_COMMON_MESSAGE_UPGRADE_H
#define GW_COMMON_MESSAGE_UPGRADE_H

#include "common/message/message.h"

enum gw_upgrade {
  GW_UPGRADE_NONE,
  GW_UPGRADE_WEBSOCKET,     /* a whole opening handshake (RFC 6455 section 4.1) */
  GW_UPGRADE_BAD_WEBSOCKET, /* one that is not: to be answered 400, for what follows it could be read as frames or as a request */
  GW_UPGRADE_H2C,           /* HTTP/2 by Upgrade, which RFC 9113 section 3.1 has done away with */
  GW_UPGRADE_OTHER,         /* another protocol: may be ignored (RFC 9110 section 7.8) */
};

/* Of fields as they came: before hop-by-hop fields are removed. NONE: no Upgrade, or one that Connection does not name, or not HTTP/1.1
 * (section 7.8 has it ignored). A handshake is: GET, Upgrade with the protocol "websocket" in any case, one Sec-WebSocket-Key of 16 bytes
 * in base64, one Sec-WebSocket-Version (whether it is 13 is the service's to say, with 426), no body. "h2c" beside "websocket" is H2C. */
enum gw_upgrade gw_upgrade_find(const struct gw_request_head *head);
/* 101 with Upgrade: websocket, named by Connection, and Sec-WebSocket-Accept: from here on bytes pass both ways. Any other answer to a
 * handshake is an answer as ever, after which the connection still speaks HTTP. Of fields as they came. */
bool gw_upgrade_is_accepted(const struct gw_response_head *head);

#endif
