/* What each filter of a listener asks of a request, in the words of explain and by the code that the filter runs. */
#include "common/base/mem.h"
#include "common/model/api_key_auth.h"
#include "common/routing/access.h"
#include "common/routing/address_rules.h"
#include "common/routing/cors_rules.h"
#include "common/routing/explain_run.h"
#include "common/routing/jwt_tree.h"
#include "common/routing/own_endpoint.h"
#include "common/routing/rule_words.h"

#define NO_RULE ((struct gw_str){NULL, 0})

static const struct gw_route_filters *filters_of(const struct gw_explain_run *run) {
  static const struct gw_route_filters none;
  return run->hit.route != NULL && run->hit.route->filters != NULL ? run->hit.route->filters : &none;
}

/* ---- what the gateway answers itself ---- */

static bool explain_own_endpoint(struct gw_explain_run *run, const struct gw_http_filter *filter) {
  switch (gw_own_endpoint_find(&filter->settings.node_endpoints, &run->head)) {
  case GW_OWN_ENDPOINT_NONE: return false;
  case GW_OWN_ENDPOINT_HEALTH: return gw_explain_answer(run, filter->name, NO_RULE, 200, GW_STR("node_health"), "the gateway's own health");
  case GW_OWN_ENDPOINT_READY:
    gw_explain_assume(run, "the data plane is ready");
    return gw_explain_answer(run, filter->name, NO_RULE, 200, GW_STR("node_ready"), "whether the data plane is ready");
  case GW_OWN_ENDPOINT_METRICS: break;
  }
  gw_explain_assume(run, "the client may read the metrics");
  return gw_explain_answer(run, filter->name, NO_RULE, 200, GW_STR("node_metrics"), "the data plane's metrics");
}

/* ---- addresses, other origins ---- */

static bool explain_addresses(struct gw_explain_run *run, const struct gw_http_filter *filter) {
  const struct gw_access_route *model = filters_of(run)->access;
  if (model == NULL) return false;
  struct gw_address_rules rules;
  struct gw_errors ignored; /* what is wrong with them was told when they were taken */
  char client[GW_ADDRESS_TEXT_SIZE];
  gw_errors_init(&ignored);
  gw_address_rules_build(model, "", run->arena, &ignored, &rules);
  gw_errors_done(&ignored);
  struct gw_str text = gw_address_format_ip(&run->client, client);
  switch (gw_address_rules_judge(&rules, &run->client)) {
  case GW_ADDRESS_ALLOWED:
    gw_explain_add(run, filter->name, NO_RULE, GW_EXPLAIN_PASSES, "client %.*s is allowed: %u ranges let in, %u keep out", GW_STR_ARG(text),
                   model->allow_count, model->deny_count);
    return false;
  case GW_ADDRESS_NOT_AMONG_ALLOWED:
    return gw_explain_answer(run, filter->name, GW_STR("allow_from"), 403, GW_STR("address_not_allowed"),
                             "client %.*s is in none of the %u ranges that are let in", GW_STR_ARG(text), model->allow_count);
  case GW_ADDRESS_DENIED: break;
  }
  return gw_explain_answer(run, filter->name, GW_STR("deny_from"), 403, GW_STR("address_not_allowed"),
                           "client %.*s is in one of the %u ranges that are kept out", GW_STR_ARG(text), model->deny_count);
}

static bool explain_cors(struct gw_explain_run *run, const struct gw_http_filter *filter) {
  const struct gw_cors_route *model = filters_of(run)->cors;
  if (model == NULL || model->is_disabled) return false;
  struct gw_cors_rules rules;
  struct gw_errors ignored;
  gw_errors_init(&ignored);
  gw_cors_rules_build(model, "", run->arena, &ignored, &rules);
  gw_errors_done(&ignored);
  enum gw_cors_verdict verdict = gw_cors_rules_judge(&rules, &run->head, run->arena);
  gw_cors_rules_done(&rules);
  switch (verdict) {
  case GW_CORS_NONE: gw_explain_add(run, filter->name, NO_RULE, GW_EXPLAIN_PASSES, "the request names no origin"); return false;
  case GW_CORS_OTHER:
    gw_explain_add(run, filter->name, NO_RULE, GW_EXPLAIN_PASSES,
                   "the origin is not allowed: it is served, but pages can't read the answer");
    return false;
  case GW_CORS_ALLOWED: gw_explain_add(run, filter->name, NO_RULE, GW_EXPLAIN_PASSES, "the origin may read the answer"); return false;
  case GW_CORS_PREFLIGHT:
    return gw_explain_answer(run, filter->name, NO_RULE, 200, GW_STR("cors_response"), "a preflight of an origin that is allowed");
  case GW_CORS_PREFLIGHT_REFUSED: break;
  }
  return gw_explain_answer(run, filter->name, NO_RULE, 200, GW_STR("cors_origin_not_allowed"),
                           "a preflight of an origin that is not allowed");
}

/* ---- authentication ---- */

static bool has_token(const struct gw_explain_run *run) {
  return run->request->claims != NULL && !run->request->is_api_key;
}

static struct gw_str claim_text(const struct gw_explain_run *run, const char *name) {
  const struct gw_json_value *value = gw_json_find(run->request->claims, gw_str_from(name));
  return value != NULL && value->kind == GW_JSON_STRING ? value->string : NO_RULE;
}

struct token_run {
  struct gw_explain_run *run;
  const struct gw_jwt_authn *authn;
  struct gw_str provider; /* whose token was good */
};

static bool takes_subject(struct gw_explain_run *run, const struct gw_string_match *subject) {
  struct gw_str sub = claim_text(run, "sub");
  if (subject == NULL || sub.len == 0) return true;
  struct gw_errors ignored;
  struct gw_rule_build build = {.arena = run->arena, .errors = &ignored, .place = ""};
  struct gw_text_rule rule;
  struct gw_route_work work = {.scratch = run->arena};
  if (subject->kind == GW_STRING_MATCH_PRESENT) return true;
  gw_errors_init(&ignored);
  gw_rule_build_text(&build, subject, &rule);
  gw_errors_done(&ignored);
  bool is_match = gw_text_rule_match(&rule, sub, &work);
  gw_regex_list_free(build.regexes);
  return is_match;
}

/* As the proxy checks a token whose signature and times are good. What it does not say of issuer and audience is taken for what is asked.
 */
static enum gw_jwt_status check_claims(struct gw_explain_run *run, const struct gw_jwt_provider *provider,
                                       const struct gw_jwt_requirement *requirement) {
  struct gw_str issuer = claim_text(run, "iss");
  struct gw_jwt jwt = {.claims = run->request->claims, .has_issuer = issuer.len > 0, .issuer = issuer, .subject = claim_text(run, "sub")};
  if (provider->issuer.len > 0 && jwt.has_issuer && !gw_str_equal(provider->issuer, issuer)) return GW_JWT_UNKNOWN_ISSUER;
  struct gw_jwt_claim_rule *rules = gw_arena_calloc(run->arena, provider->required_claim_count, sizeof(*rules));
  for (uint32_t i = 0; i < provider->required_claim_count; i++)
    if (gw_json_path_parse(provider->required_claims[i], run->arena, &rules[i].path) != GW_OK) return GW_JWT_REQUIRED_CLAIM;
  struct gw_jwt_checks checks = {.claims = rules, .claim_count = provider->required_claim_count};
  if (gw_json_find(run->request->claims, GW_STR("aud")) != NULL) {
    bool has_own = requirement->audience_count > 0;
    checks.audiences = has_own ? requirement->audiences : provider->audiences;
    checks.audience_count = has_own ? requirement->audience_count : provider->audience_count;
  }
  enum gw_jwt_status status = gw_jwt_check(&jwt, &checks, 0);
  return status == GW_JWT_OK && !takes_subject(run, provider->subject) ? GW_JWT_REQUIRED_CLAIM : status;
}

static enum gw_jwt_status verify(void *arg, const struct gw_jwt_node *node) {
  struct token_run *token = arg;
  struct gw_explain_run *run = token->run;
  if (!has_token(run)) return GW_JWT_MISSING;
  const struct gw_jwt_provider *provider = &token->authn->providers[node->provider];
  enum gw_jwt_status status = check_claims(run, provider, node->demand);
  if (status != GW_JWT_OK) return status;
  token->provider = provider->name;
  run->claims = run->request->claims;
  run->claims_key = provider->payload_metadata;
  gw_explain_assume(run, "the token's signature and times are good, and so are issuer and audience where the identity doesn't tell them");
  return GW_JWT_OK;
}

static const void *keep_requirement(void *arg, const struct gw_jwt_requirement *requirement) {
  (void)arg;
  return requirement;
}

/* What the route requires, or the first of the listener's rules that matches; NULL: nothing. */
static const struct gw_jwt_requirement *find_requirement(struct gw_explain_run *run, const struct gw_jwt_authn *authn,
                                                         bool *ret_is_unknown) {
  const struct gw_jwt_route *route = filters_of(run)->jwt;
  *ret_is_unknown = false;
  if (route == NULL || route->is_disabled) {
    if (route == NULL && authn->rule_count > 0) gw_explain_assume(run, "rules of the listener's jwt_authn filter require nothing here");
    return NULL;
  }
  for (uint32_t i = 0; i < authn->requirement_count; i++)
    if (gw_str_equal(authn->requirements[i].name, route->requirement)) return &authn->requirements[i].requirement;
  *ret_is_unknown = true;
  return NULL;
}

static bool explain_jwt(struct gw_explain_run *run, const struct gw_http_filter *filter) {
  const struct gw_jwt_authn *authn = filter->settings.jwt_authn;
  bool is_unknown;
  if (authn->passes_cors_preflight && gw_cors_is_whole_preflight(&run->head)) {
    gw_explain_add(run, filter->name, NO_RULE, GW_EXPLAIN_PASSES, "a preflight shows no credentials");
    return false;
  }
  const struct gw_jwt_requirement *requirement = find_requirement(run, authn, &is_unknown);
  struct gw_str name = filters_of(run)->jwt != NULL ? filters_of(run)->jwt->requirement : NO_RULE;
  if (is_unknown) {
    struct gw_str why = GW_STR("the route's requirement is not known");
    return gw_explain_answer(run, filter->name, name, 403, gw_jwt_detail(why, run->arena), "%.*s", GW_STR_ARG(why));
  }
  if (requirement == NULL) return false;
  struct gw_jwt_tree_build build = {.arena = run->arena, .provider_count = authn->provider_count, .make_demand = keep_requirement};
  struct gw_jwt_node node;
  struct token_run token = {.run = run, .authn = authn};
  gw_jwt_tree_build(&build, requirement, &node);
  enum gw_jwt_status status = gw_jwt_tree_judge(&node, verify, &token);
  if (status != GW_JWT_OK) {
    struct gw_str why = gw_str_from(gw_jwt_status_text(status));
    run->claims = NULL;
    return gw_explain_answer(run, filter->name, name, gw_jwt_status_code(status), gw_jwt_detail(why, run->arena),
                             "a token is required (%.*s): %.*s", GW_STR_ARG(name), GW_STR_ARG(why));
  }
  if (token.provider.len > 0)
    gw_explain_add(run, filter->name, name, GW_EXPLAIN_PASSES, "a token of %.*s", GW_STR_ARG(token.provider));
  else
    gw_explain_add(run, filter->name, name, GW_EXPLAIN_PASSES, "no token, which may be missing here");
  return false;
}

static bool explain_api_key(struct gw_explain_run *run, const struct gw_http_filter *filter) {
  const struct gw_api_key_route *route = filters_of(run)->api_key;
  if (route == NULL) return false;
  if (run->request->is_api_key && run->request->claims != NULL) {
    run->plan = run->request->plan;
    if (run->claims == NULL) run->claims = run->request->claims;
    gw_explain_assume(run, "the API key is known and in force");
    gw_explain_add(run, filter->name, NO_RULE, GW_EXPLAIN_PASSES, "an API key%s%.*s", run->plan.len > 0 ? " with plan " : "",
                   GW_STR_ARG(run->plan));
    return false;
  }
  if (!gw_api_key_may_be_missing(route, run->claims != NULL)) {
    return gw_explain_answer(run, filter->name, NO_RULE, 401, GW_STR("api_key_access_denied{missing}"), "an API key is needed%s",
                             route->accepts_jwt ? ", or a token" : "");
  }
  gw_explain_add(run, filter->name, NO_RULE, GW_EXPLAIN_PASSES, "no API key is needed%s",
                 route->is_required ? " beside the token" : ", though one that is shown must be good");
  return false;
}

/* ---- access rules ---- */

static void trace(struct gw_explain_run *run, struct gw_str filter, const struct gw_access *access, const struct gw_access_request *request,
                  bool is_shadow) {
  for (uint32_t i = 0; i < gw_access_policy_count(access); i++) {
    struct gw_access_trace found;
    GW_CLEANUP(gw_strbuf_done) struct gw_strbuf words = {0};
    gw_access_trace(access, i, request, run->arena, &found);
    if (found.failing != NULL) gw_rbac_rule_words(&words, found.failing);
    gw_explain_add(run, filter, found.policy->name, found.matches ? GW_EXPLAIN_MATCHES : GW_EXPLAIN_DIFFERS, "%s%.*s",
                   found.matches ? "all conditions are met" : "not met: ", GW_STR_ARG(gw_strbuf_str(&words)));
    run->steps[run->out->step_count - 1].is_shadow = is_shadow;
    if (found.matches) return; /* it decides */
  }
}

static void judge(struct gw_explain_run *run, struct gw_str filter, const struct gw_rbac *model, bool is_shadow,
                  struct gw_access_decision *ret_decision) {
  const struct gw_access *access;
  struct gw_errors ignored;
  struct gw_route_variable *variables = gw_arena_calloc(run->arena, GW_ROUTE_VARIABLES_MAX, sizeof(*variables));
  *ret_decision = (struct gw_access_decision){.is_undecided = true};
  gw_errors_init(&ignored);
  if (gw_access_build(model, "", run->arena, &ignored, &access) == GW_OK) {
    struct gw_access_request request = {.head = &run->head,
                                        .remote = &run->client,
                                        .peer = &run->client,
                                        .is_tls = run->listener->tls != NULL,
                                        .claims = run->claims,
                                        .claims_key = run->claims_key,
                                        .variables = variables};
    if (run->hit.route != NULL)
      request.variable_count = gw_route_table_variables(run->table, run->hit.route, gw_path_without_query(run->head.path), variables);
    if ((gw_access_needs(access) & GW_ACCESS_NEEDS_CERTIFICATE) != 0) gw_explain_assume(run, "the client shows no certificate");
    trace(run, filter, access, &request, is_shadow);
    gw_access_decide(access, &request, run->arena, ret_decision);
    gw_access_free(access);
  }
  gw_errors_done(&ignored);
}

static bool explain_rbac(struct gw_explain_run *run, const struct gw_http_filter *filter) {
  const struct gw_rbac_route *route = filter->kind == GW_FILTER_RBAC ? filters_of(run)->rbac : filters_of(run)->rbac_deny;
  const struct gw_rbac_rules *rules = route != NULL ? &route->rules : &filter->settings.rbac;
  struct gw_access_decision decision;
  if (rules->shadow != NULL) judge(run, filter->name, rules->shadow, true, &decision);
  if (rules->rules == NULL) return false;
  judge(run, filter->name, rules->rules, false, &decision);
  bool allows = rules->rules->action == GW_RBAC_ALLOW;
  if (decision.is_allowed) {
    gw_explain_add(run, filter->name, decision.policy, GW_EXPLAIN_PASSES, "%s", allows ? "a rule lets it through" : "no rule denies it");
    return false;
  }
  return gw_explain_answer(run, filter->name, decision.policy, 403, gw_access_detail(&decision, run->arena), "%s",
                           decision.is_undecided ? "a regular expression ran into its limits"
                           : allows              ? "no rule lets it through"
                                                 : "a rule denies it");
}

/* ---- limits ---- */

static void add_entries(struct gw_strbuf *words, const struct gw_rate_limit_descriptor *descriptor) {
  for (uint32_t i = 0; i < descriptor->count; i++) {
    const struct gw_rate_limit_entry *entry = &descriptor->entries[i];
    gw_strbuf_printf(words, "%s%s%.*s%s%.*s", i == 0 ? ", " : " and ", entry->value.len == 0 ? "by " : "", GW_STR_ARG(entry->key),
                     entry->value.len > 0 ? " " : "", GW_STR_ARG(entry->value));
  }
}

static void add_bucket(struct gw_explain_run *run, struct gw_str filter, const struct gw_local_limit *limit,
                       const struct gw_token_bucket *bucket, const struct gw_rate_limit_descriptor *descriptor) {
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf words = {0};
  const struct gw_rate_limit_numbers numbers = {bucket->tokens_per_fill, bucket->max_tokens, bucket->fill_interval_ms};
  gw_rate_limit_numbers_words(&words, &numbers);
  if (descriptor != NULL)
    add_entries(&words, descriptor);
  else
    gw_strbuf_append_str(&words, limit->descriptor_count > 0 ? GW_STR(", for what none of these counts") : GW_STR(", all together"));
  gw_explain_add(run, filter, limit->stat_prefix, GW_EXPLAIN_COUNTS, "%.*s, on each data plane", GW_STR_ARG(gw_strbuf_str(&words)));
}

static bool explain_local_limit(struct gw_explain_run *run, const struct gw_http_filter *filter) {
  const struct gw_local_limit_route *route = filters_of(run)->local_limit;
  const struct gw_local_limit *limit = route != NULL ? &route->limit : &filter->settings.local_limit;
  for (uint32_t i = 0; i < limit->descriptor_count; i++)
    add_bucket(run, filter->name, limit, &limit->descriptors[i].bucket, &limit->descriptors[i]);
  if (limit->has_bucket) add_bucket(run, filter->name, limit, &limit->bucket, NULL);
  return false;
}

/* By the caller's plan, as the proxy; requests 0: it has no limit here. */
static const struct gw_rate_limit_numbers *numbers_of(const struct gw_explain_run *run, const struct gw_rate_limit *limit) {
  for (uint32_t i = 0; run->plan.len > 0 && i < limit->plan_count; i++)
    if (gw_str_equal(limit->plans[i].name, run->plan)) return &limit->plans[i].numbers;
  return &limit->numbers;
}

static void add_limits(struct gw_explain_run *run, const struct gw_http_filter *filter, const struct gw_rate_limit *limits,
                       uint32_t count) {
  bool has_redis = filter->settings.shared_limit.redis != NULL;
  for (uint32_t i = 0; i < count; i++) {
    const struct gw_rate_limit *limit = &limits[i];
    const struct gw_rate_limit_numbers *numbers = numbers_of(run, limit);
    GW_CLEANUP(gw_strbuf_done) struct gw_strbuf words = {0};
    if (numbers->requests == 0) continue;
    gw_rate_limit_numbers_words(&words, numbers);
    gw_strbuf_append_str(&words, GW_STR(", "));
    gw_rate_limit_keys_words(&words, limit->keys, limit->key_count);
    gw_explain_add(run, filter->name, limit->name, GW_EXPLAIN_COUNTS, "%.*s, scope %.*s, %s", GW_STR_ARG(gw_strbuf_str(&words)),
                   GW_STR_ARG(gw_rate_limit_scope_name(limit->scope)),
                   limit->is_shared && has_redis ? "over all data planes" : "on each data plane");
  }
}

static bool explain_shared_limit(struct gw_explain_run *run, const struct gw_http_filter *filter) {
  const struct gw_shared_limit_route *route = filters_of(run)->shared_limit;
  if (route != NULL) add_limits(run, filter, route->limits, route->count);
  add_limits(run, filter, filter->settings.shared_limit.limits, filter->settings.shared_limit.count);
  return false;
}

/* ---- all ---- */

bool gw_explain_filter(struct gw_explain_run *run, const struct gw_http_filter *filter) {
  switch (filter->kind) {
  case GW_FILTER_NODE_ENDPOINTS: return explain_own_endpoint(run, filter);
  case GW_FILTER_ACCESS: return explain_addresses(run, filter);
  case GW_FILTER_CORS: return explain_cors(run, filter);
  case GW_FILTER_JWT_AUTHN: return explain_jwt(run, filter);
  case GW_FILTER_API_KEY: return explain_api_key(run, filter);
  case GW_FILTER_LOCAL_LIMIT: return explain_local_limit(run, filter);
  case GW_FILTER_SHARED_LIMIT: return explain_shared_limit(run, filter);
  case GW_FILTER_RBAC:
  case GW_FILTER_RBAC_DENY: return explain_rbac(run, filter);
  case GW_FILTER_LIMITS:     /* of bodies and connections */
  case GW_FILTER_IDENTITY:   /* tells the service, asks nothing */
  case GW_FILTER_ACCESS_LOG: /* looks at what was answered */
  case GW_FILTER_ROUTER: return false;
  }
  return false;
}
