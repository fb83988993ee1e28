/* Endpoints that fail requests are ejected for a while. */
#include "common/base/mem.h"
#include "dataplane/cluster/health_internal.h"

static uint32_t count_wards(const struct gw_health_watch *watch) {
  return (uint32_t)gw_map_count(watch->wards);
}

static void log_ejection(const struct gw_health_ward *ward, uint64_t now_ms) {
  const struct gw_outlier_detection *settings = gw_health_outlier_of(ward->watch);
  struct gw_log *log = ward->watch->health->log;
  unsigned long long lasts_ms = ward->outlier.until_ms - now_ms;
  const char *name = ward->watch->name;
  switch (ward->outlier.cause) {
  case GW_OUTLIER_5XX:
    GW_LOG_WARNING(log, "cluster %s: %s is ejected for %llu ms: %u requests in a row ended with 5xx", name, ward->text, lasts_ms,
                   settings->consecutive_5xx);
    break;
  case GW_OUTLIER_GATEWAY_FAILURE:
    GW_LOG_WARNING(log, "cluster %s: %s is ejected for %llu ms: %u requests in a row ended with 502, 503 or 504", name, ward->text,
                   lasts_ms, settings->consecutive_gateway_failure);
    break;
  case GW_OUTLIER_SUCCESS_RATE:
    GW_LOG_WARNING(log, "cluster %s: %s is ejected for %llu ms: of its requests only %.2f %% were successful", name, ward->text, lasts_ms,
                   ward->success_rate);
    break;
  }
}

/* Once an interval is enough: while all fail, every few requests would say it again. */
static void log_kept(struct gw_health_ward *ward, enum gw_outlier_cause cause, uint64_t now_ms) {
  const struct gw_outlier_detection *settings = gw_health_outlier_of(ward->watch);
  if (ward->kept_until_ms > now_ms) return;
  ward->kept_until_ms = now_ms + settings->interval_ms;
  GW_LOG_WARNING(ward->watch->health->log, "cluster %s: %s stands out (%s), but stays: no more than %u %% of the endpoints are ejected",
                 ward->watch->name, ward->text, gw_outlier_cause_name(cause), settings->max_ejection_percent);
}

static void eject(struct gw_health_ward *ward, enum gw_outlier_cause cause) {
  struct gw_health_watch *watch = ward->watch;
  struct gw_health *health = watch->health;
  uint64_t now_ms = gw_loop_now_ms(health->loop);
  const struct gw_outlier_detection *settings = gw_health_outlier_of(watch);
  switch (gw_outlier_eject(settings, &ward->outlier, cause, watch->ejected_count, count_wards(watch), now_ms, &health->random)) {
  case GW_OUTLIER_KEPT_BY_MAXIMUM:
    watch->kept_by_maximum_total++;
    log_kept(ward, cause, now_ms);
    return;
  case GW_OUTLIER_KEPT_BY_CHANCE:
    watch->kept_by_chance_total++;
    GW_LOG_DEBUG(health->log, "cluster %s: %s stands out (%s), but stays by its enforcing percentage", watch->name, ward->text,
                 gw_outlier_cause_name(cause));
    return;
  case GW_OUTLIER_EJECTED: break;
  }
  ward->was_ejected = true;
  watch->ejected_count++;
  watch->ejections_total[cause]++;
  log_ejection(ward, now_ms);
  gw_health_update(ward);
}

void gw_health_outliers_on_notice(struct gw_health_ward *ward, enum gw_outlier_cause cause) {
  /* Requests that were under way when it was ejected may still end badly. */
  if (gw_health_outlier_of(ward->watch) == NULL || ward->outlier.is_ejected) return;
  eject(ward, cause);
  gw_host_forgive(ward->host); /* the next run tells again */
}

void gw_health_outliers_return(struct gw_health_ward *ward, const char *why) {
  if (!ward->outlier.is_ejected) return;
  ward->outlier.is_ejected = false;
  ward->watch->ejected_count--;
  gw_host_forgive(ward->host);
  if (why == NULL) return;
  GW_LOG_INFO(ward->watch->health->log, "cluster %s: %s is used again: %s", ward->watch->name, ward->text, why);
  gw_health_update(ward);
}

void gw_health_outliers_set_limits(struct gw_health_ward *ward) {
  const struct gw_outlier_detection *settings = gw_health_outlier_of(ward->watch);
  atomic_store_explicit(&ward->host->limit_5xx, settings != NULL ? settings->consecutive_5xx : 0, memory_order_relaxed);
  atomic_store_explicit(&ward->host->limit_gateway_failure, settings != NULL ? settings->consecutive_gateway_failure : 0,
                        memory_order_relaxed);
}

/* ---- once an interval ---- */

static void end_ejections(struct gw_health_watch *watch, uint64_t now_ms) {
  size_t cursor = 0;
  struct gw_str key;
  void *value;
  while (gw_map_next(watch->wards, &cursor, &key, &value)) {
    struct gw_health_ward *ward = value;
    if (gw_outlier_on_interval(&ward->outlier, now_ms)) gw_health_outliers_return(ward, "its ejection is over");
  }
}

/* Counts begin anew for all; those of who is ejected say nothing. */
static void compare_rates(struct gw_health_watch *watch) {
  const struct gw_outlier_detection *settings = gw_health_outlier_of(watch);
  uint32_t count = 0;
  GW_CLEANUP(gw_free_ptr) struct gw_outlier_sample *samples = gw_calloc(count_wards(watch) + 1u, sizeof(*samples));
  GW_CLEANUP(gw_free_ptr) struct gw_health_ward **wards = gw_calloc(count_wards(watch) + 1u, sizeof(struct gw_health_ward *));
  size_t cursor = 0;
  struct gw_str key;
  void *value;
  while (gw_map_next(watch->wards, &cursor, &key, &value)) {
    struct gw_health_ward *ward = value;
    uint64_t requests, successes;
    gw_host_take_counts(ward->host, &requests, &successes);
    if (ward->outlier.is_ejected || requests == 0) continue;
    if (requests >= settings->success_rate_request_volume) ward->success_rate = 100.0 * (double)successes / (double)requests;
    wards[count] = ward;
    samples[count++] = (struct gw_outlier_sample){.request_count = requests, .success_count = successes};
  }
  if (gw_outlier_compare(settings, samples, count) < 0) return;
  for (uint32_t i = 0; i < count; i++)
    if (samples[i].ret_is_outlier) eject(wards[i], GW_OUTLIER_SUCCESS_RATE);
}

static void on_interval(struct gw_timer *timer) {
  struct gw_health_watch *watch = GW_CONTAINER_OF(timer, struct gw_health_watch, interval);
  struct gw_health *health = watch->health;
  gw_timer_start(health->loop, &watch->interval, watch->interval_ms);
  end_ejections(watch, gw_loop_now_ms(health->loop));
  compare_rates(watch);
}

void gw_health_outliers_follow(struct gw_health_watch *watch) {
  const struct gw_outlier_detection *settings = gw_health_outlier_of(watch);
  if (watch->interval.fn == NULL) gw_timer_init(&watch->interval, on_interval);
  if (settings == NULL) {
    gw_timer_stop(&watch->interval);
  } else if (!gw_timer_is_running(&watch->interval) || watch->interval_ms != settings->interval_ms) {
    watch->interval_ms = settings->interval_ms;
    gw_timer_start(watch->health->loop, &watch->interval, settings->interval_ms);
  }
}
