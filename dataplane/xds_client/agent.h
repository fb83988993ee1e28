/* Why: the session gateway.agent.v1.Agent on the same channel as ADS: says who runs what, hears how big the fleet is.
 * Life: gw_agent_new … gw_agent_free, also after on_closed; the call below it may live on until its end.
 * Thread: the loop's own. */
#ifndef GW_DATAPLANE_XDS_CLIENT_AGENT_H
#define GW_DATAPLANE_XDS_CLIENT_AGENT_H

#include "common/event/loop.h"
#include "common/rpc/client.h"
#include "dataplane/xds_client/agent_failures.h"
#include "dataplane/xds_client/refusals.h"
#include "dataplane/xds_client/xds_client.h"

#define GW_AGENT_METHOD "/gateway.agent.v1.Agent/Session"
#define GW_AGENT_PERIOD_MS 10000

struct gw_agent;

struct gw_agent_events {
  void (*on_fleet)(void *arg, uint32_t size);
  /* Last event. GW_RPC_UNIMPLEMENTED: not a control plane of ours. */
  void (*on_closed)(void *arg, int code, struct gw_str reason);
  /* Fills what is to be reported now; refusals are borrowed until the call returns to the agent's caller. */
  void (*on_report)(void *arg, struct gw_arena *arena, struct gw_agent_report *ret_report, uint64_t *ret_refused_total,
                    const struct gw_refusals **ret_refusals);
  /* Somebody wants to know what is remembered of requests with that id; answered with gw_agent_tell_failures. */
  void (*on_find_failures)(void *arg, uint64_t query_id, struct gw_str request_id);
  /* A call of the node's admin API; answered with gw_agent_tell_answer. */
  void (*on_call)(void *arg, uint64_t call_id, struct gw_str method, struct gw_str request);
};

struct gw_agent_hello {
  const char *node_id;
  const char *node_cluster;
  const char *instance_id;
};

/* Says hello and reports at once. */
struct gw_agent *gw_agent_new(struct gw_loop *loop, struct gw_rpc_channel *channel, const struct gw_agent_hello *hello,
                              const struct gw_agent_events *events, void *arg);
/* Cancels it. No event comes any more. */
void gw_agent_free(struct gw_agent *agent);
/* Reports at the end of this turn; several calls are one report. */
void gw_agent_report_soon(struct gw_agent *agent);
/* False: the control plane is gone, or does not read. */
bool gw_agent_tell_key_uses(struct gw_agent *agent, const struct gw_agent_key_use *uses, uint32_t count, uint32_t unknown);
/* As gw_agent_encode_failures. Nothing is sent to a control plane that is gone, or does not read. */
void gw_agent_tell_failures(struct gw_agent *agent, uint64_t query_id, const struct gw_failure_record *const *records, uint32_t count,
                            uint32_t silent_workers);
/* Of a call. `code`: a gw_rpc_code; `answer` with GW_RPC_OK, else `problem`. Nothing is sent to a control plane that is gone, or has not
 * read what many others were answered with. */
void gw_agent_tell_answer(struct gw_agent *agent, uint64_t call_id, int code, const char *problem, struct gw_str answer);

#endif
