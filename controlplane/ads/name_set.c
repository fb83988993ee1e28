#include "controlplane/ads/name_set.h"

#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/model/secret.h"

#define VERSION_SIZE 17

struct gw_name_sets {
  struct gw_snapshot_cache *cache;
  struct gw_map *by_key; /* what it holds, as text → set, which the map does not hold */
  uint64_t last_id;
};

struct gw_name_set {
  uint32_t refs;
  struct gw_name_sets *sets;
  enum gw_resource_type type;
  struct gw_resource_filter filter;
  char *key; /* the names lie in it */
  size_t key_len;

  char selected_of[VERSION_SIZE]; /* the snapshot's version */
  struct gw_resource_set *selected;
  uint32_t withheld_count;      /* that selecting left out */
  char covers_of[VERSION_SIZE]; /* the naming set's version */
  bool covers;
};

struct gw_name_sets *gw_name_sets_new(struct gw_snapshot_cache *cache) {
  struct gw_name_sets *sets = gw_calloc(1, sizeof *sets);
  sets->cache = cache;
  sets->by_key = gw_map_new();
  return sets;
}

void gw_name_sets_free(struct gw_name_sets *sets) {
  if (sets == NULL) return;
  GW_ASSERT(gw_map_count(sets->by_key) == 0);
  gw_map_free(sets->by_key);
  free(sets);
}

static int compare_names(const void *a, const void *b) {
  return gw_str_compare(*(const struct gw_str *)a, *(const struct gw_str *)b);
}

static uint32_t sort_unique(struct gw_str *names, uint32_t count) {
  if (count == 0) return 0;
  qsort(names, count, sizeof *names, compare_names);
  uint32_t kept = 1;
  for (uint32_t i = 1; i < count; i++)
    if (!gw_str_equal(names[i], names[kept - 1])) names[kept++] = names[i];
  return kept;
}

/* Type, wildcard, withholding, and each name with its length before it. Moves the names into the text. */
static struct gw_strbuf make_key(const struct gw_names_wanted *wanted, struct gw_str *names, uint32_t count) {
  struct gw_strbuf key;
  gw_strbuf_init(&key);
  size_t total = 3;
  for (uint32_t i = 0; i < count; i++)
    total += names[i].len + 24;
  gw_strbuf_reserve(&key, total); /* it never moves again */
  gw_strbuf_append_char(&key, (char)('0' + (int)wanted->type));
  gw_strbuf_append_char(&key, wanted->takes_all ? '*' : '-');
  gw_strbuf_append_char(&key, wanted->withholds ? '!' : '-');
  for (uint32_t i = 0; i < count; i++) {
    gw_strbuf_append_u64(&key, names[i].len);
    gw_strbuf_append_char(&key, ':');
    gw_strbuf_append_str(&key, names[i]);
    names[i].data = key.data + key.len - names[i].len;
  }
  return key;
}

struct gw_name_set *gw_name_sets_get(struct gw_name_sets *sets, const struct gw_names_wanted *wanted) {
  struct gw_str *own = gw_malloc(((size_t)wanted->name_count + 1) * sizeof *own);
  if (wanted->name_count > 0) memcpy(own, wanted->names, wanted->name_count * sizeof *own);
  uint32_t count = sort_unique(own, wanted->name_count);
  struct gw_strbuf key = make_key(wanted, own, count);
  struct gw_name_set *set = gw_map_find(sets->by_key, gw_strbuf_str(&key));
  if (set != NULL) {
    gw_strbuf_done(&key);
    free(own);
    return gw_name_set_ref(set);
  }
  set = gw_calloc(1, sizeof *set);
  set->refs = 1;
  set->sets = sets;
  set->type = wanted->type;
  set->filter = (struct gw_resource_filter){.id = ++sets->last_id,
                                            .takes_all = wanted->takes_all,
                                            .withholds = wanted->withholds,
                                            .names = own,
                                            .name_count = count};
  set->key_len = key.len;
  set->key = gw_strbuf_take(&key);
  gw_map_put(sets->by_key, (struct gw_str){set->key, set->key_len}, set);
  return set;
}

struct gw_resource_set *gw_name_sets_find_resources(const struct gw_name_sets *sets, enum gw_resource_type type, struct gw_str version) {
  return gw_resource_sets_find(gw_snapshot_cache_sets(sets->cache), type, version);
}

struct gw_resource *gw_name_sets_find(struct gw_name_sets *sets, enum gw_resource_type type, struct gw_str name) {
  return gw_snapshot_cache_current(sets->cache) != NULL ? gw_snapshot_cache_find(sets->cache, type, name) : NULL;
}

struct gw_resource_set *gw_name_sets_make(struct gw_name_sets *sets, enum gw_resource_type type, const struct gw_resource_list *list) {
  return gw_resource_sets_get(gw_snapshot_cache_sets(sets->cache), type, list);
}

struct gw_name_sets *gw_name_set_table(const struct gw_name_set *set) {
  return set->sets;
}

struct gw_name_set *gw_name_set_ref(struct gw_name_set *set) {
  set->refs++;
  return set;
}

void gw_name_set_unref(struct gw_name_set *set) {
  if (set == NULL || --set->refs > 0) return;
  gw_map_remove(set->sets->by_key, (struct gw_str){set->key, set->key_len});
  gw_resource_set_unref(set->selected);
  free((void *)(uintptr_t)set->filter.names);
  free(set->key);
  free(set);
}

const struct gw_resource_filter *gw_name_set_filter(const struct gw_name_set *set) {
  return &set->filter;
}

static int compare_resources(const void *a, const void *b) {
  return gw_str_compare((*(struct gw_resource *const *)a)->name, (*(struct gw_resource *const *)b)->name);
}

/* The named ones, and with takes_all the others too: sorted, none twice. */
static struct gw_resource_list gather(struct gw_name_set *set) {
  set->withheld_count = 0;
  struct gw_snapshot_cache *cache = set->sets->cache;
  const struct gw_resource_list *all = set->filter.takes_all ? gw_resource_set_list(gw_snapshot_cache_all(cache, set->type)) : NULL;
  size_t room = (size_t)set->filter.name_count + (all != NULL ? all->count : 0) + 1;
  struct gw_resource_list list = {.items = gw_malloc(room * sizeof(struct gw_resource *))};
  for (uint32_t i = 0; i < set->filter.name_count; i++) {
    struct gw_resource *resource = gw_snapshot_cache_find(cache, set->type, set->filter.names[i]);
    if (resource == NULL) continue;
    if (set->filter.withholds && gw_resource_is_confidential(resource))
      set->withheld_count++;
    else
      list.items[list.count++] = resource;
  }
  if (all == NULL) return list; /* in the order of the names already */
  for (uint32_t i = 0; i < all->count; i++)
    list.items[list.count++] = all->items[i];
  qsort(list.items, list.count, sizeof(struct gw_resource *), compare_resources);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < list.count; i++)
    if (kept == 0 || list.items[i] != list.items[kept - 1]) list.items[kept++] = list.items[i];
  list.count = kept;
  return list;
}

struct gw_resource_set *gw_name_set_select(struct gw_name_set *set) {
  struct gw_snapshot_cache *cache = set->sets->cache;
  const struct gw_snapshot *snapshot = gw_snapshot_cache_current(cache);
  if (snapshot == NULL) return NULL;
  const char *version = set->type == GW_RESOURCE_API_KEY ? snapshot->list_versions[set->type] : snapshot->version;
  if (set->selected != NULL && memcmp(set->selected_of, version, VERSION_SIZE) == 0) return set->selected;
  struct gw_resource_set *selected;
  bool is_all_withheld = set->filter.withholds && set->type == GW_RESOURCE_API_KEY; /* each of them is confidential */
  if (is_all_withheld) {
    set->withheld_count = snapshot->lists[set->type].count;
    selected = gw_resource_sets_get(gw_snapshot_cache_sets(cache), set->type, &(struct gw_resource_list){0});
  } else if (set->filter.takes_all && set->filter.name_count == 0) {
    selected = gw_resource_set_ref(gw_snapshot_cache_all(cache, set->type));
  } else {
    struct gw_resource_list list = gather(set);
    selected = gw_resource_sets_get(gw_snapshot_cache_sets(cache), set->type, &list);
    free(list.items);
  }
  gw_resource_set_unref(set->selected);
  set->selected = selected;
  memcpy(set->selected_of, version, VERSION_SIZE);
  return selected;
}

uint32_t gw_name_set_withheld(struct gw_name_set *set) {
  gw_name_set_select(set);
  return set->withheld_count;
}

static bool has_name(const struct gw_name_set *set, struct gw_str name) {
  return bsearch(&name, set->filter.names, set->filter.name_count, sizeof name, compare_names) != NULL;
}

static bool has_all(const struct gw_name_set *set, const struct gw_resource_list *naming) {
  if (set->filter.takes_all) return true;
  for (uint32_t i = 0; i < naming->count; i++) {
    enum gw_resource_type type;
    struct gw_str name;
    for (uint32_t cursor = 0; gw_resource_next_name(naming->items[i], &cursor, &type, &name);)
      if (type == set->type && !has_name(set, name)) return false;
  }
  return true;
}

bool gw_name_set_covers(struct gw_name_set *set, const struct gw_resource_set *naming) {
  if (gw_resource_set_has_unknown(naming)) return has_all(set, gw_resource_set_list(naming));
  const char *version = gw_resource_set_version(naming);
  if (memcmp(set->covers_of, version, VERSION_SIZE) != 0) {
    set->covers = has_all(set, gw_resource_set_list(naming));
    memcpy(set->covers_of, version, VERSION_SIZE);
  }
  return set->covers;
}
