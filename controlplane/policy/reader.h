/* Why: takes typed values out of a YAML tree and says, with place and what is allowed, when one is something else.
 * Life: embedded; borrows what it is given.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_READER_H
#define GW_CONTROLPLANE_POLICY_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "controlplane/policy/yaml.h"

struct gw_reader {
  const char *name; /* of the file */
  struct gw_arena *arena;
  struct gw_errors *errors;
};

void gw_reader_mistake(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void gw_reader_warn(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A mapping whose keys are all of `keys` (NULL-terminated; NULL: any). `what`: "a route". An unknown key is a mistake that names the
 * nearest one. */
bool gw_reader_is_mapping(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, const char *const *keys);
/* The value of the key that a file must have, the first of `keys` (NULL-terminated): "routes"; it may have the others. NULL, and a mistake,
 * when it is absent or nothing: a file that was cut short must not pass for one that wants nothing. `empty`: how nothing is written, "[]".
 */
const struct gw_yaml_node *gw_reader_find_root(const struct gw_reader *reader, const struct gw_yaml_node *root, const char *const *keys,
                                               const char *empty);
bool gw_reader_is_list(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what);

/* The word that `text` may have been meant to be; NULL: none is near. */
const char *gw_reader_find_nearest(struct gw_str text, const char *const *words, size_t count);

/* Each: false and a mistake when the node is something else; *ret_value is untouched then. `what`: "path". */
bool gw_reader_text(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, struct gw_str *ret_value);
bool gw_reader_bool(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, bool *ret_value);
bool gw_reader_u32(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, uint32_t min, uint32_t max,
                   uint32_t *ret_value);
/* 64KiB, 100MiB; 0 too. */
bool gw_reader_bytes(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, uint64_t *ret_value);
/* More than 0. */
bool gw_reader_duration(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, uint64_t *ret_ms);

#endif
