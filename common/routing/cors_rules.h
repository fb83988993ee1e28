/* Why: what becomes of a request of another origin: which origins a route is for, compiled. Pure functions, the proxy's and explain's
 * alike. Life: embedded; in the arena given, but for the regular expressions, which gw_cors_rules_done frees. Borrows the model. Thread:
 * frozen after build. */
#ifndef GW_COMMON_ROUTING_CORS_RULES_H
#define GW_COMMON_ROUTING_CORS_RULES_H

#include "common/model/access.h"
#include "common/routing/claim_rule.h"

struct gw_cors_rules {
  const struct gw_cors_route *model;
  struct gw_text_rule *origins;
  struct gw_regex_list *regexes;
};

/* A mistake at `place` for each regular expression that is none. */
void gw_cors_rules_build(const struct gw_cors_route *model, const char *place, struct gw_arena *arena, struct gw_errors *errors,
                         struct gw_cors_rules *ret_rules);
void gw_cors_rules_done(const struct gw_cors_rules *rules);

/* OPTIONS that ask what a page may do. */
bool gw_cors_is_preflight(const struct gw_request_head *head);
/* … and say of which origin: what authentication may let pass. */
bool gw_cors_is_whole_preflight(const struct gw_request_head *head);

enum gw_cors_verdict {
  GW_CORS_NONE,              /* the request names no origin */
  GW_CORS_OTHER,             /* its origin may not read the answer; it is served all the same */
  GW_CORS_ALLOWED,           /* its origin may read the answer */
  GW_CORS_PREFLIGHT,         /* answered: may ask */
  GW_CORS_PREFLIGHT_REFUSED, /* answered: may not ask */
};
enum gw_cors_verdict gw_cors_rules_judge(const struct gw_cors_rules *rules, const struct gw_request_head *head, struct gw_arena *scratch);

#endif
