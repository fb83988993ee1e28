/* Why: the tree of a YAML text in the making, whoever reads the text: libyaml (yaml.c), or the reader of plain files (yaml_simple.c).
 * Life: gw_yaml_tree_init … gw_yaml_tree_done; the nodes live in the arena given.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_YAML_TREE_H
#define GW_CONTROLPLANE_POLICY_YAML_TREE_H

#include "controlplane/policy/yaml.h"

/* From 1. */
struct gw_yaml_mark {
  uint32_t line;
  uint32_t column;
};

/* A collection whose end has not come yet: its children stand on the tree's stack of nodes from `first`. */
struct gw_yaml_open {
  struct gw_yaml_node *node;
  size_t first;
};

struct gw_yaml_tree {
  const char *name;
  struct gw_arena *arena;
  struct gw_errors *errors;
  const struct gw_yaml_node **nodes; /* complete, not yet in a collection */
  size_t node_count;
  size_t node_cap;
  struct gw_yaml_open open[GW_YAML_DEPTH_MAX];
  uint32_t depth;
  uint32_t total;
  bool is_broken; /* a mistake after which the rest says nothing */
};

void gw_yaml_tree_init(struct gw_yaml_tree *tree, const char *name, struct gw_arena *arena, struct gw_errors *errors);
void gw_yaml_tree_done(struct gw_yaml_tree *tree);
void gw_yaml_tree_add_scalar(struct gw_yaml_tree *tree, struct gw_yaml_mark mark, struct gw_str text, bool is_plain);
/* A sequence, or a mapping, whose children are its keys and values by turns. */
void gw_yaml_tree_begin(struct gw_yaml_tree *tree, struct gw_yaml_mark mark, enum gw_yaml_kind kind);
void gw_yaml_tree_end(struct gw_yaml_tree *tree);
void gw_yaml_tree_mistake(struct gw_yaml_tree *tree, struct gw_yaml_mark mark, const char *sentence);
/* … after which nothing more is read. */
void gw_yaml_tree_stop(struct gw_yaml_tree *tree, struct gw_yaml_mark mark, const char *sentence);

#endif
