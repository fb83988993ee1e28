#include "common/xds/wire.h"

#include "common/xds/wire_walk.h"

static void *arena_alloc(void *arena, size_t size) {
  return gw_arena_alloc(arena, size);
}
static void arena_free(void *arena, void *pointer) {
  (void)arena;
  (void)pointer;
}

enum gw_err gw_wire_unpack_checked(const ProtobufCMessageDescriptor *descriptor, struct gw_str bytes, struct gw_arena *arena,
                                   ProtobufCMessage **ret_message) {
  ProtobufCAllocator allocator = {.alloc = arena_alloc, .free = arena_free, .allocator_data = arena};
  ProtobufCMessage *message = protobuf_c_message_unpack(descriptor, &allocator, bytes.len, (const uint8_t *)bytes.data);
  if (message == NULL) return GW_ERR_INVALID;
  *ret_message = message;
  return GW_OK;
}

enum gw_err gw_wire_unpack(const ProtobufCMessageDescriptor *descriptor, struct gw_str bytes, struct gw_arena *arena,
                           ProtobufCMessage **ret_message) {
  enum gw_err err = gw_wire_walk(descriptor, bytes, GW_WIRE_TOLERANT, NULL, NULL);
  if (err != GW_OK) return err;
  return gw_wire_unpack_checked(descriptor, bytes, arena, ret_message);
}

struct gw_bytes *gw_wire_pack(const ProtobufCMessage *message) {
  struct gw_bytes *bytes = gw_bytes_new(NULL, protobuf_c_message_get_packed_size(message));
  protobuf_c_message_pack(message, (uint8_t *)bytes->data);
  return bytes;
}
