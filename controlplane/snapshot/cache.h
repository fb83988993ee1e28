/* Why: holds the snapshot that is served now and tells who waits for the next.
 * Life: gw_snapshot_cache_new … gw_snapshot_cache_free; holds references on snapshots.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SNAPSHOT_CACHE_H
#define GW_CONTROLPLANE_SNAPSHOT_CACHE_H

#include <stdint.h>

#include "common/model/snapshot.h"

struct gw_snapshot_cache;

struct gw_snapshot_cache *gw_snapshot_cache_new(void);
void gw_snapshot_cache_free(struct gw_snapshot_cache *cache);
/* Makes it current and calls the watchers, unless its version is current already. References are taken. `now_us`: monotonic. */
void gw_snapshot_cache_set(struct gw_snapshot_cache *cache, struct gw_snapshot *snapshot, uint64_t now_us);
/* NULL before the first. */
struct gw_snapshot *gw_snapshot_cache_current(const struct gw_snapshot_cache *cache);
uint64_t gw_snapshot_cache_set_us(const struct gw_snapshot_cache *cache);
/* The `resources` field of a state-of-the-world answer with all current resources of a type: encoded once a snapshot. One reference for the caller. */
struct gw_bytes *gw_snapshot_cache_all(struct gw_snapshot_cache *cache, enum gw_resource_type type);

typedef void (*gw_snapshot_cache_fn)(void *arg);
struct gw_snapshot_watch {
  struct gw_list node;
  gw_snapshot_cache_fn fn;
  void *arg;
};
/* Embedded in the watcher. Remove with gw_list_remove(&watch->node), also inside fn. */
void gw_snapshot_cache_watch(struct gw_snapshot_cache *cache, struct gw_snapshot_watch *watch);

#endif
