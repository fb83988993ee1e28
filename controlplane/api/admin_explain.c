/* Explain, by the configuration that is served. */
#include "common/routing/explain.h"
#include "common/xds/explanation.h"
#include "controlplane/api/admin_reply.h"

/* The explainer is kept while its snapshot is served: it has compiled the routes. */
static struct gw_explainer *get_explainer(const struct gw_admin_request *request) {
  struct gw_snapshot *current = gw_snapshot_cache_current(request->options->cache);
  struct gw_explainer **kept = request->explainer;
  if (current == NULL) return NULL;
  if (*kept == NULL || gw_explainer_snapshot(*kept) != current) {
    gw_explainer_free(*kept);
    *kept = gw_explainer_new(current);
  }
  return *kept;
}

void gw_admin_start_explain(const struct gw_admin_request *request, struct gw_admin_call *call) {
  struct gw_explain_request question;
  struct gw_explanation explanation;
  const char *problem = NULL;
  struct gw_explainer *explainer = get_explainer(request);
  if (explainer == NULL) {
    gw_admin_call_refuse(call, GW_RPC_FAILED_PRECONDITION, "no configuration is served yet");
    return;
  }
  enum gw_err err = gw_xds_decode_explain_request((const void *)request->message, request->arena, &question, &problem);
  if (err == GW_OK) err = gw_explainer_run(explainer, &question, request->arena, &explanation, &problem);
  if (err == GW_OK)
    gw_admin_call_answer(call, &gw_xds_encode_explanation(&explanation, request->arena)->base);
  else
    gw_admin_call_refuse(call, err == GW_ERR_NOT_FOUND ? GW_RPC_NOT_FOUND : GW_RPC_INVALID_ARGUMENT, problem);
}
