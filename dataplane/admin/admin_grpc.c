#include "dataplane/admin/admin_grpc.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/rpc_services/health.h"
#include "common/rpc_services/reflection.h"

#define MESSAGE_MAX (64u * 1024)
#define STREAMS_PER_CONNECTION_MAX 100
#define KEEPALIVE_MS 20000

struct gw_admin_grpc {
  struct gw_rpc_service_set services;
  struct gw_health_service *health;
  struct gw_reflection_service *reflection;
  struct gw_rpc_server *server;
};

enum gw_err gw_admin_grpc_new(struct gw_rpc *rpc, const struct gw_address *listen, struct gw_admin_grpc **ret_grpc) {
  struct gw_admin_grpc *grpc = gw_calloc(1, sizeof(*grpc));
  gw_rpc_service_set_init(&grpc->services);
  grpc->health = gw_health_service_new();
  gw_health_service_add_to(grpc->health, &grpc->services);
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
