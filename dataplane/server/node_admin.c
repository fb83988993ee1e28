#include "dataplane/server/node_admin.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "dataplane/pipeline/client_table.h"
#include "dataplane/pipeline/rate_limit_table.h"
#include "dataplane/pipeline/stats.h"
#include "dataplane/server/overload.h"

void gw_node_get_limits_of(void *arg, struct gw_admin_limits *ret_limits) {
  static const char *const overloads[] =
      {[GW_OVERLOAD_NONE] = "none", [GW_OVERLOAD_STREAMS] = "streams", [GW_OVERLOAD_CONNECTIONS] = "connections"};
  const struct gw_data_plane *plane = arg;
  struct gw_overload_use use;
  struct gw_rate_limit_counts counts;
  struct gw_xds_client_status xds;
  gw_overload_get_use(plane->overload, &use);
  gw_rate_limit_table_get_counts(plane->rate_limits, &counts);
  gw_xds_client_get_status(plane->xds, &xds);
  *ret_limits = (struct gw_admin_limits){.memory_bytes = use.memory_bytes,
                                         .memory_max_bytes = use.memory_limit_bytes,
                                         .descriptors = use.descriptors,
                                         .descriptors_max = use.descriptor_limit,
                                         .overload = overloads[gw_overload_level(plane->overload)],
                                         .rate_limit_keys = counts.keys,
                                         .rate_limit_max_keys = gw_rate_limit_table_max_keys(plane->rate_limits),
                                         .clients = gw_client_table_count(plane->clients),
                                         .fleet_size = xds.fleet_size};
}

/* ---- counters ---- */

struct counters_ask {
  struct gw_data_plane *plane;
  void (*done)(void *done_arg, const struct gw_admin_counters *counters);
  void *done_arg;
};

/* By class; what is none of these (the client left) is a request without an answer. */
static void fold_codes(const struct gw_route_stats *stats, struct gw_admin_route_counters *counters) {
  for (size_t i = 0; i < GW_STATS_CODES; i++) {
    uint32_t class = stats->codes[i].code / 100;
    counters->requests += stats->codes[i].count;
    if (class == 1) class = 2;
    if (class >= 2 && class <= 5) counters->answers[class - 2] += stats->codes[i].count;
  }
}

static struct gw_admin_route_counters make_counters(const struct gw_route_stats *stats) {
  struct gw_admin_route_counters counters = {.route = stats->route, .service = stats->service, .duration_us = stats->duration.sum_us};
  fold_codes(stats, &counters);
  return counters;
}

static void answer_counters(void *arg, const struct gw_stats *stats) {
  struct counters_ask *ask = arg;
  if (stats == NULL) {
    ask->done(ask->done_arg, NULL);
    free(ask);
    return;
  }
  struct gw_admin_route_counters *routes = gw_calloc(gw_map_count(stats->routes) + 1, sizeof(*routes));
  struct gw_admin_counters counters = {.uptime_ms = (gw_loop_now_us(ask->plane->loop) - ask->plane->started_us) / 1000,
                                       .requests_total = stats->requests_total,
                                       .requests_active = stats->requests_active,
                                       .connections_active = stats->connections_active,
                                       .routes = routes};
  size_t cursor = 0;
  struct gw_str key;
  void *value;
  while (gw_map_next(stats->routes, &cursor, &key, &value))
    routes[counters.route_count++] = make_counters(value);
  struct gw_admin_route_counters overflow = make_counters(&stats->overflow);
  if (overflow.requests > 0) routes[counters.route_count++] = overflow;
  ask->done(ask->done_arg, &counters);
  free(routes);
  free(ask);
}

void gw_node_get_counters_of(void *arg, void (*done)(void *done_arg, const struct gw_admin_counters *counters), void *done_arg) {
  struct gw_data_plane *plane = arg;
  if (plane->scrape == NULL) {
    done(done_arg, NULL);
    return;
  }
  struct counters_ask *ask = gw_malloc(sizeof(*ask));
  *ask = (struct counters_ask){plane, done, done_arg};
  gw_scrape_start_counters(plane->scrape, answer_counters, ask);
}

/* ---- the log ---- */

bool gw_node_set_log_level_of(void *arg, struct gw_str level, const char **ret_previous) {
  struct gw_data_plane *plane = arg;
  enum gw_log_level wanted;
  if (gw_log_parse_level(level, &wanted) != GW_OK) return false;
  *ret_previous = gw_log_level_name(gw_log_level(plane->log));
  gw_log_set_level(plane->log, GW_LOG_INFO); /* this is told in any case */
  GW_LOG_INFO(plane->log, "the log's level is %s now; it was %s", gw_log_level_name(wanted), *ret_previous);
  gw_log_set_level(plane->log, wanted);
  return true;
}
