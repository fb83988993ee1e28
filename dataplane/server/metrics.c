#include "dataplane/server/metrics.h"

#include <stddef.h>
#include <stdio.h>

#include "common/base/mem.h"
#include "dataplane/server/options.h"

static void put(struct gw_metrics_writer *writer, const char *name, const char *type, const char *help, uint64_t value) {
  gw_metrics_family(writer, name, type, help);
  gw_metrics_u64(writer, name, NULL, 0, value);
}

static void put_config(const struct gw_node_metrics *metrics, struct gw_metrics_writer *writer) {
  if (metrics->config_version[0] != '\0') {
    gw_metrics_family(writer, "gateway_config_info", "gauge", "The configuration that serves, and where it came from.");
    struct gw_label labels[] = {{"version", gw_str_from(metrics->config_version)}, {"source", gw_str_from(metrics->config_source)}};
    gw_metrics_u64(writer, "gateway_config_info", labels, 2, 1);
    gw_metrics_family(writer, "gateway_config_age_seconds", "gauge", "Time since the configuration became active.");
    gw_metrics_double(writer, "gateway_config_age_seconds", NULL, 0, (double)metrics->config_age_us / 1e6);
  }
  put(writer, "gateway_config_complete", "gauge", "1 when nothing that the configuration names is missing.", metrics->is_config_complete);
  put(writer, "gateway_config_activations_total", "counter", "Configurations that became active.", metrics->activations_total);
  put(writer, "gateway_config_failures_total", "counter", "Configurations that could not be built.", metrics->build_failures_total);
  put(writer, "gateway_listener_bind_failures_total", "counter", "Tries to listen that failed.", metrics->bind_failures_total);
  gw_metrics_family(writer, "gateway_config_build_seconds", "histogram", "Time to compile a configuration.");
  gw_metrics_histogram(writer, "gateway_config_build_seconds", NULL, 0, &metrics->build_times);
}

static void put_xds(const struct gw_node_metrics *metrics, struct gw_metrics_writer *writer) {
  put(writer, "gateway_xds_connected", "gauge", "1 while a control plane answers.", metrics->is_connected);
  put(writer, "gateway_xds_incremental", "gauge", "1 while the stream is incremental, 0 while it brings the state of the world.",
      metrics->is_connected && metrics->is_delta);
  put(writer, "gateway_xds_responses_total", "counter", "Responses of control planes.", metrics->responses_total);
  gw_metrics_family(writer, "gateway_xds_decode_seconds", "histogram", "Time to decode and check a response.");
  gw_metrics_histogram(writer, "gateway_xds_decode_seconds", NULL, 0, &metrics->decode_times);
  put(writer, "gateway_xds_nacks_total", "counter", "Responses that were refused (NACK).", metrics->nacks_total);
  put(writer, "gateway_xds_disconnects_total", "counter", "Streams to control planes that were lost.", metrics->disconnects_total);
  put(writer, "gateway_fleet_size", "gauge", "Nodes of the fleet as the control plane says; 0 is unknown.", metrics->fleet_size);
}

static void put_tls(const struct gw_node_metrics *metrics, struct gw_metrics_writer *writer) {
  if (!metrics->has_tls) return;
  put(writer, "gateway_xds_tls_reloads_total", "counter", "Times that new TLS files were taken up.", metrics->tls_reloads_total);
  put(writer, "gateway_xds_tls_reload_errors_total", "counter", "Times that TLS files were not taken up since they are bad.",
      metrics->tls_errors_total);
  put(writer, "gateway_xds_tls_degraded", "gauge", "1 while the TLS files as they are now can't be used, or have lapsed.",
      metrics->is_tls_degraded);
  put(writer, "gateway_xds_tls_certificate_expiry_timestamp_seconds", "gauge", "Until when the certificate is valid, Unix time.",
      metrics->tls_not_after_s > 0 ? (uint64_t)metrics->tls_not_after_s : 0);
}

static void put_overload(const struct gw_node_metrics *metrics, struct gw_metrics_writer *writer) {
  put(writer, "gateway_overload_level", "gauge", "0: none, 1: new requests are answered 503, 2: no new connections either.",
      metrics->overload);
  put(writer, "gateway_memory_limit_bytes", "gauge", "Memory that the process may use: the cgroup's or the machine's.",
      metrics->use.memory_limit_bytes);
  put(writer, "gateway_descriptors", "gauge", "Descriptors in use.", metrics->use.descriptors);
  put(writer, "gateway_descriptors_limit", "gauge", "Descriptors that the process may use.", metrics->use.descriptor_limit);
  put(writer, "gateway_downstream_clients", "gauge", "Clients with a connection, where connections are counted by client.",
      metrics->clients);
}

static void put_rate_limits(const struct gw_node_metrics *metrics, struct gw_metrics_writer *writer) {
  const char *family = "gateway_rate_limit_evictions_total";
  put(writer, "gateway_rate_limit_buckets", "gauge", "Buckets of rate limits in memory, those too that are full again.",
      metrics->rate_limits.keys);
  put(writer, "gateway_rate_limit_buckets_max", "gauge", "Buckets that there is room for.", metrics->rate_limit_max_keys);
  gw_metrics_family(writer, family, "counter", "Buckets that made room for others; active ones were not full, so the room is too small.");
  struct gw_label full = {"bucket", GW_STR("full")}, active = {"bucket", GW_STR("active")};
  gw_metrics_u64(writer, family, &full, 1, metrics->rate_limits.evictions_full);
  gw_metrics_u64(writer, family, &active, 1, metrics->rate_limits.evictions_active);
}

static void put_cache(const struct gw_node_metrics *metrics, struct gw_metrics_writer *writer) {
  if (!metrics->has_cache) return;
  put(writer, "gateway_cache_saves_total", "counter", "Times that the configuration was kept on disk.", metrics->cache.saves_total);
  put(writer, "gateway_cache_failures_total", "counter", "Times that it could not be.", metrics->cache.failures_total);
  gw_metrics_family(writer, "gateway_cache_age_seconds", "gauge", "Since the configuration on disk was known to be current.");
  if (metrics->cache.saved_wall_us > 0 && metrics->wall_us >= metrics->cache.saved_wall_us)
    gw_metrics_double(writer, "gateway_cache_age_seconds", NULL, 0, (double)(metrics->wall_us - metrics->cache.saved_wall_us) / 1e6);
}

static const struct worker_family {
  const char *name;
  const char *type;
  const char *help;
  size_t offset; /* of the uint64_t in gw_worker_metrics */
} worker_families[] = {
    {"gateway_worker_connections", "gauge", "Open connections of clients, by worker.",
     offsetof(struct gw_worker_metrics, connections_active)},
    {"gateway_worker_requests", "gauge", "Requests being worked on, by worker.", offsetof(struct gw_worker_metrics, requests_active)},
    {"gateway_worker_requests_total", "counter", "Requests begun, by worker.", offsetof(struct gw_worker_metrics, requests_total)},
};

static void put_workers(const struct gw_node_metrics *metrics, struct gw_metrics_writer *writer) {
  char indices[GW_OPTIONS_WORKERS_MAX][12];
  put(writer, "gateway_workers", "gauge", "Threads that serve.", metrics->worker_count);
  put(writer, "gateway_scrape_missed_workers_total", "counter", "Workers that were left out of a scrape since they did not answer.",
      metrics->missed_workers_total);
  for (uint32_t i = 0; i < metrics->worker_count; i++)
    snprintf(indices[i], sizeof(indices[i]), "%u", i);
  for (size_t f = 0; f < GW_ARRAY_LEN(worker_families); f++) {
    gw_metrics_family(writer, worker_families[f].name, worker_families[f].type, worker_families[f].help);
    for (uint32_t i = 0; i < metrics->worker_count; i++) {
      const char *worker = (const char *)&metrics->workers[i];
      struct gw_label label = {"worker", gw_str_from(indices[i])};
      gw_metrics_u64(writer, worker_families[f].name, &label, 1, *(const uint64_t *)(const void *)(worker + worker_families[f].offset));
    }
  }
  gw_metrics_family(writer, "gateway_worker_loop_lag_seconds", "histogram",
                    "How long a worker's turns took, which is how late it can have served an event.");
  for (uint32_t i = 0; i < metrics->worker_count; i++) {
    struct gw_label label = {"worker", gw_str_from(indices[i])};
    gw_metrics_histogram(writer, "gateway_worker_loop_lag_seconds", &label, 1, &metrics->workers[i].lag);
  }
  gw_metrics_family(writer, "gateway_main_loop_lag_seconds", "histogram",
                    "How long turns of the loop took that takes in configuration; requests do not wait for it.");
  gw_metrics_histogram(writer, "gateway_main_loop_lag_seconds", NULL, 0, &metrics->main_lag);
}

void gw_node_metrics_write(const struct gw_node_metrics *metrics, struct gw_strbuf *buf) {
  struct gw_metrics_writer writer = {buf};
  gw_stats_write(metrics->stats, &writer);
  put(&writer, "gateway_ready", "gauge", "1 while /ready says so.", metrics->is_ready);
  put(&writer, "gateway_draining", "gauge", "1 from the beginning of the end.", metrics->is_draining);
  put_config(metrics, &writer);
  put_xds(metrics, &writer);
  put_tls(metrics, &writer);
  put_overload(metrics, &writer);
  put_rate_limits(metrics, &writer);
  put_workers(metrics, &writer);
  put_cache(metrics, &writer);
  if (metrics->own_part != NULL) gw_strbuf_append_str(buf, gw_bytes_str(metrics->own_part));
  gw_otlp_counts_write(&metrics->spans.exported, metrics->spans.dropped_total, "gateway_trace_spans_total", &writer);
  put(&writer, "gateway_access_log_lost_total", "counter", "Access log lines lost since the disk or its reader was too slow.",
      metrics->access_log_lost_total);
  put(&writer, "gateway_log_lost_total", "counter", "Lines of the process's own log lost since its disk or reader was too slow.",
      metrics->log_lost_total);
  gw_metrics_process(&writer, "gateway-dataplane");
}
