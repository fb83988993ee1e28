#include "common/message/scan.h"
#include "common/routing/access_rules.h"

/* One request's judgement. */
struct judge {
  const struct gw_access_request *request;
  struct gw_route_work work;
};

static bool judge_rule(struct judge *judge, const struct gw_access_rule *rule);

static const struct gw_json_value *find_claim(const struct gw_access_request *request, const struct gw_str *path, uint32_t count) {
  struct gw_str key = request->claims_key.len > 0 ? request->claims_key : GW_STR(GW_CLAIMS_KEY);
  if (count == 0 || !gw_str_equal(path[0], key)) return NULL;
  const struct gw_json_value *value = request->claims;
  for (uint32_t i = 1; i < count; i++)
    value = gw_json_find(value, path[i]);
  return value;
}

static bool judge_claim(struct judge *judge, const struct gw_access_claim *claim) {
  const struct gw_json_value *value = find_claim(judge->request, claim->path, claim->path_count);
  return gw_value_rule_match(&claim->value, value, &judge->work) != claim->invert;
}

/* Envoy's order: URI names, then DNS names, then the subject. */
static bool judge_certificate(struct judge *judge, const struct gw_text_rule *text) {
  const struct gw_access_certificate *certificate = judge->request->certificate;
  if (!judge->request->is_tls) return false;
  if (text == NULL) return true;
  if (certificate == NULL) return gw_text_rule_match(text, GW_STR(""), &judge->work);
  for (uint32_t i = 0; i < certificate->uri_count; i++)
    if (gw_text_rule_match(text, certificate->uris[i], &judge->work)) return true;
  for (uint32_t i = 0; i < certificate->dns_name_count; i++)
    if (gw_text_rule_match(text, certificate->dns_names[i], &judge->work)) return true;
  return gw_text_rule_match(text, certificate->subject, &judge->work);
}

/* Percent-encoding resolved, once; false: '%' without two digits. */
static bool decode_segment(struct gw_str text, struct gw_arena *scratch, struct gw_str *ret_text) {
  *ret_text = text;
  if (gw_str_find_char(text, '%') < 0) return true;
  char *bytes = gw_arena_alloc_bytes(scratch, text.len);
  size_t len = 0;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    if (c == '%') {
      if (text.len - i < 3) return false;
      int high = gw_scan_hex(text.data[i + 1]), low = gw_scan_hex(text.data[i + 2]);
      if (high < 0 || low < 0) return false;
      c = (char)(high << 4 | low);
      i += 2;
    }
    bytes[len++] = c;
  }
  *ret_text = (struct gw_str){bytes, len};
  return true;
}

static bool judge_parameter(struct judge *judge, const struct gw_parameter_match *match) {
  const struct gw_access_request *request = judge->request;
  const struct gw_json_value *claim = find_claim(request, match->path, match->path_count);
  if (claim == NULL) return false;
  for (uint32_t i = 0; i < request->variable_count; i++) {
    struct gw_str value;
    if (!gw_str_equal(request->variables[i].name, match->name)) continue;
    if (!decode_segment(request->variables[i].value, judge->work.scratch, &value) || value.len == 0) return false;
    if (claim->kind != GW_JSON_ARRAY) return gw_json_is_scalar(claim, value);
    for (uint32_t k = 0; k < claim->count; k++)
      if (gw_json_is_scalar(&claim->items[k], value)) return true;
    return false;
  }
  return false;
}

static bool judge_all(struct judge *judge, const struct gw_access_rule *rule) {
  for (uint32_t i = 0; i < rule->child_count; i++)
    if (!judge_rule(judge, &rule->children[i])) return false;
  return true;
}

static bool judge_any(struct judge *judge, const struct gw_access_rule *rule) {
  for (uint32_t i = 0; i < rule->child_count; i++)
    if (judge_rule(judge, &rule->children[i])) return true;
  return false;
}

static bool judge_rule(struct judge *judge, const struct gw_access_rule *rule) {
  const struct gw_access_request *request = judge->request;
  switch (rule->kind) {
  case GW_RBAC_ANY: return true;
  case GW_RBAC_AND: return judge_all(judge, rule);
  case GW_RBAC_OR: return judge_any(judge, rule);
  case GW_RBAC_NOT: return !judge_rule(judge, rule->children);
  case GW_RBAC_HEADER: return gw_header_rule_match(rule->header, request->head, &judge->work);
  case GW_RBAC_PATH: return gw_text_rule_match(rule->text, gw_path_without_query(request->head->path), &judge->work);
  case GW_RBAC_AUTHENTICATED: return judge_certificate(judge, rule->text);
  case GW_RBAC_REMOTE_IP: return gw_cidr_set_contains(rule->ranges, request->remote);
  case GW_RBAC_DIRECT_REMOTE_IP: return gw_cidr_set_contains(rule->ranges, request->peer);
  case GW_RBAC_CLAIM: return judge_claim(judge, rule->claim);
  case GW_RBAC_PARAMETER: return judge_parameter(judge, rule->parameter);
  }
  return false;
}

void gw_access_decide(const struct gw_access *access, const struct gw_access_request *request, struct gw_arena *scratch,
                      struct gw_access_decision *ret_decision) {
  struct judge judge = {.request = request, .work = {.scratch = scratch}};
  const struct gw_access_policy *decider = NULL;
  for (uint32_t i = 0; i < access->policy_count && decider == NULL; i++) {
    const struct gw_access_policy *policy = &access->policies[i];
    if (judge_rule(&judge, &policy->permissions) && judge_rule(&judge, &policy->principals)) decider = policy;
  }
  *ret_decision = (struct gw_access_decision){.is_allowed = (decider != NULL) == access->allows,
                                              .policy = decider != NULL ? decider->name : (struct gw_str){NULL, 0}};
  if (!judge.work.has_given_up) return;
  ret_decision->is_allowed = false;
  ret_decision->is_undecided = true;
}

struct gw_str gw_access_detail(const struct gw_access_decision *decision, struct gw_arena *arena) {
  if (decision->is_undecided) return GW_STR("rbac_access_denied_undecided");
  struct gw_str name = decision->policy.len > 0 ? decision->policy : GW_STR("none");
  char *text = gw_arena_printf(arena, "rbac_access_denied_matched_policy[%.*s]", GW_STR_ARG(name));
  for (char *c = text; *c != '\0'; c++)
    if (*c == ' ' || (*c >= '\t' && *c <= '\r')) *c = '_';
  return gw_str_from(text);
}

/* ---- rule by rule ---- */

uint32_t gw_access_policy_count(const struct gw_access *access) {
  return access->policy_count;
}

/* The compiled tree has the model's shape, but for what lies below an OR. */
static const struct gw_rbac_rule *find_failing(struct judge *judge, const struct gw_access_rule *rule, const struct gw_rbac_rule *model) {
  while (rule->kind == GW_RBAC_OR && model->child_count == 1) {
    rule = rule->children;
    model = model->children;
  }
  for (uint32_t i = 0; rule->kind == GW_RBAC_AND && i < rule->child_count; i++)
    if (!judge_rule(judge, &rule->children[i])) return find_failing(judge, &rule->children[i], &model->children[i]);
  return model;
}

void gw_access_trace(const struct gw_access *access, uint32_t index, const struct gw_access_request *request, struct gw_arena *scratch,
                     struct gw_access_trace *ret_trace) {
  struct judge judge = {.request = request, .work = {.scratch = scratch}};
  const struct gw_access_policy *policy = &access->policies[index];
  *ret_trace = (struct gw_access_trace){.policy = policy->model};
  if (!judge_rule(&judge, &policy->permissions))
    ret_trace->failing = find_failing(&judge, &policy->permissions, &policy->model->permissions);
  else if (!judge_rule(&judge, &policy->principals))
    ret_trace->failing = find_failing(&judge, &policy->principals, &policy->model->principals);
  ret_trace->matches = ret_trace->failing == NULL;
}
