/* Explain, by the configuration that workers serve. */
#include "common/rpc/rpc.h"
#include "common/xds/explanation.h"
#include "dataplane/admin/node_method.h"

/* Kept while its configuration serves: it has compiled the routes. */
static struct gw_explainer *get_explainer(const struct gw_node_call *call) {
  struct gw_admin_state state;
  call->calls->get_state(call->calls->arg, &state);
  if (state.snapshot == NULL) return NULL;
  if (*call->explainer == NULL || gw_explainer_snapshot(*call->explainer) != state.snapshot) {
    gw_explainer_free(*call->explainer);
    *call->explainer = gw_explainer_new(state.snapshot);
  }
  return *call->explainer;
}

void gw_node_explain(const struct gw_node_call *call, const ProtobufCMessage *message) {
  struct gw_explain_request question;
  struct gw_explanation explanation;
  const char *problem = NULL;
  struct gw_explainer *explainer = get_explainer(call);
  if (explainer == NULL) {
    gw_node_call_refuse(call, GW_RPC_FAILED_PRECONDITION, "this data plane has no configuration yet");
    return;
  }
  enum gw_err err = gw_xds_decode_explain_request((const void *)message, call->arena, &question, &problem);
  if (err == GW_OK) err = gw_explainer_run(explainer, &question, call->arena, &explanation, &problem);
  if (err == GW_OK)
    gw_node_call_answer(call, &gw_xds_encode_explanation(&explanation, call->arena)->base);
  else
    gw_node_call_refuse(call, err == GW_ERR_NOT_FOUND ? GW_RPC_NOT_FOUND : GW_RPC_INVALID_ARGUMENT, problem);
}
