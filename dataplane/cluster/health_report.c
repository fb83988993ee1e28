/* What is known, for who looks. */
#include <stddef.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/observe/metrics.h"
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

/* In a stable order, so that two scrapes can be compared. */
static const struct gw_health_watch **sorted_watches(const struct gw_health *health, uint32_t *ret_count) {
  uint32_t count = 0;
  const struct gw_health_watch **watches = gw_calloc(gw_map_count(health->watches) + 1u, sizeof(const struct gw_health_watch *));
  size_t cursor = 0;
  struct gw_str key;
  void *value;
  while (gw_map_next(health->watches, &cursor, &key, &value))
    watches[count++] = value;
  if (count > 1) qsort(watches, count, sizeof(const struct gw_health_watch *), by_name);
  *ret_count = count;
  return watches;
}

static void write_states(const struct gw_health_watch *watch, struct gw_metrics_writer *writer) {
  static const char *const names[STATE_COUNT] =
      {[STATE_EJECTED] = "ejected", [STATE_UNHEALTHY] = "unhealthy", [STATE_PENDING] = "pending", [STATE_HEALTHY] = "healthy"};
  uint64_t counts[STATE_COUNT] = {0};
  size_t cursor = 0;
  struct gw_str key;
  void *value;
  while (gw_map_next(watch->wards, &cursor, &key, &value))
    counts[state_of(value)]++;
  for (size_t i = 0; i < STATE_COUNT; i++) {
    struct gw_label labels[] = {{"service", gw_str_from(watch->name)}, {"state", gw_str_from(names[i])}};
    gw_metrics_u64(writer, "gateway_upstream_endpoints", labels, GW_ARRAY_LEN(labels), counts[i]);
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

static void write_counter(const struct counter *counter, const struct gw_health_watch *watch, struct gw_metrics_writer *writer) {
  struct gw_label labels[] = {{"service", gw_str_from(watch->name)}, {counter->label, gw_str_from(counter->value)}};
  const uint64_t *value = (const uint64_t *)(const void *)((const char *)watch + counter->offset);
  gw_metrics_u64(writer, counter->family, labels, GW_ARRAY_LEN(labels), *value);
}

struct gw_bytes *gw_health_format_metrics(const struct gw_health *health) {
  uint32_t count;
  GW_CLEANUP(gw_free_ptr) const struct gw_health_watch **watches = sorted_watches(health, &count);
  struct gw_strbuf buf;
  struct gw_metrics_writer writer = {&buf};
  gw_strbuf_init(&buf);
  gw_metrics_family(&writer, "gateway_upstream_endpoints", "gauge", "Endpoints whose health the node looks after, by what it found.");
  for (uint32_t i = 0; i < count; i++)
    write_states(watches[i], &writer);
  for (size_t c = 0; c < GW_ARRAY_LEN(counters); c++) {
    if (counters[c].help != NULL) gw_metrics_family(&writer, counters[c].family, "counter", counters[c].help);
    for (uint32_t i = 0; i < count; i++)
      write_counter(&counters[c], watches[i], &writer);
  }
  struct gw_bytes *text = gw_bytes_new(buf.data, buf.len);
  gw_strbuf_done(&buf);
  return text;
}
