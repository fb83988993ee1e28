/* Why: strangers' bytes to protobuf-c messages without their traps: no recursion limit, no check of strings, one malloc a field.
 * Life: an unpacked message lives in the arena given and is never freed singly; packed bytes have one reference.
 * Thread: any; no state. */
#ifndef GW_COMMON_XDS_WIRE_H
#define GW_COMMON_XDS_WIRE_H

#include <protobuf-c/protobuf-c.h>

#include "common/base/arena.h"
#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/base/str.h"

/* Messages, counted over the whole input: protobuf-c makes some hundred bytes of memory of one that is two bytes long. 100,000
 * endpoints are 600,000 messages. */
#define GW_WIRE_MESSAGES_MAX 1000000

/* Walks the wire form first and refuses what is cut short, nests deeper than GW_XDS_DEPTH_MAX, or has a string that is not UTF-8
 * or holds a NUL. Unknown fields are kept in the message. GW_ERR_INVALID; GW_ERR_LIMIT for depth and number. */
enum gw_err gw_wire_unpack(const ProtobufCMessageDescriptor *descriptor, struct gw_str bytes, struct gw_arena *arena,
                           ProtobufCMessage **ret_message);
/* Only the unpacking, of bytes that gw_wire_walk found safe. GW_ERR_INVALID. */
enum gw_err gw_wire_unpack_checked(const ProtobufCMessageDescriptor *descriptor, struct gw_str bytes, struct gw_arena *arena,
                                   ProtobufCMessage **ret_message);
/* A message taken apart without unpacking it: one repeated field's messages, which point into the bytes given, and what is left. */
struct gw_wire_parts {
  const struct gw_str *items;
  uint32_t count;
  struct gw_str rest; /* a message again */
};
enum gw_err gw_wire_split(struct gw_str message, uint32_t number, struct gw_arena *arena, struct gw_wire_parts *ret_parts);
/* The message's canonical bytes, one reference. */
struct gw_bytes *gw_wire_pack(const ProtobufCMessage *message);

/* What is written by hand where protobuf-c would copy too much. */
static inline size_t gw_wire_varint_size(size_t value) {
  size_t size = 1;
  while (value >>= 7)
    size++;
  return size;
}
/* Returns the end. */
static inline char *gw_wire_write_varint(char *at, size_t value) {
  for (; value >= 0x80; value >>= 7)
    *at++ = (char)(value | 0x80);
  *at++ = (char)value;
  return at;
}

/* protobuf-c's strings are NUL-terminated and never NULL after unpacking. */
static inline struct gw_str gw_wire_str(const char *text) {
  return gw_str_from(text);
}

#endif
