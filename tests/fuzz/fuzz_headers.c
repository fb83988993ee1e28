/* The fields of a message under any sequence of operations, beside a model that is too simple to be wrong. */
#include "common/base/mem.h"
#include "common/message/headers.h"
#include "tests/fuzz/fuzz_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MODEL_MAX 64

struct model {
  struct gw_str names[MODEL_MAX];
  struct gw_str values[MODEL_MAX];
  uint32_t count;
};

typedef bool drop_fn(const struct model *model, uint32_t i, struct gw_str name);

static void drop(struct model *model, uint32_t from, drop_fn *must_drop, struct gw_str name) {
  struct model rest = {.count = from};
  memcpy(&rest.names, &model->names, sizeof(rest.names));
  memcpy(&rest.values, &model->values, sizeof(rest.values));
  for (uint32_t i = from; i < model->count; i++) {
    if (must_drop(model, i, name)) continue;
    rest.names[rest.count] = model->names[i];
    rest.values[rest.count++] = model->values[i];
  }
  *model = rest;
}

static bool has_name(const struct model *model, uint32_t i, struct gw_str name) {
  return gw_str_equal_nocase(model->names[i], name);
}

static uint32_t find(const struct model *model, struct gw_str name) {
  uint32_t i = 0;
  while (i < model->count && !has_name(model, i, name))
    i++;
  return i;
}

static bool is_any(struct gw_str name, const char *const *list, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (gw_str_equal_nocase(name, gw_str_from(list[i]))) return true;
  }
  return false;
}

static const char *const hop_by_hop[] = {"connection",          "keep-alive",        "proxy-connection", "proxy-authenticate",
                                         "proxy-authorization", "transfer-encoding", "upgrade",          "http2-settings"};
static const char *const end_to_end[] = {"forwarded", "x-real-ip", "via", "cache-control"};

static bool is_nominated(const struct model *model, struct gw_str name) {
  const struct gw_str forwarded = GW_STR("x-forwarded-");
  if (gw_header_id_find(name) != GW_HEADER_OTHER || is_any(name, end_to_end, GW_ARRAY_LEN(end_to_end))) return false;
  if (name.len >= forwarded.len && gw_str_equal_nocase((struct gw_str){name.data, forwarded.len}, forwarded)) return false;
  for (uint32_t i = 0; i < model->count; i++) {
    struct gw_str options = model->values[i];
    struct gw_str option;
    if (!has_name(model, i, GW_STR("connection"))) continue;
    while (gw_str_split_next(&options, ',', &option)) {
      if (gw_str_equal_nocase(gw_str_trim(option), name)) return true;
    }
  }
  return false;
}

static bool names_trailers(struct gw_str codings) {
  struct gw_str coding;
  while (gw_str_split_next(&codings, ',', &coding)) {
    if (gw_str_equal_nocase(gw_str_trim(coding), GW_STR("trailers"))) return true;
  }
  return false;
}

static bool is_of_the_hop(const struct model *model, uint32_t i, struct gw_str name) {
  (void)name;
  if (has_name(model, i, GW_STR("te"))) return !names_trailers(model->values[i]);
  return is_any(model->names[i], hop_by_hop, GW_ARRAY_LEN(hop_by_hop)) || is_nominated(model, model->names[i]);
}

static void model_remove_hop_by_hop(struct model *model) {
  drop(model, 0, is_of_the_hop, GW_STR(""));
  for (uint32_t i = 0; i < model->count; i++) {
    if (has_name(model, i, GW_STR("te"))) model->values[i] = GW_STR("trailers");
  }
}

static void check(const struct gw_headers *headers, const struct model *model) {
  GW_ASSERT(headers->count == model->count && headers->count <= headers->cap);
  for (uint32_t i = 0; i < model->count; i++) {
    const struct gw_header *header = &headers->items[i];
    GW_ASSERT(gw_str_equal(header->name, model->names[i]) && gw_str_equal(header->value, model->values[i]));
    GW_ASSERT(header->id == gw_header_id_find(header->name));
    GW_ASSERT(header->id == GW_HEADER_OTHER || gw_str_equal_nocase(gw_header_id_name(header->id), header->name));
  }
}

/* Sometimes one of the table's, sometimes one that is there. */
static struct gw_str take_name(struct gw_fuzz_input *input, const struct model *model) {
  unsigned choice = gw_fuzz_take_byte(input);
  if (choice > 0 && choice < GW_HEADER_ID_COUNT) return gw_header_id_name((enum gw_header_id)choice);
  if (choice >= 192 && model->count > 0) return model->names[choice % model->count];
  return gw_fuzz_take_str(input);
}

static void set(struct gw_headers *headers, struct model *model, struct gw_arena *arena, struct gw_str name, struct gw_str value) {
  enum gw_header_id id = gw_header_id_find(name);
  if (id == GW_HEADER_OTHER) return;
  gw_headers_set(headers, arena, id, value);
  uint32_t first = find(model, name);
  if (first == model->count) {
    model->names[model->count++] = gw_header_id_name(id);
  } else {
    drop(model, first + 1, has_name, name);
  }
  model->values[first] = value;
}

static void step(struct gw_fuzz_input *input, struct gw_headers *headers, struct model *model, struct gw_arena *arena) {
  unsigned action = gw_fuzz_take_byte(input) % 8;
  struct gw_str name = take_name(input, model);
  if (!gw_header_name_is_valid(name)) return;
  uint32_t place = find(model, name);
  struct gw_header *found = gw_headers_find_name(headers, name);
  GW_ASSERT(place == model->count ? found == NULL : found == &headers->items[place]);
  if (action == 0) {
    gw_headers_remove_name(headers, name);
    drop(model, 0, has_name, name);
    GW_ASSERT(gw_headers_find_name(headers, name) == NULL);
  } else if (action == 1) {
    gw_headers_remove_hop_by_hop(headers);
    model_remove_hop_by_hop(model);
  } else if (model->count < MODEL_MAX) {
    struct gw_str value = gw_fuzz_take_str(input);
    if (action == 2) {
      set(headers, model, arena, name, value);
    } else {
      gw_headers_add(headers, arena, action == 3 ? GW_HEADER_OTHER : gw_header_id_find(name), name, value);
      model->names[model->count] = name;
      model->values[model->count++] = value;
    }
  }
  check(headers, model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct gw_fuzz_input input = {data, data + size};
  struct gw_arena arena;
  struct gw_headers headers;
  struct model model = {.count = 0};
  gw_arena_init(&arena, 1024);
  gw_headers_init(&headers, &arena, 2);
  while (input.at < input.end)
    step(&input, &headers, &model, &arena);
  gw_arena_done(&arena);
  return 0;
}
