/* Why: what the files that compare two routes' protections share.
 * Life: one comparison.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_LOOSENING_INTERNAL_H
#define GW_CONTROLPLANE_POLICY_LOOSENING_INTERNAL_H

#include "controlplane/policy/loosening.h"
#include "controlplane/policy/translate.h"

#define GW_LOOSENINGS_MAX 1000u /* that are told */

struct gw_loosening_list {
  struct gw_arena *arena;
  struct gw_loosening *items; /* room for GW_LOOSENINGS_MAX */
  uint32_t count;
};

/* The route that answers some requests before, and the one that answers them after. */
struct gw_loosening_side {
  const struct gw_policy *policy;
  const struct gw_policy_parts *parts;
  const struct gw_route_entry *route;
};
struct gw_loosening_pair {
  struct gw_loosening_side before;
  struct gw_loosening_side after;
  struct gw_str name; /* of the route, as it is called before */
  struct gw_loosening_list *list;
};

/* Once for the same words of a route. */
void gw_loosening_add(const struct gw_loosening_pair *pair, enum gw_loosening_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void gw_loosening_compare_authentication(const struct gw_loosening_pair *pair);
void gw_loosening_compare_access(const struct gw_loosening_pair *pair);
/* Whether the same words mean the same: roles and what they include and permit, where claims tell of them, and whether rules are enforced.
 */
bool gw_loosening_has_same_roles(const struct gw_access_rules_of_file *before, const struct gw_access_rules_of_file *after);
void gw_loosening_compare_limits(const struct gw_loosening_pair *pair);
void gw_loosening_compare_cors(const struct gw_loosening_pair *pair);

/* Which addresses may ask: those in `allow` (none: all) that are not in `deny`. */
struct gw_loosening_addresses {
  const struct gw_words *allow;
  const struct gw_words *deny;
};
/* Whether an address may ask after that might not before: *ret_example is one, in `arena`. */
bool gw_loosening_opens_addresses(const struct gw_loosening_addresses *before, const struct gw_loosening_addresses *after,
                                  struct gw_arena *arena, const char **ret_example);

static inline bool gw_loosening_has_word(const struct gw_str *words, uint32_t count, struct gw_str word) {
  for (uint32_t i = 0; i < count; i++)
    if (gw_str_equal(words[i], word)) return true;
  return false;
}

#endif
