#include "common/model/rbac.h"

static bool rule_uses(const struct gw_rbac_rule *rule, enum gw_rbac_rule_kind kind) {
  if (rule->kind == kind) return true;
  if (rule->kind != GW_RBAC_AND && rule->kind != GW_RBAC_OR && rule->kind != GW_RBAC_NOT) return false;
  for (uint32_t i = 0; i < rule->child_count; i++)
    if (rule_uses(&rule->children[i], kind)) return true;
  return false;
}

static bool rbac_uses(const struct gw_rbac *rbac, enum gw_rbac_rule_kind kind) {
  for (uint32_t i = 0; rbac != NULL && i < rbac->policy_count; i++)
    if (rule_uses(&rbac->policies[i].permissions, kind) || rule_uses(&rbac->policies[i].principals, kind)) return true;
  return false;
}

bool gw_rbac_route_uses(const struct gw_rbac_route *route, enum gw_rbac_rule_kind kind) {
  return route != NULL && (rbac_uses(route->rules.rules, kind) || rbac_uses(route->rules.shadow, kind));
}
