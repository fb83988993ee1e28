/* Why: the store and what lies in it, joined with the rest: opens the database that options and settings name, hands API keys and their
 * pepper to the catalog, and says how the database does.
 * Life: gw_storage_new … gw_storage_free, before the catalog, after the rpc servers (calls wait for it).
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SERVER_STORAGE_H
#define GW_CONTROLPLANE_SERVER_STORAGE_H

#include "common/observe/metrics.h"
#include "controlplane/api/audit.h"
#include "controlplane/api/fleet.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/server/options.h"
#include "controlplane/store/api_keys.h"
#include "controlplane/store/revisions.h"

struct gw_storage;

struct gw_storage_options {
  struct gw_loop *loop;
  struct gw_log *log;
  const struct gw_options *options;
  struct gw_catalog *catalog;
  const struct gw_node_table *nodes; /* with the next: of these the other control planes are told; NULL: of none */
  const struct gw_snapshot_cache *cache;
  uint64_t (*revision)(void *arg); /* that is in force; of that the others are told, too */
  void (*on_newest)(void *arg);    /* of the revisions */
  void *arg;
};

/* GW_ERR_INVALID: --store, the settings or the pepper are wrong; mistakes say how. A database that is away is none. */
enum gw_err gw_storage_new(const struct gw_storage_options *options, struct gw_errors *errors, struct gw_storage **ret_storage);
void gw_storage_free(struct gw_storage *storage);
/* Connects, and reads what is there. */
void gw_storage_start(struct gw_storage *storage);
/* Runs the loop until what is there was read, or the database is known to be away, or a second has passed: whoever was told that we serve
 * may ask for keys and revisions at once. */
void gw_storage_await(const struct gw_storage *storage, const bool *is_stopping);
/* Reads the pepper again; one that can't be read leaves the one before, and is logged. */
void gw_storage_reload(struct gw_storage *storage);
struct gw_store *gw_storage_store(const struct gw_storage *storage);
struct gw_revisions *gw_storage_revisions(const struct gw_storage *storage);
struct gw_api_keys *gw_storage_api_keys(const struct gw_storage *storage);
struct gw_audit *gw_storage_audit(const struct gw_storage *storage);
/* NULL: nodes are told to nobody. */
struct gw_fleet *gw_storage_fleet(const struct gw_storage *storage);
void gw_storage_write_metrics(const struct gw_storage *storage, struct gw_metrics_writer *writer);

#endif
