#include "common/rpc_services/health.h"

#include <grpc/health/v1/health.pb-c.h>
#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/rpc_services/rpc_message.h"
#include "common/xds/wire.h"

#define WATCHES_MAX 1000 /* a stranger needs no token to watch */

typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus serving_status;

static const serving_status not_serving = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
static const serving_status serving = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;

struct watch {
  struct gw_list node;
  struct gw_health_service *health;
  struct gw_rpc_stream *stream;
  char *service; /* NULL before the request */
  bool has_told;
  serving_status told;
};

struct gw_health_service {
  struct gw_map *services; /* to &serving or &not_serving */
  struct gw_list watches;
  uint32_t watch_count;
};

static void send_status(struct gw_rpc_stream *stream, serving_status status, bool is_last) {
  Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
  response.status = status;
  if (is_last) {
    gw_rpc_message_reply(stream, &response.base);
  } else {
    gw_rpc_message_send(stream, &response.base);
  }
}

/* The service's name, in the arena; ends the call when the request is not valid. */
static enum gw_err read_request(struct gw_rpc_stream *stream, struct gw_str message, struct gw_arena *arena, struct gw_str *ret_service) {
  ProtobufCMessage *request;
  if (gw_wire_unpack(&grpc__health__v1__health_check_request__descriptor, message, arena, &request) != GW_OK) {
    gw_rpc_stream_finish(stream, GW_RPC_INVALID_ARGUMENT, "the message is not a HealthCheckRequest");
    return GW_ERR_INVALID;
  }
  *ret_service = gw_wire_str(((Grpc__Health__V1__HealthCheckRequest *)(void *)request)->service);
  return GW_OK;
}

static void *on_check_open(void *arg, struct gw_rpc_stream *stream) {
  (void)stream;
  return arg;
}

static void on_check_message(void *state, struct gw_rpc_stream *stream, struct gw_str message) {
  struct gw_health_service *health = state;
  struct gw_arena arena;
  gw_arena_init(&arena, 512);
  struct gw_str service;
  if (read_request(stream, message, &arena, &service) == GW_OK) {
    const serving_status *status = gw_map_find(health->services, service);
    if (status == NULL) {
      gw_rpc_stream_finish(stream, GW_RPC_NOT_FOUND, "no such service");
    } else {
      send_status(stream, *status, true);
    }
  }
  gw_arena_done(&arena);
}

static void on_check_closed(void *state, struct gw_rpc_stream *stream, int code, struct gw_str reason) {
  (void)state, (void)stream, (void)code, (void)reason;
}

static void *on_watch_open(void *arg, struct gw_rpc_stream *stream) {
  struct gw_health_service *health = arg;
  if (health->watch_count >= WATCHES_MAX) {
    gw_rpc_stream_finish(stream, GW_RPC_RESOURCE_EXHAUSTED, "too many watch calls are open");
    return NULL;
  }
  struct watch *watch = gw_calloc(1, sizeof(*watch));
  watch->health = health;
  watch->stream = stream;
  gw_list_add_last(&health->watches, &watch->node);
  health->watch_count++;
  return watch;
}

/* A client that reads slowly gets the newest state when it has taken the one before. */
static void tell(struct watch *watch) {
  if (watch->service == NULL || gw_rpc_stream_pending(watch->stream) > 0) return;
  const serving_status *found = gw_map_find(watch->health->services, gw_str_from(watch->service));
  serving_status status = found != NULL ? *found : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN;
  if (watch->has_told && status == watch->told) return;
  watch->has_told = true;
  watch->told = status;
  send_status(watch->stream, status, false);
}

static void on_watch_message(void *state, struct gw_rpc_stream *stream, struct gw_str message) {
  struct watch *watch = state;
  if (watch->service != NULL) return;
  struct gw_arena arena;
  gw_arena_init(&arena, 512);
  struct gw_str service;
  if (read_request(stream, message, &arena, &service) == GW_OK) {
    watch->service = gw_str_dup(service);
    tell(watch);
  }
  gw_arena_done(&arena);
}

/* The request is all that the client says: the answers go on. */
static void on_watch_half_close(void *state, struct gw_rpc_stream *stream) {
  (void)state, (void)stream;
}

static void on_watch_drained(void *state, struct gw_rpc_stream *stream) {
  (void)stream;
  tell(state);
}

static void on_watch_closed(void *state, struct gw_rpc_stream *stream, int code, struct gw_str reason) {
  (void)stream, (void)code, (void)reason;
  struct watch *watch = state;
  gw_list_remove(&watch->node);
  watch->health->watch_count--;
  free(watch->service);
  free(watch);
}

static const struct gw_rpc_method methods[] = {
    {.path = "/grpc.health.v1.Health/Check",
     .events = {.on_message = on_check_message, .on_closed = on_check_closed},
     .on_open = on_check_open},
    {.path = "/grpc.health.v1.Health/Watch",
     .events = {.on_message = on_watch_message,
                .on_half_close = on_watch_half_close,
                .on_drained = on_watch_drained,
                .on_closed = on_watch_closed},
     .on_open = on_watch_open},
};

struct gw_health_service *gw_health_service_new(void) {
  struct gw_health_service *health = gw_calloc(1, sizeof(*health));
  health->services = gw_map_new();
  gw_list_init(&health->watches);
  gw_health_service_set(health, GW_STR(""), false);
  return health;
}

void gw_health_service_free(struct gw_health_service *health) {
  if (health == NULL) return;
  GW_ASSERT(gw_list_is_empty(&health->watches));
  gw_map_free(health->services);
  free(health);
}

void gw_health_service_set(struct gw_health_service *health, struct gw_str service, bool is_serving) {
  gw_map_put(health->services, service, (void *)(is_serving ? &serving : &not_serving));
  GW_LIST_FOR_EACH(node, &health->watches) {
    tell(GW_LIST_ITEM(node, struct watch, node));
  }
}

void gw_health_service_add_to(struct gw_health_service *health, struct gw_rpc_service_set *set) {
  gw_rpc_service_set_add(set, methods, GW_ARRAY_LEN(methods), health);
}
