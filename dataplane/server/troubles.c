#include "dataplane/server/troubles.h"

#include "dataplane/cluster/frozen_cluster.h"

static void add_reason(const struct gw_frozen_endpoint *endpoint, struct gw_str cluster, const struct gw_health *health,
                       struct gw_strbuf *line) {
  struct gw_health_view view;
  if (!gw_health_find(health, cluster, &endpoint->address, &view)) return;
  if (view.is_ejected) {
    gw_strbuf_printf(line, " (ejected: %s, for %llu s)", view.ejection_cause, (unsigned long long)(view.ejected_for_ms + 999) / 1000);
  } else if (view.check_reason[0] != '\0') {
    gw_strbuf_printf(line, " (health check: %s)", view.check_reason);
  } else {
    gw_strbuf_append_str(line, GW_STR(" (waits for its first health check)"));
  }
}

static uint32_t count_unused(const struct gw_frozen_cluster *cluster) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < cluster->endpoint_count; i++)
    count += cluster->endpoints[i].host != NULL && !cluster->endpoints[i].host->is_usable;
  return count;
}

static void add_instances(const struct gw_frozen_cluster *cluster, const struct gw_health *health, struct gw_strbuf *line) {
  uint32_t count = count_unused(cluster), named = 0;
  if (count == 0) return;
  gw_strbuf_printf(line, "%s%u of %u instances out of use: ", line->len > 0 ? "; " : "", count, cluster->endpoint_count);
  for (uint32_t i = 0; named < count && named < GW_TROUBLES_INSTANCES_MAX; i++) {
    const struct gw_frozen_endpoint *endpoint = &cluster->endpoints[i];
    if (endpoint->host == NULL || endpoint->host->is_usable) continue;
    gw_strbuf_printf(line, "%s%.*s", named++ > 0 ? ", " : "", GW_STR_ARG(endpoint->text));
    add_reason(endpoint, cluster->model->name, health, line);
  }
  if (count > named) gw_strbuf_printf(line, " and %u more", count - named);
}

static void add_circuit(const struct gw_frozen_cluster *cluster, uint64_t now_ms, struct gw_strbuf *line) {
  struct gw_circuit_status status;
  if (cluster->breaker == NULL) return;
  gw_circuit_breaker_get_status(cluster->breaker, now_ms, &status);
  switch (status.state) {
  case GW_CIRCUIT_CLOSED: break;
  case GW_CIRCUIT_OPEN:
    gw_strbuf_printf(line, "circuit breaker open, for %llu s yet", (unsigned long long)(status.open_left_ms + 999) / 1000);
    break;
  case GW_CIRCUIT_HALF_OPEN: gw_strbuf_append_str(line, GW_STR("circuit breaker half open: probes go through")); break;
  }
}

uint32_t gw_troubles_collect(const struct gw_frozen *frozen, const struct gw_health *health, uint64_t now_ms, struct gw_arena *arena,
                             char *ret_lines[GW_TROUBLES_MAX]) {
  uint32_t cluster_count = 0, count = 0, left_out = 0;
  struct gw_frozen_cluster *const *clusters = frozen != NULL ? gw_frozen_clusters(frozen, &cluster_count) : NULL;
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf line = {0};
  for (uint32_t i = 0; i < cluster_count; i++) {
    gw_strbuf_clear(&line);
    add_circuit(clusters[i], now_ms, &line);
    add_instances(clusters[i], health, &line);
    if (line.len == 0) continue;
    if (count == GW_TROUBLES_MAX - 1) {
      left_out++;
    } else {
      ret_lines[count++] = gw_arena_printf(arena, "service %.*s: %.*s", GW_STR_ARG(clusters[i]->model->name), (int)line.len, line.data);
    }
  }
  if (left_out > 0) ret_lines[count++] = gw_arena_printf(arena, "and %u services more", left_out);
  return count;
}
