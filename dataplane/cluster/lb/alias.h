/* Why: a draw by weight in O(1), exact whatever the weights (Walker's alias method, Vose's way to build it): what requests without a hash
 * get from the balancers that go by one.
 * Life: in the arena of its load.
 * Thread: any. */
#ifndef GW_DATAPLANE_CLUSTER_LB_ALIAS_H
#define GW_DATAPLANE_CLUSTER_LB_ALIAS_H

#include "common/base/random.h"
#include "dataplane/cluster/load.h"

struct gw_alias;

const struct gw_alias *gw_alias_build(const struct gw_load_level *level, struct gw_arena *arena);
/* A position in level->usable. */
uint32_t gw_alias_draw(const struct gw_alias *alias, struct gw_random *random);

#endif
