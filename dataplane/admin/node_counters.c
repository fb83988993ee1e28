/* GetCounters: what was counted since the start, by route. */
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/rpc/rpc.h"
#include "dataplane/admin/node_method.h"

#define ROUTES_DEFAULT 1000u
#define ROUTES_MAX 10000u

typedef Gateway__Dataplane__V1__RouteCounters RouteCounters;

/* A call that workers are asked for. */
struct waiting {
  gw_node_answer_fn fn;
  void *arg;
  uint32_t routes_max;
};

static int busiest_first(const void *left, const void *right) {
  const struct gw_admin_route_counters *a = *(const struct gw_admin_route_counters *const *)left,
                                       *b = *(const struct gw_admin_route_counters *const *)right;
  if (a->requests != b->requests) return a->requests > b->requests ? -1 : 1;
  int by_route = gw_str_compare(a->route, b->route);
  return by_route != 0 ? by_route : gw_str_compare(a->service, b->service);
}

static void add(RouteCounters *counters, const struct gw_admin_route_counters *from) {
  counters->requests += from->requests;
  counters->answers_2xx += from->answers[0];
  counters->answers_3xx += from->answers[1];
  counters->answers_4xx += from->answers[2];
  counters->answers_5xx += from->answers[3];
  counters->duration_us += from->duration_us;
}

static RouteCounters *make(struct gw_arena *arena, struct gw_str route, struct gw_str service) {
  RouteCounters *counters = gw_arena_alloc(arena, sizeof(*counters));
  gateway__dataplane__v1__route_counters__init(counters);
  counters->route = (char *)(uintptr_t)gw_arena_copy(arena, route).data;
  counters->service = (char *)(uintptr_t)gw_arena_copy(arena, service).data;
  return counters;
}

static void fill(const struct gw_admin_counters *from, uint32_t routes_max, struct gw_arena *arena,
                 Gateway__Dataplane__V1__GetCountersResponse *response) {
  const struct gw_admin_route_counters **sorted = gw_arena_calloc(arena, from->route_count, sizeof(void *));
  for (uint32_t i = 0; i < from->route_count; i++)
    sorted[i] = &from->routes[i];
  if (from->route_count > 1) qsort(sorted, from->route_count, sizeof(void *), busiest_first);
  uint32_t told = from->route_count < routes_max ? from->route_count : routes_max;
  response->routes = gw_arena_calloc(arena, told, sizeof(void *));
  for (uint32_t i = 0; i < told; i++) {
    RouteCounters *counters = response->routes[response->n_routes++] = make(arena, sorted[i]->route, sorted[i]->service);
    add(counters, sorted[i]);
  }
  if (told < from->route_count) response->others = make(arena, GW_STR("(others)"), GW_STR(""));
  for (uint32_t i = told; i < from->route_count; i++)
    add(response->others, sorted[i]);
}

static void on_counters(void *arg, const struct gw_admin_counters *counters) {
  struct waiting *waiting = arg;
  struct gw_arena arena;
  const struct gw_node_call call = {.fn = waiting->fn, .arg = waiting->arg};
  if (counters == NULL) {
    gw_node_call_refuse(&call, GW_RPC_UNAVAILABLE, "the data plane is ending");
    free(waiting);
    return;
  }
  Gateway__Dataplane__V1__GetCountersResponse response = GATEWAY__DATAPLANE__V1__GET_COUNTERS_RESPONSE__INIT;
  gw_arena_init(&arena, 65536);
  response.uptime_ms = counters->uptime_ms;
  response.requests_total = counters->requests_total;
  response.requests_active = counters->requests_active;
  response.connections_active = counters->connections_active;
  fill(counters, waiting->routes_max, &arena, &response);
  gw_node_call_answer(&call, &response.base);
  gw_arena_done(&arena);
  free(waiting);
}

void gw_node_get_counters(const struct gw_node_call *call, const ProtobufCMessage *message) {
  const Gateway__Dataplane__V1__GetCountersRequest *request = (const void *)message;
  uint32_t most = request->routes_max == 0 ? ROUTES_DEFAULT : request->routes_max;
  if (most > ROUTES_MAX) {
    gw_node_call_refuse(call, GW_RPC_INVALID_ARGUMENT, "routes_max is beyond 10000");
    return;
  }
  struct waiting *waiting = gw_malloc(sizeof(*waiting));
  *waiting = (struct waiting){call->fn, call->arg, most};
  call->calls->get_counters(call->calls->arg, on_counters, waiting);
}
