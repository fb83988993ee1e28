#include "controlplane/policy/node_groups_yaml.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/model/node_group.h"

#define NAME_MAX_BYTES 60u

static int compare_names(const void *a, const void *b) {
  return gw_str_compare(*(const struct gw_str *)a, *(const struct gw_str *)b);
}

static bool is_name(struct gw_str name) {
  for (size_t i = 0; i < name.len; i++) {
    char c = name.data[i];
    bool is_good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (!is_good) return false;
  }
  return name.len > 0 && name.len <= NAME_MAX_BYTES;
}

static void read_name(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_str *names, uint32_t *count) {
  struct gw_str name;
  if (!gw_reader_text(reader, node, "a node group", &name)) return;
  if (!is_name(name)) {
    gw_reader_mistake(reader, node, "a node group is the --node-cluster of its data planes: 1 to %u letters, digits, - _ and .",
                      NAME_MAX_BYTES);
    return;
  }
  for (uint32_t i = 0; i < *count; i++)
    if (gw_str_equal(names[i], name)) gw_reader_mistake(reader, node, "%.*s stands here twice", GW_STR_ARG(name));
  names[(*count)++] = name;
}

void gw_node_groups_read(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_node_groups *ret_groups) {
  bool is_list = node->kind == GW_YAML_SEQUENCE;
  if (is_list && (node->count == 0 || node->count > GW_NODE_GROUPS_MAX)) {
    gw_reader_mistake(reader, node, "node_groups lists 1 to %u groups; leave it out for all nodes", GW_NODE_GROUPS_MAX);
    return;
  }
  struct gw_str *names = gw_arena_calloc(reader->arena, is_list ? node->count : 1, sizeof(*names));
  uint32_t count = 0;
  for (uint32_t i = 0; i < (is_list ? node->count : 1); i++)
    read_name(reader, is_list ? node->items[i] : node, names, &count);
  qsort(names, count, sizeof(*names), compare_names);
  *ret_groups = (struct gw_node_groups){.names = names, .count = count};
}

static bool has(const struct gw_node_groups *groups, struct gw_str name) {
  for (uint32_t i = 0; i < groups->count; i++)
    if (gw_str_equal(groups->names[i], name)) return true;
  return false;
}

bool gw_node_groups_take(const struct gw_node_groups *groups, struct gw_str name) {
  return groups->count == 0 || has(groups, name);
}

bool gw_node_groups_meet(const struct gw_node_groups *a, const struct gw_node_groups *b) {
  if (a->count == 0 || b->count == 0) return true;
  for (uint32_t i = 0; i < a->count; i++)
    if (has(b, a->names[i])) return true;
  return false;
}

bool gw_node_groups_cover(const struct gw_node_groups *a, const struct gw_node_groups *b) {
  if (a->count == 0) return true;
  for (uint32_t i = 0; i < b->count; i++)
    if (!has(a, b->names[i])) return false;
  return b->count > 0;
}

/* The names of one `node_groups`; what is wrong with them is told where they are read. Returns false when there is no room for one. */
static bool collect(const struct gw_yaml_node *node, struct gw_str *names, uint32_t *count) {
  uint32_t word_count = node->kind == GW_YAML_SEQUENCE ? node->count : 1;
  for (uint32_t i = 0; i < word_count; i++) {
    const struct gw_yaml_node *word = node->kind == GW_YAML_SEQUENCE ? node->items[i] : node;
    struct gw_node_groups known = {.names = names, .count = *count};
    if (word->kind != GW_YAML_SCALAR || !is_name(word->text) || has(&known, word->text)) continue;
    if (*count == GW_NODE_GROUPS_MAX) return false;
    names[(*count)++] = word->text;
  }
  return true;
}

static bool collect_list(const struct gw_reader *reader, const struct gw_yaml_node *list, struct gw_str *names, uint32_t *count) {
  for (uint32_t i = 0; list != NULL && list->kind == GW_YAML_SEQUENCE && i < list->count; i++) {
    const struct gw_yaml_node *node = gw_yaml_find(list->items[i], "node_groups");
    if (node == NULL || collect(node, names, count)) continue;
    gw_reader_mistake(reader, node, "there are at most %u node groups", GW_NODE_GROUPS_MAX);
    return false;
  }
  return true;
}

void gw_node_groups_find(const struct gw_reader *reader, const struct gw_yaml_node *root, struct gw_node_groups *ret_names) {
  struct gw_str *names = gw_arena_calloc(reader->arena, GW_NODE_GROUPS_MAX, sizeof(*names));
  uint32_t count = 0;
  if (collect_list(reader, gw_yaml_find(root, "routes"), names, &count))
    collect_list(reader, gw_yaml_find(root, "listeners"), names, &count);
  qsort(names, count, sizeof(*names), compare_names);
  *ret_names = (struct gw_node_groups){.names = names, .count = count};
}
