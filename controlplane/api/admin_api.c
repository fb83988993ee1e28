#include "controlplane/api/admin_api.h"

#include <gateway/admin/v1/admin.pb-c.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/crypto/secret.h"
#include "common/routing/explain.h"
#include "common/rpc_services/rpc_message.h"
#include "common/xds/wire.h"
#include "controlplane/api/admin_reply.h"

#define DATA_PLANE "/gateway.dataplane.v1.DataPlane/"

/* A method of the API: what it takes, and who answers: at once (`reply`), or later (`start`, which has to wait for or end the call). */
struct admin_method {
  const char *path;
  const ProtobufCMessageDescriptor *request; /* NULL: it is passed on to a data plane as it is */
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
    {"/gateway.admin.v1.Admin/Explain", &gateway__dataplane__v1__explain_request__descriptor, NULL, gw_admin_start_explain},
    {"/gateway.admin.v1.Admin/GetFleetCounters", &gateway__admin__v1__get_fleet_counters_request__descriptor, NULL,
     gw_admin_start_fleet_counters},
    {DATA_PLANE "GetConfig", NULL, NULL, NULL},
    {DATA_PLANE "ListClusters", NULL, NULL, NULL},
    {DATA_PLANE "GetLimits", NULL, NULL, NULL},
    {DATA_PLANE "GetCounters", NULL, NULL, NULL},
    {DATA_PLANE "Explain", NULL, NULL, NULL},
    {DATA_PLANE "Drain", NULL, NULL, NULL},
    {DATA_PLANE "SetLogLevel", NULL, NULL, NULL},
    {"/gateway.admin.v1.Admin/CreateApiKey", &gateway__admin__v1__create_api_key_request__descriptor, NULL, gw_admin_start_create_key},
    {"/gateway.admin.v1.Admin/ListApiKeys", &gateway__admin__v1__list_api_keys_request__descriptor, NULL, gw_admin_start_list_keys},
    {"/gateway.admin.v1.Admin/RotateApiKey", &gateway__admin__v1__rotate_api_key_request__descriptor, NULL, gw_admin_start_rotate_key},
    {"/gateway.admin.v1.Admin/ExpireApiKey", &gateway__admin__v1__expire_api_key_request__descriptor, NULL, gw_admin_start_expire_key},
    {"/gateway.admin.v1.Admin/RevokeApiKeys", &gateway__admin__v1__revoke_api_keys_request__descriptor, NULL, gw_admin_start_revoke_keys},
    {"/gateway.admin.v1.Admin/ImportApiKeys", &gateway__admin__v1__import_api_keys_request__descriptor, NULL, gw_admin_start_import_keys},
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
  struct gw_explainer *explainer; /* of the snapshot that is served; NULL: nobody has asked */
  struct gw_snapshot_watch watch;
  uint32_t counter_rounds;
};

bool gw_admin_api_is_admin(struct gw_str uri) {
  const struct gw_str scheme = GW_STR("spiffe://");
  if (!gw_str_has_prefix(uri, scheme)) return false;
  struct gw_str rest = gw_str_skip(uri, scheme.len), domain, kind, name, surplus;
  return gw_str_split_next(&rest, '/', &domain) && gw_str_split_next(&rest, '/', &kind) && gw_str_split_next(&rest, '/', &name) &&
         !gw_str_split_next(&rest, '/', &surplus) && domain.len > 0 && gw_str_equal(kind, GW_STR("gateway-admin")) && name.len > 0;
}

static bool has_admin_certificate(const struct gw_rpc_stream *stream) {
  struct gw_str uri;
  for (size_t i = 0; gw_rpc_stream_peer_uri(stream, i, &uri); i++) {
    if (gw_admin_api_is_admin(uri)) return true;
  }
  return false;
}

static bool may_call(const struct gw_admin_api *api, const struct gw_rpc_stream *stream) {
  return gw_secret_is_bearer(gw_rpc_stream_metadata(stream, "authorization"), api->options.token) || has_admin_certificate(stream);
}

bool gw_admin_api_admit(const struct gw_admin_api *api, struct gw_rpc_stream *stream) {
  if (may_call(api, stream)) return true;
  gw_rpc_stream_finish(stream, GW_RPC_UNAUTHENTICATED,
                       gw_rpc_stream_security(stream) == GW_RPC_PLAINTEXT
                           ? "a valid admin token is needed: authorization: Bearer TOKEN"
                           : "a valid admin token is needed (authorization: Bearer TOKEN), or a client certificate with a URI name "
                             "spiffe://DOMAIN/gateway-admin/NAME");
  return false;
}

static void *on_open(void *arg, struct gw_rpc_stream *stream) {
  struct bound_method *bound = arg;
  if (!gw_admin_api_admit(bound->api, stream)) return NULL;
  struct gw_admin_call *call = gw_calloc(1, sizeof(*call));
  *call = (struct gw_admin_call){.bound = bound, .stream = stream};
  return call;
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

void gw_admin_call_answer_bytes(struct gw_admin_call *call, struct gw_str message) {
  struct gw_bytes *bytes = gw_bytes_new(message.data, message.len);
  call->on_gone = NULL;
  gw_rpc_stream_send(call->stream, &bytes, 1);
  gw_bytes_unref(bytes);
  gw_rpc_stream_finish(call->stream, GW_RPC_OK, "");
}

struct gw_str gw_admin_call_metadata(const struct gw_admin_call *call, const char *name) {
  return gw_rpc_stream_metadata(call->stream, name);
}

static void run_method(struct gw_admin_call *call, struct gw_str bytes, struct gw_arena *arena) {
  const struct admin_method *method = call->bound->method;
  struct gw_admin_api *api = call->bound->api;
  struct gw_admin_request request = {.options = &api->options,
                                     .arena = arena,
                                     .explainer = &api->explainer,
                                     .counter_rounds = &api->counter_rounds};
  ProtobufCMessage *message;
  if (method->request == NULL) {
    gw_admin_start_node_call(&request, call, method->path + sizeof(DATA_PLANE) - 1, bytes);
    return;
  }
  if (gw_wire_unpack(method->request, bytes, arena, &message) != GW_OK) {
    gw_rpc_stream_finish(call->stream, GW_RPC_INVALID_ARGUMENT, "the message is not what this method takes");
    return;
  }
  request.message = message;
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
  api->token = gw_str_dup(options->token);
  api->options.token.data = api->token;
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
