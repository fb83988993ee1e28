#include "common/base/json_value.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/json.h"

/* ---- look ---- */

const struct gw_json_value *gw_json_find(const struct gw_json_value *value, struct gw_str name) {
  if (value == NULL || value->kind != GW_JSON_OBJECT) return NULL;
  for (uint32_t i = 0; i < value->count; i++) {
    if (gw_str_equal(value->members[i].name, name)) return &value->members[i].value;
  }
  return NULL;
}

bool gw_json_is_string(const struct gw_json_value *value, struct gw_str text) {
  return value != NULL && value->kind == GW_JSON_STRING && gw_str_equal(value->string, text);
}

bool gw_json_is_scalar(const struct gw_json_value *value, struct gw_str text) {
  if (value == NULL) return false;
  char number[24];
  switch (value->kind) {
  case GW_JSON_STRING: return gw_str_equal(value->string, text);
  case GW_JSON_BOOL: return gw_str_equal(value->boolean ? GW_STR("true") : GW_STR("false"), text);
  case GW_JSON_INTEGER: snprintf(number, sizeof(number), "%" PRId64, value->integer); return gw_str_equal(gw_str_from(number), text);
  case GW_JSON_REAL:
  case GW_JSON_NULL:
  case GW_JSON_ARRAY:
  case GW_JSON_OBJECT: break;
  }
  return false;
}

bool gw_json_number(const struct gw_json_value *value, double *ret_number) {
  if (value == NULL || (value->kind != GW_JSON_INTEGER && value->kind != GW_JSON_REAL)) return false;
  *ret_number = value->kind == GW_JSON_INTEGER ? (double)value->integer : value->real;
  return true;
}

/* ---- paths ---- */

/* One segment of a JSON pointer; false: '~' without 0 or 1. */
static bool unescape(struct gw_str text, struct gw_arena *arena, struct gw_str *ret_segment) {
  char *at = gw_arena_alloc_bytes(arena, text.len + 1);
  *ret_segment = (struct gw_str){at, 0};
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    if (c == '~') {
      i++;
      if (i == text.len || (text.data[i] != '0' && text.data[i] != '1')) return false;
      c = text.data[i] == '0' ? '~' : '/';
    }
    at[ret_segment->len++] = c;
  }
  at[ret_segment->len] = '\0';
  return true;
}

enum gw_err gw_json_path_parse(struct gw_str text, struct gw_arena *arena, struct gw_json_path *ret_path) {
  if (text.len == 0) return GW_ERR_INVALID;
  bool is_pointer = text.data[0] == '/';
  char separator = is_pointer ? '/' : '.';
  if (is_pointer) text = gw_str_skip(text, 1);
  uint32_t count = 1;
  for (size_t i = 0; i < text.len; i++)
    count += text.data[i] == separator;
  struct gw_str *segments = gw_arena_calloc(arena, count, sizeof(*segments));
  struct gw_str piece;
  for (uint32_t i = 0; gw_str_split_next(&text, separator, &piece); i++) {
    if (is_pointer ? !unescape(piece, arena, &segments[i]) : piece.len == 0) return GW_ERR_INVALID;
    if (!is_pointer) segments[i] = gw_arena_copy(arena, piece);
  }
  *ret_path = (struct gw_json_path){segments, count};
  return GW_OK;
}

static const struct gw_json_value *item_at(const struct gw_json_value *array, struct gw_str segment) {
  uint64_t index;
  bool has_leading_zero = segment.len > 1 && segment.data[0] == '0';
  if (has_leading_zero || gw_str_parse_u64(segment, &index) != GW_OK || index >= array->count) return NULL;
  return &array->items[index];
}

const struct gw_json_value *gw_json_walk(const struct gw_json_value *value, const struct gw_json_path *path) {
  for (uint32_t i = 0; i < path->count && value != NULL; i++)
    value = value->kind == GW_JSON_ARRAY ? item_at(value, path->segments[i]) : gw_json_find(value, path->segments[i]);
  return value;
}

/* ---- write, copy ---- */

static void write_value(struct gw_json_writer *writer, const struct gw_json_value *value) {
  switch (value->kind) {
  case GW_JSON_NULL: gw_json_null(writer); return;
  case GW_JSON_BOOL: gw_json_bool(writer, value->boolean); return;
  case GW_JSON_INTEGER: gw_json_i64(writer, value->integer); return;
  case GW_JSON_REAL: gw_json_double(writer, value->real + 0.0); return; /* 0 also for -0 */
  case GW_JSON_STRING: gw_json_string(writer, value->string); return;
  case GW_JSON_ARRAY:
    gw_json_array_begin(writer);
    for (uint32_t i = 0; i < value->count; i++)
      write_value(writer, &value->items[i]);
    gw_json_array_end(writer);
    return;
  case GW_JSON_OBJECT:
    gw_json_object_begin(writer);
    for (uint32_t i = 0; i < value->count; i++) {
      gw_json_string(writer, value->members[i].name);
      gw_strbuf_append_char(writer->buf, ':');
      writer->needs_comma = false;
      write_value(writer, &value->members[i].value);
    }
    gw_json_object_end(writer);
    return;
  }
}

void gw_json_append_value(struct gw_strbuf *buf, const struct gw_json_value *value) {
  struct gw_json_writer writer;
  gw_json_writer_init(&writer, buf);
  write_value(&writer, value);
}

bool gw_json_append_scalar(struct gw_strbuf *buf, const struct gw_json_value *value) {
  if (value->kind == GW_JSON_NULL || value->kind == GW_JSON_ARRAY || value->kind == GW_JSON_OBJECT) return false;
  if (value->kind == GW_JSON_STRING) {
    gw_strbuf_append_str(buf, value->string);
  } else {
    gw_json_append_value(buf, value);
  }
  return true;
}

static struct gw_json_value copy_value(const struct gw_json_value *value, struct gw_arena *arena) {
  struct gw_json_value copy = *value;
  if (value->kind == GW_JSON_STRING) {
    copy.string = gw_arena_copy(arena, value->string);
  } else if (value->kind == GW_JSON_ARRAY) {
    struct gw_json_value *items = gw_arena_calloc(arena, value->count, sizeof(*items));
    for (uint32_t i = 0; i < value->count; i++)
      items[i] = copy_value(&value->items[i], arena);
    copy.items = items;
  } else if (value->kind == GW_JSON_OBJECT) {
    struct gw_json_member *members = gw_arena_calloc(arena, value->count, sizeof(*members));
    for (uint32_t i = 0; i < value->count; i++) {
      members[i].name = gw_arena_copy(arena, value->members[i].name);
      members[i].value = copy_value(&value->members[i].value, arena);
    }
    copy.members = members;
  }
  return copy;
}

const struct gw_json_value *gw_json_copy(const struct gw_json_value *value, struct gw_arena *arena) {
  struct gw_json_value *copy = gw_arena_alloc(arena, sizeof(*copy));
  *copy = copy_value(value, arena);
  return copy;
}
