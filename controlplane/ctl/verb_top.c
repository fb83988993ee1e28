/* gatewayctl top: what goes on now, by route, over all data planes or on one: counters, asked again and again. */
#include <gateway/admin/v1/admin.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/event/timer.h"
#include "controlplane/ctl/admin_client.h"
#include "controlplane/ctl/ctl.h"
#include "controlplane/ctl/table.h"

#define INTERVAL_DEFAULT_MS 2000u
#define ROWS_DEFAULT 20u
#define ROUTES_ASKED 10000u

typedef Gateway__Dataplane__V1__RouteCounters RouteCounters;

/* What was counted at one moment. */
struct sample {
  struct gw_arena arena;
  uint64_t at_us;
  uint64_t requests_total, requests_active, connections_active;
  RouteCounters **routes;
  size_t route_count;
  char **silent_nodes;
  size_t silent_count;
  struct gw_map *by_name; /* "route\0service" → RouteCounters */
};

/* What a route had between two of them, a second. */
struct rate {
  const char *route;
  const char *service;
  double requests;
  double answers_4xx;
  double answers_5xx;
  double mean_ms;
};

/* ---- samples ---- */

static struct gw_str name_of(const RouteCounters *counters, struct gw_arena *arena) {
  size_t route_len = strlen(counters->route), service_len = strlen(counters->service);
  char *name = gw_arena_alloc_bytes(arena, route_len + 1 + service_len);
  memcpy(name, counters->route, route_len + 1);
  memcpy(name + route_len + 1, counters->service, service_len);
  return (struct gw_str){name, route_len + 1 + service_len};
}

static void sample_free(struct sample *sample) {
  if (sample == NULL) return;
  gw_map_free(sample->by_name);
  gw_arena_done(&sample->arena);
  free(sample);
}

static int ask_node(const struct gw_ctl *ctl, struct sample *sample) {
  Gateway__Dataplane__V1__GetCountersRequest request = GATEWAY__DATAPLANE__V1__GET_COUNTERS_REQUEST__INIT;
  ProtobufCMessage *reply;
  request.routes_max = ROUTES_ASKED;
  int exit_code = gw_admin_client_ask_node(ctl, ctl->pki.nodes[0], "GetCounters", &request.base,
                                           &gateway__dataplane__v1__get_counters_response__descriptor, &sample->arena, &reply);
  if (exit_code != GW_CTL_OK) return exit_code;
  const Gateway__Dataplane__V1__GetCountersResponse *counters = (const void *)reply;
  sample->requests_total = counters->requests_total;
  sample->requests_active = counters->requests_active;
  sample->connections_active = counters->connections_active;
  sample->routes = counters->routes;
  sample->route_count = counters->n_routes;
  return GW_CTL_OK;
}

static int ask_fleet(const struct gw_ctl *ctl, struct sample *sample) {
  Gateway__Admin__V1__GetFleetCountersRequest request = GATEWAY__ADMIN__V1__GET_FLEET_COUNTERS_REQUEST__INIT;
  ProtobufCMessage *reply;
  request.routes_max = ROUTES_ASKED;
  int exit_code = gw_admin_client_ask(ctl, "GetFleetCounters", &request.base, &gateway__admin__v1__get_fleet_counters_response__descriptor,
                                      &sample->arena, &reply);
  if (exit_code != GW_CTL_OK) return exit_code;
  const Gateway__Admin__V1__GetFleetCountersResponse *counters = (const void *)reply;
  sample->requests_total = counters->requests_total;
  sample->requests_active = counters->requests_active;
  sample->connections_active = counters->connections_active;
  sample->routes = counters->routes;
  sample->route_count = counters->n_routes;
  sample->silent_nodes = counters->silent_nodes;
  sample->silent_count = counters->n_silent_nodes;
  return GW_CTL_OK;
}

static int take_sample(const struct gw_ctl *ctl, struct sample **ret_sample) {
  struct sample *sample = gw_calloc(1, sizeof(*sample));
  gw_arena_init(&sample->arena, 65536);
  sample->by_name = gw_map_new();
  int exit_code = (ctl->given & GW_CTL_FLAG_NODE) != 0 ? ask_node(ctl, sample) : ask_fleet(ctl, sample);
  if (exit_code != GW_CTL_OK) {
    sample_free(sample);
    return exit_code;
  }
  sample->at_us = gw_clock_monotonic_us();
  for (size_t i = 0; i < sample->route_count; i++)
    gw_map_put(sample->by_name, name_of(sample->routes[i], &sample->arena), sample->routes[i]);
  *ret_sample = sample;
  return GW_CTL_OK;
}

/* ---- rates ---- */

/* A node that has begun anew, or left, takes its counts along: nothing goes backwards for that. */
static double per_second(uint64_t before, uint64_t now, double seconds) {
  return now > before ? (double)(now - before) / seconds : 0;
}

static int busiest_first(const void *left, const void *right) {
  const struct rate *a = left, *b = right;
  if (a->requests != b->requests) return a->requests > b->requests ? -1 : 1;
  int by_route = strcmp(a->route, b->route);
  return by_route != 0 ? by_route : strcmp(a->service, b->service);
}

/* In the newer one's arena. */
static struct rate *make_rates(const struct sample *before, struct sample *now, double seconds) {
  static const RouteCounters nothing = GATEWAY__DATAPLANE__V1__ROUTE_COUNTERS__INIT;
  struct rate *rates = gw_arena_calloc(&now->arena, now->route_count, sizeof(*rates));
  for (size_t i = 0; i < now->route_count; i++) {
    const RouteCounters *new = now->routes[i], *old = gw_map_find(before->by_name, name_of(new, &now->arena));
    if (old == NULL) old = &nothing;
    double requests = per_second(old->requests, new->requests, seconds);
    rates[i] = (struct rate){.route = new->route[0] != '\0' ? new->route : "(none)",
                             .service = new->service,
                             .requests = requests,
                             .answers_4xx = per_second(old->answers_4xx, new->answers_4xx, seconds),
                             .answers_5xx = per_second(old->answers_5xx, new->answers_5xx, seconds)};
    if (requests > 0) rates[i].mean_ms = per_second(old->duration_us, new->duration_us, seconds) / requests / 1000;
  }
  if (now->route_count > 1) qsort(rates, now->route_count, sizeof(*rates), busiest_first);
  return rates;
}

/* ---- showing ---- */

static void print_silent(const struct sample *sample) {
  if (sample->silent_count > 0) printf("%zu data planes did not answer; what they count is missing\n", sample->silent_count);
}

static void print_rates(const struct sample *before, const struct sample *now, const struct rate *rates, size_t rows, double seconds) {
  static const char *const heads[] = {"ROUTE", "SERVICE", "REQUESTS/S", "4XX/S", "5XX/S", "MEAN"};
  struct gw_table table;
  if (isatty(STDOUT_FILENO)) fputs("\033[H\033[2J", stdout);
  printf("%.1f requests/s, %llu open; %llu connections\n", per_second(before->requests_total, now->requests_total, seconds),
         (unsigned long long)now->requests_active, (unsigned long long)now->connections_active);
  gw_table_init(&table, heads, 6);
  for (size_t i = 0; i < now->route_count && i < rows && rates[i].requests > 0; i++) {
    gw_table_add(&table, rates[i].route);
    gw_table_add(&table, rates[i].service);
    gw_table_printf(&table, "%.1f", rates[i].requests);
    gw_table_printf(&table, "%.1f", rates[i].answers_4xx);
    gw_table_printf(&table, "%.1f", rates[i].answers_5xx);
    gw_table_printf(&table, "%.2f ms", rates[i].mean_ms);
  }
  gw_table_print(&table, stdout);
  gw_table_done(&table);
  print_silent(now);
}

static void write_rate(struct gw_json_writer *json, const struct rate *rate) {
  gw_json_object_begin(json);
  gw_json_key(json, "route");
  gw_json_string(json, gw_str_from(rate->route));
  gw_json_key(json, "service");
  gw_json_string(json, gw_str_from(rate->service));
  gw_json_key(json, "requests_per_s");
  gw_json_double(json, rate->requests);
  gw_json_key(json, "answers_4xx_per_s");
  gw_json_double(json, rate->answers_4xx);
  gw_json_key(json, "answers_5xx_per_s");
  gw_json_double(json, rate->answers_5xx);
  gw_json_key(json, "mean_ms");
  gw_json_double(json, rate->mean_ms);
  gw_json_object_end(json);
}

static void print_json(const struct sample *before, const struct sample *now, const struct rate *rates, size_t rows, double seconds) {
  struct gw_strbuf text = {0};
  struct gw_json_writer json;
  gw_json_writer_init(&json, &text);
  gw_json_object_begin(&json);
  gw_json_key(&json, "interval_s");
  gw_json_double(&json, seconds);
  gw_json_key(&json, "requests_per_s");
  gw_json_double(&json, per_second(before->requests_total, now->requests_total, seconds));
  gw_json_key(&json, "requests_active");
  gw_json_u64(&json, now->requests_active);
  gw_json_key(&json, "connections_active");
  gw_json_u64(&json, now->connections_active);
  gw_json_key(&json, "routes");
  gw_json_array_begin(&json);
  for (size_t i = 0; i < now->route_count && i < rows && rates[i].requests > 0; i++)
    write_rate(&json, &rates[i]);
  gw_json_array_end(&json);
  gw_json_key(&json, "silent_nodes");
  gw_json_array_begin(&json);
  for (size_t i = 0; i < now->silent_count; i++)
    gw_json_string(&json, gw_str_from(now->silent_nodes[i]));
  gw_json_array_end(&json);
  gw_json_object_end(&json);
  puts(text.data);
  gw_strbuf_done(&text);
}

/* The time between two looks. */
struct pause {
  struct gw_timer timer;
  struct gw_loop *loop;
};

static void on_pause_over(struct gw_timer *timer) {
  gw_loop_stop(GW_CONTAINER_OF(timer, struct pause, timer)->loop);
}

static void wait_ms(uint64_t ms) {
  struct pause pause = {.loop = gw_loop_new()};
  gw_timer_init(&pause.timer, on_pause_over);
  gw_timer_start(pause.loop, &pause.timer, ms);
  gw_loop_run(pause.loop);
  gw_loop_free(pause.loop);
}

int gw_ctl_top(const struct gw_ctl *ctl) {
  uint64_t interval_ms = ctl->top.interval_ms > 0 ? ctl->top.interval_ms : INTERVAL_DEFAULT_MS;
  size_t rows = ctl->top.rows > 0 ? ctl->top.rows : ROWS_DEFAULT;
  struct sample *before = NULL, *now = NULL;
  if (ctl->is_yaml && ctl->count == 0) return gw_ctl_fail_usage("top -o yaml wants --count");
  int exit_code = take_sample(ctl, &before);
  for (uint32_t i = 0; exit_code == GW_CTL_OK && (ctl->count == 0 || i < ctl->count); i++) {
    wait_ms(interval_ms);
    exit_code = take_sample(ctl, &now);
    if (exit_code != GW_CTL_OK) break;
    double seconds = (double)(now->at_us - before->at_us) / 1e6;
    const struct rate *rates = make_rates(before, now, seconds);
    (ctl->is_json ? print_json : print_rates)(before, now, rates, rows, seconds);
    fflush(stdout);
    sample_free(before);
    before = now;
  }
  sample_free(before);
  return exit_code;
}
