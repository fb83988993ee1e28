/* When checks are made, and what their results mean. */
#include <stdio.h>

#include "common/base/mem.h"
#include "dataplane/cluster/health_internal.h"

static void start_next(struct gw_health *health);

static void log_healthy(const struct gw_health_ward *ward, bool was_first) {
  uint32_t threshold = gw_health_check_of(ward->watch)->healthy_threshold;
  struct gw_log *log = ward->watch->health->log;
  if (was_first || threshold == 1) {
    GW_LOG_INFO(log, "cluster %s: %s is healthy: its %s has passed", ward->watch->name, ward->text, was_first ? "first check" : "check");
  } else {
    GW_LOG_INFO(log, "cluster %s: %s is healthy again: %u checks in a row have passed", ward->watch->name, ward->text, threshold);
  }
}

static void log_unhealthy(const struct gw_health_ward *ward, enum gw_check_result result, bool was_first) {
  uint32_t threshold = gw_health_check_of(ward->watch)->unhealthy_threshold;
  struct gw_log *log = ward->watch->health->log;
  if (result == GW_CHECK_REFUSED || was_first || threshold == 1) {
    GW_LOG_WARNING(log, "cluster %s: %s is unhealthy: its %s has failed: %s", ward->watch->name, ward->text,
                   was_first ? "first check" : "check", ward->reason);
  } else {
    GW_LOG_WARNING(log, "cluster %s: %s is unhealthy: %u checks in a row have failed, the last: %s", ward->watch->name, ward->text,
                   threshold, ward->reason);
  }
}

static void schedule(struct gw_health_ward *ward, uint64_t after_ms) {
  gw_timer_start(ward->watch->health->loop, &ward->due, after_ms);
}

static bool has_traffic(struct gw_health_ward *ward) {
  struct gw_health_watch *watch = ward->watch;
  watch->has_traffic = watch->has_traffic || atomic_load_explicit(&ward->host->has_traffic, memory_order_relaxed);
  return watch->has_traffic;
}

static void take_result(struct gw_health_ward *ward, enum gw_check_result result, const char *reason) {
  struct gw_health_watch *watch = ward->watch;
  const struct gw_health_check *check = gw_health_check_of(watch);
  bool was_first = !ward->check.has_result;
  bool is_change = gw_check_state_take(&ward->check, check, result);
  if (result == GW_CHECK_PASSED) {
    watch->passed_total++;
  } else {
    watch->failed_total++;
    snprintf(ward->reason, sizeof(ward->reason), "%s", reason);
  }
  if (is_change && ward->check.is_healthy) {
    watch->healthy_total++;
    log_healthy(ward, was_first);
  } else if (!ward->check.is_healthy && (is_change || was_first)) {
    watch->unhealthy_total++;
    log_unhealthy(ward, result, was_first);
  }
  const struct gw_outlier_detection *outlier = gw_health_outlier_of(watch);
  if (result == GW_CHECK_PASSED && ward->check.is_healthy && outlier != NULL && outlier->has_check_ending_ejection)
    gw_health_outliers_return(ward, "a health check has passed");
  gw_health_update(ward);
}

static void on_result(void *arg, enum gw_check_result result, const char *reason) {
  struct gw_health_ward *ward = arg;
  struct gw_health *health = ward->watch->health;
  ward->is_probing = false;
  health->probing_count--;
  take_result(ward, result, reason);
  schedule(ward, gw_check_state_delay(&ward->check, gw_health_check_of(ward->watch), has_traffic(ward), &health->random));
  start_next(health);
}

static void probe(struct gw_health_ward *ward) {
  struct gw_health_watch *watch = ward->watch;
  struct gw_health *health = watch->health;
  if (ward->probe == NULL) {
    struct gw_probe_options options = {
        .loop = health->loop,
        .random = &health->random,
        .cluster = watch->frozen->model,
        .tls = watch->frozen->tls,
        .address = ward->address,
        .counts = health->counts,
        .on_result = on_result,
        .arg = ward,
    };
    ward->probe = gw_probe_new(&options);
  }
  ward->is_probing = true;
  health->probing_count++;
  gw_probe_start(ward->probe);
}

static void start_next(struct gw_health *health) {
  while (health->probing_count < GW_HEALTH_CHECKS_AT_ONCE && !gw_list_is_empty(&health->queue)) {
    struct gw_health_ward *ward = GW_LIST_ITEM(health->queue.next, struct gw_health_ward, queue_node);
    gw_list_remove(&ward->queue_node);
    probe(ward);
  }
}

static void on_due(struct gw_timer *timer) {
  struct gw_health_ward *ward = GW_CONTAINER_OF(timer, struct gw_health_ward, due);
  gw_list_add_last(&ward->watch->health->queue, &ward->queue_node);
  start_next(ward->watch->health);
}

void gw_health_checks_start(struct gw_health_ward *ward) {
  struct gw_health *health = ward->watch->health;
  gw_timer_init(&ward->due, on_due);
  schedule(ward, gw_check_state_first_delay(gw_health_check_of(ward->watch), &health->random));
}

void gw_health_checks_stop(struct gw_health_ward *ward) {
  struct gw_health *health = ward->watch->health;
  gw_timer_stop(&ward->due);
  gw_list_remove(&ward->queue_node);
  if (ward->is_probing) health->probing_count--;
  ward->is_probing = false;
  gw_probe_free(ward->probe);
  ward->probe = NULL;
  ward->check.pass_count = ward->check.fail_count = 0;
  if (!health->is_closing) start_next(health);
}
