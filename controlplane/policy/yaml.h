/* Why: YAML text as a tree that remembers where each thing stands, so that every mistake can say FILE:LINE:COLUMN (libyaml).
 * Life: the tree lives in the arena given.
 * Thread: one at a time; read-only after the parse. */
#ifndef GW_CONTROLPLANE_POLICY_YAML_H
#define GW_CONTROLPLANE_POLICY_YAML_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

enum gw_yaml_kind { GW_YAML_SCALAR, GW_YAML_SEQUENCE, GW_YAML_MAPPING };

struct gw_yaml_pair;

struct gw_yaml_node {
  enum gw_yaml_kind kind;
  bool is_plain; /* a scalar without quotes: may be a number, a boolean or null */
  uint32_t line; /* from 1 */
  uint32_t column;
  struct gw_str text; /* of a scalar */
  union {
    const struct gw_yaml_node *const *items; /* of a sequence */
    const struct gw_yaml_pair *pairs;        /* of a mapping, in order */
  };
  uint32_t count;
};

/* Keys are scalars. */
struct gw_yaml_pair {
  const struct gw_yaml_node *key;
  const struct gw_yaml_node *value;
};

#define GW_YAML_DEPTH_MAX 32u
#define GW_YAML_NODES_MAX 4000000u

/* One document. Mistakes, with places in `name`: bad syntax, duplicate keys, aliases, tags, keys that are no scalars, too deep, too many
 * nodes, a second document. GW_ERR_INVALID when there is one; *ret_root is NULL for an empty document. */
enum gw_err gw_yaml_parse(const char *name, struct gw_str text, struct gw_arena *arena, struct gw_errors *errors,
                          const struct gw_yaml_node **ret_root);

/* NULL: absent, or `mapping` is none. */
const struct gw_yaml_node *gw_yaml_find(const struct gw_yaml_node *mapping, const char *key);
/* "NAME:LINE:COLUMN" of the node, in the arena. */
const char *gw_yaml_place(const char *name, const struct gw_yaml_node *node, struct gw_arena *arena);
/* `null`, `~` or nothing at all. */
bool gw_yaml_is_null(const struct gw_yaml_node *node);
/* "a scalar", "a sequence", "a mapping": for messages. */
const char *gw_yaml_kind_name(enum gw_yaml_kind kind);

#endif
