#include "dataplane/cluster/lb/stateless.h"

#include "common/base/mem.h"

void *gw_stateless_build(const struct gw_load_level *level, const struct gw_balancer_worker *worker) {
  struct gw_stateless *state = gw_malloc(sizeof(*state));
  *state = (struct gw_stateless){.level = level, .random = worker->random};
  return state;
}
