#include "controlplane/snapshot/resource_set.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/content_hash.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/xds/discovery.h"

struct gw_resource_sets {
  struct gw_map *by_version; /* type and version → set, which it does not hold */
};

struct gw_resource_set {
  uint32_t refs;
  struct gw_resource_sets *sets;
  enum gw_resource_type type;
  char version[GW_CONTENT_VERSION_SIZE];
  struct gw_resource_list list;
  struct gw_bytes *encoded; /* NULL before the first use */
  unsigned named_types;
  bool knows_named_types;
  bool has_unknown; /* a resource of which only name and version are known */

  /* The last encode_changes of this set, which many streams go through at the same time. */
  char changes_from[GW_CONTENT_VERSION_SIZE];
  bool changes_from_unknown;
  struct gw_resource_changes changes;

  /* The last with_leaving of this set. Neither side holds the other: what has left shall be freed with the last stream that has it. */
  char before_version[GW_CONTENT_VERSION_SIZE];
  bool before_has_unknown;
  uint64_t filter_id;
  bool is_same;                         /* nothing had left: the result is this set */
  struct gw_resource_set *with_leaving; /* or NULL */
  struct gw_resource_set *leaving_from; /* the set whose with_leaving this is */
};

#define KEY_SIZE (1 + GW_CONTENT_VERSION_SIZE - 1)

/* What has unknown resources must not stand in for what can be sent, though its version is the same. */
static struct gw_str make_key(enum gw_resource_type type, bool has_unknown, const char *version, char key[KEY_SIZE]) {
  key[0] = (char)((has_unknown ? 'A' : '0') + (int)type);
  memcpy(key + 1, version, KEY_SIZE - 1);
  return (struct gw_str){key, KEY_SIZE};
}

struct gw_resource_sets *gw_resource_sets_new(void) {
  struct gw_resource_sets *sets = gw_calloc(1, sizeof *sets);
  sets->by_version = gw_map_new();
  return sets;
}

void gw_resource_sets_free(struct gw_resource_sets *sets) {
  if (sets == NULL) return;
  GW_ASSERT(gw_map_count(sets->by_version) == 0);
  gw_map_free(sets->by_version);
  free(sets);
}

struct gw_resource_set *gw_resource_sets_get(struct gw_resource_sets *sets, enum gw_resource_type type,
                                             const struct gw_resource_list *list) {
  char version[GW_CONTENT_VERSION_SIZE], key[KEY_SIZE];
  gw_resource_list_version(list, version);
  bool has_unknown = false; /* a list that holds is a snapshot's: all of it is known */
  for (uint32_t i = 0; list->hold == NULL && i < list->count && !has_unknown; i++)
    has_unknown = list->items[i]->any == NULL;
  struct gw_resource_set *set = gw_map_find(sets->by_version, make_key(type, has_unknown, version, key));
  if (set != NULL) return gw_resource_set_ref(set);
  set = gw_calloc(1, sizeof *set);
  set->refs = 1;
  set->sets = sets;
  set->type = type;
  set->has_unknown = has_unknown;
  memcpy(set->version, version, sizeof version);
  if (list->hold == NULL) {
    for (uint32_t i = 0; i < list->count; i++)
      gw_resource_ref(list->items[i]);
    set->list = gw_resource_list_new(list->items, list->count);
  } else {
    set->list = gw_resource_list_ref(list);
  }
  gw_map_put(sets->by_version, make_key(type, has_unknown, version, key), set);
  return set;
}

struct gw_resource_set *gw_resource_sets_find(const struct gw_resource_sets *sets, enum gw_resource_type type, struct gw_str version) {
  if (version.len != GW_CONTENT_VERSION_SIZE - 1) return NULL;
  char key[KEY_SIZE];
  return gw_map_find(sets->by_version, make_key(type, false, version.data, key));
}

struct gw_resource_set *gw_resource_set_ref(struct gw_resource_set *set) {
  if (set != NULL) set->refs++;
  return set;
}

void gw_resource_set_unref(struct gw_resource_set *set) {
  if (set == NULL || --set->refs > 0) return;
  char key[KEY_SIZE];
  gw_map_remove(set->sets->by_version, make_key(set->type, set->has_unknown, set->version, key));
  if (set->with_leaving != NULL) set->with_leaving->leaving_from = NULL;
  if (set->leaving_from != NULL) set->leaving_from->with_leaving = NULL;
  gw_resource_list_unref(&set->list);
  gw_bytes_unref(set->encoded);
  gw_bytes_unref(set->changes.bytes);
  free(set);
}

const char *gw_resource_set_version(const struct gw_resource_set *set) {
  return set->version;
}

const struct gw_resource_list *gw_resource_set_list(const struct gw_resource_set *set) {
  return &set->list;
}

bool gw_resource_set_has_unknown(const struct gw_resource_set *set) {
  return set->has_unknown;
}

unsigned gw_resource_set_named_types(struct gw_resource_set *set) {
  for (uint32_t i = 0; !set->knows_named_types && i < set->list.count; i++) {
    enum gw_resource_type type;
    struct gw_str name;
    for (uint32_t cursor = 0; gw_resource_next_name(set->list.items[i], &cursor, &type, &name);)
      set->named_types |= 1u << type;
  }
  set->knows_named_types = true;
  return set->named_types;
}

struct gw_bytes *gw_resource_set_encode(struct gw_resource_set *set) {
  if (set->encoded != NULL) return set->encoded;
  struct gw_bytes **anys = gw_calloc(set->list.count > 0 ? set->list.count : 1, sizeof(struct gw_bytes *));
  for (uint32_t i = 0; i < set->list.count; i++)
    anys[i] = set->list.items[i]->any;
  set->encoded = gw_discovery_resources_encode(anys, set->list.count);
  free(anys);
  return set->encoded;
}

bool gw_resource_filter_takes(const struct gw_resource_filter *filter, struct gw_str name) {
  if (filter->takes_all) return true;
  uint32_t low = 0, high = filter->name_count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    int order = gw_str_compare(filter->names[middle], name);
    if (order == 0) return true;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return false;
}

/* Both lists are sorted, and so is the result; of equal names the one in `now` stays. */
static struct gw_resource_list merge(const struct gw_resource_list *now, const struct gw_resource_list *before,
                                     const struct gw_resource_filter *filter) {
  struct gw_resource_list merged = {.items = gw_malloc(((size_t)now->count + before->count + 1) * sizeof(struct gw_resource *))};
  uint32_t i = 0, j = 0;
  while (i < now->count || j < before->count) {
    int order = i == now->count ? 1 : j == before->count ? -1 : gw_str_compare(now->items[i]->name, before->items[j]->name);
    if (order <= 0) {
      merged.items[merged.count++] = now->items[i++];
      if (order == 0) j++;
    } else {
      struct gw_resource *leaving = before->items[j++];
      /* A client may claim to have had secrets: that gives it no right to them. */
      bool is_withheld = filter->withholds && gw_resource_is_confidential(leaving);
      if (!is_withheld && gw_resource_filter_takes(filter, leaving->name)) merged.items[merged.count++] = leaving;
    }
  }
  return merged;
}

struct gw_resource_set *gw_resource_set_with_leaving(struct gw_resource_set *set, const struct gw_resource_set *before,
                                                     const struct gw_resource_filter *filter) {
  if (before == NULL || before == set) return gw_resource_set_ref(set);
  bool is_known = set->filter_id == filter->id && set->before_has_unknown == before->has_unknown &&
                  memcmp(set->before_version, before->version, sizeof set->before_version) == 0;
  if (is_known && set->is_same) return gw_resource_set_ref(set);
  if (is_known && set->with_leaving != NULL) return gw_resource_set_ref(set->with_leaving);

  struct gw_resource_list merged = merge(&set->list, &before->list, filter);
  bool is_same = merged.count == set->list.count;
  struct gw_resource_set *result = is_same ? gw_resource_set_ref(set) : gw_resource_sets_get(set->sets, set->type, &merged);
  free(merged.items);
  if (set->with_leaving != NULL) set->with_leaving->leaving_from = NULL;
  set->with_leaving = NULL;
  memcpy(set->before_version, before->version, sizeof set->before_version);
  set->before_has_unknown = before->has_unknown;
  set->filter_id = filter->id;
  set->is_same = is_same;
  if (!is_same) {
    if (result->leaving_from != NULL) result->leaving_from->with_leaving = NULL;
    set->with_leaving = result;
    result->leaving_from = set;
  }
  return result;
}

struct gw_resource_set *gw_resource_set_without(struct gw_resource_set *set, const struct gw_str *names, uint32_t count) {
  if (set == NULL || count == 0) return gw_resource_set_ref(set);
  struct gw_resource_list kept = {.items = gw_malloc(((size_t)set->list.count + 1) * sizeof(struct gw_resource *))};
  for (uint32_t i = 0, j = 0; i < set->list.count; i++) {
    while (j < count && gw_str_compare(names[j], set->list.items[i]->name) < 0)
      j++;
    bool is_left_out = j < count && gw_str_equal(names[j], set->list.items[i]->name);
    if (!is_left_out) kept.items[kept.count++] = set->list.items[i];
  }
  bool is_same = kept.count == set->list.count;
  struct gw_resource_set *result = is_same ? gw_resource_set_ref(set) : gw_resource_sets_get(set->sets, set->type, &kept);
  free(kept.items);
  return result;
}

static bool is_same_content(const struct gw_resource *now, const struct gw_resource *before) {
  return now == before || now->any == NULL || memcmp(now->version, before->version, sizeof now->version) == 0;
}

/* Negative: `now` has the next name; positive: `before`; 0: both. Most resources are the very same in both. */
static int compare_steps(const struct gw_resource *now, const struct gw_resource *before) {
  if (now == NULL || before == NULL) return now == NULL ? 1 : -1;
  return now == before ? 0 : gw_str_compare(now->name, before->name);
}

static bool is_difference(const struct gw_resource_step *step, int order) {
  if (order == 0) return !is_same_content(step->now, step->before);
  return order > 0 || step->now->any != NULL;
}

/* Of 100,000 all but a few are the very same; these are not looked into. */
static void skip_same(const struct gw_resource_list *now, const struct gw_resource_list *then, struct gw_resource_step *step) {
  while (step->i < now->count && step->j < then->count && now->items[step->i] == then->items[step->j])
    step->i++, step->j++;
}

bool gw_resource_set_next_step(const struct gw_resource_set *set, const struct gw_resource_set *before, struct gw_resource_step *step) {
  if (set == before) return false;
  static const struct gw_resource_list nothing = {0};
  const struct gw_resource_list *now = &set->list, *then = before != NULL ? &before->list : &nothing;
  for (skip_same(now, then, step); step->i < now->count || step->j < then->count; skip_same(now, then, step)) {
    step->now = step->i < now->count ? now->items[step->i] : NULL;
    step->before = step->j < then->count ? then->items[step->j] : NULL;
    int order = compare_steps(step->now, step->before);
    if (order < 0) step->before = NULL;
    if (order > 0) step->now = NULL;
    if (order <= 0) step->i++;
    if (order >= 0) step->j++;
    if (is_difference(step, order)) return true;
  }
  return false;
}

const struct gw_resource_changes *gw_resource_set_encode_changes(struct gw_resource_set *set, const struct gw_resource_set *before) {
  const char *from = before != NULL ? before->version : "";
  bool from_unknown = before != NULL && before->has_unknown; /* its version is what a client made of it */
  bool is_known = set->changes.bytes != NULL && set->changes_from_unknown == from_unknown && strcmp(set->changes_from, from) == 0;
  if (is_known) return &set->changes;
  uint32_t room = 1;
  for (struct gw_resource_step step = {0}; gw_resource_set_next_step(set, before, &step);)
    room++;
  struct gw_delta_resource *changed = gw_malloc((size_t)room * sizeof *changed);
  struct gw_str *removed = gw_malloc((size_t)room * sizeof *removed);
  struct gw_resource_changes changes = {0};
  for (struct gw_resource_step step = {0}; gw_resource_set_next_step(set, before, &step);) {
    if (step.now == NULL) {
      GW_ASSERT(step.before != NULL);
      removed[changes.removed_count++] = step.before->name;
    } else {
      changed[changes.changed_count++] = (struct gw_delta_resource){step.now->name, gw_str_from(step.now->version), step.now->any};
    }
  }
  changes.bytes = gw_delta_changes_encode(changed, changes.changed_count, removed, changes.removed_count);
  free(changed);
  free(removed);
  gw_bytes_unref(set->changes.bytes);
  set->changes = changes;
  set->changes_from_unknown = from_unknown;
  snprintf(set->changes_from, sizeof set->changes_from, "%s", from);
  return &set->changes;
}
