#include "controlplane/server/status_http.h"

#include <stdlib.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/http_server/http_server.h"
#include "common/observe/log.h"
#include "common/observe/metrics.h"
#include "common/xds/codec.h"
#include "controlplane/server/connection_limit.h"
#include "controlplane/server/readiness.h"

struct gw_status_http {
  struct gw_status_http_options options;
  struct gw_http_server *server;
  struct gw_snapshot_watch watch;
  uint64_t snapshots_total;
  bool is_stopping;
  struct gw_histogram lag; /* of the loop */
};

static void reply(struct gw_http_exchange *exchange, uint32_t code, struct gw_strbuf *body) {
  gw_strbuf_append_char(body, '\n');
  gw_http_exchange_reply(exchange, code, "application/json", gw_strbuf_str(body));
}

static void on_health(void *arg, struct gw_http_exchange *exchange) {
  const struct gw_status_http *status = arg;
  const struct gw_snapshot *snapshot = gw_snapshot_cache_current(status->options.cache);
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf body = {0};
  struct gw_json_writer json;
  gw_json_writer_init(&json, &body);
  gw_json_object_begin(&json);
  gw_json_key(&json, "status");
  gw_json_string(&json, GW_STR("ok"));
  gw_json_key(&json, "version");
  gw_json_string(&json, gw_str_from(snapshot != NULL ? snapshot->version : ""));
  gw_json_object_end(&json);
  reply(exchange, 200, &body);
}

/* A control plane whose files are wrong still serves what was right before: it is ready, and says "degraded". */
static void on_ready(void *arg, struct gw_http_exchange *exchange) {
  const struct gw_status_http *status = arg;
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf body = {0};
  reply(exchange, gw_readiness_write(&status->options, status->is_stopping, &body) ? 200 : 503, &body);
}

static void on_turn(void *arg, uint64_t busy_us) {
  struct gw_status_http *status = arg;
  gw_histogram_add(&status->lag, busy_us);
}

static void write_nodes(struct gw_metrics_writer *writer, const struct gw_status_http *status) {
  static const char *const names[] = {[GW_NODE_SYNCED] = "synced", [GW_NODE_STALE] = "stale", [GW_NODE_REFUSED] = "refused"};
  uint64_t counts[GW_ARRAY_LEN(names)] = {0};
  GW_LIST_FOR_EACH(item, &status->options.nodes->nodes) {
    const struct gw_node *node = GW_LIST_ITEM(item, struct gw_node, link);
    const struct gw_snapshot *snapshot = gw_snapshot_cache_of(status->options.cache, gw_str_from(node->cluster));
    char *reason = NULL;
    counts[snapshot != NULL ? gw_node_state_of(node, snapshot, &reason) : GW_NODE_STALE]++;
    free(reason);
  }
  gw_metrics_family(writer, "gateway_controlplane_nodes", "gauge", "Connected nodes by whether they run what is served.");
  for (size_t i = 0; i < GW_ARRAY_LEN(names); i++) {
    struct gw_label label = {.name = "state", .value = gw_str_from(names[i])};
    gw_metrics_u64(writer, "gateway_controlplane_nodes", &label, 1, counts[i]);
  }
}

static void write_xds_family(struct gw_metrics_writer *writer, const struct gw_node_table *nodes, const char *name, const char *help,
                             size_t field) {
  static const char *const protocols[] = {"sotw", "delta"};
  gw_metrics_family(writer, name, "counter", help);
  for (int protocol = 0; protocol < 2; protocol++) {
    for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
      struct gw_label labels[] = {{"protocol", gw_str_from(protocols[protocol])},
                                  {"type", gw_str_from(gw_xds_type_short((enum gw_resource_type)type))}};
      const char *sent = (const char *)&nodes->sent[protocol][type];
      gw_metrics_u64(writer, name, labels, GW_ARRAY_LEN(labels), *(const uint64_t *)(const void *)(sent + field));
    }
  }
}

static void write_xds(struct gw_metrics_writer *writer, const struct gw_node_table *nodes) {
  uint64_t delta = 0, all = 0;
  GW_LIST_FOR_EACH(item, &nodes->nodes) {
    const struct gw_node *node = GW_LIST_ITEM(item, struct gw_node, link);
    delta += node->delta_streams;
    all += node->xds_streams;
  }
  gw_metrics_family(writer, "gateway_controlplane_xds_streams", "gauge", "Open xDS streams by protocol.");
  gw_metrics_u64(writer, "gateway_controlplane_xds_streams", &(struct gw_label){"protocol", GW_STR("sotw")}, 1, all - delta);
  gw_metrics_u64(writer, "gateway_controlplane_xds_streams", &(struct gw_label){"protocol", GW_STR("delta")}, 1, delta);
  write_xds_family(writer, nodes, "gateway_controlplane_xds_responses_sent_total", "Responses sent to nodes.",
                   offsetof(struct gw_xds_sent, responses));
  write_xds_family(writer, nodes, "gateway_controlplane_xds_resources_sent_total", "Resources in these responses.",
                   offsetof(struct gw_xds_sent, resources));
  write_xds_family(writer, nodes, "gateway_controlplane_xds_removals_sent_total", "Names in them of resources that are gone.",
                   offsetof(struct gw_xds_sent, removed));
  write_xds_family(writer, nodes, "gateway_controlplane_xds_bytes_sent_total", "Bytes of them.", offsetof(struct gw_xds_sent, bytes));
}

static void write_answer_times(struct gw_metrics_writer *writer, const struct gw_node_table *nodes) {
  const char *family = "gateway_controlplane_ack_seconds";
  gw_metrics_family(writer, family, "histogram", "From a response to the node's ACK or NACK.");
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    struct gw_label label = {"type", gw_str_from(gw_xds_type_short((enum gw_resource_type)type))};
    gw_metrics_histogram(writer, family, &label, 1, &nodes->answer_times[type]);
  }
}

static void write_snapshot(struct gw_metrics_writer *writer, const struct gw_status_http *status) {
  const struct gw_snapshot *snapshot = gw_snapshot_cache_current(status->options.cache);
  gw_metrics_family(writer, "gateway_controlplane_snapshot_info", "gauge", "1, with the version that is served.");
  if (snapshot != NULL) {
    struct gw_label label = {.name = "version", .value = gw_str_from(snapshot->version)};
    gw_metrics_u64(writer, "gateway_controlplane_snapshot_info", &label, 1, 1);
  }
  gw_metrics_family(writer, "gateway_controlplane_snapshot_age_seconds", "gauge", "Since the served version was made.");
  if (snapshot != NULL) {
    uint64_t age_us = gw_loop_now_us(status->options.loop) - gw_snapshot_cache_set_us(status->options.cache);
    gw_metrics_double(writer, "gateway_controlplane_snapshot_age_seconds", NULL, 0, (double)age_us / 1e6);
  }
  gw_metrics_family(writer, "gateway_controlplane_snapshots_total", "counter", "Versions served since start.");
  gw_metrics_u64(writer, "gateway_controlplane_snapshots_total", NULL, 0, status->snapshots_total);
}

static void write_files(struct gw_metrics_writer *writer, const struct gw_status_http *status) {
  const struct gw_files_stats *stats = gw_files_stats(status->options.files);
  gw_metrics_family(writer, "gateway_controlplane_reloads_total", "counter",
                    "Times that the files were read because they changed, or asked to.");
  gw_metrics_u64(writer, "gateway_controlplane_reloads_total", NULL, 0, stats->loads_total);
  gw_metrics_family(writer, "gateway_controlplane_log_lost_total", "counter",
                    "Lines of the log lost since its disk or reader was too slow.");
  gw_metrics_u64(writer, "gateway_controlplane_log_lost_total", NULL, 0, gw_log_lost(status->options.log));
  gw_metrics_family(writer, "gateway_controlplane_reload_errors_total", "counter", "Reloads that were refused because of mistakes.");
  gw_metrics_u64(writer, "gateway_controlplane_reload_errors_total", NULL, 0, stats->errors_total);
  gw_metrics_family(writer, "gateway_controlplane_config_degraded", "gauge",
                    "1 while the files have mistakes and an earlier version is served.");
  gw_metrics_u64(writer, "gateway_controlplane_config_degraded", NULL, 0, gw_files_mistakes(status->options.files)->error_count > 0);
  const struct gw_secrets_stats *secrets = gw_files_secrets_stats(status->options.files);
  gw_metrics_family(writer, "gateway_controlplane_secret_rotations_total", "counter",
                    "New contents of certificate, key, CA and ticket files.");
  gw_metrics_u64(writer, "gateway_controlplane_secret_rotations_total", NULL, 0, secrets->rotations_total);
  gw_metrics_family(writer, "gateway_controlplane_secret_failures_total", "counter", "Readings of such files that gave no secret.");
  gw_metrics_u64(writer, "gateway_controlplane_secret_failures_total", NULL, 0, secrets->failures_total);
  gw_metrics_family(writer, "gateway_controlplane_build_seconds", "histogram", "From reading the files to the snapshot.");
  gw_metrics_histogram(writer, "gateway_controlplane_build_seconds", NULL, 0, &stats->durations);
}

static void on_metrics(void *arg, struct gw_http_exchange *exchange) {
  const struct gw_status_http *status = arg;
  struct gw_strbuf body;
  gw_strbuf_init(&body);
  struct gw_metrics_writer writer = {.buf = &body};
  write_nodes(&writer, status);
  write_snapshot(&writer, status);
  write_xds(&writer, status->options.nodes);
  write_answer_times(&writer, status->options.nodes);
  gw_metrics_family(&writer, "gateway_controlplane_nacks_total", "counter", "Responses that nodes refused.");
  gw_metrics_u64(&writer, "gateway_controlplane_nacks_total", NULL, 0, status->options.nodes->refused_total);
  gw_metrics_family(&writer, "gateway_controlplane_node_denials_total", "counter",
                    "Streams that were ended since the client's certificate does not permit the node.");
  gw_metrics_u64(&writer, "gateway_controlplane_node_denials_total", NULL, 0, status->options.nodes->denials.total);
  gw_channel_tls_write_metrics(status->options.tls, &writer);
  write_files(&writer, status);
  gw_storage_write_metrics(status->options.storage, &writer);
  gw_discovery_write_metrics(status->options.discovery, &writer);
  gw_metrics_family(&writer, "gateway_controlplane_unknown_api_keys_total", "counter",
                    "Times that data planes were shown keys that they don't know.");
  gw_metrics_u64(&writer, "gateway_controlplane_unknown_api_keys_total", NULL, 0, gw_agent_service_unknown_keys(status->options.agents));
  gw_metrics_family(&writer, "gateway_controlplane_loop_lag_seconds", "histogram", "How long turns of the loop took.");
  gw_metrics_histogram(&writer, "gateway_controlplane_loop_lag_seconds", NULL, 0, &status->lag);
  gw_change_trace_write_metrics(status->options.trace, &writer);
  gw_metrics_family(&writer, "gateway_controlplane_connections_refused_total", "counter",
                    "Connections that were closed as they came, because too many are open.");
  gw_metrics_u64(&writer, "gateway_controlplane_connections_refused_total", NULL, 0, gw_connection_limit_refused());
  gw_metrics_process(&writer, "gateway-controlplane");
  gw_http_exchange_reply(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", gw_strbuf_str(&body));
  gw_strbuf_done(&body);
}

static const struct gw_http_server_route routes[] = {
    {.method = "GET", .path = "/health", .fn = on_health},
    {.method = "GET", .path = "/ready", .fn = on_ready},
    {.method = "GET", .path = "/metrics", .fn = on_metrics},
};

static void on_snapshot(void *arg) {
  struct gw_status_http *status = arg;
  status->snapshots_total += !gw_snapshot_cache_is_keys_alone(status->options.cache); /* other API keys are no other version */
}

enum gw_err gw_status_http_new(const struct gw_status_http_options *options, struct gw_status_http **ret_status) {
  struct gw_status_http *status = gw_calloc(1, sizeof(*status));
  status->options = *options;
  struct gw_http_server_options server = {.listen = options->listen, .routes = routes, .route_count = GW_ARRAY_LEN(routes), .arg = status};
  enum gw_err err = gw_http_server_new(options->loop, &server, &status->server);
  if (err != GW_OK) {
    free(status);
    return err;
  }
  status->watch = (struct gw_snapshot_watch){.fn = on_snapshot, .arg = status};
  status->snapshots_total = gw_snapshot_cache_current(options->cache) != NULL;
  gw_snapshot_cache_watch(options->cache, &status->watch);
  gw_loop_set_turn_observer(options->loop, on_turn, status);
  *ret_status = status;
  return GW_OK;
}

void gw_status_http_free(struct gw_status_http *status) {
  if (status == NULL) return;
  gw_loop_set_turn_observer(status->options.loop, NULL, NULL);
  gw_list_remove(&status->watch.node);
  gw_http_server_free(status->server);
  free(status);
}

uint16_t gw_status_http_port(const struct gw_status_http *status) {
  return gw_http_server_port(status->server);
}

void gw_status_http_set_stopping(struct gw_status_http *status) {
  status->is_stopping = true;
}
