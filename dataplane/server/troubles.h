/* Why: what an operator should know of services as this node sees them now, in words: whose circuit breaker is not closed, which instances
 * are out of use, and why. Goes with the agent's report to `gatewayctl status`.
 * Life: lines live in the arena given.
 * Thread: main. */
#ifndef GW_DATAPLANE_SERVER_TROUBLES_H
#define GW_DATAPLANE_SERVER_TROUBLES_H

#include "common/base/arena.h"
#include "dataplane/pipeline/frozen.h"
#include "dataplane/xds_client/xds_client.h"

/* Of more lines the last one says how many services are left out, and a line names the first instances. */
#define GW_TROUBLES_MAX GW_AGENT_TROUBLES_MAX
#define GW_TROUBLES_INSTANCES_MAX 5u

/* `frozen` may be NULL. */
uint32_t gw_troubles_collect(const struct gw_frozen *frozen, const struct gw_health *health, uint64_t now_ms, struct gw_arena *arena,
                             char *ret_lines[GW_TROUBLES_MAX]);

#endif
