#include "common/xds/wire_walk.h"

#include "common/base/mem.h"
#include "common/xds/codec.h"
#include "common/xds/unsupported_fields.h"
#include "common/xds/wire.h"

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

#define FIELD_NUMBER_MAX 536870911u /* protobuf's: 2^29 - 1 */
#define FIELDS_TRACKED 128u         /* singular messages seen, by their index in the descriptor; ours have fewer fields */

struct walk {
  enum gw_wire_strictness strictness;
  const struct gw_xds_place *place;
  struct gw_errors *errors;
  uint32_t message_count;
  uint32_t mistake_count;
  enum gw_err result;
};

/* One message on the way down. Its place is found again from the bytes when there is a mistake to tell, so that good input pays
 * nothing for it. */
struct frame {
  const struct frame *parent;
  const ProtobufCMessageDescriptor *descriptor;
  struct gw_str message;
  const uint8_t *at; /* where the field being looked at begins */
  unsigned depth;
};

static enum gw_err read_long_varint(struct gw_wire_cursor *cursor, uint64_t *ret_value) {
  uint64_t value = 0;
  const uint8_t *at = cursor->at;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (at == cursor->end) return GW_ERR_INVALID;
    uint8_t byte = *at++;
    if (shift == 63 && byte > 1) return GW_ERR_INVALID;
    value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) {
      cursor->at = at;
      *ret_value = value;
      return GW_OK;
    }
  }
  return GW_ERR_INVALID;
}

/* Tags and lengths are mostly one byte. */
static inline enum gw_err read_varint(struct gw_wire_cursor *cursor, uint64_t *ret_value) {
  if (cursor->at == cursor->end || *cursor->at >= 0x80) return read_long_varint(cursor, ret_value);
  *ret_value = *cursor->at++;
  return GW_OK;
}

/* Reads what is behind the tag; 8, 4 or a length's bytes, or a varint. */
static enum gw_err read_content(struct gw_wire_cursor *cursor, struct gw_wire_field *field) {
  uint64_t len = 0;
  switch (field->wire_type) {
  case WIRE_VARINT:
    if (read_varint(cursor, &field->varint) != GW_OK) return GW_ERR_INVALID;
    break;
  case WIRE_FIXED64: len = 8; break;
  case WIRE_FIXED32: len = 4; break;
  case WIRE_BYTES:
    if (read_varint(cursor, &len) != GW_OK) return GW_ERR_INVALID;
    break;
  default: return GW_ERR_INVALID;
  }
  if (len > (uint64_t)(cursor->end - cursor->at)) return GW_ERR_INVALID;
  field->bytes = (struct gw_str){(const char *)cursor->at, field->wire_type == WIRE_BYTES ? (size_t)len : 0};
  cursor->at += len;
  return GW_OK;
}

enum gw_err gw_wire_next(struct gw_wire_cursor *cursor, struct gw_wire_field *ret_field) {
  if (cursor->at == cursor->end) return GW_ERR_AGAIN;
  const uint8_t *start = cursor->at;
  uint64_t tag;
  if (read_varint(cursor, &tag) == GW_OK && (tag >> 3) > 0 && (tag >> 3) <= FIELD_NUMBER_MAX) {
    ret_field->number = (uint32_t)(tag >> 3);
    ret_field->wire_type = (uint8_t)(tag & 7);
    if (read_content(cursor, ret_field) == GW_OK) return GW_OK;
  }
  cursor->at = start;
  return GW_ERR_INVALID;
}

enum gw_err gw_wire_find(struct gw_str message, uint32_t number, struct gw_str *ret_bytes) {
  struct gw_wire_cursor cursor = gw_wire_cursor_from(message);
  struct gw_wire_field field;
  struct gw_str found = {NULL, 0};
  enum gw_err err;
  while ((err = gw_wire_next(&cursor, &field)) == GW_OK) {
    if (field.number == number && field.wire_type == WIRE_BYTES) found = field.bytes;
  }
  if (err != GW_ERR_AGAIN) return err;
  *ret_bytes = found;
  return GW_OK;
}

/* How many fields of that number stand before the one being looked at. */
static uint32_t index_in_frame(const struct frame *frame, uint32_t number) {
  struct gw_wire_cursor cursor = gw_wire_cursor_from(frame->message);
  struct gw_wire_field field;
  uint32_t index = 0;
  while (cursor.at < frame->at && gw_wire_next(&cursor, &field) == GW_OK)
    index += field.number == number;
  return index;
}

static void format_frame(const struct walk *walk, const struct frame *frame, struct gw_strbuf *text) {
  if (frame == NULL) {
    gw_xds_place_format(walk->place, text);
    return;
  }
  format_frame(walk, frame->parent, text);
  struct gw_wire_cursor cursor = {frame->at, (const uint8_t *)frame->message.data + frame->message.len};
  uint64_t tag;
  if (frame->at == NULL || read_varint(&cursor, &tag) != GW_OK) return;
  uint32_t number = (uint32_t)(tag >> 3);
  if (text->len > 0) gw_strbuf_append_char(text, '.');
  const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(frame->descriptor, number);
  const struct gw_xds_unsupported_field *unsupported = gw_xds_unsupported_field_find(frame->descriptor->name, number);
  if (field != NULL) {
    gw_strbuf_append_str(text, gw_str_from(field->name));
    if (field->label == PROTOBUF_C_LABEL_REPEATED) gw_strbuf_printf(text, "[%u]", index_in_frame(frame, number));
  } else if (unsupported != NULL) {
    gw_strbuf_append_str(text, gw_str_from(unsupported->name));
  } else {
    gw_strbuf_printf(text, "field %u", number);
  }
}

/* Keeps the gravest result: anything but GW_ERR_UNSUPPORTED forbids unpacking. */
static enum gw_err refuse(struct walk *walk, const struct frame *frame, enum gw_err err, const char *sentence) {
  if (walk->result == GW_OK || err != GW_ERR_UNSUPPORTED) walk->result = err;
  if (walk->errors != NULL) {
    struct gw_strbuf text;
    gw_strbuf_init(&text);
    format_frame(walk, frame, &text);
    gw_errors_add(walk->errors, text.len > 0 ? text.data : "", "%s", sentence);
    gw_strbuf_done(&text);
  }
  /* What comes after so many mistakes is not looked at, so it must not be unpacked either. */
  if (++walk->mistake_count >= GW_ERRORS_MAX) walk->result = GW_ERR_INVALID;
  return err;
}

static uint8_t wire_type_of(ProtobufCType type) {
  switch (type) {
  case PROTOBUF_C_TYPE_SFIXED32:
  case PROTOBUF_C_TYPE_FIXED32:
  case PROTOBUF_C_TYPE_FLOAT: return WIRE_FIXED32;
  case PROTOBUF_C_TYPE_SFIXED64:
  case PROTOBUF_C_TYPE_FIXED64:
  case PROTOBUF_C_TYPE_DOUBLE: return WIRE_FIXED64;
  case PROTOBUF_C_TYPE_STRING:
  case PROTOBUF_C_TYPE_BYTES:
  case PROTOBUF_C_TYPE_MESSAGE: return WIRE_BYTES;
  default: return WIRE_VARINT;
  }
}

const char *gw_wire_string_fault(struct gw_str s) {
  while (s.len > 0) {
    if (s.data[0] == 0) return "holds a NUL byte";
    size_t len = (unsigned char)s.data[0] < 0x80 ? 1 : gw_str_utf8_len(s);
    if (len == 0) return "is not UTF-8";
    s = gw_str_skip(s, len);
  }
  return NULL;
}

static void walk_message(struct walk *walk, struct frame *frame);

/* A field's form, once its descriptor is known. `seen`: bits of the singular messages that stood there already. */
static void walk_known(struct walk *walk, struct frame *frame, const ProtobufCFieldDescriptor *known, const struct gw_wire_field *field,
                       uint64_t seen[FIELDS_TRACKED / 64]) {
  bool is_packed = known->label == PROTOBUF_C_LABEL_REPEATED && field->wire_type == WIRE_BYTES && wire_type_of(known->type) != WIRE_BYTES;
  if (field->wire_type != wire_type_of(known->type) && !is_packed) {
    refuse(walk, frame, GW_ERR_INVALID, "has the wrong wire type");
    return;
  }
  if (known->type == PROTOBUF_C_TYPE_STRING) {
    const char *fault = gw_wire_string_fault(field->bytes);
    if (fault != NULL) refuse(walk, frame, GW_ERR_INVALID, fault);
    return;
  }
  if (known->type != PROTOBUF_C_TYPE_MESSAGE) return;
  size_t index = (size_t)(known - frame->descriptor->fields);
  if (known->label != PROTOBUF_C_LABEL_REPEATED && index < FIELDS_TRACKED) {
    uint64_t bit = UINT64_C(1) << (index % 64);
    if (seen[index / 64] & bit) {
      refuse(walk, frame, GW_ERR_INVALID, "stands there twice");
      return;
    }
    seen[index / 64] |= bit;
  }
  struct frame below = {frame, known->descriptor, field->bytes, NULL, frame->depth + 1};
  walk_message(walk, &below);
}

static void walk_unknown(struct walk *walk, const struct frame *frame, uint32_t number) {
  if (walk->strictness == GW_WIRE_TOLERANT) return;
  const struct gw_xds_unsupported_field *field = gw_xds_unsupported_field_find(frame->descriptor->name, number);
  if (field != NULL && field->is_ignored) return;
  refuse(walk, frame, GW_ERR_UNSUPPORTED, field != NULL ? "not supported" : "not known");
}

static void walk_message(struct walk *walk, struct frame *frame) {
  /* Reported at the parent: the field that holds this message. */
  if (frame->depth > GW_XDS_DEPTH_MAX) {
    refuse(walk, frame->parent, GW_ERR_LIMIT, "nests too deeply");
    return;
  }
  if (++walk->message_count > GW_WIRE_MESSAGES_MAX) {
    refuse(walk, frame->parent, GW_ERR_LIMIT, "is one message too many");
    return;
  }
  struct gw_wire_cursor cursor = gw_wire_cursor_from(frame->message);
  struct gw_wire_field field;
  uint64_t seen[FIELDS_TRACKED / 64] = {0};
  enum gw_err err;
  frame->at = cursor.at;
  while ((err = gw_wire_next(&cursor, &field)) == GW_OK) {
    const ProtobufCFieldDescriptor *known = protobuf_c_message_descriptor_get_field(frame->descriptor, field.number);
    if (known != NULL)
      walk_known(walk, frame, known, &field, seen);
    else
      walk_unknown(walk, frame, field.number);
    if (walk->result != GW_OK && walk->result != GW_ERR_UNSUPPORTED) return;
    frame->at = cursor.at;
  }
  if (err != GW_ERR_AGAIN) refuse(walk, frame->parent, GW_ERR_INVALID, "is cut short or not protobuf");
}

enum gw_err gw_wire_walk_below(const ProtobufCMessageDescriptor *descriptor, struct gw_str message, enum gw_wire_strictness strictness,
                               unsigned depth, struct gw_errors *errors) {
  struct walk walk = {.strictness = strictness, .errors = errors};
  struct frame root = {NULL, descriptor, message, NULL, depth};
  walk_message(&walk, &root);
  return walk.result;
}

enum gw_err gw_wire_walk(const ProtobufCMessageDescriptor *descriptor, struct gw_str message, enum gw_wire_strictness strictness,
                         const struct gw_xds_place *place, struct gw_errors *errors) {
  struct walk walk = {.strictness = strictness, .place = place, .errors = errors};
  struct frame root = {NULL, descriptor, message, NULL, 1};
  walk_message(&walk, &root);
  return walk.result;
}
