/* GetFleetCounters: asks the data planes over their agent sessions, and adds up what they say. */
#include <gateway/admin/v1/admin.pb-c.h>
#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/xds/wire.h"
#include "controlplane/api/admin_reply.h"
#include "controlplane/api/agent_service.h"
#include "controlplane/api/node_calls.h"

#define WAIT_MS 2000 /* for data planes: who has not answered by then is silent */
#define ROUNDS_MAX 8u
#define ROUTES_DEFAULT 1000u
#define ROUTES_MAX 10000u
/* What is kept while answers come in, whatever nodes send: series, and bytes of their names. What is beyond is added to `others`. */
#define SERIES_MAX 20000u
#define NAME_BYTES_MAX 512u
/* Of all nodes together: a thousand of them are asked for a hundred routes each. */
#define ROUTES_ASKED_MAX 100000u
#define ROUTES_ASKED_MIN 50u

typedef Gateway__Dataplane__V1__RouteCounters RouteCounters;
typedef Gateway__Dataplane__V1__GetCountersResponse NodeCounters;

struct round;

/* One node that is asked. */
struct question {
  struct round *round;
  struct gw_node_call *call; /* NULL: it is over */
  char *node_id;
};

struct round {
  struct gw_admin_call *call;
  uint32_t *running_count;
  struct gw_arena arena;
  struct question *questions;
  uint32_t question_count;
  uint32_t unanswered;
  uint32_t routes_max;
  struct gw_map *series; /* "route\0service" → RouteCounters */
  RouteCounters others;
  Gateway__Admin__V1__GetFleetCountersResponse answer;
};

static void round_free(struct round *round) {
  (*round->running_count)--;
  gw_map_free(round->series);
  gw_arena_done(&round->arena);
  free(round);
}

/* ---- adding up ---- */

static void add(RouteCounters *to, const RouteCounters *from) {
  to->requests += from->requests;
  to->answers_2xx += from->answers_2xx;
  to->answers_3xx += from->answers_3xx;
  to->answers_4xx += from->answers_4xx;
  to->answers_5xx += from->answers_5xx;
  to->duration_us += from->duration_us;
}

/* NULL: there are too many. */
static RouteCounters *get_series(struct round *round, const RouteCounters *from) {
  size_t route_len = strlen(from->route), service_len = strlen(from->service);
  if (route_len + service_len > NAME_BYTES_MAX) return NULL;
  char key[NAME_BYTES_MAX + 1];
  memcpy(key, from->route, route_len + 1);
  memcpy(key + route_len + 1, from->service, service_len);
  struct gw_str name = {key, route_len + 1 + service_len};
  RouteCounters *found = gw_map_find(round->series, name);
  if (found != NULL || gw_map_count(round->series) >= SERIES_MAX) return found;
  found = gw_arena_alloc(&round->arena, sizeof(*found));
  gateway__dataplane__v1__route_counters__init(found);
  found->route = gw_arena_strdup(&round->arena, from->route);
  found->service = gw_arena_strdup(&round->arena, from->service);
  gw_map_put(round->series, name, found);
  return found;
}

static void take(struct round *round, const NodeCounters *counters) {
  round->answer.requests_total += counters->requests_total;
  round->answer.requests_active += counters->requests_active;
  round->answer.connections_active += counters->connections_active;
  for (size_t i = 0; i < counters->n_routes; i++) {
    RouteCounters *series = get_series(round, counters->routes[i]);
    add(series != NULL ? series : &round->others, counters->routes[i]);
  }
  if (counters->others != NULL) add(&round->others, counters->others);
}

/* ---- the end ---- */

static int busiest_first(const void *left, const void *right) {
  const RouteCounters *a = *(RouteCounters *const *)left, *b = *(RouteCounters *const *)right;
  if (a->requests != b->requests) return a->requests > b->requests ? -1 : 1;
  int by_route = strcmp(a->route, b->route);
  return by_route != 0 ? by_route : strcmp(a->service, b->service);
}

static void finish(struct round *round) {
  Gateway__Admin__V1__GetFleetCountersResponse *answer = &round->answer;
  size_t count = 0, cursor = 0;
  struct gw_str key;
  void *value;
  answer->routes = gw_arena_calloc(&round->arena, gw_map_count(round->series), sizeof(void *));
  while (gw_map_next(round->series, &cursor, &key, &value))
    answer->routes[count++] = value;
  if (count > 1) qsort(answer->routes, count, sizeof(void *), busiest_first);
  answer->n_routes = count < round->routes_max ? count : round->routes_max;
  for (size_t i = answer->n_routes; i < count; i++)
    add(&round->others, answer->routes[i]);
  round->others.route = gw_arena_strdup(&round->arena, "(others)");
  if (round->others.requests > 0) answer->others = &round->others;
  gw_admin_call_answer(round->call, &answer->base);
  round_free(round);
}

static void end_question(struct question *question, bool is_silent) {
  struct round *round = question->round;
  question->call = NULL;
  if (is_silent) round->answer.silent_nodes[round->answer.n_silent_nodes++] = question->node_id;
  if (--round->unanswered == 0) finish(round);
}

static void on_answer(void *arg, int code, const char *message, struct gw_str response) {
  (void)message;
  struct question *question = arg;
  struct gw_arena arena;
  ProtobufCMessage *unpacked = NULL;
  gw_arena_init(&arena, 16384);
  bool is_good =
      code == GW_RPC_OK && gw_wire_unpack(&gateway__dataplane__v1__get_counters_response__descriptor, response, &arena, &unpacked) == GW_OK;
  if (is_good) take(question->round, (const NodeCounters *)(const void *)unpacked);
  gw_arena_done(&arena);
  end_question(question, !is_good);
}

static void on_client_gone(void *arg) {
  struct round *round = arg;
  for (uint32_t i = 0; i < round->question_count; i++)
    gw_node_call_cancel(round->questions[i].call);
  round_free(round);
}

/* ---- the beginning ---- */

static uint32_t count_nodes(const struct gw_node_calls *calls) {
  uint32_t count = 0;
  for (struct gw_node_session *session = gw_node_calls_next(calls, NULL); session != NULL; session = gw_node_calls_next(calls, session))
    count++;
  return count;
}

static struct gw_bytes *pack_question(uint32_t nodes, uint32_t routes_max) {
  Gateway__Dataplane__V1__GetCountersRequest request = GATEWAY__DATAPLANE__V1__GET_COUNTERS_REQUEST__INIT;
  uint32_t share = ROUTES_ASKED_MAX / (nodes > 0 ? nodes : 1);
  if (share < ROUTES_ASKED_MIN) share = ROUTES_ASKED_MIN;
  request.routes_max = routes_max < share ? routes_max : share;
  return gw_wire_pack(&request.base);
}

static void ask_all(struct round *round, const struct gw_node_calls *calls, uint32_t nodes) {
  struct gw_bytes *question = pack_question(nodes, round->routes_max);
  for (struct gw_node_session *session = gw_node_calls_next(calls, NULL); session != NULL; session = gw_node_calls_next(calls, session)) {
    struct question *asked = &round->questions[round->question_count++];
    *asked = (struct question){.round = round, .node_id = gw_arena_strdup(&round->arena, session->node->id)};
    if (gw_node_session_call(session, "GetCounters", gw_bytes_str(question), WAIT_MS, on_answer, asked, &asked->call) == GW_OK)
      round->unanswered++;
    else
      round->answer.silent_nodes[round->answer.n_silent_nodes++] = asked->node_id;
  }
  gw_bytes_unref(question);
  round->answer.asked_nodes = round->question_count;
}

void gw_admin_start_fleet_counters(const struct gw_admin_request *request, struct gw_admin_call *call) {
  const Gateway__Admin__V1__GetFleetCountersRequest *message = (const void *)request->message;
  if (message->routes_max > ROUTES_MAX) {
    gw_admin_call_refuse(call, GW_RPC_INVALID_ARGUMENT, "routes_max is beyond 10000");
    return;
  }
  if (*request->counter_rounds >= ROUNDS_MAX) {
    gw_admin_call_refuse(call, GW_RPC_RESOURCE_EXHAUSTED, "too many of these questions are under way; ask again in a moment");
    return;
  }
  const struct gw_node_calls *calls = gw_agent_service_node_calls(request->options->agents);
  uint32_t nodes = count_nodes(calls);
  struct round *round = gw_calloc(1, sizeof(*round));
  round->call = call;
  round->running_count = request->counter_rounds;
  (*round->running_count)++;
  round->routes_max = message->routes_max > 0 ? message->routes_max : ROUTES_DEFAULT;
  round->series = gw_map_new();
  gw_arena_init(&round->arena, 65536);
  gateway__dataplane__v1__route_counters__init(&round->others);
  gateway__admin__v1__get_fleet_counters_response__init(&round->answer);
  round->questions = gw_arena_calloc(&round->arena, nodes, sizeof(*round->questions));
  round->answer.silent_nodes = gw_arena_calloc(&round->arena, nodes, sizeof(char *));
  gw_admin_call_wait(call, on_client_gone, round);
  ask_all(round, calls, nodes);
  if (round->unanswered == 0) finish(round);
}
