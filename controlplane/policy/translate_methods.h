/* Why: what a set of methods is on the wire: a match of :method, and the Allow of those that are left. Few sets stand in many routes, so
 * each is made once.
 * Life: gw_method_sets_init … done; the sets stay in the arena.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_TRANSLATE_METHODS_H
#define GW_CONTROLPLANE_POLICY_TRANSLATE_METHODS_H

#include "common/base/arena.h"
#include "common/base/map.h"
#include "common/model/route.h"

struct gw_method_set {
  struct gw_str list; /* "GET,HEAD" */
  const struct gw_header_match *match;
  const struct gw_header_changes *allow;
};

struct gw_method_sets {
  struct gw_arena *arena;
  struct gw_map *sets;    /* list → struct gw_method_set */
  struct gw_strbuf words; /* for strings in the making */
};

void gw_method_sets_init(struct gw_method_sets *sets, struct gw_arena *arena);
void gw_method_sets_done(struct gw_method_sets *sets);
const struct gw_method_set *gw_method_sets_get(struct gw_method_sets *sets, const struct gw_str *methods, uint32_t count);

#endif
