/* Why: holds the snapshot that is served now, the sets that streams share of it, and tells who waits for the next.
 * Life: gw_snapshot_cache_new … gw_snapshot_cache_free; holds references on snapshots.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SNAPSHOT_CACHE_H
#define GW_CONTROLPLANE_SNAPSHOT_CACHE_H

#include <stdint.h>

#include "common/base/list.h"
#include "common/model/snapshot.h"
#include "controlplane/snapshot/resource_set.h"

struct gw_snapshot_cache;

struct gw_snapshot_cache *gw_snapshot_cache_new(void);
void gw_snapshot_cache_free(struct gw_snapshot_cache *cache);
/* Makes it current and calls the watchers, unless its version is current already. References are taken. `now_us`: monotonic. */
void gw_snapshot_cache_set(struct gw_snapshot_cache *cache, struct gw_snapshot *snapshot, uint64_t now_us);
/* The same where nodes of some groups get something else: `others` is for all nodes but theirs (and becomes current); `everything` holds
 * all that any of them may get, for who tells of it. */
struct gw_snapshot_group {
  struct gw_str name; /* the nodes' cluster */
  struct gw_snapshot *snapshot;
};
void gw_snapshot_cache_set_groups(struct gw_snapshot_cache *cache, struct gw_snapshot *everything, struct gw_snapshot *others,
                                  const struct gw_snapshot_group *groups, uint32_t count, uint64_t now_us);
/* The same with other API keys. Not before the first snapshot. */
void gw_snapshot_cache_set_api_keys(struct gw_snapshot_cache *cache, const struct gw_resource_list *keys, uint64_t now_us);
/* NULL before the first. */
struct gw_snapshot *gw_snapshot_cache_everything(const struct gw_snapshot_cache *cache);
/* What nodes of that cluster get; NULL before the first. */
struct gw_snapshot *gw_snapshot_cache_of(const struct gw_snapshot_cache *cache, struct gw_str cluster);
uint32_t gw_snapshot_cache_groups(const struct gw_snapshot_cache *cache, const struct gw_snapshot_group **ret_groups);
/* A cache that follows this one: its current snapshot is what nodes of that cluster get, be it a group's or not. Freed before this one. */
struct gw_snapshot_cache *gw_snapshot_cache_new_view(struct gw_snapshot_cache *cache, struct gw_str cluster);
/* NULL before the first. */
struct gw_snapshot *gw_snapshot_cache_current(const struct gw_snapshot_cache *cache);
/* When the configuration that is current came; other API keys are no other configuration. */
uint64_t gw_snapshot_cache_set_us(const struct gw_snapshot_cache *cache);
/* Whether the current one differs from the one before in its API keys only: for watchers. */
bool gw_snapshot_cache_is_keys_alone(const struct gw_snapshot_cache *cache);
/* What a stream that asks for all of a type gets: all, without listeners that are for those only who name them (is_api_only). Borrowed
 * until the next gw_snapshot_cache_set. Not before the first snapshot. */
struct gw_resource_set *gw_snapshot_cache_all(struct gw_snapshot_cache *cache, enum gw_resource_type type);
/* What a stream that names it gets: the snapshot's, else the listener or route configuration that stands for a cluster (api_listener.h).
 * NULL: absent. Borrowed until the next gw_snapshot_cache_set. Not before the first snapshot. */
struct gw_resource *gw_snapshot_cache_find(struct gw_snapshot_cache *cache, enum gw_resource_type type, struct gw_str name);
/* The table that the sets of its streams live in. */
struct gw_resource_sets *gw_snapshot_cache_sets(struct gw_snapshot_cache *cache);

typedef void (*gw_snapshot_cache_fn)(void *arg);
struct gw_snapshot_watch {
  struct gw_list node;
  gw_snapshot_cache_fn fn;
  void *arg;
};
/* Embedded in the watcher. Remove with gw_list_remove(&watch->node), also inside fn. */
void gw_snapshot_cache_watch(struct gw_snapshot_cache *cache, struct gw_snapshot_watch *watch);
/* Called after each set but that of API keys, be something new for anybody or not, before the watchers of views. One; NULL ends it. */
void gw_snapshot_cache_watch_sets(struct gw_snapshot_cache *cache, struct gw_snapshot_watch *watch);

#endif
