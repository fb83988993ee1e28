/* What is known, for who looks. */
#include <stddef.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "dataplane/cluster/health_internal.h"

/* The state that an endpoint is counted under: the first that is true. */
enum state { STATE_EJECTED, STATE_UNHEALTHY, STATE_PENDING, STATE_HEALTHY };
#define STATE_COUNT 4

static enum state state_of(const struct gw_health_ward *ward) {
  if (ward->outlier.is_ejected) return STATE_EJECTED;
  if (gw_health_check_of(ward->watch) == NULL) return STATE_HEALTHY;
  if (!ward->check.has_result) return STATE_PENDING;
  return ward->check.is_healthy ? STATE_HEALTHY : STATE_UNHEALTHY;
}

bool gw_health_find(const struct gw_health *health, struct gw_str cluster, const struct gw_address *address,
                    struct gw_health_view *ret_view) {
  char text[GW_ADDRESS_TEXT_SIZE];
  const struct gw_health_watch *watch = gw_map_find(health->watches, cluster);
  const struct gw_health_ward *ward = watch != NULL ? gw_map_find(watch->wards, gw_address_format(address, text)) : NULL;
  if (ward == NULL) return false;
  uint64_t now_ms = gw_loop_now_ms(health->loop);
  *ret_view = (struct gw_health_view){.is_usable = ward->host->is_usable, .check_reason = ward->reason, .success_rate = ward->success_rate};
  if (gw_health_check_of(watch) != NULL)
    ret_view->check = !ward->check.has_result ? "pending" : ward->check.is_healthy ? "passing" : "failing";
  ret_view->is_ejected = ward->outlier.is_ejected;
  if (ward->was_ejected) ret_view->ejection_cause = gw_outlier_cause_name(ward->outlier.cause);
  if (ward->outlier.is_ejected && ward->outlier.until_ms > now_ms) ret_view->ejected_for_ms = ward->outlier.until_ms - now_ms;
  return true;
}

/* ---- metrics ---- */

static int by_name(const void *a, const void *b) {
  const struct gw_health_watch *x = *(const struct gw_health_watch *const *)a;
  const struct gw_health_watch *y = *(const struct gw_health_watch *const *)b;
  return gw_str_compare(gw_str_from(x->name), gw_str_from(y->name));
}

static void count_states(const struct gw_health_watch *watch, uint64_t counts[STATE_COUNT]) {
  size_t cursor = 0;
  struct gw_str key;
  void *value;
  while (gw_map_next(watch->wards, &cursor, &key, &value))
    counts[state_of(value)]++;
}

static void write_states(struct gw_metrics_writer *writer, struct gw_str service, const uint64_t counts[STATE_COUNT]) {
  static const char *const names[STATE_COUNT] =
      {[STATE_EJECTED] = "ejected", [STATE_UNHEALTHY] = "unhealthy", [STATE_PENDING] = "pending", [STATE_HEALTHY] = "healthy"};
  for (size_t i = 0; i < STATE_COUNT; i++) {
    struct gw_label labels[] = {{"service", service}, {"state", gw_str_from(names[i])}};
    gw_metrics_u64(writer, "gateway_upstream_endpoints", labels, GW_ARRAY_LEN(labels), counts[i]);
  }
}

static void write_endpoints(struct gw_metrics_writer *writer, struct gw_health_watch *const *watches, uint32_t room) {
  uint64_t others[STATE_COUNT] = {0};
  gw_metrics_family(writer, "gateway_upstream_endpoints", "gauge", "Endpoints whose health the node looks after, by what it found.");
  for (uint32_t i = 0; watches[i] != NULL; i++) {
    uint64_t counts[STATE_COUNT] = {0};
    count_states(watches[i], i < room ? counts : others);
    if (i < room) write_states(writer, gw_str_from(watches[i]->name), counts);
    if (i >= room && watches[i + 1] == NULL) write_states(writer, GW_STR("other"), others);
  }
}

static const struct counter {
  const char *family;
  const char *help; /* of the family's first */
  const char *label;
  const char *value;
  size_t offset;
} counters[] = {
    {"gateway_upstream_health_checks_total", "Health checks made.", "result", "passed", offsetof(struct gw_health_watch, passed_total)},
    {"gateway_upstream_health_checks_total", NULL, "result", "failed", offsetof(struct gw_health_watch, failed_total)},
    {"gateway_upstream_health_transitions_total", "Endpoints that health checks found to be other than before.", "to", "healthy",
     offsetof(struct gw_health_watch, healthy_total)},
    {"gateway_upstream_health_transitions_total", NULL, "to", "unhealthy", offsetof(struct gw_health_watch, unhealthy_total)},
    {"gateway_upstream_ejections_total", "Endpoints ejected since they failed requests.", "cause", "consecutive_5xx",
     offsetof(struct gw_health_watch, ejections_total[GW_OUTLIER_5XX])},
    {"gateway_upstream_ejections_total", NULL, "cause", "consecutive_gateway_failure",
     offsetof(struct gw_health_watch, ejections_total[GW_OUTLIER_GATEWAY_FAILURE])},
    {"gateway_upstream_ejections_total", NULL, "cause", "success_rate",
     offsetof(struct gw_health_watch, ejections_total[GW_OUTLIER_SUCCESS_RATE])},
    {"gateway_upstream_ejections_forgone_total", "Endpoints that stood out and were not ejected.", "why", "maximum",
     offsetof(struct gw_health_watch, kept_by_maximum_total)},
    {"gateway_upstream_ejections_forgone_total", NULL, "why", "enforcing_percent", offsetof(struct gw_health_watch, kept_by_chance_total)},
};

static void write_counter(struct gw_metrics_writer *writer, const struct counter *counter, struct gw_str service, uint64_t value) {
  struct gw_label labels[] = {{"service", service}, {counter->label, gw_str_from(counter->value)}};
  gw_metrics_u64(writer, counter->family, labels, GW_ARRAY_LEN(labels), value);
}

static void write_counters(struct gw_metrics_writer *writer, const struct counter *counter, struct gw_health_watch *const *watches,
                           uint32_t room) {
  uint64_t others = 0;
  for (uint32_t i = 0; watches[i] != NULL; i++) {
    uint64_t value = *(const uint64_t *)(const void *)((const char *)watches[i] + counter->offset);
    if (i < room) write_counter(writer, counter, gw_str_from(watches[i]->name), value);
    if (i >= room) others += value;
    if (i >= room && watches[i + 1] == NULL) write_counter(writer, counter, GW_STR("other"), others);
  }
}

void gw_health_write_metrics(const struct gw_health *health, uint32_t room, struct gw_metrics_writer *writer) {
  GW_CLEANUP(gw_free_ptr) struct gw_health_watch **watches = (struct gw_health_watch **)gw_map_sorted_values(health->watches, by_name);
  write_endpoints(writer, watches, room);
  for (size_t c = 0; c < GW_ARRAY_LEN(counters); c++) {
    if (counters[c].help != NULL) gw_metrics_family(writer, counters[c].family, "counter", counters[c].help);
    write_counters(writer, &counters[c], watches, room);
  }
}
