/* Why: the insides of gw_health, for its files.
 * Life: a watch lives while its cluster serves, a ward while the cluster lists the endpoint.
 * Thread: main. */
#ifndef GW_DATAPLANE_CLUSTER_HEALTH_INTERNAL_H
#define GW_DATAPLANE_CLUSTER_HEALTH_INTERNAL_H

#include "common/base/map.h"
#include "common/event/timer.h"
#include "dataplane/cluster/check_state.h"
#include "dataplane/cluster/frozen_cluster.h"
#include "dataplane/cluster/health.h"
#include "dataplane/cluster/outlier.h"
#include "dataplane/cluster/probe.h"

struct gw_health_watch;

/* An endpoint that is looked after. */
struct gw_health_ward {
  struct gw_health_watch *watch;
  struct gw_host *host;
  char text[GW_ADDRESS_TEXT_SIZE];
  struct gw_address address;
  uint64_t pass; /* the follow that listed it last */
  struct gw_check_state check;
  struct gw_probe *probe; /* NULL: not made yet */
  bool is_probing;
  struct gw_timer due;
  struct gw_list queue_node;
  char reason[GW_PROBE_REASON_SIZE]; /* of the last check that failed */
  struct gw_outlier_state outlier;
  bool was_ejected;       /* ever */
  uint64_t kept_until_ms; /* until then nobody is told that it stays though it stands out */
  double success_rate;
};

/* A cluster that asks for it. */
struct gw_health_watch {
  struct gw_health *health;
  char *name;
  uint64_t pass;
  struct gw_frozen_cluster *frozen; /* what serves; NULL: not followed yet */
  struct gw_map *wards;             /* "127.0.0.1:80" → ward */
  struct gw_timer interval;         /* of the outlier detection */
  uint64_t interval_ms;
  bool has_traffic;
  bool was_empty; /* no endpoint was usable */
  uint32_t ejected_count;
  uint64_t passed_total;
  uint64_t failed_total;
  uint64_t healthy_total; /* transitions */
  uint64_t unhealthy_total;
  uint64_t ejections_total[GW_OUTLIER_CAUSE_COUNT];
  uint64_t kept_by_maximum_total;
  uint64_t kept_by_chance_total;
};

struct gw_health {
  struct gw_loop *loop;
  struct gw_log *log;
  void (*on_change)(void *arg);
  void *arg;
  struct gw_random random;
  struct gw_map *watches; /* name → watch */
  struct gw_mailbox *inbox;
  uint64_t pass;
  struct gw_list queue; /* wards whose check is due */
  uint32_t probing_count;
  struct gw_upstream_counts *counts; /* of all probes */
  struct gw_timer change;
  uint64_t changed_ms; /* the last time that on_change was called */
  bool is_closing;
};

static inline const struct gw_health_check *gw_health_check_of(const struct gw_health_watch *watch) {
  return watch->frozen != NULL ? watch->frozen->model->health_check : NULL;
}
static inline const struct gw_outlier_detection *gw_health_outlier_of(const struct gw_health_watch *watch) {
  return watch->frozen != NULL ? watch->frozen->model->outlier : NULL;
}

/* ---- health.c ---- */
/* Works out whether it is usable; a change of that is announced. */
void gw_health_update(struct gw_health_ward *ward);

/* ---- health_checks.c ---- */
void gw_health_checks_start(struct gw_health_ward *ward);
/* Gives up what is under way; what was learnt stays. */
void gw_health_checks_stop(struct gw_health_ward *ward);

/* ---- health_outliers.c ---- */
void gw_health_outliers_follow(struct gw_health_watch *watch);
/* Its limits, as the cluster says now. */
void gw_health_outliers_set_limits(struct gw_health_ward *ward);
void gw_health_outliers_on_notice(struct gw_health_ward *ward, enum gw_outlier_cause cause);
/* Ends its ejection, if there is one. `why`: for the log; NULL: it is looked after no more, nobody needs to know. */
void gw_health_outliers_return(struct gw_health_ward *ward, const char *why);

#endif
