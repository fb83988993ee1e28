#include <stdlib.h>

#include "common/routing/access_rules.h"

struct build {
  struct gw_rule_build base;
  unsigned needs;
};

static void build_rule(struct build *b, const struct gw_rbac_rule *model, struct gw_access_rule *ret_rule);

static const struct gw_header_rule *build_header(struct build *b, const struct gw_header_match *match) {
  struct gw_header_rule *rule = gw_arena_calloc(b->base.arena, 1, sizeof *rule);
  rule->match = match;
  rule->id = gw_header_id_find(match->name);
  if (match->kind == GW_STRING_MATCH_REGEX) rule->regex = gw_rule_build_regex(&b->base, match->value);
  return rule;
}

static const struct gw_text_rule *build_text(struct build *b, const struct gw_string_match *match) {
  if (match == NULL) return NULL;
  struct gw_text_rule *rule = gw_arena_alloc(b->base.arena, sizeof *rule);
  gw_rule_build_text(&b->base, match, rule);
  return rule;
}

static const struct gw_cidr_set *build_ranges(struct build *b, const struct gw_str *cidrs, uint32_t count) {
  struct gw_cidr_set *set = gw_arena_calloc(b->base.arena, 1, sizeof *set);
  struct gw_str bad;
  if (gw_cidr_set_build(cidrs, count, b->base.arena, set, &bad) != GW_OK)
    gw_errors_add(b->base.errors, b->base.place, "\"%.*s\" is no CIDR range, or has bits set behind its prefix", GW_STR_ARG(bad));
  return set;
}

static const struct gw_access_claim *build_claim(struct build *b, const struct gw_claim_match *match) {
  struct gw_access_claim *claim = gw_arena_alloc(b->base.arena, sizeof *claim);
  *claim = (struct gw_access_claim){.path = match->path, .path_count = match->path_count, .invert = match->invert};
  gw_value_rule_build(&b->base, &match->value, &claim->value);
  return claim;
}

static bool is_same_claim(const struct gw_rbac_rule *a, const struct gw_rbac_rule *b) {
  if (a->kind != GW_RBAC_CLAIM || b->kind != GW_RBAC_CLAIM || a->claim->invert || b->claim->invert) return false;
  if (a->claim->path_count != b->claim->path_count) return false;
  for (uint32_t i = 0; i < a->claim->path_count; i++)
    if (!gw_str_equal(a->claim->path[i], b->claim->path[i])) return false;
  return true;
}

/* Of an OR: the claims like children[first], which are one claim with several values. Marks them as done. */
static void join_claims(struct build *b, const struct gw_rbac_rule *model, uint32_t first, bool *is_done, struct gw_access_rule *ret_rule) {
  struct gw_value_match *values = gw_arena_calloc(b->base.arena, model->child_count - first, sizeof *values);
  struct gw_claim_match *joined = gw_arena_alloc(b->base.arena, sizeof *joined);
  *joined = *model->children[first].claim;
  joined->value = (struct gw_value_match){.kind = GW_VALUE_MATCH_OR, .values = values};
  for (uint32_t i = first; i < model->child_count; i++) {
    if (is_done[i] || !is_same_claim(&model->children[first], &model->children[i])) continue;
    is_done[i] = true;
    values[joined->value.value_count++] = model->children[i].claim->value;
  }
  *ret_rule = (struct gw_access_rule){.kind = GW_RBAC_CLAIM, .claim = build_claim(b, joined)};
}

/* Of an OR: the addresses of that kind, from children[first] on, are one set. */
static void join_ranges(struct build *b, const struct gw_rbac_rule *model, uint32_t first, bool *is_done, struct gw_access_rule *ret_rule) {
  enum gw_rbac_rule_kind kind = model->children[first].kind;
  struct gw_str *cidrs = gw_arena_calloc(b->base.arena, model->child_count - first, sizeof *cidrs);
  uint32_t count = 0;
  for (uint32_t i = first; i < model->child_count; i++) {
    if (model->children[i].kind != kind) continue;
    is_done[i] = true;
    cidrs[count++] = model->children[i].cidr;
  }
  *ret_rule = (struct gw_access_rule){.kind = kind, .ranges = build_ranges(b, cidrs, count)};
}

static void build_or(struct build *b, const struct gw_rbac_rule *model, struct gw_access_rule *rule) {
  struct gw_access_rule *children = gw_arena_calloc(b->base.arena, model->child_count, sizeof *children);
  bool *is_done = gw_arena_calloc(b->base.arena, model->child_count, sizeof *is_done);
  for (uint32_t i = 0; i < model->child_count; i++) {
    const struct gw_rbac_rule *child = &model->children[i];
    if (is_done[i]) continue;
    if (child->kind == GW_RBAC_CLAIM && !child->claim->invert)
      join_claims(b, model, i, is_done, &children[rule->child_count++]);
    else if (child->kind == GW_RBAC_REMOTE_IP || child->kind == GW_RBAC_DIRECT_REMOTE_IP)
      join_ranges(b, model, i, is_done, &children[rule->child_count++]);
    else
      build_rule(b, child, &children[rule->child_count++]);
  }
  rule->children = children;
}

static void build_children(struct build *b, const struct gw_rbac_rule *model, struct gw_access_rule *rule) {
  struct gw_access_rule *children = gw_arena_calloc(b->base.arena, model->child_count, sizeof *children);
  for (uint32_t i = 0; i < model->child_count; i++)
    build_rule(b, &model->children[i], &children[i]);
  rule->children = children;
  rule->child_count = model->child_count;
}

static void build_rule(struct build *b, const struct gw_rbac_rule *model, struct gw_access_rule *rule) {
  *rule = (struct gw_access_rule){.kind = model->kind};
  switch (model->kind) {
  case GW_RBAC_ANY: return;
  case GW_RBAC_AND:
  case GW_RBAC_NOT: build_children(b, model, rule); return;
  case GW_RBAC_OR: build_or(b, model, rule); return;
  case GW_RBAC_HEADER: rule->header = build_header(b, model->header); return;
  case GW_RBAC_AUTHENTICATED:
    if (model->text != NULL) b->needs |= GW_ACCESS_NEEDS_CERTIFICATE;
    rule->text = build_text(b, model->text);
    return;
  case GW_RBAC_PATH: rule->text = build_text(b, model->text); return;
  case GW_RBAC_REMOTE_IP:
  case GW_RBAC_DIRECT_REMOTE_IP: rule->ranges = build_ranges(b, &model->cidr, 1); return;
  case GW_RBAC_CLAIM: rule->claim = build_claim(b, model->claim); return;
  case GW_RBAC_PARAMETER:
    b->needs |= GW_ACCESS_NEEDS_VARIABLES;
    rule->parameter = model->parameter;
    return;
  }
}

static int compare_policies(const void *left, const void *right) {
  return gw_str_compare(((const struct gw_access_policy *)left)->name, ((const struct gw_access_policy *)right)->name);
}

enum gw_err gw_access_build(const struct gw_rbac *model, const char *place, struct gw_arena *arena, struct gw_errors *errors,
                            const struct gw_access **ret_access) {
  size_t errors_before = errors->error_count;
  struct build b = {.base = {.arena = arena, .errors = errors, .place = place}};
  struct gw_access *access = gw_arena_calloc(arena, 1, sizeof *access);
  struct gw_access_policy *policies = gw_arena_calloc(arena, model->policy_count, sizeof *policies);
  for (uint32_t i = 0; i < model->policy_count; i++) {
    policies[i].name = model->policies[i].name;
    policies[i].model = &model->policies[i];
    build_rule(&b, &model->policies[i].permissions, &policies[i].permissions);
    build_rule(&b, &model->policies[i].principals, &policies[i].principals);
  }
  if (model->policy_count > 1) qsort(policies, model->policy_count, sizeof *policies, compare_policies);
  if (errors->error_count > errors_before) {
    gw_regex_list_free(b.base.regexes);
    return GW_ERR_INVALID;
  }
  *access = (struct gw_access){.allows = model->action == GW_RBAC_ALLOW,
                               .needs = b.needs,
                               .policies = policies,
                               .policy_count = model->policy_count,
                               .regexes = b.base.regexes};
  *ret_access = access;
  return GW_OK;
}

void gw_access_free(const struct gw_access *access) {
  if (access != NULL) gw_regex_list_free(access->regexes);
}

unsigned gw_access_needs(const struct gw_access *access) {
  return access->needs;
}
