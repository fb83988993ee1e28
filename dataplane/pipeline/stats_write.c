/* The counters as Prometheus text. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "dataplane/pipeline/stats.h"

static int by_route(const void *a, const void *b) {
  const struct gw_route_stats *x = *(const struct gw_route_stats *const *)a;
  const struct gw_route_stats *y = *(const struct gw_route_stats *const *)b;
  int order = gw_str_compare(x->route, y->route);
  return order != 0 ? order : gw_str_compare(x->service, y->service);
}

static void write_codes(struct gw_metrics_writer *writer, const struct gw_route_stats *route) {
  for (uint32_t i = 0; i < GW_STATS_CODES; i++) {
    if (route->codes[i].count == 0) continue;
    char code[12] = "other";
    if (i < GW_STATS_CODES - 1) snprintf(code, sizeof(code), "%u", route->codes[i].code);
    struct gw_label labels[] = {{"route", route->route}, {"service", route->service}, {"code", gw_str_from(code)}};
    gw_metrics_u64(writer, "gateway_requests_total", labels, GW_ARRAY_LEN(labels), route->codes[i].count);
  }
}

static bool has_counts(const struct gw_route_stats *route) {
  for (uint32_t i = 0; i < GW_STATS_CODES; i++)
    if (route->codes[i].count > 0) return true;
  return false;
}

static void write_routes(const struct gw_stats *stats, struct gw_metrics_writer *writer) {
  GW_CLEANUP(gw_free_ptr) struct gw_route_stats **routes = (struct gw_route_stats **)gw_map_sorted_values(stats->routes, by_route);
  gw_metrics_family(writer, "gateway_requests_total", "counter",
                    "Requests answered, by route, service and status code (0: the client left before an answer).");
  for (size_t i = 0; routes[i] != NULL; i++)
    write_codes(writer, routes[i]);
  write_codes(writer, &stats->overflow);
  gw_metrics_family(writer, "gateway_request_duration_seconds", "histogram", "From the request's head to the answer's last byte.");
  for (size_t i = 0; routes[i] != NULL; i++) {
    if (!has_counts(routes[i])) continue;
    struct gw_label labels[] = {{"route", routes[i]->route}, {"service", routes[i]->service}};
    gw_metrics_histogram(writer, "gateway_request_duration_seconds", labels, GW_ARRAY_LEN(labels), &routes[i]->duration);
  }
  if (!has_counts(&stats->overflow)) return;
  struct gw_label labels[] = {{"route", stats->overflow.route}, {"service", stats->overflow.service}};
  gw_metrics_histogram(writer, "gateway_request_duration_seconds", labels, GW_ARRAY_LEN(labels), &stats->overflow.duration);
}

/* A counter for each value of a label. */
static void write_each(struct gw_metrics_writer *writer, const char *family, const char *label_name, const char *const *names,
                       const uint64_t *values, size_t count) {
  for (size_t i = 0; i < count; i++)
    gw_metrics_u64(writer, family, &(struct gw_label){label_name, gw_str_from(names[i])}, 1, values[i]);
}

static void write_limits(const struct gw_stats *stats, struct gw_metrics_writer *writer) {
  static const char *const names[GW_LIMIT_COUNT] = {
      [GW_LIMIT_HEAD_SIZE] = "head_size",
      [GW_LIMIT_HEADER_COUNT] = "header_count",
      [GW_LIMIT_URI_SIZE] = "uri_size",
      [GW_LIMIT_HEADERS_TIMEOUT] = "headers_timeout",
      [GW_LIMIT_BODY_SIZE] = "body_size",
      [GW_LIMIT_BODY_TIMEOUT] = "body_timeout",
      [GW_LIMIT_REQUEST_TIMEOUT] = "request_timeout",
      [GW_LIMIT_STREAM_IDLE] = "stream_idle",
      [GW_LIMIT_STALLED_CLIENT] = "stalled_client",
      [GW_LIMIT_CONNECTION_IDLE] = "connection_idle",
      [GW_LIMIT_HANDSHAKE_TIMEOUT] = "handshake_timeout",
      [GW_LIMIT_REQUESTS] = "requests_per_connection",
      [GW_LIMIT_CONNECTIONS] = "connections",
      [GW_LIMIT_CLIENT_CONNECTIONS] = "client_connections",
      [GW_LIMIT_HTTP2_STREAMS] = "http2_streams",
      [GW_LIMIT_HTTP2_RESETS] = "http2_resets",
      [GW_LIMIT_HTTP2_FORCED_RESETS] = "http2_forced_resets",
      [GW_LIMIT_HTTP2_CONTROL_FRAMES] = "http2_control_frames",
      [GW_LIMIT_HTTP2_EMPTY_FRAMES] = "http2_empty_frames",
      [GW_LIMIT_HTTP2_PRIORITY_FRAMES] = "http2_priority_frames",
      [GW_LIMIT_HTTP2_WINDOW_UPDATES] = "http2_window_updates",
      [GW_LIMIT_HTTP2_CONTINUATIONS] = "http2_continuations",
      [GW_LIMIT_HTTP2_HEADER_BLOCK] = "http2_header_block",
      [GW_LIMIT_OVERLOAD_STREAMS] = "overload_streams",
      [GW_LIMIT_OVERLOAD_CONNECTIONS] = "overload_connections",
  };
  const char *family = "gateway_downstream_limits_total";
  gw_metrics_family(writer, family, "counter", "How often a limit was reached.");
  write_each(writer, family, "limit", names, stats->limits, GW_LIMIT_COUNT);
}

static void write_rbac(const struct gw_stats *stats, struct gw_metrics_writer *writer) {
  static const struct gw_str modes[] = {GW_STR("enforced"), GW_STR("shadow")}, results[] = {GW_STR("denied"), GW_STR("allowed")};
  const char *family = "gateway_rbac_decisions_total";
  gw_metrics_family(writer, family, "counter", "Requests judged by access rules; in shadow they pass whatever the result.");
  for (size_t i = 0; i < 4; i++) {
    const struct gw_label labels[] = {{"mode", modes[i / 2]}, {"result", results[i % 2]}};
    gw_metrics_u64(writer, family, labels, GW_ARRAY_LEN(labels), stats->rbac_total[i / 2][i % 2]);
  }
}

static void write_rate_limits(const struct gw_stats *stats, struct gw_metrics_writer *writer) {
  static const char *const decisions[GW_LIMIT_DECISION_COUNT] = {"allowed", "refused", "not_enforced"};
  const char *family = "gateway_rate_limit_decisions_total";
  gw_metrics_family(writer, family, "counter", "What rate limits decided, each for itself.");
  for (size_t i = 0; i < GW_LIMIT_SCOPE_COUNT; i++)
    for (size_t k = 0; k < GW_LIMIT_DECISION_COUNT; k++) {
      struct gw_str scope = i == GW_LIMIT_SCOPE_LOCAL ? GW_STR("local") : gw_rate_limit_scope_name((enum gw_rate_limit_scope)i);
      struct gw_label labels[] = {{"scope", scope}, {"decision", gw_str_from(decisions[k])}};
      gw_metrics_u64(writer, family, labels, 2, stats->rate_limits[i][k]);
    }
}

static void write_judges(const struct gw_stats *stats, struct gw_metrics_writer *writer) {
  static const char *const names[GW_LIMIT_JUDGE_COUNT] = {"redis", "local", "open", "closed"};
  const char *family = "gateway_rate_limit_shared_requests_total";
  gw_metrics_family(writer, family, "counter",
                    "Requests with limits that all data planes share, by who decided; all but redis: it was away.");
  write_each(writer, family, "by", names, stats->rate_limit_judges, GW_LIMIT_JUDGE_COUNT);
}

static void write_tokens(const struct gw_stats *stats, struct gw_metrics_writer *writer) {
  static const char *const names[GW_JWT_RESULT_COUNT] = {
      [GW_JWT_RESULT_ALLOWED] = "allowed",         [GW_JWT_RESULT_MISSING] = "missing",
      [GW_JWT_RESULT_MALFORMED] = "malformed",     [GW_JWT_RESULT_UNKNOWN_ISSUER] = "unknown_issuer",
      [GW_JWT_RESULT_UNKNOWN_KEY] = "unknown_key", [GW_JWT_RESULT_BAD_SIGNATURE] = "bad_signature",
      [GW_JWT_RESULT_EXPIRED] = "expired",         [GW_JWT_RESULT_NOT_YET_VALID] = "not_yet_valid",
      [GW_JWT_RESULT_AUDIENCE] = "audience",       [GW_JWT_RESULT_CLAIMS] = "claims",
      [GW_JWT_RESULT_NO_KEYS] = "no_keys",
  };
  const char *family = "gateway_jwt_requests_total";
  gw_metrics_family(writer, family, "counter", "Requests to routes that look at tokens, by what became of the token.");
  write_each(writer, family, "result", names, stats->jwt_results, GW_JWT_RESULT_COUNT);
  family = "gateway_jwt_accepted_total";
  gw_metrics_family(writer, family, "counter", "Tokens accepted, by whether they were in the cache of verified ones.");
  gw_metrics_u64(writer, family, &(struct gw_label){"cache", GW_STR("hit")}, 1, stats->token_cache_hits_total);
  gw_metrics_u64(writer, family, &(struct gw_label){"cache", GW_STR("miss")}, 1, stats->token_cache_misses_total);
}

static void write_keys(const struct gw_stats *stats, struct gw_metrics_writer *writer) {
  static const char *const names[GW_KEY_RESULT_COUNT] = {
      [GW_KEY_RESULT_ALLOWED] = "allowed", [GW_KEY_RESULT_MISSING] = "missing", [GW_KEY_RESULT_SEVERAL] = "several",
      [GW_KEY_RESULT_UNKNOWN] = "unknown", [GW_KEY_RESULT_EXPIRED] = "expired", [GW_KEY_RESULT_NO_KEYS] = "no_keys",
  };
  const char *family = "gateway_api_key_requests_total";
  gw_metrics_family(writer, family, "counter", "Requests to routes that look at API keys, by what became of the key.");
  write_each(writer, family, "result", names, stats->key_results, GW_KEY_RESULT_COUNT);
}

static void write_failures(const struct gw_stats *stats, struct gw_metrics_writer *writer) {
  static const char *const sides[GW_FAILURE_SIDE_COUNT] = {"client", "gateway", "upstream"};
  const char *family = "gateway_request_failures_total";
  gw_metrics_family(writer, family, "counter", "Requests that the gateway had to answer, or break off, itself, by whose fault it was.");
  write_each(writer, family, "side", sides, stats->failures_total, GW_FAILURE_SIDE_COUNT);
  family = "gateway_response_flags_total";
  gw_metrics_family(writer, family, "counter", "Requests by response flag, as in the access log; one may have several.");
  for (uint32_t i = 0; i < GW_FLAG_BITS; i++) {
    char text[64];
    struct gw_label label = {"flag", gw_response_flags_format(1u << i, text)};
    gw_metrics_u64(writer, family, &label, 1, stats->flags_total[i]);
  }
}

static void write_left_out(struct gw_metrics_writer *writer, const struct gw_stats *stats, const uint32_t left_out[GW_SERIES_KIND_COUNT]) {
  static const char *const kinds[GW_SERIES_KIND_COUNT] = {"route", "service", "instance"};
  const char *family = "gateway_metrics_overflowed";
  gw_metrics_family(writer, "gateway_metrics_series_max", "gauge", "Bound of the series by route, service and instance.");
  gw_metrics_u64(writer, "gateway_metrics_series_max", NULL, 0, stats->max_series);
  gw_metrics_family(writer, family, "gauge", "Routes, services and instances in use that are counted under \"other\" for want of room.");
  for (size_t i = 0; i < GW_SERIES_KIND_COUNT; i++) {
    struct gw_label label = {"kind", gw_str_from(kinds[i])};
    gw_metrics_u64(writer, family, &label, 1, left_out[i]);
  }
}

static void write_one(struct gw_metrics_writer *writer, const char *name, const char *type, const char *help, uint64_t value) {
  gw_metrics_family(writer, name, type, help);
  gw_metrics_u64(writer, name, NULL, 0, value);
}

void gw_stats_write(const struct gw_stats *stats, struct gw_metrics_writer *writer) {
  if (stats->folded_count > 0) {
    struct gw_stats *sum = gw_stats_new();
    gw_stats_merge(sum, stats);
    gw_stats_write(sum, writer);
    gw_stats_free(sum);
    return;
  }
  uint32_t left_out[GW_SERIES_KIND_COUNT] = {[GW_SERIES_ROUTE] = stats->overflow_holds};
  write_routes(stats, writer);
  write_failures(stats, writer);
  gw_service_stats_write(stats->services, stats->max_series, writer, left_out);
  write_left_out(writer, stats, left_out);
  write_one(writer, "gateway_downstream_connections", "gauge", "Open connections of clients.", stats->connections_active);
  write_one(writer, "gateway_downstream_connections_total", "counter", "Connections accepted.", stats->connections_total);
  write_one(writer, "gateway_downstream_requests", "gauge", "Requests being worked on.", stats->requests_active);
  write_one(writer, "gateway_downstream_requests_total", "counter", "Requests begun.", stats->requests_total);
  write_one(writer, "gateway_downstream_bad_requests_total", "counter", "Requests that were not HTTP as the gateway accepts it.",
            stats->bad_requests_total);
  write_limits(stats, writer);
  write_rbac(stats, writer);
  write_one(writer, "gateway_addresses_refused_total", "counter", "Requests from addresses that a route is not for.",
            stats->addresses_refused_total);
  write_one(writer, "gateway_failed_credentials_refused_total", "counter", "Requests of addresses that had shown too many bad credentials.",
            stats->guesses_refused_total);
  write_rate_limits(stats, writer);
  write_judges(stats, writer);
  write_one(writer, "gateway_redis_failures_total", "counter", "Questions that Redis did not answer in time.", stats->redis_failures_total);
  gw_metrics_family(writer, "gateway_redis_seconds", "histogram", "How long Redis took to answer for shared limits.");
  gw_metrics_histogram(writer, "gateway_redis_seconds", NULL, 0, &stats->redis_times);
  write_tokens(stats, writer);
  write_keys(stats, writer);
  write_one(writer, "gateway_downstream_tls_handshakes_total", "counter", "TLS handshakes completed.", stats->tls_handshakes_total);
  write_one(writer, "gateway_downstream_tls_failures_total", "counter", "TLS connections that failed.", stats->tls_failures_total);
  write_one(writer, "gateway_downstream_tunnels_total", "counter", "Connections that became WebSockets.", stats->tunnels_total);
  write_one(writer, "gateway_downstream_received_bytes_total", "counter", "Bytes read from clients.", stats->bytes_received);
  write_one(writer, "gateway_downstream_sent_bytes_total", "counter", "Bytes sent to clients.", stats->bytes_sent);
  write_one(writer, "gateway_view_swaps_total", "counter", "Configurations taken up by workers.", stats->view_swaps_total);
  gw_metrics_family(writer, "gateway_view_swap_seconds", "histogram", "How long a worker needed to take up a configuration.");
  gw_metrics_histogram(writer, "gateway_view_swap_seconds", NULL, 0, &stats->view_swap);
}
