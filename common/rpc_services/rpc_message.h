/* Why: one protobuf message onto a gRPC stream.
 * Life: no objects; the message stays the caller's.
 * Thread: the loop's own. */
#ifndef GW_COMMON_RPC_SERVICES_RPC_MESSAGE_H
#define GW_COMMON_RPC_SERVICES_RPC_MESSAGE_H

#include <protobuf-c/protobuf-c.h>

#include "common/rpc/server.h"

void gw_rpc_message_send(struct gw_rpc_stream *stream, const ProtobufCMessage *message);
/* Sends it as the one answer of a unary call, and ends that. */
void gw_rpc_message_reply(struct gw_rpc_stream *stream, const ProtobufCMessage *message);

#endif
