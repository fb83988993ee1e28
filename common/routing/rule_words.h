/* Why: conditions in words: what explain says of what is, or is not, met.
 * Life: no objects; text is appended.
 * Thread: any. */
#ifndef GW_COMMON_ROUTING_RULE_WORDS_H
#define GW_COMMON_ROUTING_RULE_WORDS_H

#include "common/model/rate_limit.h"
#include "common/model/rbac.h"

/* "header x-canary is 1", "method is GET". */
void gw_header_match_words(struct gw_strbuf *out, const struct gw_header_match *match);
/* "query page begins with 1" */
void gw_query_match_words(struct gw_strbuf *out, const struct gw_query_match *match);
/* "claim roles has one of admin, editor, and client in 10.0.0.0/8". Long lists are cut, and nesting beyond a few levels is left out. */
void gw_rbac_rule_words(struct gw_strbuf *out, const struct gw_rbac_rule *rule);
/* "100 requests in 1m, at most 20 at once" */
void gw_rate_limit_numbers_words(struct gw_strbuf *out, const struct gw_rate_limit_numbers *numbers);
/* "by caller", "by header x-tenant and client", "all requests together" */
void gw_rate_limit_keys_words(struct gw_strbuf *out, const struct gw_rate_limit_key *keys, uint32_t count);

#endif
