#include "controlplane/ctl/message_json.h"

#include <stdio.h>

#include "common/base/base64url.h"

static void write_value(struct gw_json_writer *writer, const ProtobufCFieldDescriptor *field, const void *value) {
  switch (field->type) {
  case PROTOBUF_C_TYPE_INT32:
  case PROTOBUF_C_TYPE_SINT32:
  case PROTOBUF_C_TYPE_SFIXED32: gw_json_i64(writer, *(const int32_t *)value); break;
  case PROTOBUF_C_TYPE_INT64:
  case PROTOBUF_C_TYPE_SINT64:
  case PROTOBUF_C_TYPE_SFIXED64: gw_json_i64(writer, *(const int64_t *)value); break;
  case PROTOBUF_C_TYPE_UINT32:
  case PROTOBUF_C_TYPE_FIXED32: gw_json_u64(writer, *(const uint32_t *)value); break;
  case PROTOBUF_C_TYPE_UINT64:
  case PROTOBUF_C_TYPE_FIXED64: gw_json_u64(writer, *(const uint64_t *)value); break;
  case PROTOBUF_C_TYPE_FLOAT: gw_json_double(writer, (double)*(const float *)value); break;
  case PROTOBUF_C_TYPE_DOUBLE: gw_json_double(writer, *(const double *)value); break;
  case PROTOBUF_C_TYPE_BOOL: gw_json_bool(writer, *(const protobuf_c_boolean *)value != 0); break;
  case PROTOBUF_C_TYPE_ENUM: {
    const ProtobufCEnumValue *name = protobuf_c_enum_descriptor_get_value(field->descriptor, *(const int *)value);
    if (name != NULL) {
      gw_json_string(writer, gw_str_from(name->name));
    } else {
      gw_json_i64(writer, *(const int *)value);
    }
    break;
  }
  case PROTOBUF_C_TYPE_STRING: gw_json_string(writer, gw_str_from(*(char *const *)value)); break;
  case PROTOBUF_C_TYPE_BYTES: {
    const ProtobufCBinaryData *bytes = value;
    struct gw_strbuf text = {0};
    gw_base64url_append(&text, (struct gw_str){(const char *)bytes->data, bytes->len});
    gw_json_string(writer, gw_strbuf_str(&text));
    gw_strbuf_done(&text);
    break;
  }
  case PROTOBUF_C_TYPE_MESSAGE: {
    const ProtobufCMessage *inner = *(ProtobufCMessage *const *)value;
    if (inner != NULL) {
      gw_message_json_write(writer, inner);
    } else {
      gw_json_null(writer);
    }
    break;
  }
  }
}

static size_t size_of(ProtobufCType type) {
  switch (type) {
  case PROTOBUF_C_TYPE_BOOL: return sizeof(protobuf_c_boolean);
  case PROTOBUF_C_TYPE_INT32:
  case PROTOBUF_C_TYPE_SINT32:
  case PROTOBUF_C_TYPE_SFIXED32:
  case PROTOBUF_C_TYPE_UINT32:
  case PROTOBUF_C_TYPE_FIXED32:
  case PROTOBUF_C_TYPE_FLOAT:
  case PROTOBUF_C_TYPE_ENUM: return 4;
  case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
  default: return 8;
  }
}

static void write_field(struct gw_json_writer *writer, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field) {
  const char *at = (const char *)message + field->offset;
  gw_json_key(writer, field->name);
  if (field->label != PROTOBUF_C_LABEL_REPEATED) {
    write_value(writer, field, at);
    return;
  }
  size_t count = *(const size_t *)(const void *)((const char *)message + field->quantifier_offset);
  const char *items = *(const char *const *)(const void *)at;
  gw_json_array_begin(writer);
  for (size_t i = 0; i < count; i++)
    write_value(writer, field, items + i * size_of(field->type));
  gw_json_array_end(writer);
}

void gw_message_json_write(struct gw_json_writer *writer, const ProtobufCMessage *message) {
  gw_json_object_begin(writer);
  for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
    const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
    bool is_unset_choice = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
                           *(const uint32_t *)(const void *)((const char *)message + field->quantifier_offset) != field->id;
    if (!is_unset_choice) write_field(writer, message, field);
  }
  gw_json_object_end(writer);
}

void gw_message_json_print(const ProtobufCMessage *message) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  struct gw_json_writer writer;
  gw_json_writer_init(&writer, &text);
  gw_message_json_write(&writer, message);
  gw_strbuf_append_char(&text, '\n');
  fwrite(text.data, 1, text.len, stdout);
  gw_strbuf_done(&text);
}
