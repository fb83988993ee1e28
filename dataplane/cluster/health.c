#include "dataplane/cluster/health.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "dataplane/cluster/health_internal.h"

/* ---- changes ---- */

static void on_change_timer(struct gw_timer *timer) {
  struct gw_health *health = GW_CONTAINER_OF(timer, struct gw_health, change);
  health->changed_ms = gw_loop_now_ms(health->loop);
  health->on_change(health->arg);
}

static void announce_change(struct gw_health *health) {
  if (gw_timer_is_running(&health->change) || health->is_closing) return;
  uint64_t now_ms = gw_loop_now_ms(health->loop), next_ms = health->changed_ms + GW_HEALTH_CHANGE_GAP_MS;
  gw_timer_start(health->loop, &health->change, next_ms > now_ms ? next_ms - now_ms : 0);
}

/* Of those that the configuration lists as healthy. */
static bool has_usable(const struct gw_health_watch *watch) {
  const struct gw_frozen_cluster *frozen = watch->frozen;
  for (uint32_t i = 0; i < frozen->endpoint_count; i++)
    if (frozen->endpoints[i].is_wanted && frozen->endpoints[i].host->is_usable) return true;
  return false;
}

static void look_for_the_last(struct gw_health_watch *watch) {
  bool is_empty = !has_usable(watch);
  if (is_empty == watch->was_empty) return;
  watch->was_empty = is_empty;
  if (!is_empty) {
    GW_LOG_INFO(watch->health->log, "cluster %s: has a healthy endpoint again", watch->name);
  } else if (watch->frozen->model->balancing.panic_threshold_percent > 0) {
    GW_LOG_ERROR(watch->health->log, "cluster %s: no healthy endpoint is left, so all are used (panic threshold)", watch->name);
  } else {
    GW_LOG_ERROR(watch->health->log, "cluster %s: no healthy endpoint is left, requests are answered 503", watch->name);
  }
}

void gw_health_update(struct gw_health_ward *ward) {
  struct gw_health_watch *watch = ward->watch;
  bool is_checked = gw_health_check_of(watch) != NULL;
  bool is_usable = (!is_checked || ward->check.is_healthy) && !ward->outlier.is_ejected;
  bool is_new = is_checked && !ward->check.is_healthy && !ward->check.has_result;
  if (is_usable == ward->host->is_usable && is_new == ward->host->is_new) return;
  ward->host->is_usable = is_usable;
  ward->host->is_new = is_new;
  look_for_the_last(watch);
  announce_change(watch->health);
}

/* ---- wards ---- */

static void ward_free(struct gw_health_ward *ward) {
  gw_health_checks_stop(ward);
  gw_health_outliers_return(ward, NULL);
  gw_host_leave(ward->host);
  free(ward);
}

static void watch_free(struct gw_health_watch *watch) {
  size_t cursor = 0;
  struct gw_str key;
  void *value;
  while (gw_map_next(watch->wards, &cursor, &key, &value))
    ward_free(value);
  gw_timer_stop(&watch->interval);
  gw_map_free(watch->wards);
  gw_frozen_cluster_unref(watch->frozen);
  free(watch->name);
  free(watch);
}

static struct gw_health_watch *get_watch(struct gw_health *health, struct gw_str name) {
  struct gw_health_watch *watch = gw_map_find(health->watches, name);
  if (watch != NULL) return watch;
  watch = gw_calloc(1, sizeof(*watch));
  watch->health = health;
  watch->name = gw_str_dup(name);
  watch->wards = gw_map_new();
  gw_map_put(health->watches, name, watch);
  return watch;
}

static struct gw_health_ward *ward_new(struct gw_health_watch *watch, struct gw_str text, bool is_healthy) {
  struct gw_health_ward *ward = gw_calloc(1, sizeof(*ward));
  ward->watch = watch;
  ward->host = gw_host_new(watch->health->inbox, ward);
  ward->host->is_usable = is_healthy;
  ward->host->is_new = !is_healthy;
  ward->check.is_healthy = is_healthy;
  ward->success_rate = -1;
  memcpy(ward->text, text.data, text.len);
  gw_map_put(watch->wards, text, ward);
  return ward;
}

struct gw_host *gw_health_attach(struct gw_health *health, const struct gw_cluster *cluster, struct gw_str text) {
  if (health == NULL || (cluster->health_check == NULL && cluster->outlier == NULL)) return NULL;
  struct gw_health_watch *watch = get_watch(health, cluster->name);
  struct gw_health_ward *ward = gw_map_find(watch->wards, text);
  if (ward == NULL) ward = ward_new(watch, text, watch->frozen == NULL || cluster->health_check == NULL);
  return gw_host_ref(ward->host);
}

/* ---- following ---- */

/* Probes may go on: they borrow the model and have the TLS. */
static bool checks_the_same(const struct gw_frozen_cluster *a, const struct gw_frozen_cluster *b) {
  return a->model == b->model && a->tls == b->tls;
}

static void drop_others(struct gw_health_watch *watch) {
  struct gw_map *kept = gw_map_new();
  size_t cursor = 0;
  struct gw_str key;
  void *value;
  while (gw_map_next(watch->wards, &cursor, &key, &value)) {
    struct gw_health_ward *ward = value;
    if (ward->pass == watch->health->pass) {
      gw_map_put(kept, key, ward);
    } else {
      ward_free(ward);
    }
  }
  gw_map_free(watch->wards);
  watch->wards = kept;
}

static void follow_endpoint(struct gw_health_watch *watch, const struct gw_frozen_endpoint *endpoint, bool is_anew) {
  struct gw_health_ward *ward = endpoint->host->owner;
  bool is_new = ward->pass == 0;
  ward->pass = watch->health->pass;
  ward->address = endpoint->address;
  gw_health_outliers_set_limits(ward);
  if (is_anew) gw_health_checks_stop(ward);
  if ((is_new || is_anew) && gw_health_check_of(watch) != NULL) gw_health_checks_start(ward);
  if (gw_health_outlier_of(watch) == NULL) gw_health_outliers_return(ward, "outlier detection was switched off");
  gw_health_update(ward);
}

static void follow_cluster(struct gw_health *health, struct gw_frozen_cluster *frozen) {
  struct gw_health_watch *watch = get_watch(health, frozen->model->name);
  struct gw_frozen_cluster *before = watch->frozen;
  watch->pass = health->pass;
  if (before == frozen) return;
  bool is_anew = before != NULL && !checks_the_same(before, frozen);
  watch->frozen = gw_frozen_cluster_ref(frozen);
  for (uint32_t i = 0; i < frozen->endpoint_count; i++)
    follow_endpoint(watch, &frozen->endpoints[i], is_anew);
  drop_others(watch);
  gw_health_outliers_follow(watch);
  if (frozen->endpoint_count > 0) look_for_the_last(watch);
  gw_frozen_cluster_unref(before); /* probes that are gone borrowed from it */
}

static void drop_watches(struct gw_health *health) {
  struct gw_map *kept = gw_map_new();
  size_t cursor = 0;
  struct gw_str key;
  void *value;
  while (gw_map_next(health->watches, &cursor, &key, &value)) {
    struct gw_health_watch *watch = value;
    if (watch->pass == health->pass) {
      gw_map_put(kept, key, watch);
    } else {
      watch_free(watch);
    }
  }
  gw_map_free(health->watches);
  health->watches = kept;
}

void gw_health_follow(struct gw_health *health, struct gw_frozen_cluster *const *clusters, uint32_t count) {
  health->pass++;
  for (uint32_t i = 0; i < count; i++) {
    const struct gw_cluster *model = clusters[i]->model;
    if (model->health_check != NULL || model->outlier != NULL) follow_cluster(health, clusters[i]);
  }
  drop_watches(health);
}

/* ---- life ---- */

static void on_notice(void *arg, struct gw_mail *mail) {
  (void)arg;
  struct gw_host_notice *notice = GW_CONTAINER_OF(mail, struct gw_host_notice, mail);
  if (notice->host->owner != NULL) gw_health_outliers_on_notice(notice->host->owner, notice->cause);
  gw_host_unref(notice->host);
  free(notice);
}

struct gw_health *gw_health_new(struct gw_loop *loop, struct gw_log *log, void (*on_change)(void *arg), void *arg) {
  struct gw_health *health = gw_calloc(1, sizeof(*health));
  health->loop = loop;
  health->log = log;
  health->on_change = on_change;
  health->arg = arg;
  gw_random_init(&health->random, 0);
  health->watches = gw_map_new();
  health->counts = gw_upstream_counts_new();
  health->inbox = gw_mailbox_new(loop, on_notice, health);
  gw_list_init(&health->queue);
  gw_timer_init(&health->change, on_change_timer);
  return health;
}

void gw_health_free(struct gw_health *health) {
  if (health == NULL) return;
  health->is_closing = true;
  gw_mailbox_free(health->inbox);
  size_t cursor = 0;
  struct gw_str key;
  void *value;
  while (gw_map_next(health->watches, &cursor, &key, &value))
    watch_free(value);
  gw_timer_stop(&health->change);
  gw_map_free(health->watches);
  gw_upstream_counts_unref(health->counts);
  free(health);
}
