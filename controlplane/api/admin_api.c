#include "controlplane/api/admin_api.h"

#include <gateway/admin/v1/admin.pb-c.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/crypto/secret.h"
#include "common/rpc_services/rpc_message.h"
#include "common/xds/wire.h"
#include "controlplane/api/admin_reply.h"

/* A method of the API: what it takes, and who answers: at once (`reply`), or later (`start`, which has to wait for or end the call). */
struct admin_method {
  const char *path;
  const ProtobufCMessageDescriptor *request;
  ProtobufCMessage *(*reply)(const struct gw_admin_request *request);
  void (*start)(const struct gw_admin_request *request, struct gw_admin_call *call);
};

static const struct admin_method admin_methods[] = {
    {"/gateway.admin.v1.Admin/GetVersion", &gateway__admin__v1__get_version_request__descriptor, gw_admin_reply_version, NULL},
    {"/gateway.admin.v1.Admin/GetStatus", &gateway__admin__v1__get_status_request__descriptor, gw_admin_reply_status, NULL},
    {"/gateway.admin.v1.Admin/ListRoutes", &gateway__admin__v1__list_routes_request__descriptor, gw_admin_reply_routes, NULL},
    {"/gateway.admin.v1.Admin/ListServices", &gateway__admin__v1__list_services_request__descriptor, gw_admin_reply_services, NULL},
    {"/gateway.admin.v1.Admin/ListEndpoints", &gateway__admin__v1__list_endpoints_request__descriptor, gw_admin_reply_endpoints, NULL},
    {"/gateway.admin.v1.Admin/FindFailures", &gateway__admin__v1__find_failures_request__descriptor, NULL, gw_admin_start_find_failures},
    {"/gateway.admin.v1.Admin/CreateApiKey", &gateway__admin__v1__create_api_key_request__descriptor, NULL, gw_admin_start_create_key},
    {"/gateway.admin.v1.Admin/ListApiKeys", &gateway__admin__v1__list_api_keys_request__descriptor, NULL, gw_admin_start_list_keys},
    {"/gateway.admin.v1.Admin/RotateApiKey", &gateway__admin__v1__rotate_api_key_request__descriptor, NULL, gw_admin_start_rotate_key},
    {"/gateway.admin.v1.Admin/ExpireApiKey", &gateway__admin__v1__expire_api_key_request__descriptor, NULL, gw_admin_start_expire_key},
    {"/gateway.admin.v1.Admin/RevokeApiKeys", &gateway__admin__v1__revoke_api_keys_request__descriptor, NULL, gw_admin_start_revoke_keys},
    {"/gateway.admin.v1.Admin/ImportApiKeys", &gateway__admin__v1__import_api_keys_request__descriptor, NULL, gw_admin_start_import_keys},
    {"/gateway.admin.v1.Admin/Apply", &gateway__admin__v1__apply_request__descriptor, NULL, gw_admin_start_apply},
    {"/gateway.admin.v1.Admin/Rollback", &gateway__admin__v1__rollback_request__descriptor, NULL, gw_admin_start_rollback},
    {"/gateway.admin.v1.Admin/ListRevisions", &gateway__admin__v1__list_revisions_request__descriptor, gw_admin_reply_revisions, NULL},
    {"/gateway.admin.v1.Admin/CompareRevisions", &gateway__admin__v1__compare_revisions_request__descriptor, NULL, gw_admin_start_compare},
    {"/gateway.admin.v1.Admin/GetRollout", &gateway__admin__v1__get_rollout_request__descriptor, gw_admin_reply_rollout, NULL},
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
  void (*on_gone)(void *arg); /* NULL: nothing is waited for */
  void *arg;
};

struct gw_admin_api {
  struct gw_admin_api_options options;
  char *token;
  struct bound_method bound[METHOD_COUNT];
};

bool gw_admin_api_is_admin(struct gw_str uri) {
  const struct gw_str scheme = GW_STR("spiffe://");
  if (!gw_str_has_prefix(uri, scheme)) return false;
  struct gw_str rest = gw_str_skip(uri, scheme.len), domain, kind, name, surplus;
  return gw_str_split_next(&rest, '/', &domain) && gw_str_split_next(&rest, '/', &kind) && gw_str_split_next(&rest, '/', &name) &&
         !gw_str_split_next(&rest, '/', &surplus) && domain.len > 0 && gw_str_equal(kind, GW_STR("gateway-admin")) && name.len > 0;
}

/* Empty: it has none. */
static struct gw_str find_admin_name(const struct gw_rpc_stream *stream) {
  struct gw_str uri;
  for (size_t i = 0; gw_rpc_stream_peer_uri(stream, i, &uri); i++) {
    if (gw_admin_api_is_admin(uri)) return uri;
  }
  return (struct gw_str){NULL, 0};
}

static bool may_call(const struct gw_admin_api *api, const struct gw_rpc_stream *stream) {
  return gw_secret_is_bearer(gw_rpc_stream_metadata(stream, "authorization"), api->options.token) || find_admin_name(stream).len > 0;
}

static void *on_open(void *arg, struct gw_rpc_stream *stream) {
  struct bound_method *bound = arg;
  if (!may_call(bound->api, stream)) {
    gw_rpc_stream_finish(stream, GW_RPC_UNAUTHENTICATED,
                         gw_rpc_stream_security(stream) == GW_RPC_PLAINTEXT
                             ? "a valid admin token is needed: authorization: Bearer TOKEN"
                             : "a valid admin token is needed (authorization: Bearer TOKEN), or a client certificate with a URI name "
                               "spiffe://DOMAIN/gateway-admin/NAME");
    return NULL;
  }
  struct gw_admin_call *call = gw_calloc(1, sizeof(*call));
  *call = (struct gw_admin_call){.bound = bound, .stream = stream};
  return call;
}

struct gw_str gw_admin_call_certificate(const struct gw_admin_call *call) {
  return find_admin_name(call->stream);
}

void gw_admin_call_wait(struct gw_admin_call *call, void (*on_gone)(void *arg), void *arg) {
  call->on_gone = on_gone;
  call->arg = arg;
}

void gw_admin_call_answer(struct gw_admin_call *call, const ProtobufCMessage *answer) {
  call->on_gone = NULL;
  gw_rpc_message_reply(call->stream, answer);
}

void gw_admin_call_refuse(struct gw_admin_call *call, int code, const char *message) {
  call->on_gone = NULL;
  gw_rpc_stream_finish(call->stream, code, message);
}

static void run_method(struct gw_admin_call *call, const ProtobufCMessage *message, struct gw_arena *arena) {
  const struct admin_method *method = call->bound->method;
  struct gw_admin_request request = {.options = &call->bound->api->options, .message = message, .arena = arena};
  if (method->start != NULL) {
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
  ProtobufCMessage *unpacked;
  if (gw_wire_unpack(call->bound->method->request, message, &arena, &unpacked) == GW_OK) {
    run_method(call, unpacked, &arena);
  } else {
    gw_rpc_stream_finish(stream, GW_RPC_INVALID_ARGUMENT, "the message is not what this method takes");
  }
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
  free(call);
}

struct gw_admin_api *gw_admin_api_new(const struct gw_admin_api_options *options) {
  struct gw_admin_api *api = gw_calloc(1, sizeof(*api));
  api->options = *options;
  api->token = gw_str_dup(options->token);
  api->options.token.data = api->token;
  for (size_t i = 0; i < METHOD_COUNT; i++)
    api->bound[i] = (struct bound_method){.api = api, .method = &admin_methods[i]};
  return api;
}

void gw_admin_api_free(struct gw_admin_api *api) {
  if (api == NULL) return;
  free(api->token);
  free(api);
}

void gw_admin_api_add_to(struct gw_admin_api *api, struct gw_rpc_service_set *set) {
  for (size_t i = 0; i < METHOD_COUNT; i++) {
    struct gw_rpc_method method = {.path = admin_methods[i].path,
                                   .events = {.on_message = on_message, .on_half_close = on_half_close, .on_closed = on_closed},
                                   .on_open = on_open};
    gw_rpc_service_set_add(set, &method, 1, &api->bound[i]);
  }
}
