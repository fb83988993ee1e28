/* Why: YAML text as a tree that remembers where each thing stands, so that every mistake can say FILE:LINE:COLUMN (libyaml).
 * Life: the tree lives in the arena given.
 * Thread: one at a time; read-only after the parse. */
#ifndef GW_CONTROLPLANE_POLICY_YAML_H
#define GW_CONTROLPLANE_POLICY_YAML_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

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
  uint64_t hash; /* of what is written, wherever it stands; of this process alone */
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

/* A text of which another version was parsed before. */
struct gw_yaml_document {
  struct gw_str text;
  const struct gw_yaml_node *root; /* NULL: there is none */
};
/* What gw_yaml_parse gives, quicker where the texts differ in one place of a long list in the root: the rest is copied from `before`
 * (yaml_changed.c). */
enum gw_err gw_yaml_parse_changed(const struct gw_yaml_document *before, const char *name, struct gw_str text, struct gw_arena *arena,
                                  struct gw_errors *errors, const struct gw_yaml_node **ret_root);
/* The quick way alone; GW_ERR_UNSUPPORTED when the difference is of another kind, or a mistake. */
enum gw_err gw_yaml_splice(const struct gw_yaml_document *before, struct gw_str text, struct gw_arena *arena,
                           const struct gw_yaml_node **ret_root);
/* Sets the hash of a collection from its children's. */
void gw_yaml_hash_children(struct gw_yaml_node *node);

/* NULL: absent, or `mapping` is none. */
static inline const struct gw_yaml_node *gw_yaml_find(const struct gw_yaml_node *mapping, const char *key) {
  if (mapping == NULL || mapping->kind != GW_YAML_MAPPING) return NULL;
  size_t len = strlen(key); /* which the compiler knows: each route is asked for dozens of keys */
  for (uint32_t i = 0; i < mapping->count; i++) {
    struct gw_str text = mapping->pairs[i].key->text;
    if (text.len == len && memcmp(text.data, key, len) == 0) return mapping->pairs[i].value;
  }
  return NULL;
}
/* "NAME:LINE:COLUMN" of the node, in the arena. */
const char *gw_yaml_place(const char *name, const struct gw_yaml_node *node, struct gw_arena *arena);
/* `null`, `~` or nothing at all. */
bool gw_yaml_is_null(const struct gw_yaml_node *node);
/* "a scalar", "a sequence", "a mapping": for messages. */
const char *gw_yaml_kind_name(enum gw_yaml_kind kind);

#endif
