/* Why: what a pattern says without running it: whether RE2 would read it as PCRE2 does, and what it must begin with.
 * Life: no objects; results point to constants.
 * Thread: any. */
#ifndef GW_COMMON_ROUTING_REGEX_SYNTAX_H
#define GW_COMMON_ROUTING_REGEX_SYNTAX_H

#include "common/base/str.h"

/* NULL, or what the pattern uses that RE2 lacks or reads otherwise: "a backreference", "lookaround", …. Says nothing about patterns that
 * are plainly wrong: the compiler finds those. */
const char *gw_regex_syntax_find_foreign(struct gw_str pattern);

#endif
