/* Why: protobuf's wire form read by hand: to check a stranger's bytes before protobuf-c sees them, and to take single fields out of
 * big messages without unpacking them.
 * Life: a cursor points into the caller's bytes; nothing is allocated.
 * Thread: any; no state. */
#ifndef GW_COMMON_XDS_WIRE_WALK_H
#define GW_COMMON_XDS_WIRE_WALK_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/xds/place.h"

struct gw_wire_cursor {
  const uint8_t *at;
  const uint8_t *end;
};

/* One field as it stands on the wire. */
struct gw_wire_field {
  uint32_t number;
  uint8_t wire_type;   /* 0 varint, 1 fixed 64, 2 length-delimited, 5 fixed 32; groups are refused */
  uint64_t varint;     /* wire type 0 */
  struct gw_str bytes; /* wire type 2: the content */
};

static inline struct gw_wire_cursor gw_wire_cursor_from(struct gw_str bytes) {
  const uint8_t *at = (const uint8_t *)bytes.data;
  return (struct gw_wire_cursor){at, bytes.len > 0 ? at + bytes.len : at};
}
/* GW_ERR_AGAIN: the end, cleanly. GW_ERR_INVALID: cut short or not protobuf; the cursor stays, and the field means nothing. */
enum gw_err gw_wire_next(struct gw_wire_cursor *cursor, struct gw_wire_field *ret_field);
/* The last value of length-delimited field `number`; empty when it is not there. GW_ERR_INVALID. */
enum gw_err gw_wire_find(struct gw_str message, uint32_t number, struct gw_str *ret_bytes);

/* What a protobuf string, or protobuf-c's NUL-terminated form of it, must not be: "is not UTF-8", "holds a NUL byte"; NULL: good. */
const char *gw_wire_string_fault(struct gw_str s);

enum gw_wire_strictness {
  GW_WIRE_TOLERANT, /* unknown fields pass */
  GW_WIRE_STRICT,   /* each unknown field that may not be ignored is a mistake */
};

/* Checks the whole message: form, wire types against the descriptor, depth, number of messages, a singular message that stands
 * there twice (merging is quadratic in protobuf-c), UTF-8 and NULs in strings. Every mistake's place begins with `place` (may be
 * NULL: the message is a root). GW_ERR_LIMIT (depth, number) and GW_ERR_INVALID: not to be unpacked. GW_ERR_UNSUPPORTED: only
 * unknown fields were wrong, so that unpacking is safe and may find more mistakes. `errors` may be NULL. */
enum gw_err gw_wire_walk(const ProtobufCMessageDescriptor *descriptor, struct gw_str message, enum gw_wire_strictness strictness,
                         const struct gw_xds_place *place, struct gw_errors *errors);
/* The same of a message that stands so deep in another one (1: it is the root). */
enum gw_err gw_wire_walk_below(const ProtobufCMessageDescriptor *descriptor, struct gw_str message, enum gw_wire_strictness strictness,
                               unsigned depth, struct gw_errors *errors);

#endif
