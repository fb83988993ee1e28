#include "common/rpc_services/rpc_message.h"

#include "common/xds/wire.h"

void gw_rpc_message_send(struct gw_rpc_stream *stream, const ProtobufCMessage *message) {
  struct gw_bytes *bytes = gw_wire_pack(message);
  gw_rpc_stream_send(stream, &bytes, 1);
  gw_bytes_unref(bytes);
}

void gw_rpc_message_reply(struct gw_rpc_stream *stream, const ProtobufCMessage *message) {
  gw_rpc_message_send(stream, message);
  gw_rpc_stream_finish(stream, GW_RPC_OK, "");
}
