#include "controlplane/snapshot/cache.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/model/listener.h"
#include "controlplane/snapshot/api_listener.h"

struct gw_snapshot_cache {
  struct gw_snapshot *current;
  uint64_t set_us;
  bool is_keys_alone; /* current differs from the one before in its API keys only */
  struct gw_list watchers;
  struct gw_resource_sets *sets;
  struct gw_resource_set *all[GW_RESOURCE_TYPE_COUNT]; /* of the current snapshot; NULL before the first use */
  struct gw_api_listeners *api_listeners;
  struct gw_snapshot_watch *sets_watch; /* NULL: nobody */
  struct gw_snapshot *everything;
  struct gw_snapshot_group *groups; /* each with one reference; names are copies */
  uint32_t group_count;
  struct gw_list views;
  struct gw_list node; /* of a view: in the views of the cache that it follows */
  char *cluster;       /* of a view; NULL: it is none, and has `sets` of its own */
};

struct gw_snapshot_cache *gw_snapshot_cache_new(void) {
  struct gw_snapshot_cache *cache = gw_calloc(1, sizeof *cache);
  gw_list_init(&cache->watchers);
  gw_list_init(&cache->views);
  cache->sets = gw_resource_sets_new();
  cache->api_listeners = gw_api_listeners_new();
  return cache;
}

struct gw_snapshot_cache *gw_snapshot_cache_new_view(struct gw_snapshot_cache *cache, struct gw_str cluster) {
  struct gw_snapshot_cache *view = gw_calloc(1, sizeof *view);
  gw_list_init(&view->watchers);
  gw_list_init(&view->views);
  view->sets = cache->sets;
  view->api_listeners = gw_api_listeners_new();
  view->cluster = gw_str_dup(cluster);
  gw_list_add_last(&cache->views, &view->node);
  struct gw_snapshot *snapshot = gw_snapshot_cache_of(cache, cluster);
  view->current = snapshot != NULL ? gw_snapshot_ref(snapshot) : NULL;
  view->set_us = cache->set_us;
  return view;
}

static void drop_set(struct gw_snapshot_cache *cache, enum gw_resource_type type) {
  gw_resource_set_unref(cache->all[type]);
  cache->all[type] = NULL;
}

static void drop_all_sets(struct gw_snapshot_cache *cache) {
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    drop_set(cache, (enum gw_resource_type)type);
}

static void forget_groups(struct gw_snapshot_group *groups, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    free((void *)(uintptr_t)groups[i].name.data);
    gw_snapshot_unref(groups[i].snapshot);
  }
  free(groups);
}

void gw_snapshot_cache_free(struct gw_snapshot_cache *cache) {
  if (cache == NULL) return;
  GW_ASSERT(gw_list_is_empty(&cache->views));
  gw_list_remove(&cache->node);
  drop_all_sets(cache);
  if (cache->cluster == NULL) gw_resource_sets_free(cache->sets);
  gw_api_listeners_free(cache->api_listeners);
  gw_snapshot_unref(cache->current);
  gw_snapshot_unref(cache->everything);
  forget_groups(cache->groups, cache->group_count);
  free(cache->cluster);
  free(cache);
}

/* Each watcher moves back before it is called, so that it may remove itself or any other. */
static void tell_watchers(struct gw_snapshot_cache *cache) {
  struct gw_list due;
  gw_list_init(&due);
  GW_LIST_FOR_EACH(node, &cache->watchers) {
    gw_list_remove(node);
    gw_list_add_last(&due, node);
  }
  while (!gw_list_is_empty(&due)) {
    struct gw_snapshot_watch *watch = GW_LIST_ITEM(due.next, struct gw_snapshot_watch, node);
    gw_list_remove(&watch->node);
    gw_list_add_last(&cache->watchers, &watch->node);
    watch->fn(watch->arg);
  }
}

static bool has_same_keys(const struct gw_snapshot *a, const struct gw_snapshot *b) {
  return a->knows_api_keys == b->knows_api_keys &&
         strcmp(a->list_versions[GW_RESOURCE_API_KEY], b->list_versions[GW_RESOURCE_API_KEY]) == 0;
}

static void set_current(struct gw_snapshot_cache *cache, struct gw_snapshot *snapshot, uint64_t now_us) {
  cache->is_keys_alone = cache->current != NULL && memcmp(cache->current->version, snapshot->version, sizeof snapshot->version) == 0;
  if (cache->is_keys_alone && has_same_keys(cache->current, snapshot)) return;
  gw_snapshot_ref(snapshot);
  gw_snapshot_unref(cache->current);
  cache->current = snapshot;
  if (cache->is_keys_alone) {
    drop_set(cache, GW_RESOURCE_API_KEY);
  } else {
    cache->set_us = now_us;
    drop_all_sets(cache);
    gw_api_listeners_trim(cache->api_listeners, snapshot);
  }
  tell_watchers(cache);
}

static void set_groups(struct gw_snapshot_cache *cache, struct gw_snapshot *everything, struct gw_snapshot *others,
                       const struct gw_snapshot_group *groups, uint32_t count, uint64_t now_us, bool tells_sets_watch) {
  struct gw_snapshot *everything_before = cache->everything;
  struct gw_snapshot_group *groups_before = cache->groups;
  uint32_t count_before = cache->group_count;
  cache->everything = gw_snapshot_ref(everything);
  cache->groups = count > 0 ? gw_calloc(count, sizeof *cache->groups) : NULL;
  cache->group_count = count;
  for (uint32_t i = 0; i < count; i++)
    cache->groups[i] = (struct gw_snapshot_group){{gw_str_dup(groups[i].name), groups[i].name.len}, gw_snapshot_ref(groups[i].snapshot)};
  set_current(cache, others, now_us);
  if (cache->sets_watch != NULL && tells_sets_watch) cache->sets_watch->fn(cache->sets_watch->arg);
  GW_LIST_FOR_EACH(node, &cache->views) {
    struct gw_snapshot_cache *view = GW_LIST_ITEM(node, struct gw_snapshot_cache, node);
    set_current(view, gw_snapshot_cache_of(cache, gw_str_from(view->cluster)), now_us);
  }
  gw_snapshot_unref(everything_before);
  forget_groups(groups_before, count_before);
}

void gw_snapshot_cache_set_groups(struct gw_snapshot_cache *cache, struct gw_snapshot *everything, struct gw_snapshot *others,
                                  const struct gw_snapshot_group *groups, uint32_t count, uint64_t now_us) {
  set_groups(cache, everything, others, groups, count, now_us, true);
}

void gw_snapshot_cache_set(struct gw_snapshot_cache *cache, struct gw_snapshot *snapshot, uint64_t now_us) {
  gw_snapshot_cache_set_groups(cache, snapshot, snapshot, NULL, 0, now_us);
}

void gw_snapshot_cache_set_api_keys(struct gw_snapshot_cache *cache, const struct gw_resource_list *keys, uint64_t now_us) {
  struct gw_snapshot *everything = gw_snapshot_with_api_keys(cache->everything, keys);
  bool is_whole = cache->current == cache->everything;
  struct gw_snapshot *others = is_whole ? gw_snapshot_ref(everything) : gw_snapshot_with_api_keys(cache->current, keys);
  uint32_t count = cache->group_count;
  struct gw_snapshot_group *groups = gw_calloc((size_t)count + 1, sizeof *groups);
  for (uint32_t i = 0; i < count; i++)
    groups[i] = (struct gw_snapshot_group){{gw_str_dup(cache->groups[i].name), cache->groups[i].name.len},
                                           gw_snapshot_with_api_keys(cache->groups[i].snapshot, keys)};
  set_groups(cache, everything, others, groups, count, now_us, false);
  forget_groups(groups, count);
  gw_snapshot_unref(others);
  gw_snapshot_unref(everything);
}

struct gw_snapshot *gw_snapshot_cache_current(const struct gw_snapshot_cache *cache) {
  return cache->current;
}

struct gw_snapshot *gw_snapshot_cache_everything(const struct gw_snapshot_cache *cache) {
  return cache->everything;
}

struct gw_snapshot *gw_snapshot_cache_of(const struct gw_snapshot_cache *cache, struct gw_str cluster) {
  for (uint32_t i = 0; i < cache->group_count; i++)
    if (gw_str_equal(cache->groups[i].name, cluster)) return cache->groups[i].snapshot;
  return cache->current;
}

uint32_t gw_snapshot_cache_groups(const struct gw_snapshot_cache *cache, const struct gw_snapshot_group **ret_groups) {
  *ret_groups = cache->groups;
  return cache->group_count;
}

void gw_snapshot_cache_watch_sets(struct gw_snapshot_cache *cache, struct gw_snapshot_watch *watch) {
  cache->sets_watch = watch;
}

bool gw_snapshot_cache_is_keys_alone(const struct gw_snapshot_cache *cache) {
  return cache->is_keys_alone;
}

uint64_t gw_snapshot_cache_set_us(const struct gw_snapshot_cache *cache) {
  return cache->set_us;
}

void gw_snapshot_cache_watch(struct gw_snapshot_cache *cache, struct gw_snapshot_watch *watch) {
  gw_list_add_last(&cache->watchers, &watch->node);
}

struct gw_resource_sets *gw_snapshot_cache_sets(struct gw_snapshot_cache *cache) {
  return cache->sets;
}

struct gw_resource_set *gw_snapshot_cache_all(struct gw_snapshot_cache *cache, enum gw_resource_type type) {
  GW_ASSERT(cache->current != NULL);
  if (cache->all[type] != NULL) return cache->all[type];
  const struct gw_resource_list *list = &cache->current->lists[type];
  if (type != GW_RESOURCE_LISTENER) {
    cache->all[type] = gw_resource_sets_get(cache->sets, type, list);
    return cache->all[type];
  }
  struct gw_resource_list shown = {.items = gw_malloc(((size_t)list->count + 1) * sizeof(struct gw_resource *))};
  for (uint32_t i = 0; i < list->count; i++) {
    if (!list->items[i]->listener->is_api_only) shown.items[shown.count++] = list->items[i];
  }
  cache->all[type] = gw_resource_sets_get(cache->sets, type, &shown);
  free(shown.items);
  return cache->all[type];
}

struct gw_resource *gw_snapshot_cache_find(struct gw_snapshot_cache *cache, enum gw_resource_type type, struct gw_str name) {
  GW_ASSERT(cache->current != NULL);
  const struct gw_resource *resource = gw_snapshot_find(cache->current, type, name);
  if (resource != NULL) return (struct gw_resource *)(uintptr_t)resource; /* for its count: the rest stays frozen */
  return gw_api_listeners_find(cache->api_listeners, cache->current, type, name);
}
