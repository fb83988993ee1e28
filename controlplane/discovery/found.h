/* Why: what a registry says of a service → endpoints that can be served: the bad are left out, each spelling is one, equal ones are one.
 * Life: in the arena given.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_DISCOVERY_FOUND_H
#define GW_CONTROLPLANE_DISCOVERY_FOUND_H

#include "common/base/arena.h"
#include "common/model/endpoint.h"
#include "controlplane/discovery/source.h"

/* Sorted by priority, address and port. *ret_words: what was left out and why; "": nothing was. */
struct gw_endpoints gw_found_clean(struct gw_str service, const struct gw_found_instance *instances, uint32_t count, struct gw_arena *arena,
                                   const char **ret_words);

#endif
