#include "controlplane/policy/yaml_tree.h"

#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"

void gw_yaml_tree_init(struct gw_yaml_tree *tree, const char *name, struct gw_arena *arena, struct gw_errors *errors) {
  tree->name = name;
  tree->arena = arena;
  tree->errors = errors;
  tree->nodes = NULL;
  tree->node_count = tree->node_cap = 0;
  tree->depth = tree->total = 0;
  tree->is_broken = false;
}

void gw_yaml_tree_done(struct gw_yaml_tree *tree) {
  free(tree->nodes);
}

void gw_yaml_tree_mistake(struct gw_yaml_tree *tree, struct gw_yaml_mark mark, const char *sentence) {
  const char *place = gw_arena_printf(tree->arena, "%s:%u:%u", tree->name, mark.line, mark.column);
  gw_errors_add(tree->errors, place, "%s", sentence);
}

void gw_yaml_tree_stop(struct gw_yaml_tree *tree, struct gw_yaml_mark mark, const char *sentence) {
  gw_yaml_tree_mistake(tree, mark, sentence);
  tree->is_broken = true;
}

static struct gw_yaml_node *new_node(struct gw_yaml_tree *tree, enum gw_yaml_kind kind, struct gw_yaml_mark mark) {
  struct gw_yaml_node *node = gw_arena_alloc(tree->arena, sizeof(*node));
  *node = (struct gw_yaml_node){.kind = kind, .line = mark.line, .column = mark.column};
  if (++tree->total > GW_YAML_NODES_MAX) gw_yaml_tree_stop(tree, mark, "too many values in one file (4000000 at most)");
  return node;
}

static void push(struct gw_yaml_tree *tree, const struct gw_yaml_node *node) {
  if (tree->node_count == tree->node_cap) {
    tree->node_cap = tree->node_cap == 0 ? 256 : tree->node_cap * 2;
    tree->nodes = gw_realloc_array(tree->nodes, tree->node_cap, sizeof(const struct gw_yaml_node *));
  }
  tree->nodes[tree->node_count++] = node;
}

void gw_yaml_tree_add_scalar(struct gw_yaml_tree *tree, struct gw_yaml_mark mark, struct gw_str text, bool is_plain) {
  struct gw_yaml_node *node = new_node(tree, GW_YAML_SCALAR, mark);
  node->is_plain = is_plain;
  node->text = gw_arena_copy(tree->arena, text);
  push(tree, node);
}

void gw_yaml_tree_begin(struct gw_yaml_tree *tree, struct gw_yaml_mark mark, enum gw_yaml_kind kind) {
  if (tree->depth == GW_YAML_DEPTH_MAX) {
    gw_yaml_tree_stop(tree, mark, "nested too deeply (32 levels at most)");
    return;
  }
  tree->open[tree->depth++] = (struct gw_yaml_open){.node = new_node(tree, kind, mark), .first = tree->node_count};
}

/* Few keys are compared one with the other, many through a map. */
#define PAIRS_COMPARED 16u

static void check_duplicates(struct gw_yaml_tree *tree, const struct gw_yaml_node *mapping) {
  struct gw_map *seen = mapping->count > PAIRS_COMPARED ? gw_map_new() : NULL;
  for (uint32_t i = 0; i < mapping->count; i++) {
    const struct gw_yaml_node *key = mapping->pairs[i].key, *earlier = NULL;
    if (seen != NULL) {
      earlier = gw_map_find(seen, key->text);
      if (earlier == NULL) gw_map_put(seen, key->text, (void *)(uintptr_t)key);
    }
    for (uint32_t k = 0; seen == NULL && k < i && earlier == NULL; k++)
      if (gw_str_equal(mapping->pairs[k].key->text, key->text)) earlier = mapping->pairs[k].key;
    if (earlier != NULL) {
      gw_errors_add(tree->errors, gw_yaml_place(tree->name, key, tree->arena), "key %.*s stands here twice; the first is in line %u",
                    GW_STR_ARG(key->text), earlier->line);
    }
  }
  gw_map_free(seen);
}

static void fill_mapping(struct gw_yaml_tree *tree, struct gw_yaml_node *node, const struct gw_yaml_node **children, size_t count) {
  struct gw_yaml_pair *pairs = gw_arena_calloc(tree->arena, count / 2, sizeof(*pairs));
  for (size_t i = 0; i + 1 < count; i += 2) {
    if (children[i]->kind != GW_YAML_SCALAR) {
      gw_errors_add(tree->errors, gw_yaml_place(tree->name, children[i], tree->arena), "a key must be a plain word, not %s",
                    gw_yaml_kind_name(children[i]->kind));
      continue;
    }
    pairs[node->count++] = (struct gw_yaml_pair){.key = children[i], .value = children[i + 1]};
  }
  node->pairs = pairs;
  check_duplicates(tree, node);
}

void gw_yaml_tree_end(struct gw_yaml_tree *tree) {
  struct gw_yaml_open *open = &tree->open[--tree->depth];
  const struct gw_yaml_node **children = tree->nodes + open->first;
  size_t count = tree->node_count - open->first;
  if (open->node->kind == GW_YAML_SEQUENCE) {
    const struct gw_yaml_node **items = gw_arena_calloc(tree->arena, count, sizeof(const struct gw_yaml_node *));
    for (size_t i = 0; i < count; i++)
      items[i] = children[i];
    open->node->items = items;
    open->node->count = (uint32_t)count;
  } else {
    fill_mapping(tree, open->node, children, count);
  }
  tree->node_count = open->first;
  push(tree, open->node);
}
