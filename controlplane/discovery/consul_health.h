/* Why: the answer of Consul's /v1/health/service/NAME → instances. Pure.
 * Life: in the arena given.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_DISCOVERY_CONSUL_HEALTH_H
#define GW_CONTROLPLANE_DISCOVERY_CONSUL_HEALTH_H

#include "common/base/arena.h"
#include "controlplane/discovery/source.h"

#define GW_CONSUL_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* Who has a critical check is off; who has a warning is, too, unless `takes_warnings`: then it has its weight for that. An entry that is
 * none is an instance without an address. GW_ERR_INVALID: not a list of entries; GW_ERR_LIMIT. */
enum gw_err gw_consul_health_parse(struct gw_str body, bool takes_warnings, struct gw_arena *arena,
                                   const struct gw_found_instance **ret_instances, uint32_t *ret_count);

#endif
