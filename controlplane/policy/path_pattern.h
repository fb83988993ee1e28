/* Why: a route's `path` as operators write it, its rank among others, and its form on the wire.
 * Life: in the arena given.
 * Thread: read-only after the parse. */
#ifndef GW_CONTROLPLANE_POLICY_PATH_PATTERN_H
#define GW_CONTROLPLANE_POLICY_PATH_PATTERN_H

#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/model/route.h"

/* In the order of rank: what says more comes first. */
enum gw_path_segment_kind { GW_PATH_SEGMENT_LITERAL, GW_PATH_SEGMENT_ONE, GW_PATH_SEGMENT_REST };

struct gw_path_pattern {
  struct gw_str text; /* as written */
  struct gw_str rank; /* segment by segment: patterns compare as these bytes do */
  uint32_t count;
  uint32_t variable_count; /* with the nameless */
};

/* GW_ERR_INVALID: *ret_why is a sentence that says what is wrong and what is allowed. */
enum gw_err gw_path_pattern_parse(struct gw_str text, struct gw_arena *arena, struct gw_path_pattern *ret_pattern, const char **ret_why);
/* Segments from the left, literal before one before rest; 0: the same requests. Negative: `a` is looked at first. */
int gw_path_pattern_compare(const struct gw_path_pattern *a, const struct gw_path_pattern *b);
/* Exact, uri_template where Envoy agrees about it, or an anchored regex that says the same. */
void gw_path_pattern_to_match(const struct gw_path_pattern *pattern, struct gw_arena *arena, struct gw_route_match *ret_match);

#endif
