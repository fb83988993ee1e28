/* Why: what a text, or a field of a request's head, must be: conditions of routes and of access rules, compiled.
 * Life: embedded; the regular expression is freed by who built it. Borrows the condition.
 * Thread: frozen after build. */
#ifndef GW_COMMON_ROUTING_TEXT_RULE_H
#define GW_COMMON_ROUTING_TEXT_RULE_H

#include "common/base/arena.h"
#include "common/message/message.h"
#include "common/model/route.h"
#include "common/routing/regex.h"

/* Of one match. */
struct gw_route_work {
  struct gw_arena *scratch;
  bool has_given_up; /* a regular expression ran into its limits: that it does not match is not known */
};

struct gw_text_rule {
  enum gw_string_match_kind kind;
  bool ignore_case;
  struct gw_str wanted;
  const struct gw_regex *regex; /* of GW_STRING_MATCH_REGEX */
};

bool gw_text_rule_match(const struct gw_text_rule *rule, struct gw_str text, struct gw_route_work *work);

struct gw_header_rule {
  const struct gw_header_match *match;
  struct gw_regex *regex; /* GW_STRING_MATCH_REGEX; else NULL */
  enum gw_header_id id;   /* of match->name */
};

/* As Envoy: one value that matches is enough; a field that is not there matches nothing, also inverted, unless it is taken as empty. */
bool gw_header_rule_match(const struct gw_header_rule *rule, const struct gw_request_head *head, struct gw_route_work *work);

#endif
