#include "common/model/rate_limit.h"

struct gw_str gw_rate_limit_scope_name(enum gw_rate_limit_scope scope) {
  switch (scope) {
  case GW_RATE_LIMIT_SCOPE_ROUTE: return GW_STR("route");
  case GW_RATE_LIMIT_SCOPE_SERVICE: return GW_STR("service");
  case GW_RATE_LIMIT_SCOPE_GLOBAL: return GW_STR("global");
  case GW_RATE_LIMIT_SCOPE_PLAN: return GW_STR("plan");
  }
  return GW_STR("");
}
