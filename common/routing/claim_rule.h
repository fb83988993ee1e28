/* Why: what claims must be, compiled: any number of exact strings is one sorted set, so that a claim's item is looked up, not compared
 * with each.
 * Life: in the arena given, but for regular expressions, which go to the caller's list. Borrows the model.
 * Thread: frozen after build. */
#ifndef GW_COMMON_ROUTING_CLAIM_RULE_H
#define GW_COMMON_ROUTING_CLAIM_RULE_H

#include "common/base/json_value.h"
#include "common/model/rbac.h"
#include "common/routing/text_rule.h"

/* Regular expressions of a whole, to be freed with it. */
struct gw_regex_list {
  struct gw_regex *regex;
  struct gw_regex_list *next;
};
struct gw_rule_build {
  struct gw_arena *arena;
  struct gw_errors *errors;
  const char *place; /* of a mistake */
  struct gw_regex_list *regexes;
};

/* NULL after a mistake. */
struct gw_regex *gw_rule_build_regex(struct gw_rule_build *build, struct gw_str pattern);
void gw_rule_build_text(struct gw_rule_build *build, const struct gw_string_match *match, struct gw_text_rule *ret_rule);
/* `list` may be NULL; its items are the arena's. */
void gw_regex_list_free(struct gw_regex_list *list);

struct gw_value_rule {
  enum gw_value_match_kind kind;
  bool boolean;
  double from;
  double to;
  struct gw_text_rule text;
  const struct gw_str *set; /* of OR: strings, ascending */
  uint32_t set_count;
  uint32_t value_count; /* of LIST (one) and OR (beside the set) */
  const struct gw_value_rule *values;
};

void gw_value_rule_build(struct gw_rule_build *build, const struct gw_value_match *match, struct gw_value_rule *ret_rule);
/* NULL: there is no such claim. */
bool gw_value_rule_match(const struct gw_value_rule *rule, const struct gw_json_value *value, struct gw_route_work *work);

#endif
