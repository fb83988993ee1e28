/* Explain, by the configuration that workers serve. */
#include "common/rpc/rpc.h"
#include "common/xds/explanation.h"
#include "dataplane/admin/node_method.h"

/* Kept while its configuration serves: it has compiled the routes. */
static struct gw_explainer *get_explainer(const struct gw_node_call *call, struct gw_snapshot *snapshot) {
  if (snapshot == NULL) return NULL;
  if (*call->explainer == NULL || gw_explainer_snapshot(*call->explainer) != snapshot) {
    gw_explainer_free(*call->explainer);
    *call->explainer = gw_explainer_new(snapshot);
  }
  return *call->explainer;
}

/* ---- what only this node knows ---- */

static char *describe(const struct gw_admin_health *health, struct gw_arena *arena) {
  if (health->is_ejected) return gw_arena_printf(arena, "ejected: %s", health->ejection_cause != NULL ? health->ejection_cause : "");
  if (health->check == NULL) return gw_arena_strdup(arena, health->is_usable ? "in use" : "not in use");
  bool has_reason = !health->is_usable && health->check_reason[0] != '\0';
  return gw_arena_printf(arena, "%s%s%s", health->check, has_reason ? ": " : "", has_reason ? health->check_reason : "");
}

static void add_state(const struct gw_node_call *call, Gateway__Dataplane__V1__Destination *service) {
  struct gw_admin_cluster cluster;
  struct gw_str name = gw_str_from(service->name);
  if (call->calls->get_cluster(call->calls->arg, name, &cluster) && cluster.circuit_state != NULL)
    service->circuit = gw_arena_strdup(call->arena, cluster.circuit_state);
  for (size_t i = 0; i < service->n_instances; i++) {
    Gateway__Dataplane__V1__Instance *instance = service->instances[i];
    struct gw_address address;
    struct gw_admin_health health;
    if (gw_address_parse_ip(gw_str_from(instance->address), (uint16_t)instance->port, &address) != GW_OK) continue;
    if (call->calls->get_health(call->calls->arg, name, &address, &health)) instance->state = describe(&health, call->arena);
  }
}

/* ---- the call ---- */

void gw_node_explain(const struct gw_node_call *call, const ProtobufCMessage *message) {
  struct gw_explain_request question;
  struct gw_explanation explanation;
  const char *problem = NULL;
  struct gw_admin_state state;
  call->calls->get_state(call->calls->arg, &state);
  struct gw_explainer *explainer = get_explainer(call, state.snapshot);
  if (explainer == NULL) {
    gw_node_call_refuse(call, GW_RPC_FAILED_PRECONDITION, "this data plane has no configuration yet");
    return;
  }
  enum gw_err err = gw_xds_decode_explain_request((const void *)message, call->arena, &question, &problem);
  if (err == GW_OK) err = gw_explainer_run(explainer, &question, call->arena, &explanation, &problem);
  if (err == GW_OK) {
    Gateway__Dataplane__V1__ExplainResponse *answer = gw_xds_encode_explanation(&explanation, call->arena);
    for (size_t i = 0; i < answer->n_services; i++)
      add_state(call, answer->services[i]);
    answer->node_cluster = gw_arena_strdup(call->arena, state.node_cluster);
    gw_node_call_answer(call, &answer->base);
  } else {
    gw_node_call_refuse(call, err == GW_ERR_NOT_FOUND ? GW_RPC_NOT_FOUND : GW_RPC_INVALID_ARGUMENT, problem);
  }
}
