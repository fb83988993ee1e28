/* Why: a route's `path` as operators write it, its rank among others, and its form on the wire.
 * Life: in the arena given.
 * Thread: read-only after the parse. */
#ifndef GW_CONTROLPLANE_POLICY_PATH_PATTERN_H
#define GW_CONTROLPLANE_POLICY_PATH_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/model/route.h"

/* In the order of rank: what says more comes first. */
enum gw_path_segment_kind { GW_PATH_SEGMENT_LITERAL, GW_PATH_SEGMENT_ONE, GW_PATH_SEGMENT_REGEX, GW_PATH_SEGMENT_REST };

struct gw_path_pattern {
  struct gw_str text; /* as written; of a regular expression with a ~ before it */
  struct gw_str rank; /* segment by segment: patterns compare as these bytes do */
  uint32_t count;
  uint32_t variable_count; /* with the nameless */
  bool is_regex;
};

/* GW_ERR_INVALID: *ret_why is a sentence that says what is wrong and what is allowed. */
enum gw_err gw_path_pattern_parse(struct gw_str text, struct gw_arena *arena, struct gw_path_pattern *ret_pattern, const char **ret_why);
/* A `path_regex`, which compiles, for whole paths. Its rank is that of the whole segments that it begins with, and one behind them that is
 * neither literal nor any segment, but says more than the rest; `ordinal` tells it from others. */
enum gw_err gw_path_pattern_parse_regex(struct gw_str text, uint32_t ordinal, struct gw_arena *arena, struct gw_path_pattern *ret_pattern,
                                        const char **ret_why);
/* Segments from the left, literal before one before regex before rest; 0: the same requests. Negative: `a` is looked at first. */
int gw_path_pattern_compare(const struct gw_path_pattern *a, const struct gw_path_pattern *b);
/* Exact, uri_template where Envoy agrees about it, or an anchored regex that says the same. */
void gw_path_pattern_to_match(const struct gw_path_pattern *pattern, struct gw_arena *arena, struct gw_route_match *ret_match);

/* What a rewriting or redirect to `target` substitutes for the whole path: {name} of the target becomes the group of that variable in
 * gw_path_pattern_regex, "\1". GW_ERR_INVALID: *ret_why. */
enum gw_err gw_path_pattern_substitute(const struct gw_path_pattern *pattern, struct gw_str target, struct gw_arena *arena,
                                       struct gw_str *ret_substitution, const char **ret_why);
/* The whole path, "^…$", with a group a variable. Not of a path_regex. */
struct gw_str gw_path_pattern_regex(const struct gw_path_pattern *pattern, struct gw_arena *arena);
/* The segments before the first variable, "/api"; of a path without variables all of it. */
struct gw_str gw_path_pattern_beginning(const struct gw_path_pattern *pattern);
/* "^/api/", which matches whatever begins with that. */
struct gw_str gw_path_pattern_beginning_regex(const struct gw_path_pattern *pattern, struct gw_arena *arena);

#endif
