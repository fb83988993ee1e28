/* Why: a listener's jwt_authn settings, compiled: keys parsed, claims' paths split, requirements as trees.
 * Life: in the listener's arena; gw_jwt_settings_free for what is beside it.
 * Thread: built on main; frozen, so any thread reads. */
#ifndef GW_DATAPLANE_FILTERS_JWT_SETTINGS_H
#define GW_DATAPLANE_FILTERS_JWT_SETTINGS_H

#include "common/crypto/jwt.h"
#include "common/model/jwt_authn.h"
#include "common/routing/jwt_tree.h"
#include "common/routing/route_table.h"
#include "dataplane/filters/token_cache.h"
#include "dataplane/pipeline/filter.h"

struct gw_regex;

struct gw_jwt_claim_field {
  struct gw_str header;
  struct gw_json_path claim;
};

struct gw_jwt_issuer {
  const struct gw_jwt_provider *model;
  struct gw_jwk_set *keys; /* NULL: there are none, so nothing can be verified */
  struct gw_regex *subject;
  struct gw_json_path user_id; /* count 0: not told */
  struct gw_json_path user_name;
  struct gw_json_path roles;
  struct gw_json_path permissions;
  const struct gw_jwt_claim_field *claim_fields; /* model->claim_header_count */
};

/* A provider, with what one requirement asks of its tokens: gw_jwt_node.demand. */
struct gw_jwt_demand {
  const struct gw_jwt_issuer *issuer;
  struct gw_jwt_checks checks;
  struct gw_token_scope scope;
};

struct gw_jwt_settings {
  const struct gw_jwt_authn *model;
  struct gw_jwt_issuer *issuers;       /* model->provider_count */
  struct gw_jwt_node *requirements;    /* model->requirement_count, by name */
  struct gw_jwt_node *rules;           /* model->rule_count */
  struct gw_route_config *rule_routes; /* the rules' matches as routes; NULL: no rules */
  struct gw_route_table *rule_table;
};

/* Mistakes refuse the listener. What is wrong with keys is a warning, and closes what needs them. */
const struct gw_jwt_settings *gw_jwt_settings_build(const struct gw_filter_build *build, const struct gw_jwt_authn *model);
void gw_jwt_settings_free(const struct gw_jwt_settings *settings);
/* NULL: no such requirement. */
const struct gw_jwt_node *gw_jwt_settings_find(const struct gw_jwt_settings *settings, struct gw_str name);
/* Of the first rule that matches; NULL: none does, or a regular expression gave up, so that none is known (*ret_is_undecided). */
const struct gw_jwt_node *gw_jwt_settings_match(const struct gw_jwt_settings *settings, const struct gw_request_head *head,
                                                struct gw_arena *scratch, bool *ret_is_undecided);
/* What `subjects` asks of `sub`. */
bool gw_jwt_issuer_takes_subject(const struct gw_jwt_issuer *issuer, struct gw_str subject, struct gw_arena *scratch);

#endif
