#include "common/xds/struct_message.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/xds/encode.h"

typedef Google__Protobuf__Value Value;
#define KIND(name) GOOGLE__PROTOBUF__VALUE__KIND_##name##_VALUE
#define SECONDS_MAX 315576000000.0 /* of Duration's JSON form: ten thousand years */

/* ---- to a message ---- */

/* The form of proto3's JSON: seconds with up to nine decimals and an s. */
static bool parse_duration(const char *text, Google__Protobuf__Duration *out) {
  char *end;
  if (text[0] < '0' || text[0] > '9') return false;
  double seconds = strtod(text, &end);
  if (strcmp(end, "s") != 0 || !(seconds <= SECONDS_MAX) || strspn(text, "0123456789.") != strlen(text) - 1) return false;
  out->seconds = (int64_t)seconds;
  int32_t ms = (int32_t)((seconds - (double)out->seconds) * 1e3 + 0.5);
  out->nanos = (ms < 1000 ? ms : 999) * 1000000;
  return true;
}

static void decode_enums(struct gw_xds_decoder *d, const struct gw_xds_place *place, const ProtobufCFieldDescriptor *field,
                         const Value *value, char *message) {
  const ProtobufCEnumDescriptor *type = field->descriptor;
  if (value->kind_case != KIND(LIST)) {
    gw_xds_refuse(d, place, "must be a list");
    return;
  }
  size_t count = value->list_value->n_values;
  int *items = gw_arena_calloc(d->scratch, count, sizeof *items);
  for (size_t i = 0; i < count; i++) {
    const Value *item = value->list_value->values[i];
    const ProtobufCEnumValue *known =
        item->kind_case == KIND(STRING) ? protobuf_c_enum_descriptor_get_value_by_name(type, item->string_value) : NULL;
    if (known == NULL) {
      gw_xds_refuse(d, place, "has a value that is no %s", type->short_name);
    } else {
      items[i] = known->value;
    }
  }
  memcpy(message + field->quantifier_offset, &count, sizeof count);
  memcpy(message + field->offset, &items, sizeof(void *));
}

static void decode_field(struct gw_xds_decoder *d, const struct gw_xds_place *place, const ProtobufCFieldDescriptor *field,
                         const Value *value, char *message) {
  if (field->type == PROTOBUF_C_TYPE_ENUM) {
    decode_enums(d, place, field, value, message);
  } else if (field->type == PROTOBUF_C_TYPE_BOOL) {
    protobuf_c_boolean is_true = value->kind_case == KIND(BOOL) && value->bool_value;
    if (value->kind_case != KIND(BOOL)) gw_xds_refuse(d, place, "must be true or false");
    memcpy(message + field->offset, &is_true, sizeof is_true);
  } else if (field->type == PROTOBUF_C_TYPE_UINT32) {
    bool is_good = value->kind_case == KIND(NUMBER) && value->number_value >= 0 && value->number_value <= UINT32_MAX &&
                   (double)(uint32_t)value->number_value == value->number_value;
    uint32_t number = is_good ? (uint32_t)value->number_value : 0;
    if (!is_good) gw_xds_refuse(d, place, "must be a whole number");
    memcpy(message + field->offset, &number, sizeof number);
  } else {
    GW_ASSERT(field->descriptor == &google__protobuf__duration__descriptor);
    Google__Protobuf__Duration *duration = gw_xds_encode_new(d->scratch, &google__protobuf__duration__descriptor);
    if (value->kind_case != KIND(STRING) || !parse_duration(value->string_value, duration))
      gw_xds_refuse(d, place, "must be a duration such as \"10s\"");
    memcpy(message + field->offset, &duration, sizeof(void *));
  }
}

void *gw_xds_decode_struct(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Google__Protobuf__Struct *from,
                           const ProtobufCMessageDescriptor *descriptor) {
  char *message = gw_xds_encode_new(d->scratch, descriptor);
  for (size_t i = 0; i < from->n_fields; i++) {
    const struct gw_xds_place *at = GW_XDS_FIELD(place, from->fields[i]->key);
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(descriptor, from->fields[i]->key);
    if (field == NULL) {
      gw_xds_refuse(d, at, "is not known");
    } else if (from->fields[i]->value != NULL) {
      decode_field(d, at, field, from->fields[i]->value, message);
    }
  }
  return message;
}

/* ---- from a message ---- */

static Value *new_value(struct gw_arena *arena, Google__Protobuf__Value__KindCase kind) {
  Value *value = gw_xds_encode_new(arena, &google__protobuf__value__descriptor);
  value->kind_case = kind;
  return value;
}

static Value *encode_enums(struct gw_arena *arena, const ProtobufCFieldDescriptor *field, const char *message) {
  Value *value = new_value(arena, KIND(LIST));
  size_t count;
  const int *items;
  memcpy(&count, message + field->quantifier_offset, sizeof count);
  memcpy(&items, message + field->offset, sizeof(void *));
  value->list_value = gw_xds_encode_new(arena, &google__protobuf__list_value__descriptor);
  value->list_value->n_values = count;
  value->list_value->values = gw_xds_encode_array(arena, count);
  for (size_t i = 0; i < count; i++) {
    Value *item = new_value(arena, KIND(STRING));
    item->string_value = gw_arena_strdup(arena, protobuf_c_enum_descriptor_get_value(field->descriptor, items[i])->name);
    value->list_value->values[i] = item;
  }
  return value;
}

static Value *encode_field(struct gw_arena *arena, const ProtobufCFieldDescriptor *field, const char *message) {
  Value *value;
  if (field->type == PROTOBUF_C_TYPE_ENUM) return encode_enums(arena, field, message);
  if (field->type == PROTOBUF_C_TYPE_BOOL) {
    value = new_value(arena, KIND(BOOL));
    memcpy(&value->bool_value, message + field->offset, sizeof value->bool_value);
  } else if (field->type == PROTOBUF_C_TYPE_UINT32) {
    uint32_t number;
    memcpy(&number, message + field->offset, sizeof number);
    value = new_value(arena, KIND(NUMBER));
    value->number_value = number;
  } else {
    const Google__Protobuf__Duration *duration;
    memcpy(&duration, message + field->offset, sizeof(void *));
    value = new_value(arena, KIND(STRING));
    value->string_value = duration->nanos == 0
                              ? gw_arena_printf(arena, "%llds", (long long)duration->seconds)
                              : gw_arena_printf(arena, "%lld.%03ds", (long long)duration->seconds, duration->nanos / 1000000);
  }
  return value;
}

Google__Protobuf__Struct *gw_xds_encode_struct(struct gw_arena *arena, const ProtobufCMessage *message) {
  Google__Protobuf__Struct *out = gw_xds_encode_new(arena, &google__protobuf__struct__descriptor);
  out->n_fields = message->descriptor->n_fields;
  out->fields = gw_xds_encode_array(arena, out->n_fields);
  for (size_t i = 0; i < out->n_fields; i++) {
    const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
    Google__Protobuf__Struct__FieldsEntry *entry = gw_xds_encode_new(arena, &google__protobuf__struct__fields_entry__descriptor);
    entry->key = gw_arena_strdup(arena, field->name);
    entry->value = encode_field(arena, field, (const char *)message);
    out->fields[i] = entry;
  }
  return out;
}
