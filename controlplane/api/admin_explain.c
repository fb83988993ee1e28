/* Explain, by the configuration that is served. */
#include "common/routing/explain.h"
#include "common/xds/explanation.h"
#include "controlplane/api/admin_reply.h"

/* The explainer is kept while the same snapshot is asked: it has compiled the routes. */
static struct gw_explainer *get_explainer(const struct gw_admin_request *request, struct gw_str cluster) {
  struct gw_snapshot *snapshot = gw_snapshot_cache_of(request->options->cache, cluster);
  struct gw_explainer **kept = request->explainer;
  if (snapshot == NULL) return NULL;
  if (*kept == NULL || gw_explainer_snapshot(*kept) != snapshot) {
    gw_explainer_free(*kept);
    *kept = gw_explainer_new(snapshot);
  }
  return *kept;
}

static ProtobufCMessage *make_answer(const struct gw_admin_request *request, const struct gw_explanation *explanation,
                                     struct gw_str cluster) {
  const struct gw_snapshot_group *groups;
  uint32_t count = gw_snapshot_cache_groups(request->options->cache, &groups);
  struct gw_str *names = gw_arena_calloc(request->arena, count, sizeof(*names));
  for (uint32_t i = 0; i < count; i++)
    names[i] = groups[i].name;
  Gateway__Dataplane__V1__ExplainResponse *answer = gw_xds_encode_explanation(explanation, request->arena);
  gw_xds_explanation_set_nodes(answer, cluster, names, count, request->arena);
  return &answer->base;
}

void gw_admin_start_explain(const struct gw_admin_request *request, struct gw_admin_call *call) {
  struct gw_explain_request question;
  struct gw_explanation explanation;
  const char *problem = NULL;
  const Gateway__Dataplane__V1__ExplainRequest *message = (const void *)request->message;
  struct gw_str cluster = gw_str_from(message->node_cluster);
  struct gw_explainer *explainer = get_explainer(request, cluster);
  if (explainer == NULL) {
    gw_admin_call_refuse(call, GW_RPC_FAILED_PRECONDITION, "no configuration is served yet");
    return;
  }
  enum gw_err err = gw_xds_decode_explain_request(message, request->arena, &question, &problem);
  if (err == GW_OK) err = gw_explainer_run(explainer, &question, request->arena, &explanation, &problem);
  if (err == GW_OK)
    gw_admin_call_answer(call, make_answer(request, &explanation, cluster));
  else
    gw_admin_call_refuse(call, err == GW_ERR_NOT_FOUND ? GW_RPC_NOT_FOUND : GW_RPC_INVALID_ARGUMENT, problem);
}
