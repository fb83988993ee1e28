/* Why: who of the endpoints is well, for the whole process: makes the health checks, ejects outliers, and says when clusters must be built
 * anew. One truth a process: workers get its results as frozen clusters, so that a pick asks nobody.
 * Life: gw_health_new … gw_health_free, when no worker runs any more. What is known of an endpoint lives as long as its cluster lists it,
 * whatever else changes.
 * Thread: main; see host.h for what workers do. */
#ifndef GW_DATAPLANE_CLUSTER_HEALTH_H
#define GW_DATAPLANE_CLUSTER_HEALTH_H

#include "common/event/loop.h"
#include "common/model/cluster.h"
#include "common/net/address.h"
#include "common/observe/log.h"
#include "common/observe/metrics.h"
#include "dataplane/cluster/host.h"

struct gw_health;
struct gw_frozen_cluster;

#define GW_HEALTH_CHECKS_AT_ONCE 256 /* of the process; others wait for their turn */
#define GW_HEALTH_CHANGE_GAP_MS 100  /* between two calls of on_change, so that a thousand changes are not a thousand configurations */

/* on_change: some endpoint is usable now, or is not any more: build a new gw_frozen. */
struct gw_health *gw_health_new(struct gw_loop *loop, struct gw_log *log, void (*on_change)(void *arg), void *arg);
void gw_health_free(struct gw_health *health);

/* The endpoint `text` ("127.0.0.1:80") of a cluster that asks for health checks or outlier detection, made when it is new; a reference for
 * the caller. NULL: it asks for neither, or `health` is NULL. Endpoints that a cluster has from its first gw_health_follow on are used
 * until a check fails; one that comes later, where checks are made, is not used until its first one has passed. */
struct gw_host *gw_health_attach(struct gw_health *health, const struct gw_cluster *cluster, struct gw_str text);
/* These clusters, by name, serve now: their endpoints are looked after from here on, others no more. Takes references of its own. */
void gw_health_follow(struct gw_health *health, struct gw_frozen_cluster *const *clusters, uint32_t count);

/* What is known of an endpoint, for who looks; strings live until the next turn of the loop. */
struct gw_health_view {
  bool is_usable;
  const char *check;        /* "passing", "failing", "pending"; NULL: no checks are made */
  const char *check_reason; /* why the last one that failed did; "": none did */
  bool is_ejected;
  const char *ejection_cause; /* of the last one; NULL: there was none */
  uint64_t ejected_for_ms;    /* from now on */
  double success_rate;        /* of the last interval with enough requests, in percent; less than 0: unknown */
};
/* false: nobody looks after it. */
bool gw_health_find(const struct gw_health *health, struct gw_str cluster, const struct gw_address *address,
                    struct gw_health_view *ret_view);
/* gateway_upstream_endpoints{service,state}, gateway_upstream_health_checks_total{service,result}, … Services beyond the first `room` are
 * one, "other". */
void gw_health_write_metrics(const struct gw_health *health, uint32_t room, struct gw_metrics_writer *writer);

#endif
