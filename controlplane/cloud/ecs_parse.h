/* Why: what the cloud says of servers and jobs, out of its JSON into our structs. What is not as expected is left out: it is a stranger's.
 * Life: results are in the arena given, and don't point into the JSON.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_CLOUD_ECS_PARSE_H
#define GW_CONTROLPLANE_CLOUD_ECS_PARSE_H

#include "controlplane/cloud/ecs.h"

/* False: no id, or no object. */
bool gw_ecs_parse_server(const struct gw_json_value *value, struct gw_arena *arena, struct gw_ecs_server *ret_server);
/* Of GET …/jobs/ID. False: no job. */
bool gw_ecs_parse_job(const struct gw_json_value *value, struct gw_arena *arena, struct gw_ecs_job *ret_job);

#endif
