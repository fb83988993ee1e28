/* What main knows of the node, for a scrape. */
#include "common/base/mem.h"
#include "dataplane/server/node_calls.h"
#include "dataplane/server/usage_metrics.h"

static void fill_tls_metrics(const struct gw_data_plane *plane, struct gw_node_metrics *metrics) {
  if (plane->xds_tls == NULL) return;
  struct gw_rpc_credentials_status tls;
  gw_rpc_credentials_get_status(plane->xds_tls, &tls);
  metrics->has_tls = true;
  metrics->is_tls_degraded = tls.problem != NULL;
  metrics->tls_reloads_total = tls.reloads_total;
  metrics->tls_errors_total = tls.errors_total;
  metrics->tls_not_after_s = tls.not_after_s;
}

/* What is written here, since it is main's: that of services and of what the configuration depends on. */
static struct gw_bytes *write_own_part(const struct gw_data_plane *plane) {
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  struct gw_metrics_writer writer = {&buf};
  const struct gw_frozen *frozen = gw_compiler_active(plane->compiler);
  uint32_t room = gw_series_room(frozen != NULL ? gw_frozen_max_series(frozen) : GW_SERIES_MAX_DEFAULT, GW_SERIES_SERVICE);
  gw_health_write_metrics(gw_compiler_health(plane->compiler), room, &writer);
  gw_usage_metrics_write(frozen, room, &writer);
  gw_dependencies_write_metrics(plane->dependencies, &writer);
  return gw_bytes_new(buf.data, buf.len);
}

void gw_node_fill_metrics(void *arg, struct gw_node_metrics *metrics) {
  struct gw_data_plane *plane = arg;
  struct gw_compiler_status config;
  struct gw_xds_client_status xds;
  gw_compiler_get_status(plane->compiler, &config);
  gw_xds_client_get_status(plane->xds, &xds);
  metrics->is_ready = atomic_load(&plane->is_ready);
  metrics->is_draining = gw_drain_is_on(&plane->drain);
  metrics->main_lag = plane->lag;
  metrics->access_log_lost_total = gw_log_writer_lost(plane->access_log);
  metrics->log_lost_total = gw_log_lost(plane->log);
  metrics->spans = gw_span_exports_get_counts(plane->spans);
  if (config.snapshot != NULL) memcpy(metrics->config_version, config.snapshot->version, sizeof(metrics->config_version));
  metrics->config_source = gw_config_source_name(config.source);
  metrics->config_age_us = gw_loop_now_us(plane->loop) - config.active_us;
  metrics->is_config_complete = config.is_complete;
  metrics->activations_total = config.activations_total;
  metrics->build_failures_total = config.failures_total;
  metrics->bind_failures_total = config.bind_failures_total;
  metrics->build_times = *config.build_times;
  metrics->is_connected = xds.is_connected;
  metrics->is_delta = xds.is_delta;
  metrics->responses_total = xds.responses_total;
  metrics->decode_times = *xds.decode_times;
  metrics->nacks_total = xds.refused_total;
  metrics->disconnects_total = xds.disconnects_total;
  metrics->fleet_size = xds.fleet_size;
  metrics->overload = gw_overload_level(plane->overload);
  gw_overload_get_use(plane->overload, &metrics->use);
  metrics->clients = gw_client_table_count(plane->clients);
  gw_rate_limit_table_get_counts(plane->rate_limits, &metrics->rate_limits);
  metrics->rate_limit_max_keys = gw_rate_limit_table_max_keys(plane->rate_limits);
  metrics->has_cache = gw_last_good_get_status(plane->last_good, &metrics->cache);
  metrics->wall_us = gw_loop_wall_us(plane->loop);
  metrics->own_part = write_own_part(plane);
  fill_tls_metrics(plane, metrics);
}
