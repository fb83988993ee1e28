#include "controlplane/api/admin_api.h"

#include <gateway/admin/v1/admin.pb-c.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/crypto/secret.h"
#include "common/rpc_services/rpc_message.h"
#include "common/xds/wire.h"
#include "controlplane/api/admin_reply.h"

/* A method of the API: what it takes and who answers. */
struct admin_method {
  const char *path;
  const ProtobufCMessageDescriptor *request;
  ProtobufCMessage *(*reply)(const struct gw_admin_request *request);
};

static const struct admin_method admin_methods[] = {
    {"/gateway.admin.v1.Admin/GetVersion", &gateway__admin__v1__get_version_request__descriptor, gw_admin_reply_version},
    {"/gateway.admin.v1.Admin/GetStatus", &gateway__admin__v1__get_status_request__descriptor, gw_admin_reply_status},
    {"/gateway.admin.v1.Admin/ListRoutes", &gateway__admin__v1__list_routes_request__descriptor, gw_admin_reply_routes},
    {"/gateway.admin.v1.Admin/ListServices", &gateway__admin__v1__list_services_request__descriptor, gw_admin_reply_services},
    {"/gateway.admin.v1.Admin/ListEndpoints", &gateway__admin__v1__list_endpoints_request__descriptor, gw_admin_reply_endpoints},
};
#define METHOD_COUNT GW_ARRAY_LEN(admin_methods)

/* What a call of one method gets as its state. */
struct bound_method {
  struct gw_admin_api *api;
  const struct admin_method *method;
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

static bool has_admin_certificate(const struct gw_rpc_stream *stream) {
  struct gw_str uri;
  for (size_t i = 0; gw_rpc_stream_peer_uri(stream, i, &uri); i++) {
    if (gw_admin_api_is_admin(uri)) return true;
  }
  return false;
}

static void *on_open(void *arg, struct gw_rpc_stream *stream) {
  struct bound_method *bound = arg;
  if (gw_secret_is_bearer(gw_rpc_stream_metadata(stream, "authorization"), bound->api->options.token)) return bound;
  if (has_admin_certificate(stream)) return bound;
  gw_rpc_stream_finish(stream, GW_RPC_UNAUTHENTICATED,
                       gw_rpc_stream_security(stream) == GW_RPC_PLAINTEXT
                           ? "a valid admin token is needed: authorization: Bearer TOKEN"
                           : "a valid admin token is needed (authorization: Bearer TOKEN), or a client certificate with a URI name "
                             "spiffe://DOMAIN/gateway-admin/NAME");
  return NULL;
}

static void on_message(void *state, struct gw_rpc_stream *stream, struct gw_str message) {
  const struct bound_method *bound = state;
  struct gw_admin_api *api = bound->api;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  ProtobufCMessage *unpacked;
  if (gw_wire_unpack(bound->method->request, message, &arena, &unpacked) == GW_OK) {
    struct gw_admin_request request = {.options = &api->options, .message = unpacked, .arena = &arena};
    gw_rpc_message_reply(stream, bound->method->reply(&request));
  } else {
    gw_rpc_stream_finish(stream, GW_RPC_INVALID_ARGUMENT, "the message is not what this method takes");
  }
  gw_arena_done(&arena);
}

static void on_closed(void *state, struct gw_rpc_stream *stream, int code, struct gw_str reason) {
  (void)state, (void)stream, (void)code, (void)reason;
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
                                   .events = {.on_message = on_message, .on_closed = on_closed},
                                   .on_open = on_open};
    gw_rpc_service_set_add(set, &method, 1, &api->bound[i]);
  }
}
