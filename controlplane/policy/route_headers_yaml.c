#include "controlplane/policy/route_headers_yaml.h"

#include "common/base/mem.h"
#include "common/message/headers.h"
#include "common/model/header_format.h"

#define CHANGES_MAX 64u
#define VALUE_MAX_BYTES 4096u

static const char *const keys[] = {"set", "add", "default", "remove", NULL};
static const enum gw_header_action actions[] = {GW_HEADER_OVERWRITE, GW_HEADER_APPEND, GW_HEADER_ADD_IF_ABSENT};

struct gw_str gw_policy_lower(struct gw_arena *arena, struct gw_str text) {
  char *copy = gw_arena_alloc_bytes(arena, text.len + 1);
  for (size_t i = 0; i < text.len; i++) {
    copy[i] = text.data[i];
    if (copy[i] >= 'A' && copy[i] <= 'Z') copy[i] = (char)(copy[i] | 0x20);
  }
  copy[text.len] = '\0';
  return (struct gw_str){copy, text.len};
}

static bool read_name(const struct gw_reader *reader, const struct gw_yaml_node *node, bool is_response, struct gw_str *ret_name) {
  if (node->kind != GW_YAML_SCALAR || !gw_header_name_is_valid(node->text)) {
    gw_reader_mistake(reader, node, "%.*s is not the name of a header", GW_STR_ARG(node->text));
    return false;
  }
  struct gw_str name = gw_policy_lower(reader->arena, node->text);
  const char *why = gw_header_change_refusal(name, is_response);
  if (why == NULL && is_response && gw_str_equal(name, GW_STR("server"))) why = "is the listener's, after all routes";
  if (why == NULL) {
    *ret_name = name;
    return true;
  }
  gw_reader_mistake(reader, node, "%.*s can't be changed by a route: it %s", GW_STR_ARG(node->text), why);
  return false;
}

static void read_value(const struct gw_reader *reader, const struct gw_yaml_pair *pair, enum gw_header_action action, bool is_response,
                       struct gw_header_option *option) {
  struct gw_str text;
  const char *why;
  option->action = action;
  if (!read_name(reader, pair->key, is_response, &option->name)) return;
  if (!gw_reader_text(reader, pair->value, "the value of a header", &text)) return;
  if (text.len > VALUE_MAX_BYTES)
    gw_reader_mistake(reader, pair->value, "the value of a header has at most %u bytes", VALUE_MAX_BYTES);
  else if (gw_header_format_parse(text, is_response, reader->arena, &option->value, &option->is_format, &why) != GW_OK)
    gw_reader_mistake(reader, pair->value, "the value of %.*s: %s", GW_STR_ARG(pair->key->text), why);
}

static bool check_twice(const struct gw_reader *reader, const struct gw_yaml_pair *pair, const struct gw_header_option *options,
                        uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    if (options[i].name.len == 0 || options[i].action == GW_HEADER_APPEND || !gw_str_equal_nocase(options[i].name, pair->key->text))
      continue;
    gw_reader_mistake(reader, pair->key, "%.*s is set here twice; what is there already is one of set, add and default",
                      GW_STR_ARG(pair->key->text));
    return false;
  }
  return true;
}

const struct gw_header_changes *gw_header_changes_read(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *key,
                                                       bool is_response) {
  if (!gw_reader_is_mapping(reader, node, key, keys)) return NULL;
  const struct gw_yaml_node *parts[GW_ARRAY_LEN(actions)], *removed = gw_yaml_find(node, "remove");
  uint32_t add_count = 0, remove_count = 0;
  for (size_t i = 0; i < GW_ARRAY_LEN(actions); i++) {
    parts[i] = gw_yaml_find(node, keys[i]);
    if (parts[i] != NULL && !gw_reader_is_mapping(reader, parts[i], keys[i], NULL)) return NULL;
    add_count += parts[i] != NULL ? parts[i]->count : 0;
  }
  if (removed != NULL && !gw_reader_is_list(reader, removed, "remove")) return NULL;
  remove_count = removed != NULL ? removed->count : 0;
  if (add_count + remove_count == 0 || add_count + remove_count > CHANGES_MAX) {
    gw_reader_mistake(reader, node, "%s makes 1 to %u changes, by set, add, default and remove", key, CHANGES_MAX);
    return NULL;
  }
  struct gw_header_option *add = gw_arena_calloc(reader->arena, add_count, sizeof(*add));
  struct gw_str *remove = gw_arena_calloc(reader->arena, remove_count, sizeof(*remove));
  uint32_t count = 0;
  for (size_t i = 0; i < GW_ARRAY_LEN(actions); i++) {
    for (uint32_t k = 0; parts[i] != NULL && k < parts[i]->count; k++) {
      const struct gw_yaml_pair *pair = &parts[i]->pairs[k];
      if (check_twice(reader, pair, add, count)) read_value(reader, pair, actions[i], is_response, &add[count]);
      count++;
    }
  }
  for (uint32_t i = 0; i < remove_count; i++)
    read_name(reader, removed->items[i], is_response, &remove[i]);
  struct gw_header_changes *changes = gw_arena_calloc(reader->arena, 1, sizeof(*changes));
  *changes = (struct gw_header_changes){.remove = remove, .remove_count = remove_count, .add_count = add_count, .add = add};
  return changes;
}
