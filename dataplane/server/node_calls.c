#include "dataplane/server/node_calls.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/observe/service_notify.h"
#include "dataplane/cluster/frozen_cluster.h"
#include "dataplane/server/metrics.h"
#include "dataplane/server/node_admin.h"
#include "dataplane/server/troubles.h"

#define KEEP_KEYS_MS 10000
#define TALLY_MS 5000 /* half the time between two reports */

/* ---- readiness ---- */

void gw_node_update_ready(struct gw_data_plane *plane) {
  struct gw_compiler_status config;
  gw_compiler_get_status(plane->compiler, &config);
  plane->was_ready = plane->was_ready || (config.was_complete && gw_dependencies_are_there(plane->dependencies));
  bool is_ready = plane->was_ready && !gw_drain_is_on(&plane->drain);
  if (atomic_exchange(&plane->is_ready, is_ready) != is_ready) {
    GW_LOG_INFO(plane->log, is_ready ? "ready" : "not ready any more");
    gw_admin_grpc_set_ready(plane->grpc, is_ready);
    if (is_ready) gw_service_notify(plane->log, GW_SERVICE_READY);
  }
  if (plane->xds != NULL) gw_xds_client_report_soon(plane->xds);
}

/* ---- of the compiler ---- */

void gw_node_publish(void *arg, uint32_t worker_index, struct gw_frozen *frozen, struct gw_engine_socket *sockets, uint32_t socket_count) {
  struct gw_data_plane *plane = arg;
  gw_worker_set_frozen(plane->workers[worker_index], frozen, sockets, socket_count);
}

/* With the keys that there are now, where they may be kept. */
static void save(struct gw_data_plane *plane, struct gw_snapshot *snapshot) {
  const struct gw_resource_list *keys = gw_keys_list(plane->keys);
  struct gw_snapshot *whole = keys != NULL ? gw_snapshot_with_api_keys(snapshot, keys) : gw_snapshot_ref(snapshot);
  gw_last_good_save(plane->last_good, whole);
  gw_snapshot_unref(whole);
}

static void keep(struct gw_data_plane *plane, const struct gw_compiler_status *config) {
  if (config->source != GW_CONFIG_SOURCE_XDS || !config->is_complete) return;
  if (strcmp(plane->kept_version, config->snapshot->version) == 0) return;
  memcpy(plane->kept_version, config->snapshot->version, sizeof(plane->kept_version));
  save(plane, config->snapshot);
}

void gw_node_on_active(void *arg) {
  struct gw_data_plane *plane = arg;
  gw_node_methods_on_config(plane->methods);
  struct gw_compiler_status config;
  gw_compiler_get_status(plane->compiler, &config);
  keep(plane, &config);
  gw_overload_follow(plane->overload, config.snapshot);
  gw_dependencies_follow(plane->dependencies, config.snapshot);
  gw_span_exports_follow(plane->spans, config.snapshot);
  if (gw_ports_file_update(&plane->ports, config.snapshot, gw_compiler_listen_set(plane->compiler)) != GW_OK) {
    GW_LOG_ERROR(plane->log, "the ports file %s cannot be written: %s", plane->ports.path, strerror(errno));
  }
  gw_node_update_ready(plane);
}

/* ---- of the xDS client ---- */

void gw_node_on_snapshot(void *arg, struct gw_snapshot *snapshot, bool is_complete) {
  struct gw_data_plane *plane = arg;
  gw_compiler_offer(plane->compiler, snapshot, GW_CONFIG_SOURCE_XDS, is_complete);
}

void gw_node_on_check(void *arg, const struct gw_resource *resource, struct gw_errors *errors) {
  (void)arg;
  gw_compiler_check(resource, errors);
}

static void on_unknown_key(void *arg, const char *provider) {
  struct gw_data_plane *plane = arg;
  for (uint32_t i = 0; i < plane->unknown_key_count; i++)
    if (strcmp(plane->unknown_keys[i], provider) == 0) return;
  bool fits = strlen(provider) < sizeof(plane->unknown_keys[0]); /* those of our control plane do */
  if (plane->unknown_key_count == GW_AGENT_UNKNOWN_KEYS_MAX || plane->xds == NULL || !fits) return;
  memcpy(plane->unknown_keys[plane->unknown_key_count++], provider, strlen(provider) + 1);
  gw_xds_client_report_soon(plane->xds);
}

static void report(void *arg, struct gw_arena *arena, struct gw_agent_report *ret_report) {
  struct gw_data_plane *plane = arg;
  struct gw_compiler_status config;
  gw_compiler_get_status(plane->compiler, &config);
  *ret_report = (struct gw_agent_report){
      .snapshot_active_us = config.active_us,
      .snapshot_source = gw_config_source_name(config.source),
      .is_ready = atomic_load(&plane->is_ready),
      .is_draining = gw_drain_is_on(&plane->drain),
      .started_us = plane->started_us,
  };
  for (uint32_t i = 0; i < plane->options->workers; i++) {
    ret_report->requests_total += plane->totals[i].requests_total;
    ret_report->connections_active += plane->totals[i].connections_active;
  }
  if (config.snapshot != NULL) {
    memcpy(ret_report->snapshot_version, config.snapshot->version, sizeof(ret_report->snapshot_version));
    memcpy(ret_report->policy_version, config.snapshot->policy_version, sizeof(ret_report->policy_version));
  }
  ret_report->trouble_count = gw_troubles_collect(gw_compiler_active(plane->compiler), gw_compiler_health(plane->compiler),
                                                  gw_loop_now_ms(plane->loop), arena, ret_report->troubles);
  for (uint32_t i = 0; i < plane->unknown_key_count; i++)
    ret_report->unknown_keys[ret_report->unknown_key_count++] = gw_arena_strdup(arena, plane->unknown_keys[i]);
  plane->unknown_key_count = 0;
}

static void find_failures(void *arg, struct gw_agent_query query, struct gw_str request_id) {
  struct gw_data_plane *plane = arg;
  gw_failure_search_start(plane->failures, query, request_id);
}

/* A call of a control plane's. */
struct remote_call {
  struct gw_data_plane *plane;
  struct gw_agent_query query;
};

static void answer_method(void *arg, int code, const char *problem, struct gw_bytes *answer) {
  struct remote_call *call = arg;
  struct gw_str bytes = answer != NULL ? gw_bytes_str(answer) : (struct gw_str){NULL, 0};
  gw_xds_client_tell_answer(call->plane->xds, call->query, code, problem, bytes);
  free(call);
}

static void call_method(void *arg, struct gw_agent_query query, struct gw_str method, struct gw_str request) {
  struct gw_data_plane *plane = arg;
  struct remote_call *call = gw_malloc(sizeof(*call));
  *call = (struct remote_call){plane, query};
  gw_node_methods_call(plane->methods, method, request, answer_method, call);
}

struct gw_agent_calls gw_node_agent_calls(struct gw_data_plane *plane) {
  return (struct gw_agent_calls){report, find_failures, call_method, plane};
}

/* ---- of the keys ---- */

static void publish_keys(void *arg, struct gw_key_table *table) {
  struct gw_data_plane *plane = arg;
  for (uint32_t i = 0; i < plane->options->workers; i++)
    gw_worker_set_keys(plane->workers[i], gw_key_table_ref(table));
  if (gw_keys_list(plane->keys) != NULL && !gw_timer_is_running(&plane->keep_keys))
    gw_timer_start(plane->loop, &plane->keep_keys, KEEP_KEYS_MS);
}

/* A key that was revoked must not come back with the next start, nor the disk be written with every change. */
void gw_node_keep_keys(struct gw_timer *timer) {
  struct gw_data_plane *plane = GW_CONTAINER_OF(timer, struct gw_data_plane, keep_keys);
  struct gw_compiler_status config;
  gw_compiler_get_status(plane->compiler, &config);
  if (config.source == GW_CONFIG_SOURCE_XDS && config.is_complete) save(plane, config.snapshot);
}

static uint64_t count_unknown_keys(void *arg) {
  const struct gw_data_plane *plane = arg;
  uint64_t count = 0;
  for (uint32_t i = 0; i < plane->options->workers; i++)
    count += plane->totals[i].unknown_keys_total;
  return count;
}

static bool tell_key_uses(void *arg, const struct gw_agent_key_use *uses, uint32_t count, uint32_t unknown) {
  struct gw_data_plane *plane = arg;
  return gw_xds_client_tell_key_uses(plane->xds, uses, count, unknown);
}

struct gw_keys_options gw_node_keys_options(struct gw_data_plane *plane) {
  return (struct gw_keys_options){.loop = plane->loop,
                                  .publish = publish_keys,
                                  .count_unknown = count_unknown_keys,
                                  .tell = tell_key_uses,
                                  .arg = plane,
                                  .keeps_resources = plane->options->cache_dir != NULL && plane->options->cache_key_file != NULL};
}

static void ask_failures(void *arg, uint32_t worker_index, uint64_t search, struct gw_str request_id) {
  struct gw_data_plane *plane = arg;
  gw_worker_find_failures(plane->workers[worker_index], search, request_id);
}

static void tell_failures(void *arg, struct gw_agent_query query, const struct gw_failure_record *const *records, uint32_t count,
                          uint32_t silent_workers) {
  struct gw_data_plane *plane = arg;
  gw_xds_client_tell_failures(plane->xds, query, records, count, silent_workers);
}

struct gw_failure_search_calls gw_node_failure_search_calls(struct gw_data_plane *plane) {
  return (struct gw_failure_search_calls){ask_failures, tell_failures, plane};
}

/* ---- of the cache ---- */

static bool is_serving(void *arg) {
  struct gw_data_plane *plane = arg;
  struct gw_compiler_status config;
  gw_compiler_get_status(plane->compiler, &config);
  return config.snapshot != NULL;
}

static bool is_answered(void *arg) {
  struct gw_data_plane *plane = arg;
  struct gw_xds_client_status xds;
  gw_xds_client_get_status(plane->xds, &xds);
  return xds.is_connected;
}

static struct gw_snapshot *confirmed(void *arg) {
  struct gw_data_plane *plane = arg;
  struct gw_compiler_status config;
  gw_compiler_get_status(plane->compiler, &config);
  if (!is_answered(arg) || config.source != GW_CONFIG_SOURCE_XDS || !config.is_complete) return NULL;
  const struct gw_resource_list *keys = gw_keys_list(plane->keys);
  gw_snapshot_unref(plane->confirmed);
  plane->confirmed = keys != NULL ? gw_snapshot_with_api_keys(config.snapshot, keys) : gw_snapshot_ref(config.snapshot);
  return plane->confirmed;
}

/* Only whole configurations are kept. */
static void on_loaded(void *arg, struct gw_snapshot *snapshot) {
  struct gw_data_plane *plane = arg;
  const struct gw_resource_list *keys = &snapshot->lists[GW_RESOURCE_API_KEY];
  struct gw_xds_key_changes changes = {.is_whole = true, .resources = keys->items, .count = keys->count};
  struct gw_xds_key_calls calls = gw_keys_calls(plane->keys);
  if (keys->count > 0) calls.take(calls.arg, &changes); /* none: it is not known whether there are any */
  gw_xds_client_seed(plane->xds, snapshot);
  gw_compiler_offer(plane->compiler, snapshot, GW_CONFIG_SOURCE_CACHE, true);
}

struct gw_last_good_calls gw_node_last_good_calls(struct gw_data_plane *plane) {
  return (struct gw_last_good_calls){is_serving, is_answered, on_loaded, confirmed, plane};
}

/* ---- metrics ---- */

struct admin_ask {
  void (*done)(void *done_arg, struct gw_str text);
  void *done_arg;
};

static void answer_admin(void *arg, struct gw_bytes *text) {
  struct admin_ask *ask = arg;
  ask->done(ask->done_arg, gw_bytes_str(text));
  free(ask);
}

static void get_metrics(void *arg, bool is_packed, void (*done)(void *done_arg, struct gw_str text), void *done_arg) {
  struct gw_data_plane *plane = arg;
  struct admin_ask *ask = gw_malloc(sizeof(*ask));
  *ask = (struct admin_ask){done, done_arg};
  gw_scrape_start(plane->scrape, is_packed, answer_admin, ask);
}

struct worker_ask {
  struct gw_data_plane *plane;
  struct gw_worker_metrics_ask ask;
};

static void answer_worker(void *arg, struct gw_bytes *text) {
  struct worker_ask *ask = arg;
  gw_worker_answer_metrics(ask->plane->workers[ask->ask.worker_index], &ask->ask, text);
  free(ask);
}

/* What is known of it stays known while the control plane is away: so do the other data planes. */
static void update_fleet(struct gw_data_plane *plane) {
  struct gw_xds_client_status xds;
  gw_xds_client_get_status(plane->xds, &xds);
  if (xds.fleet_size > 0) gw_rate_limit_table_set_fleet(plane->rate_limits, xds.fleet_size);
}

void gw_node_tally(struct gw_timer *timer) {
  struct gw_data_plane *plane = GW_CONTAINER_OF(timer, struct gw_data_plane, tally);
  gw_timer_start(plane->loop, &plane->tally, TALLY_MS);
  update_fleet(plane);
  uint64_t now_ms = gw_loop_now_ms(plane->loop);
  gw_loss_watch_look(&plane->access_log_watch, plane->log, gw_log_writer_lost(plane->access_log), now_ms);
  gw_loss_watch_look(&plane->log_watch, plane->log, gw_log_lost(plane->log), now_ms);
  for (uint32_t i = 0; i < plane->options->workers; i++)
    gw_worker_ask_totals(plane->workers[i]);
}

/* ---- of the workers; the last letters come while all is being taken down ---- */

static void on_released(void *arg, struct gw_frozen *frozen) {
  struct gw_data_plane *plane = arg;
  gw_compiler_release(plane->compiler, frozen);
}

static void on_stats(void *arg, uint32_t worker_index, uint64_t round, struct gw_stats *stats, const struct gw_histogram *lag) {
  struct gw_data_plane *plane = arg;
  if (plane->scrape != NULL) {
    gw_scrape_on_stats(plane->scrape, worker_index, round, stats, lag);
  } else {
    gw_stats_free(stats);
  }
}

static void on_totals(void *arg, uint32_t worker_index, const struct gw_worker_totals *totals) {
  struct gw_data_plane *plane = arg;
  plane->totals[worker_index] = *totals;
}

static void on_metrics_asked(void *arg, const struct gw_worker_metrics_ask *asked) {
  struct gw_data_plane *plane = arg;
  if (plane->scrape == NULL) return;
  struct worker_ask *ask = gw_malloc(sizeof(*ask));
  *ask = (struct worker_ask){plane, *asked};
  gw_scrape_start(plane->scrape, false, answer_worker, ask);
}

static void on_drained(void *arg, uint32_t worker_index) {
  (void)worker_index;
  struct gw_data_plane *plane = arg;
  gw_drain_on_drained(&plane->drain);
}

static void on_failures(void *arg, uint64_t search, struct gw_failure_list *list) {
  struct gw_data_plane *plane = arg;
  if (plane->failures != NULL) {
    gw_failure_search_on_found(plane->failures, search, list);
  } else {
    gw_failure_list_free(list);
  }
}

const struct gw_worker_events gw_node_worker_events = {on_released, on_stats,   on_totals,     on_metrics_asked,
                                                       on_failures, on_drained, on_unknown_key};

static void ask_stats(void *arg, uint32_t worker_index, uint64_t round) {
  struct gw_data_plane *plane = arg;
  gw_worker_ask_stats(plane->workers[worker_index], round);
}

struct gw_scrape_calls gw_node_scrape_calls(struct gw_data_plane *plane) {
  return (struct gw_scrape_calls){ask_stats, gw_node_fill_metrics, plane};
}

/* ---- of the admin ports ---- */

static void get_state(void *arg, struct gw_admin_state *ret_state) {
  struct gw_data_plane *plane = arg;
  struct gw_compiler_status config;
  gw_compiler_get_status(plane->compiler, &config);
  *ret_state = (struct gw_admin_state){
      .node_id = plane->options->node_id,
      .node_cluster = plane->options->node_cluster,
      .is_ready = atomic_load(&plane->is_ready),
      .is_draining = gw_drain_is_on(&plane->drain),
      .snapshot = config.snapshot,
      .source = gw_config_source_name(config.source),
      .active_us = config.active_us,
      .active_wall_us = config.active_wall_us,
      .is_complete = config.is_complete,
      .was_complete = config.was_complete,
  };
  struct gw_xds_client_status xds;
  gw_xds_client_get_status(plane->xds, &xds);
  ret_state->dependencies[0] =
      (struct gw_admin_dependency){.name = "control_plane", .address = xds.target, .is_up = xds.is_connected, .trouble = ""};
  ret_state->dependency_count = 1 + gw_dependencies_list(plane->dependencies, ret_state->dependencies + 1);
}

static bool get_refusal(void *arg, uint32_t index, const char **ret_type_url, const char **ret_resource, const char **ret_reason) {
  struct gw_data_plane *plane = arg;
  return gw_xds_client_refusal(plane->xds, index, ret_type_url, ret_resource, ret_reason);
}

static uint32_t get_addresses(void *arg, struct gw_str host, uint16_t port, const struct gw_address **ret_addresses) {
  struct gw_data_plane *plane = arg;
  return gw_dns_clusters_addresses(gw_compiler_dns(plane->compiler), host, port, ret_addresses);
}

static bool get_bound(void *arg, struct gw_str listener, struct gw_address *ret_address) {
  struct gw_data_plane *plane = arg;
  const struct gw_listen_set *set = gw_compiler_listen_set(plane->compiler);
  return set != NULL && gw_listen_set_address(set, listener, ret_address) == GW_OK;
}

static bool get_health(void *arg, struct gw_str cluster, const struct gw_address *address, struct gw_admin_health *ret_health) {
  struct gw_data_plane *plane = arg;
  struct gw_health_view view;
  if (!gw_health_find(gw_compiler_health(plane->compiler), cluster, address, &view)) return false;
  *ret_health = (struct gw_admin_health){.is_usable = view.is_usable,
                                         .check = view.check,
                                         .check_reason = view.check_reason,
                                         .is_ejected = view.is_ejected,
                                         .ejection_cause = view.ejection_cause,
                                         .ejected_for_ms = view.ejected_for_ms,
                                         .success_rate = view.success_rate};
  return true;
}

static void drain(void *arg) {
  struct gw_data_plane *plane = arg;
  gw_drain_start(&plane->drain);
}

static bool get_cluster(void *arg, struct gw_str name, struct gw_admin_cluster *ret_cluster) {
  struct gw_data_plane *plane = arg;
  const struct gw_frozen *frozen = gw_compiler_active(plane->compiler);
  const struct gw_frozen_cluster *cluster = frozen != NULL ? gw_frozen_find_cluster(frozen, name) : NULL;
  struct gw_circuit_status circuit = {0};
  if (cluster == NULL) return false;
  if (cluster->breaker != NULL) gw_circuit_breaker_get_status(cluster->breaker, gw_loop_now_ms(plane->loop), &circuit);
  *ret_cluster = (struct gw_admin_cluster){
      .circuit_state = cluster->breaker != NULL ? gw_circuit_state_name(circuit.state) : NULL,
      .open_left_ms = circuit.open_left_ms,
      .window_requests = circuit.requests,
      .window_failures = circuit.failures,
      .probes = circuit.probes,
      .successes = circuit.successes,
      .connections = gw_upstream_usage_get(cluster->usage, GW_CONCURRENCY_CONNECTIONS),
      .pending_requests = gw_upstream_usage_get(cluster->usage, GW_CONCURRENCY_PENDING),
      .requests = gw_upstream_usage_get(cluster->usage, GW_CONCURRENCY_REQUESTS),
  };
  return true;
}

struct gw_admin_calls gw_node_admin_calls(struct gw_data_plane *plane) {
  return (struct gw_admin_calls){plane, get_state,  get_metrics, get_refusal,           get_addresses,           get_bound,
                                 drain, get_health, get_cluster, gw_node_get_limits_of, gw_node_get_counters_of, gw_node_set_log_level_of};
}
