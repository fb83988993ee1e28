#include "common/xds/wire.h"

#include <string.h>

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

/* How much is not in field `number`, and how often that stands there. GW_ERR_INVALID. */
static enum gw_err measure_parts(struct gw_str message, uint32_t number, size_t *ret_rest_len, uint32_t *ret_count) {
  struct gw_wire_cursor cursor = gw_wire_cursor_from(message);
  struct gw_wire_field field;
  const uint8_t *start = cursor.at;
  enum gw_err err;
  for (; (err = gw_wire_next(&cursor, &field)) == GW_OK; start = cursor.at) {
    if (field.number == number)
      (*ret_count)++;
    else
      *ret_rest_len += (size_t)(cursor.at - start);
  }
  return err == GW_ERR_AGAIN ? GW_OK : err;
}

enum gw_err gw_wire_split(struct gw_str message, uint32_t number, struct gw_arena *arena, struct gw_wire_parts *ret_parts) {
  size_t rest_len = 0;
  uint32_t count = 0;
  enum gw_err err = measure_parts(message, number, &rest_len, &count);
  if (err != GW_OK) return err;
  struct gw_str *items = gw_arena_calloc(arena, count, sizeof *items);
  char *rest = gw_arena_alloc_bytes(arena, rest_len);
  *ret_parts = (struct gw_wire_parts){.items = items, .count = count, .rest = {rest, rest_len}};
  struct gw_wire_cursor cursor = gw_wire_cursor_from(message);
  struct gw_wire_field field;
  for (const uint8_t *start = cursor.at; gw_wire_next(&cursor, &field) == GW_OK; start = cursor.at) {
    if (field.number == number) {
      *items++ = field.bytes;
    } else {
      memcpy(rest, start, (size_t)(cursor.at - start));
      rest += cursor.at - start;
    }
  }
  return GW_OK;
}

struct gw_bytes *gw_wire_pack(const ProtobufCMessage *message) {
  struct gw_bytes *bytes = gw_bytes_new(NULL, protobuf_c_message_get_packed_size(message));
  protobuf_c_message_pack(message, (uint8_t *)bytes->data);
  return bytes;
}
