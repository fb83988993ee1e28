#include "dataplane/admin/admin_grpc.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/crypto/secret.h"
#include "common/rpc_services/health.h"
#include "common/rpc_services/reflection.h"

#define MESSAGE_MAX (64u * 1024)
#define STREAMS_PER_CONNECTION_MAX 100
#define KEEPALIVE_MS 20000
#define METHODS_MAX 32u
#define PATH_PREFIX "/gateway.dataplane.v1.DataPlane/"

/* What on_open of one method gets. */
struct bound_method {
  struct gw_admin_grpc *grpc;
  const char *name;
  char path[64];
};

struct gw_admin_grpc {
  struct gw_str token;
  struct gw_node_methods *node;
  struct bound_method bound[METHODS_MAX];
  struct gw_rpc_service_set services;
  struct gw_health_service *health;
  struct gw_reflection_service *reflection;
  struct gw_rpc_server *server;
};

/* ---- calls ---- */

struct call {
  const struct bound_method *bound;
  struct gw_rpc_stream *stream; /* NULL: the client is gone, and the answer is for nobody */
  bool has_request;
  bool is_waiting;
};

static void *on_open(void *arg, struct gw_rpc_stream *stream) {
  const struct bound_method *bound = arg;
  if (!gw_secret_is_bearer(gw_rpc_stream_metadata(stream, "authorization"), bound->grpc->token)) {
    gw_rpc_stream_finish(stream, GW_RPC_UNAUTHENTICATED,
                         bound->grpc->token.len > 0 ? "a valid token is needed: authorization: Bearer TOKEN"
                                                    : "--admin-token-file is not given, so nobody may call this");
    return NULL;
  }
  struct call *call = gw_calloc(1, sizeof(*call));
  *call = (struct call){.bound = bound, .stream = stream};
  return call;
}

static void on_answer(void *arg, int code, const char *problem, struct gw_bytes *answer) {
  struct call *call = arg;
  call->is_waiting = false;
  if (call->stream == NULL) {
    free(call);
    return;
  }
  if (code == GW_RPC_OK) gw_rpc_stream_send(call->stream, &answer, 1);
  gw_rpc_stream_finish(call->stream, code, code == GW_RPC_OK ? "" : problem);
}

static void on_message(void *state, struct gw_rpc_stream *stream, struct gw_str message) {
  struct call *call = state;
  if (call->has_request) {
    gw_rpc_stream_finish(stream, GW_RPC_INVALID_ARGUMENT, "this method takes one message");
    return;
  }
  call->has_request = true;
  call->is_waiting = true;
  gw_node_methods_call(call->bound->grpc->node, gw_str_from(call->bound->name), message, on_answer, call);
}

static void on_half_close(void *state, struct gw_rpc_stream *stream) {
  const struct call *call = state;
  if (!call->has_request) gw_rpc_stream_finish(stream, GW_RPC_INVALID_ARGUMENT, "this method takes one message");
}

static void on_closed(void *state, struct gw_rpc_stream *stream, int code, struct gw_str reason) {
  (void)stream, (void)code, (void)reason;
  struct call *call = state;
  call->stream = NULL;
  if (!call->is_waiting) free(call);
}

static void add_methods(struct gw_admin_grpc *grpc) {
  const char *name;
  for (size_t i = 0; (name = gw_node_methods_name(i)) != NULL; i++) {
    GW_ASSERT(i < METHODS_MAX);
    struct bound_method *bound = &grpc->bound[i];
    bound->grpc = grpc;
    bound->name = name;
    snprintf(bound->path, sizeof(bound->path), PATH_PREFIX "%s", name);
    struct gw_rpc_method method = {.path = bound->path,
                                   .events = {.on_message = on_message, .on_half_close = on_half_close, .on_closed = on_closed},
                                   .on_open = on_open};
    gw_rpc_service_set_add(&grpc->services, &method, 1, bound);
  }
}

/* ---- the port ---- */

enum gw_err gw_admin_grpc_new(struct gw_rpc *rpc, const struct gw_address *listen, struct gw_str token, struct gw_node_methods *methods,
                              struct gw_admin_grpc **ret_grpc) {
  struct gw_admin_grpc *grpc = gw_calloc(1, sizeof(*grpc));
  grpc->token = token;
  grpc->node = methods;
  gw_rpc_service_set_init(&grpc->services);
  grpc->health = gw_health_service_new();
  gw_health_service_add_to(grpc->health, &grpc->services);
  add_methods(grpc);
  grpc->reflection = gw_reflection_service_new(&grpc->services);
  char text[GW_ADDRESS_TEXT_SIZE];
  struct gw_rpc_server_options options = {
      .listen = gw_address_format(listen, text),
      .max_message_bytes = MESSAGE_MAX,
      .max_streams_per_connection = STREAMS_PER_CONNECTION_MAX,
      .keepalive_ms = KEEPALIVE_MS,
  };
  enum gw_err err = gw_rpc_server_new(rpc, &options, grpc->services.methods, grpc->services.count, grpc, &grpc->server);
  if (err != GW_OK) {
    gw_admin_grpc_free(grpc);
    return err;
  }
  *ret_grpc = grpc;
  return GW_OK;
}

uint16_t gw_admin_grpc_port(const struct gw_admin_grpc *grpc) {
  return gw_rpc_server_port(grpc->server);
}

void gw_admin_grpc_set_ready(struct gw_admin_grpc *grpc, bool is_ready) {
  gw_health_service_set(grpc->health, GW_STR(""), is_ready);
}

void gw_admin_grpc_stop(struct gw_admin_grpc *grpc, void (*fn)(void *arg), void *arg) {
  gw_rpc_server_stop(grpc->server, 0, fn, arg);
}

void gw_admin_grpc_free(struct gw_admin_grpc *grpc) {
  if (grpc == NULL) return;
  gw_rpc_server_free(grpc->server);
  gw_reflection_service_free(grpc->reflection);
  gw_health_service_free(grpc->health);
  gw_rpc_service_set_done(&grpc->services);
  free(grpc);
}
