/* Why: what the files that compare two routes' protections share.
 * Life: one comparison.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_LOOSENING_INTERNAL_H
#define GW_CONTROLPLANE_POLICY_LOOSENING_INTERNAL_H

#include "common/message/message.h"
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

/* ---- requests that two routes would both take (loosening_requests.c) ---- */

struct gw_loosening_condition {
  enum gw_condition_kind kind;
  struct gw_str name; /* of a cookie the expression that its whole field is matched by */
  enum gw_string_match_kind match;
  bool is_inverted;
  struct gw_str value;
  uint32_t turn; /* of those that are left out: how many others of that name came before */
};
#define GW_LOOSENING_CONDITIONS_MAX 32u /* of a route */
#define GW_LOOSENING_DEPTH_MAX 12u
#define GW_LOOSENING_TURNS_MAX 4u
/* Room for GW_LOOSENING_CONDITIONS_MAX. */
uint32_t gw_loosening_list_conditions(const struct gw_route_conditions *conditions, struct gw_loosening_condition *ret_list);

/* What the routes of both sides tell requests apart by. */
struct gw_loosening_space {
  const struct gw_str *methods; /* that they name, and one that none does */
  uint32_t method_count;
  const struct gw_loosening_condition *left_out; /* inverted ones: each once */
  uint32_t left_out_count;
  uint32_t turn_count; /* 0: none is left out */
  uint32_t depth_max;  /* more segments than any path but for the rest of one */
};

/* Of both sides; in `arena` (loosening_space.c). */
void gw_loosening_space_init(struct gw_loosening_space *space, const struct gw_route_group *const *routes, struct gw_arena *arena);

typedef void (*gw_loosening_request_fn)(void *arg, const struct gw_request_head *head);
/* A few, which stand for all: where another route takes one of them before both, it takes all that are like it. Their heads are in `arena`.
 * Of regular expressions they are guesses, which may be taken by nobody. */
void gw_loosening_make_requests(const struct gw_loosening_space *space, const struct gw_route_entry *a, const struct gw_route_entry *b,
                                struct gw_arena *arena, gw_loosening_request_fn fn, void *arg);
/* Empty: there is none (loosening_hosts.c). */
struct gw_str gw_loosening_shared_host(const struct gw_route_entry *a, const struct gw_route_entry *b, struct gw_arena *arena);
/* Whether there may be a request of both, by host, method and path. */
bool gw_loosening_may_meet(const struct gw_route_entry *a, const struct gw_route_entry *b, struct gw_arena *arena);

static inline bool gw_loosening_has_word(const struct gw_str *words, uint32_t count, struct gw_str word) {
  for (uint32_t i = 0; i < count; i++)
    if (gw_str_equal(words[i], word)) return true;
  return false;
}

#endif
