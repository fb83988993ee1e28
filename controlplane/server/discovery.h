/* Why: joins what has to do with where instances come from: sources, the guard before the catalog, and what the store remembers of both;
 * and the instances that are put into registries. Life: gw_discovery_new … gw_discovery_free, after the store, before the catalog. Thread:
 * the control plane's loop. */
#ifndef GW_CONTROLPLANE_SERVER_DISCOVERY_H
#define GW_CONTROLPLANE_SERVER_DISCOVERY_H

#include "common/observe/metrics.h"
#include "controlplane/discovery/registrations.h"
#include "controlplane/discovery/sources.h"
#include "controlplane/store/store.h"

struct gw_discovery;

/* Nobody that connects shall be told of empty services because a registry was not asked yet: the ports open when each service was heard of,
 * or after so long. */
#define GW_DISCOVERY_START_MS 3000u
/* Of that, for what the store remembers. */
#define GW_DISCOVERY_STORE_MS 1000u

struct gw_discovery *gw_discovery_new(struct gw_loop *loop, struct gw_log *log, struct gw_catalog *catalog,
                                      struct gw_huawei_clients *huawei);
void gw_discovery_free(struct gw_discovery *discovery);
struct gw_guard *gw_discovery_guard(const struct gw_discovery *discovery);
struct gw_sources *gw_discovery_sources(const struct gw_discovery *discovery);
struct gw_registrations *gw_discovery_registrations(const struct gw_discovery *discovery);
/* Before the store is started. */
void gw_discovery_remember(struct gw_discovery *discovery, struct gw_store *store);
/* Asks registries, and runs the loop until they have answered; returns early when *is_stopping. Without services of registries it does not
 * wait. */
void gw_discovery_start(struct gw_discovery *discovery, const bool *is_stopping);
/* Of its sources and its guard. */
void gw_discovery_write_metrics(const struct gw_discovery *discovery, struct gw_metrics_writer *writer);

#endif
