/* Why: regular expressions as Envoy means them: RE2's syntax, run by PCRE2 with limits, so that no pattern and no text can hold a worker.
 * Life: gw_regex_new … gw_regex_free.
 * Thread: frozen after new; any number of threads match at once. */
#ifndef GW_COMMON_ROUTING_REGEX_H
#define GW_COMMON_ROUTING_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/err.h"

#define GW_REGEX_PATTERN_MAX 4096u /* bytes */
#define GW_REGEX_GROUPS_MAX 10u    /* \0 to \9 */

struct gw_regex;

enum gw_regex_mode {
  GW_REGEX_WHOLE,    /* the whole text must match (RE2::FullMatch) */
  GW_REGEX_ANYWHERE, /* finds matches inside the text */
};
struct gw_regex_options {
  enum gw_regex_mode mode;
  bool is_fast; /* compile to machine code: 50 µs and some KiB more a pattern, and ten times as fast */
};

/* GW_ERR_INVALID: the pattern is wrong, longer than GW_REGEX_PATTERN_MAX, or uses what RE2 lacks (backreferences, lookaround, atomic
 * groups, possessive quantifiers, recursion, verbs): *ret_why says what, in `why`. */
#define GW_REGEX_WHY_SIZE 192
enum gw_err gw_regex_new(struct gw_str pattern, struct gw_regex_options options, char ret_why[GW_REGEX_WHY_SIZE],
                         struct gw_regex **ret_regex);
void gw_regex_free(struct gw_regex *regex);
/* Bytes on the heap. */
size_t gw_regex_bytes(const struct gw_regex *regex);
/* Parentheses that capture. */
size_t gw_regex_group_count(const struct gw_regex *regex);

/* A match that runs into the limits is none; then *has_given_up (may be NULL) becomes true, else it stays as it is. `scratch` is used for
 * a few hundred bytes, and for some KiB without machine code. */
bool gw_regex_match(const struct gw_regex *regex, struct gw_str text, struct gw_arena *scratch, bool *has_given_up);
/* From byte `start` on. Groups: 0 is the whole match; those that took no part are empty with NULL data. */
bool gw_regex_match_groups(const struct gw_regex *regex, struct gw_str text, size_t start, struct gw_arena *scratch,
                           struct gw_str ret_groups[GW_REGEX_GROUPS_MAX]);

/* The bytes that every text that matches the whole pattern begins with (may be fewer than there are). In `arena`. */
struct gw_str gw_regex_literal_prefix(struct gw_str pattern, struct gw_arena *arena);

#endif
