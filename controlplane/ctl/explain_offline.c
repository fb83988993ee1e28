#include "controlplane/ctl/explain_offline.h"

#include <gateway/admin/v1/admin.pb-c.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/model/snapshot.h"
#include "common/routing/explain.h"
#include "common/xds/explanation.h"
#include "controlplane/ctl/admin_client.h"
#include "controlplane/ctl/given_files.h"

static void add(struct gw_snapshot_builder *builder, enum gw_resource_type type, struct gw_str name, const void *value) {
  struct gw_resource *resource = gw_resource_new(type);
  resource->name = name;
  resource->value = value;
  gw_snapshot_builder_add(builder, resource);
}

/* What nodes of that cluster get, be it a group or not. */
static struct gw_node_group find_group(const struct gw_policy *policy, struct gw_str cluster) {
  for (uint32_t i = 0; i < policy->group_count; i++)
    if (gw_str_equal(policy->groups[i].name, cluster)) return policy->groups[i];
  return (struct gw_node_group){.listeners = policy->listeners,
                                .listener_count = policy->listener_count,
                                .route_configs = policy->route_configs,
                                .route_config_count = policy->route_config_count};
}

/* What is served is the policy's model, so nothing has to go by the wire. */
static struct gw_snapshot *make_snapshot(const struct gw_policy *policy, const struct gw_node_group *group) {
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  for (uint32_t i = 0; i < group->listener_count; i++)
    add(builder, GW_RESOURCE_LISTENER, group->listeners[i].name, &group->listeners[i]);
  for (uint32_t i = 0; i < group->route_config_count; i++)
    add(builder, GW_RESOURCE_ROUTE_CONFIG, group->route_configs[i].name, &group->route_configs[i]);
  for (uint32_t i = 0; i < policy->cluster_count; i++)
    add(builder, GW_RESOURCE_CLUSTER, policy->clusters[i].name, &policy->clusters[i]);
  for (uint32_t i = 0; i < policy->static_endpoints_count; i++)
    add(builder, GW_RESOURCE_ENDPOINTS, policy->static_endpoints[i].cluster_name, &policy->static_endpoints[i]);
  return gw_snapshot_builder_freeze(builder);
}

static Gateway__Dataplane__V1__ExplainResponse *make_answer(const struct gw_policy *policy, const struct gw_explanation *explanation,
                                                            struct gw_str cluster, struct gw_arena *arena) {
  struct gw_str *names = gw_arena_calloc(arena, policy->group_count, sizeof(*names));
  for (uint32_t i = 0; i < policy->group_count; i++)
    names[i] = policy->groups[i].name;
  Gateway__Dataplane__V1__ExplainResponse *answer = gw_xds_encode_explanation(explanation, arena);
  gw_xds_explanation_set_nodes(answer, cluster, names, policy->group_count, arena);
  return answer;
}

static int explain(const struct gw_policy *policy, const Gateway__Dataplane__V1__ExplainRequest *question, struct gw_arena *arena,
                   Gateway__Dataplane__V1__ExplainResponse **ret_answer) {
  struct gw_explain_request request;
  struct gw_explanation explanation;
  const char *problem = NULL;
  struct gw_str cluster = gw_str_from(question->node_cluster);
  const struct gw_node_group group = find_group(policy, cluster);
  struct gw_snapshot *snapshot = make_snapshot(policy, &group);
  struct gw_explainer *explainer = gw_explainer_new(snapshot);
  enum gw_err err = gw_xds_decode_explain_request(question, arena, &request, &problem);
  if (err == GW_OK) err = gw_explainer_run(explainer, &request, arena, &explanation, &problem);
  if (err == GW_OK) *ret_answer = make_answer(policy, &explanation, cluster, arena);
  int exit_code = GW_CTL_OK;
  if (err == GW_ERR_NOT_FOUND) {
    fprintf(stderr, "gatewayctl: %s\n", problem);
    exit_code = GW_CTL_NOT_FOUND;
  } else if (err != GW_OK) {
    exit_code = gw_ctl_fail_usage("%s", problem);
  }
  gw_explainer_free(explainer);
  gw_snapshot_unref(snapshot);
  return exit_code;
}

int gw_ctl_explain_texts(const struct gw_ctl *ctl, const struct gw_policy_source *routes, const struct gw_policy_source *services,
                         const Gateway__Dataplane__V1__ExplainRequest *question, struct gw_arena *arena,
                         Gateway__Dataplane__V1__ExplainResponse **ret_answer) {
  struct gw_errors errors;
  struct gw_settings *settings = NULL;
  struct gw_policy *policy = NULL;
  int exit_code = GW_CTL_INVALID;
  gw_errors_init(&errors);
  if (gw_settings_load(ctl->env_file, NULL, &errors, &settings) == GW_OK) gw_policy_load(routes, services, settings, &errors, &policy);
  if (policy != NULL) {
    exit_code = explain(policy, question, arena, ret_answer);
  } else {
    char *words = gw_errors_format(&errors);
    fputs(words, stderr);
    free(words);
  }
  gw_policy_free(policy);
  gw_settings_free(settings);
  gw_errors_done(&errors);
  return exit_code;
}

/* What -f does not give is read from where the option of its kind says. */
static bool read_missing(const char *path, struct gw_given_file *file, struct gw_errors *errors) {
  if (file->name != NULL) return true;
  file->name = path;
  return gw_policy_read_file(path, errors, &file->text) == GW_OK;
}

int gw_ctl_explain_offline(const struct gw_ctl *ctl, const Gateway__Dataplane__V1__ExplainRequest *question, struct gw_arena *arena,
                           Gateway__Dataplane__V1__ExplainResponse **ret_answer) {
  struct gw_errors errors;
  struct gw_given_files files;
  int exit_code = gw_given_files_read(ctl, &files);
  if (exit_code != GW_CTL_OK) return exit_code;
  gw_errors_init(&errors);
  bool has_routes = read_missing(ctl->routes, &files.routes, &errors), has_services = read_missing(ctl->services, &files.services, &errors);
  if (has_routes && has_services) {
    const struct gw_policy_source routes = {files.routes.name, files.routes.text}, services = {files.services.name, files.services.text};
    exit_code = gw_ctl_explain_texts(ctl, &routes, &services, question, arena, ret_answer);
  } else {
    char *words = gw_errors_format(&errors);
    fputs(words, stderr);
    free(words);
    exit_code = GW_CTL_INVALID;
  }
  gw_given_files_done(&files);
  gw_errors_done(&errors);
  return exit_code;
}

int gw_ctl_explain_revision(const struct gw_ctl *ctl, const Gateway__Dataplane__V1__ExplainRequest *question, struct gw_arena *arena,
                            Gateway__Dataplane__V1__ExplainResponse **ret_answer) {
  ProtobufCMessage *reply;
  Gateway__Admin__V1__CompareRevisionsRequest request = GATEWAY__ADMIN__V1__COMPARE_REVISIONS_REQUEST__INIT;
  request.from = request.to = ctl->explain.revision;
  int exit_code = gw_admin_client_ask(ctl, "CompareRevisions", &request.base, &gateway__admin__v1__compare_revisions_response__descriptor,
                                      arena, &reply);
  if (exit_code != GW_CTL_OK) return exit_code;
  const Gateway__Admin__V1__CompareRevisionsResponse *m = (const void *)reply;
  const struct gw_policy_source routes = {m->from->routes_name, {(const char *)m->from_routes.data, m->from_routes.len}};
  const struct gw_policy_source services = {m->from->services_name, {(const char *)m->from_services.data, m->from_services.len}};
  return gw_ctl_explain_texts(ctl, &routes, &services, question, arena, ret_answer);
}
