/* Why: the agent service (gateway.agent.v1.Agent) on the xDS port: data planes report what they run, learn the fleet's size, and
 * are asked for failures.
 * Life: gw_agent_service_new … gw_agent_service_free (after the rpc server has stopped). Node table and keys are borrowed.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_API_AGENT_SERVICE_H
#define GW_CONTROLPLANE_API_AGENT_SERVICE_H

#include "common/event/loop.h"
#include "common/observe/log.h"
#include "common/rpc_services/service_set.h"
#include "controlplane/api/failure_query.h"
#include "controlplane/snapshot/node_table.h"
#include "controlplane/store/api_keys.h"

struct gw_agent_service;
struct gw_fleet;

/* `keys`: told when they were used; NULL: nobody is. */
struct gw_agent_service *gw_agent_service_new(struct gw_loop *loop, struct gw_node_table *nodes, struct gw_log *log,
                                              struct gw_api_keys *keys);
void gw_agent_service_free(struct gw_agent_service *service);
void gw_agent_service_add_to(struct gw_agent_service *service, struct gw_rpc_service_set *set);
/* A data plane has seen a token of that provider with a key that nobody knows. */
void gw_agent_service_on_unknown_key(struct gw_agent_service *service, void (*fn)(void *arg, struct gw_str provider), void *arg);
/* To ask those who have a session; lives with the service. */
struct gw_node_calls *gw_agent_service_node_calls(const struct gw_agent_service *service);
struct gw_failure_queries *gw_agent_service_failures(const struct gw_agent_service *service);
/* Whose nodes count, too, in what data planes are told; NULL: nobody's. */
void gw_agent_service_set_fleet(struct gw_agent_service *service, const struct gw_fleet *fleet);
/* Times that data planes were shown API keys that they don't know, as they have told. */
uint64_t gw_agent_service_unknown_keys(const struct gw_agent_service *service);

#endif
