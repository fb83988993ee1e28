/* JSON that strangers send: our parser and jansson's take the same texts, and read the same out of them. */
#include <jansson.h>
#include <stdlib.h>

#include "common/base/json_value.h"
#include "common/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEPTH_MAX 32

static json_t *jansson_of(const struct gw_json_value *value) {
  json_t *made = NULL;
  switch (value->kind) {
  case GW_JSON_NULL: return json_null();
  case GW_JSON_BOOL: return json_boolean(value->boolean);
  case GW_JSON_INTEGER: return json_integer(value->integer);
  case GW_JSON_REAL: return json_real(value->real);
  case GW_JSON_STRING: return json_stringn(value->string.data, value->string.len);
  case GW_JSON_ARRAY:
    made = json_array();
    for (uint32_t i = 0; i < value->count; i++)
      GW_ASSERT(json_array_append_new(made, jansson_of(&value->items[i])) == 0);
    return made;
  case GW_JSON_OBJECT:
    made = json_object();
    for (uint32_t i = 0; i < value->count; i++)
      GW_ASSERT(json_object_set_new(made, value->members[i].name.data, jansson_of(&value->members[i].value)) == 0);
    return made;
  }
  GW_PANIC("kind %d", (int)value->kind);
}

/* What we write of a value is read as that value again. */
static void check_written(const struct gw_json_value *value, const struct gw_json_limits *limits, struct gw_arena *arena) {
  struct gw_strbuf once, twice;
  const struct gw_json_value *again;
  gw_strbuf_init(&once);
  gw_strbuf_init(&twice);
  gw_json_append_value(&once, value);
  GW_ASSERT(gw_json_parse(gw_strbuf_str(&once), limits, arena, &again) == GW_OK);
  gw_json_append_value(&twice, gw_json_copy(again, arena));
  GW_ASSERT(gw_str_equal(gw_strbuf_str(&once), gw_strbuf_str(&twice)));
  gw_strbuf_done(&once);
  gw_strbuf_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const struct gw_json_limits limits = {1u << 20, DEPTH_MAX, 1u << 20};
  struct gw_str text = {(const char *)data, size};
  struct gw_arena arena;
  const struct gw_json_value *value;
  gw_arena_init(&arena, 1024);
  enum gw_err err = gw_json_parse(text, &limits, &arena, &value);
  json_error_t error;
  json_t *judge = json_loadb(size > 0 ? text.data : "", size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
  bool has_nul = memchr(text.data, '\0', size) != NULL; /* jansson passes over it; JSON has no place for it */
  if (err != GW_ERR_LIMIT) GW_ASSERT((err == GW_OK) == (judge != NULL && !has_nul));
  if (err == GW_OK) {
    json_t *ours = jansson_of(value);
    GW_ASSERT(json_equal(ours, judge));
    json_decref(ours);
    check_written(value, &limits, &arena);
  }
  json_decref(judge);
  gw_arena_done(&arena);
  return 0;
}
