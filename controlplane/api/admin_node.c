/* What the admin API passes on to a data plane: methods of gateway.dataplane.v1.DataPlane, for the node that the call's metadata names. */
#include "common/base/mem.h"
#include "controlplane/api/admin_reply.h"
#include "controlplane/api/agent_service.h"
#include "controlplane/api/node_calls.h"

static void on_answer(void *arg, int code, const char *message, struct gw_str response) {
  struct gw_admin_call *call = arg;
  if (code == GW_RPC_OK)
    gw_admin_call_answer_bytes(call, response);
  else
    gw_admin_call_refuse(call, code, message);
}

static void on_client_gone(void *arg) {
  gw_node_call_cancel(arg);
}

void gw_admin_start_node_call(const struct gw_admin_request *request, struct gw_admin_call *call, const char *method, struct gw_str bytes) {
  struct gw_str node_id = gw_admin_call_metadata(call, GW_ADMIN_NODE_METADATA);
  struct gw_node_call *node_call;
  if (node_id.len == 0 || request->options->agents == NULL) {
    gw_admin_call_refuse(call, GW_RPC_INVALID_ARGUMENT, "which data plane? metadata " GW_ADMIN_NODE_METADATA ": ID is wanted");
    return;
  }
  switch (gw_node_call_start(gw_agent_service_node_calls(request->options->agents), node_id, method, bytes, on_answer, call, &node_call)) {
  case GW_OK: gw_admin_call_wait(call, on_client_gone, node_call); return;
  case GW_ERR_LIMIT:
    gw_admin_call_refuse(call, GW_RPC_RESOURCE_EXHAUSTED, "too many calls to data planes are under way; try again");
    return;
  default:
    gw_admin_call_refuse(call, GW_RPC_NOT_FOUND,
                         gw_arena_printf(request->arena, "no data plane %.*s of ours is connected to this control plane",
                                         GW_STR_ARG(node_id)));
  }
}
