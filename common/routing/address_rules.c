#include "common/routing/address_rules.h"

static void build_ranges(const struct gw_str *texts, uint32_t count, const char *place, struct gw_arena *arena, struct gw_errors *errors,
                         struct gw_cidr_set *ret_set) {
  struct gw_str bad;
  if (gw_cidr_set_build(texts, count, arena, ret_set, &bad) != GW_OK)
    gw_errors_add(errors, place, "\"%.*s\" is no CIDR range, or has bits set behind its prefix", GW_STR_ARG(bad));
}

void gw_address_rules_build(const struct gw_access_route *model, const char *place, struct gw_arena *arena, struct gw_errors *errors,
                            struct gw_address_rules *ret_rules) {
  ret_rules->allows_all = model->allow_count == 0;
  build_ranges(model->allow, model->allow_count, place, arena, errors, &ret_rules->allow);
  build_ranges(model->deny, model->deny_count, place, arena, errors, &ret_rules->deny);
}

enum gw_address_verdict gw_address_rules_judge(const struct gw_address_rules *rules, const struct gw_address *client) {
  if (!rules->allows_all && !gw_cidr_set_contains(&rules->allow, client)) return GW_ADDRESS_NOT_AMONG_ALLOWED;
  return gw_cidr_set_contains(&rules->deny, client) ? GW_ADDRESS_DENIED : GW_ADDRESS_ALLOWED;
}
