#include "common/routing/jwt_tree.h"

/* ---- build ---- */

/* What only says what is allowed beside the others is no child. */
static void build_children(const struct gw_jwt_tree_build *build, const struct gw_jwt_requirement *requirement, struct gw_jwt_node *node) {
  struct gw_jwt_node *children = gw_arena_calloc(build->arena, requirement->child_count, sizeof(*children));
  bool is_any = requirement->kind == GW_JWT_REQUIRES_ANY;
  for (uint32_t i = 0; i < requirement->child_count; i++) {
    const struct gw_jwt_requirement *child = &requirement->children[i];
    if (is_any && child->kind == GW_JWT_ALLOWS_MISSING)
      node->allows_missing = true;
    else if (is_any && child->kind == GW_JWT_ALLOWS_MISSING_OR_FAILED)
      node->allows_failed = true;
    else
      gw_jwt_tree_build(build, child, &children[node->child_count++]);
  }
  node->children = children;
}

/* Alone they are about the tokens of all providers. */
static void build_lenient(const struct gw_jwt_tree_build *build, const struct gw_jwt_requirement *requirement, struct gw_jwt_node *node) {
  struct gw_jwt_node *children = gw_arena_calloc(build->arena, build->provider_count, sizeof(*children));
  for (uint32_t i = 0; i < build->provider_count; i++)
    gw_jwt_tree_build(build, &(struct gw_jwt_requirement){.kind = GW_JWT_REQUIRES_PROVIDER, .provider = i}, &children[i]);
  node->kind = GW_JWT_REQUIRES_ANY;
  node->allows_missing = true;
  node->allows_failed = requirement->kind == GW_JWT_ALLOWS_MISSING_OR_FAILED;
  node->children = children;
  node->child_count = build->provider_count;
}

void gw_jwt_tree_build(const struct gw_jwt_tree_build *build, const struct gw_jwt_requirement *requirement, struct gw_jwt_node *ret_node) {
  *ret_node = (struct gw_jwt_node){.kind = requirement->kind};
  switch (requirement->kind) {
  case GW_JWT_REQUIRES_NOTHING: return;
  case GW_JWT_REQUIRES_PROVIDER:
    ret_node->provider = requirement->provider;
    if (build->make_demand != NULL) ret_node->demand = build->make_demand(build->arg, requirement);
    return;
  case GW_JWT_REQUIRES_ANY:
  case GW_JWT_REQUIRES_ALL: build_children(build, requirement, ret_node); return;
  case GW_JWT_ALLOWS_MISSING:
  case GW_JWT_ALLOWS_MISSING_OR_FAILED: build_lenient(build, requirement, ret_node); return;
  }
}

/* ---- judge ---- */

/* Of what the alternatives say, the one that is about a token of theirs (as Envoy): no token says less than another issuer's, and that
 * less than any fault. */
static enum gw_jwt_status weigh(enum gw_jwt_status before, enum gw_jwt_status now) {
  bool is_better = before == GW_JWT_MISSING || (before == GW_JWT_UNKNOWN_ISSUER && now != GW_JWT_MISSING);
  return is_better ? now : before;
}

enum gw_jwt_status gw_jwt_tree_judge(const struct gw_jwt_node *node, gw_jwt_verify_fn verify, void *arg) {
  enum gw_jwt_status status = GW_JWT_OK;
  if (node->kind == GW_JWT_REQUIRES_PROVIDER) return verify(arg, node);
  if (node->kind == GW_JWT_REQUIRES_ALL) {
    for (uint32_t i = 0; i < node->child_count && status == GW_JWT_OK; i++)
      status = gw_jwt_tree_judge(&node->children[i], verify, arg);
    return status;
  }
  if (node->kind != GW_JWT_REQUIRES_ANY) return GW_JWT_OK;
  status = GW_JWT_MISSING;
  for (uint32_t i = 0; i < node->child_count; i++) {
    enum gw_jwt_status one = gw_jwt_tree_judge(&node->children[i], verify, arg);
    if (one == GW_JWT_OK) return GW_JWT_OK;
    status = weigh(status, one);
  }
  bool is_allowed = node->allows_failed || (node->allows_missing && status == GW_JWT_MISSING);
  return is_allowed ? GW_JWT_OK : status;
}

uint32_t gw_jwt_status_code(enum gw_jwt_status status) {
  return status == GW_JWT_AUDIENCE_NOT_ALLOWED ? 403 : 401;
}

struct gw_str gw_jwt_detail(struct gw_str why, struct gw_arena *arena) {
  char *text = gw_arena_printf(arena, "jwt_authn_access_denied{%.*s}", GW_STR_ARG(why));
  for (char *c = text; *c != '\0'; c++)
    if (*c == ' ') *c = '_';
  return gw_str_from(text);
}
