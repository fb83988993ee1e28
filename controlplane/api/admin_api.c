#include "controlplane/api/admin_api.h"

#include <gateway/admin/v1/admin.pb-c.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/routing/explain.h"
#include "common/rpc_services/rpc_message.h"
#include "common/xds/wire.h"
#include "controlplane/api/admin_reply.h"
#include "controlplane/api/admin_roles.h"
#include "controlplane/api/audit.h"

#define DATA_PLANE "/gateway.dataplane.v1.DataPlane/"

/* A method of the API: what it takes, and who answers: at once (`reply`), or later (`start`, which has to wait for or end the call), or
 * (neither) the data plane that it is passed on to as it is. */
struct admin_method {
  const char *path;
  const ProtobufCMessageDescriptor *request;
  ProtobufCMessage *(*reply)(const struct gw_admin_request *request);
  void (*start)(const struct gw_admin_request *request, struct gw_admin_call *call);
  enum gw_admin_role role; /* that may call it, and the better ones; who leaves it out means administrators */
};

static const struct admin_method admin_methods[] = {
    {"/gateway.admin.v1.Admin/GetVersion", &gateway__admin__v1__get_version_request__descriptor, gw_admin_reply_version, NULL,
     GW_ADMIN_ROLE_VIEWER},
    {"/gateway.admin.v1.Admin/GetStatus", &gateway__admin__v1__get_status_request__descriptor, gw_admin_reply_status, NULL,
     GW_ADMIN_ROLE_VIEWER},
    {"/gateway.admin.v1.Admin/SetLogLevel", &gateway__dataplane__v1__set_log_level_request__descriptor, NULL, gw_admin_start_set_log_level,
     GW_ADMIN_ROLE_OPERATOR},
    {"/gateway.admin.v1.Admin/ListRoutes", &gateway__admin__v1__list_routes_request__descriptor, gw_admin_reply_routes, NULL,
     GW_ADMIN_ROLE_VIEWER},
    {"/gateway.admin.v1.Admin/ListServices", &gateway__admin__v1__list_services_request__descriptor, gw_admin_reply_services, NULL,
     GW_ADMIN_ROLE_VIEWER},
    {"/gateway.admin.v1.Admin/ListEndpoints", &gateway__admin__v1__list_endpoints_request__descriptor, gw_admin_reply_endpoints, NULL,
     GW_ADMIN_ROLE_VIEWER},
    {"/gateway.admin.v1.Admin/FindFailures", &gateway__admin__v1__find_failures_request__descriptor, NULL, gw_admin_start_find_failures,
     GW_ADMIN_ROLE_VIEWER},
    {"/gateway.admin.v1.Admin/Explain", &gateway__dataplane__v1__explain_request__descriptor, NULL, gw_admin_start_explain,
     GW_ADMIN_ROLE_VIEWER},
    {"/gateway.admin.v1.Admin/GetFleetCounters", &gateway__admin__v1__get_fleet_counters_request__descriptor, NULL,
     gw_admin_start_fleet_counters, GW_ADMIN_ROLE_VIEWER},
    {DATA_PLANE "GetConfig", &gateway__dataplane__v1__get_config_request__descriptor, NULL, NULL, GW_ADMIN_ROLE_VIEWER},
    {DATA_PLANE "ListClusters", &gateway__dataplane__v1__list_clusters_request__descriptor, NULL, NULL, GW_ADMIN_ROLE_VIEWER},
    {DATA_PLANE "GetLimits", &gateway__dataplane__v1__get_limits_request__descriptor, NULL, NULL, GW_ADMIN_ROLE_VIEWER},
    {DATA_PLANE "GetCounters", &gateway__dataplane__v1__get_counters_request__descriptor, NULL, NULL, GW_ADMIN_ROLE_VIEWER},
    {DATA_PLANE "Explain", &gateway__dataplane__v1__explain_request__descriptor, NULL, NULL, GW_ADMIN_ROLE_VIEWER},
    {DATA_PLANE "Drain", &gateway__dataplane__v1__drain_request__descriptor, NULL, NULL, GW_ADMIN_ROLE_OPERATOR},
    {DATA_PLANE "SetLogLevel", &gateway__dataplane__v1__set_log_level_request__descriptor, NULL, NULL, GW_ADMIN_ROLE_OPERATOR},
    {"/gateway.admin.v1.Admin/CreateApiKey", &gateway__admin__v1__create_api_key_request__descriptor, NULL, gw_admin_start_create_key,
     GW_ADMIN_ROLE_ADMIN},
    {"/gateway.admin.v1.Admin/ListApiKeys", &gateway__admin__v1__list_api_keys_request__descriptor, NULL, gw_admin_start_list_keys,
     GW_ADMIN_ROLE_VIEWER},
    {"/gateway.admin.v1.Admin/RotateApiKey", &gateway__admin__v1__rotate_api_key_request__descriptor, NULL, gw_admin_start_rotate_key,
     GW_ADMIN_ROLE_ADMIN},
    {"/gateway.admin.v1.Admin/ExpireApiKey", &gateway__admin__v1__expire_api_key_request__descriptor, NULL, gw_admin_start_expire_key,
     GW_ADMIN_ROLE_ADMIN},
    {"/gateway.admin.v1.Admin/RevokeApiKeys", &gateway__admin__v1__revoke_api_keys_request__descriptor, NULL, gw_admin_start_revoke_keys,
     GW_ADMIN_ROLE_ADMIN},
    {"/gateway.admin.v1.Admin/ImportApiKeys", &gateway__admin__v1__import_api_keys_request__descriptor, NULL, gw_admin_start_import_keys,
     GW_ADMIN_ROLE_ADMIN},
    {"/gateway.admin.v1.Admin/Apply", &gateway__admin__v1__apply_request__descriptor, NULL, gw_admin_start_apply, GW_ADMIN_ROLE_OPERATOR},
    {"/gateway.admin.v1.Admin/Rollback", &gateway__admin__v1__rollback_request__descriptor, NULL, gw_admin_start_rollback,
     GW_ADMIN_ROLE_OPERATOR},
    {"/gateway.admin.v1.Admin/ListRevisions", &gateway__admin__v1__list_revisions_request__descriptor, gw_admin_reply_revisions, NULL,
     GW_ADMIN_ROLE_VIEWER},
    {"/gateway.admin.v1.Admin/CompareRevisions", &gateway__admin__v1__compare_revisions_request__descriptor, NULL, gw_admin_start_compare,
     GW_ADMIN_ROLE_VIEWER},
    {"/gateway.admin.v1.Admin/GetRollout", &gateway__admin__v1__get_rollout_request__descriptor, gw_admin_reply_rollout, NULL,
     GW_ADMIN_ROLE_VIEWER},
    {"/gateway.admin.v1.Admin/ListAudit", &gateway__admin__v1__list_audit_request__descriptor, gw_admin_reply_audit, NULL,
     GW_ADMIN_ROLE_OPERATOR},
    {"/gateway.admin.v1.Admin/ReleaseService", &gateway__admin__v1__release_service_request__descriptor, NULL,
     gw_admin_start_release_service, GW_ADMIN_ROLE_OPERATOR},
    {"/gateway.admin.v1.Admin/RegisterInstance", &gateway__admin__v1__register_instance_request__descriptor, NULL, gw_admin_start_register,
     GW_ADMIN_ROLE_OPERATOR},
    {"/gateway.admin.v1.Admin/DeregisterInstance", &gateway__admin__v1__deregister_instance_request__descriptor, NULL,
     gw_admin_start_deregister, GW_ADMIN_ROLE_OPERATOR},
    {"/gateway.admin.v1.Admin/ListRegistrations", &gateway__admin__v1__list_registrations_request__descriptor, gw_admin_reply_registrations,
     NULL, GW_ADMIN_ROLE_VIEWER},
    {"/gateway.admin.v1.Admin/ListEcsServers", &gateway__admin__v1__list_ecs_servers_request__descriptor, NULL, gw_admin_start_list_ecs,
     GW_ADMIN_ROLE_VIEWER},
    {"/gateway.admin.v1.Admin/CreateEcsServers", &gateway__admin__v1__create_ecs_servers_request__descriptor, NULL,
     gw_admin_start_create_ecs, GW_ADMIN_ROLE_ADMIN},
    {"/gateway.admin.v1.Admin/DeleteEcsServers", &gateway__admin__v1__delete_ecs_servers_request__descriptor, NULL,
     gw_admin_start_delete_ecs, GW_ADMIN_ROLE_ADMIN},
    {"/gateway.admin.v1.Admin/GetEcsJob", &gateway__admin__v1__get_ecs_job_request__descriptor, NULL, gw_admin_start_get_ecs_job,
     GW_ADMIN_ROLE_VIEWER},
};
#define METHOD_COUNT GW_ARRAY_LEN(admin_methods)

/* What on_open of one method gets. */
struct bound_method {
  struct gw_admin_api *api;
  const struct admin_method *method;
};

struct gw_admin_call {
  const struct bound_method *bound;
  struct gw_rpc_stream *stream;
  bool has_request;
  bool is_audited;              /* and has not ended yet */
  struct gw_admin_identity who; /* names are the call's own */
  char *name;
  struct gw_strbuf what;
  void (*on_gone)(void *arg); /* NULL: nothing is waited for */
  void *arg;
};

struct gw_admin_api {
  struct gw_admin_api_options options;
  struct gw_admin_tokens *tokens;
  struct bound_method bound[METHOD_COUNT];
  struct gw_explainer *explainer; /* of the snapshot that is served; NULL: nobody has asked */
  struct gw_snapshot_watch watch;
  uint32_t counter_rounds;
};

bool gw_admin_api_is_admin(struct gw_str uri) {
  enum gw_admin_role role;
  struct gw_str name;
  return gw_admin_role_of_uri(uri, &role, &name) && role == GW_ADMIN_ROLE_ADMIN;
}

/* Calls that only look are none of its business, if they may. */
static bool is_audited(const struct gw_admin_api *api, const struct admin_method *method, bool is_denied) {
  return api->options.audit != NULL && (is_denied || (method->role != GW_ADMIN_ROLE_VIEWER && method->reply == NULL));
}

static void audit(const struct bound_method *bound, const struct gw_rpc_stream *stream, const struct gw_admin_identity *who,
                  struct gw_str what, int code, const char *reason) {
  struct gw_audit_entry entry = {.who = *who,
                                 .peer = gw_rpc_stream_peer(stream),
                                 .method = bound->method->path,
                                 .what = what,
                                 .code = code,
                                 .reason = gw_str_from(reason)};
  gw_audit_note(bound->api->options.audit, &entry);
}

static void deny(const struct bound_method *bound, struct gw_rpc_stream *stream, const struct gw_admin_identity *who) {
  char *reason = gw_asprintf("this is for the role %s, and %.*s has the role %s", gw_admin_role_name(bound->method->role),
                             GW_STR_ARG(who->name), gw_admin_role_name(who->role));
  if (is_audited(bound->api, bound->method, true)) audit(bound, stream, who, GW_STR(""), GW_RPC_PERMISSION_DENIED, reason);
  gw_rpc_stream_finish(stream, GW_RPC_PERMISSION_DENIED, reason);
  free(reason);
}

/* False: the call is ended. */
static bool identify(const struct gw_admin_api *api, struct gw_rpc_stream *stream, struct gw_admin_identity *ret_who) {
  if (gw_admin_identify(api->tokens, stream, ret_who)) return true;
  gw_rpc_stream_finish(stream, GW_RPC_UNAUTHENTICATED,
                       gw_rpc_stream_security(stream) == GW_RPC_PLAINTEXT
                           ? "a valid admin token is needed: authorization: Bearer TOKEN"
                           : "a valid admin token is needed (authorization: Bearer TOKEN), or a client certificate with a URI name "
                             "spiffe://DOMAIN/gateway-admin/NAME");
  return false;
}

bool gw_admin_api_admit(const struct gw_admin_api *api, struct gw_rpc_stream *stream) {
  struct gw_admin_identity who;
  return identify(api, stream, &who);
}

static void *on_open(void *arg, struct gw_rpc_stream *stream) {
  struct bound_method *bound = arg;
  struct gw_admin_identity who;
  if (!identify(bound->api, stream, &who)) return NULL;
  if (who.role > bound->method->role) {
    deny(bound, stream, &who);
    return NULL;
  }
  struct gw_admin_call *call = gw_calloc(1, sizeof(*call));
  *call = (struct gw_admin_call){.bound = bound, .stream = stream, .who = who, .name = gw_str_dup(who.name)};
  call->who.name.data = call->name; /* tokens may be others by the time that it ends */
  call->is_audited = is_audited(bound->api, bound->method, false);
  gw_strbuf_init(&call->what);
  return call;
}

static void end_audit(struct gw_admin_call *call, int code, const char *reason) {
  if (call->is_audited) audit(call->bound, call->stream, &call->who, gw_strbuf_str(&call->what), code, reason);
  call->is_audited = false;
}

void gw_admin_call_wait(struct gw_admin_call *call, void (*on_gone)(void *arg), void *arg) {
  call->on_gone = on_gone;
  call->arg = arg;
}

void gw_admin_call_answer(struct gw_admin_call *call, const ProtobufCMessage *answer) {
  call->on_gone = NULL;
  end_audit(call, GW_RPC_OK, "");
  gw_rpc_message_reply(call->stream, answer);
}

void gw_admin_call_refuse(struct gw_admin_call *call, int code, const char *message) {
  call->on_gone = NULL;
  end_audit(call, code, message);
  gw_rpc_stream_finish(call->stream, code, message);
}

static int code_of(enum gw_err err) {
  switch (err) {
  case GW_ERR_NOT_FOUND: return GW_RPC_NOT_FOUND;
  case GW_ERR_DENIED:
  case GW_ERR_IO: return GW_RPC_FAILED_PRECONDITION;
  case GW_ERR_CLOSED: return GW_RPC_UNAVAILABLE;
  case GW_ERR_LIMIT: return GW_RPC_RESOURCE_EXHAUSTED;
  case GW_ERR_AGAIN: return GW_RPC_ABORTED;
  default: return GW_RPC_INVALID_ARGUMENT;
  }
}

void gw_admin_call_fail(struct gw_admin_call *call, enum gw_err err, const char *message) {
  gw_admin_call_refuse(call, code_of(err), message);
}

void gw_admin_call_answer_bytes(struct gw_admin_call *call, struct gw_str message) {
  struct gw_bytes *bytes = gw_bytes_new(message.data, message.len);
  call->on_gone = NULL;
  end_audit(call, GW_RPC_OK, "");
  gw_rpc_stream_send(call->stream, &bytes, 1);
  gw_bytes_unref(bytes);
  gw_rpc_stream_finish(call->stream, GW_RPC_OK, "");
}

const struct gw_admin_identity *gw_admin_call_who(const struct gw_admin_call *call) {
  return &call->who;
}

struct gw_str gw_admin_call_metadata(const struct gw_admin_call *call, const char *name) {
  return gw_rpc_stream_metadata(call->stream, name);
}

static bool is_passed_on(const struct admin_method *method) {
  return method->start == NULL && method->reply == NULL;
}

/* Which node it is for stands beside the message. */
static void describe(struct gw_admin_call *call, const ProtobufCMessage *message) {
  if (is_passed_on(call->bound->method))
    gw_audit_describe_text("node_id", gw_admin_call_metadata(call, GW_ADMIN_NODE_METADATA), &call->what);
  gw_audit_describe(message, &call->what);
}

static void run_method(struct gw_admin_call *call, struct gw_str bytes, struct gw_arena *arena) {
  const struct admin_method *method = call->bound->method;
  struct gw_admin_api *api = call->bound->api;
  ProtobufCMessage *message;
  if (gw_wire_unpack(method->request, bytes, arena, &message) != GW_OK) {
    gw_rpc_stream_finish(call->stream, GW_RPC_INVALID_ARGUMENT, "the message is not what this method takes");
    return;
  }
  if (call->is_audited) describe(call, message);
  struct gw_admin_request request = {.options = &api->options,
                                     .message = message,
                                     .arena = arena,
                                     .explainer = &api->explainer,
                                     .counter_rounds = &api->counter_rounds};
  if (is_passed_on(method)) {
    gw_admin_start_node_call(&request, call, method->path + sizeof(DATA_PLANE) - 1, bytes);
  } else if (method->start != NULL) {
    method->start(&request, call);
  } else {
    gw_admin_call_answer(call, method->reply(&request));
  }
}

static void on_message(void *state, struct gw_rpc_stream *stream, struct gw_str message) {
  struct gw_admin_call *call = state;
  if (call->has_request) {
    gw_rpc_stream_finish(stream, GW_RPC_INVALID_ARGUMENT, "this method takes one message");
    return;
  }
  call->has_request = true;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  run_method(call, message, &arena);
  gw_arena_wipe(&arena); /* there may be keys in it */
  gw_arena_done(&arena);
}

/* A client's last word comes before an answer that takes its time. */
static void on_half_close(void *state, struct gw_rpc_stream *stream) {
  const struct gw_admin_call *call = state;
  if (!call->has_request) gw_rpc_stream_finish(stream, GW_RPC_INVALID_ARGUMENT, "this method takes one message");
}

static void on_closed(void *state, struct gw_rpc_stream *stream, int code, struct gw_str reason) {
  (void)stream, (void)code, (void)reason;
  struct gw_admin_call *call = state;
  if (call->on_gone != NULL) call->on_gone(call->arg);
  end_audit(call, GW_RPC_CANCELLED, "the caller has left before the answer");
  gw_strbuf_done(&call->what);
  free(call->name);
  free(call);
}

/* What is not served any more is not kept for those who may ask. */
static void forget_explainer(void *arg) {
  struct gw_admin_api *api = arg;
  gw_explainer_free(api->explainer);
  api->explainer = NULL;
}

struct gw_admin_api *gw_admin_api_new(const struct gw_admin_api_options *options) {
  struct gw_admin_api *api = gw_calloc(1, sizeof(*api));
  api->options = *options;
  api->tokens = options->tokens;
  char *reason = NULL;
  if (api->tokens == NULL && gw_admin_tokens_new(options->token, NULL, &api->tokens, &reason) != GW_OK) GW_PANIC("%s", reason);
  api->options.token = (struct gw_str){NULL, 0}; /* the caller's */
  for (size_t i = 0; i < METHOD_COUNT; i++)
    api->bound[i] = (struct bound_method){.api = api, .method = &admin_methods[i]};
  api->watch = (struct gw_snapshot_watch){.fn = forget_explainer, .arg = api};
  if (options->cache != NULL) gw_snapshot_cache_watch(options->cache, &api->watch);
  return api;
}

void gw_admin_api_free(struct gw_admin_api *api) {
  if (api == NULL) return;
  if (api->options.cache != NULL) gw_list_remove(&api->watch.node);
  gw_explainer_free(api->explainer);
  gw_admin_tokens_free(api->tokens);
  free(api);
}

void gw_admin_api_set_tokens(struct gw_admin_api *api, struct gw_admin_tokens *tokens) {
  gw_admin_tokens_free(api->tokens);
  api->tokens = tokens;
}

void gw_admin_api_add_to(struct gw_admin_api *api, struct gw_rpc_service_set *set) {
  for (size_t i = 0; i < METHOD_COUNT; i++) {
    struct gw_rpc_method method = {.path = admin_methods[i].path,
                                   .events = {.on_message = on_message, .on_half_close = on_half_close, .on_closed = on_closed},
                                   .on_open = on_open};
    gw_rpc_service_set_add(set, &method, 1, &api->bound[i]);
  }
}
