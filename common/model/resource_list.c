#include "common/model/resource_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/content_hash.h"
#include "common/base/mem.h"

/* Resources that lie together are held together: a run has the references, and is what lists share. */
#define RUN_NEW 256u
#define RUN_MAX 512u

struct run {
  atomic_uint refs;
  uint32_t count;
  struct gw_resource *items[];
};

struct gw_resource_hold {
  atomic_uint refs;
  uint64_t sum;               /* of the hashes of all items */
  struct gw_resource **items; /* all runs' in one */
  uint32_t run_count;
  struct run *runs[];
};

static struct run *run_new(struct gw_resource *const *items, uint32_t count) {
  struct run *run = gw_malloc(sizeof(*run) + count * sizeof(struct gw_resource *));
  atomic_init(&run->refs, 1);
  run->count = count;
  memcpy(run->items, items, count * sizeof(struct gw_resource *));
  return run;
}

static struct run *run_ref(struct run *run) {
  atomic_fetch_add_explicit(&run->refs, 1, memory_order_relaxed);
  return run;
}

static void run_unref(struct run *run) {
  if (atomic_fetch_sub_explicit(&run->refs, 1, memory_order_acq_rel) != 1) return;
  for (uint32_t i = 0; i < run->count; i++)
    gw_resource_unref(run->items[i]);
  free(run);
}

/* The name's length is in what is hashed, so that no name can pretend to be a name and a version. */
static uint64_t hash_item(const struct gw_resource *resource) {
  char short_text[256];
  size_t size = resource->name.len + 64;
  char *text = size <= sizeof(short_text) ? short_text : gw_malloc(size);
  int len = snprintf(text, size, "%zu:%.*s%s", resource->name.len, GW_STR_ARG(resource->name), resource->version);
  uint64_t hash = gw_content_hash((struct gw_str){text, (size_t)len});
  if (text != short_text) free(text);
  return hash;
}

/* A sum, so that one change changes it without looking at the rest. */
void gw_resource_list_version(const struct gw_resource_list *list, char ret_version[GW_CONTENT_VERSION_SIZE]) {
  uint64_t sum = 0;
  if (list->hold != NULL) {
    sum = list->hold->sum;
  } else {
    for (uint32_t i = 0; i < list->count; i++)
      sum += hash_item(list->items[i]);
  }
  snprintf(ret_version, GW_CONTENT_VERSION_SIZE, "%016" PRIx64, sum);
}

/* A list under construction: runs that are shared or new. */
struct building {
  struct run **runs;
  uint32_t run_count;
  struct gw_resource **fresh; /* not in a run yet; referenced */
  uint32_t fresh_count;
};

/* Cuts what is fresh into runs of equal size. */
static void close_run(struct building *building) {
  uint32_t left = building->fresh_count;
  uint32_t pieces = left > RUN_MAX ? (left + RUN_NEW - 1) / RUN_NEW : left > 0;
  for (struct gw_resource **at = building->fresh; pieces > 0; pieces--) {
    uint32_t count = (left + pieces - 1) / pieces;
    building->runs[building->run_count++] = run_new(at, count);
    at += count;
    left -= count;
  }
  building->fresh_count = 0;
}

static struct gw_resource_list finish(struct building *building, uint64_t sum) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < building->run_count; i++)
    count += building->runs[i]->count;
  struct gw_resource_hold *hold = gw_malloc(sizeof(*hold) + building->run_count * sizeof(struct run *));
  atomic_init(&hold->refs, 1);
  hold->sum = sum;
  hold->items = gw_malloc(((size_t)count + 1) * sizeof(struct gw_resource *));
  hold->run_count = building->run_count;
  struct gw_resource **at = hold->items;
  for (uint32_t i = 0; i < building->run_count; i++) {
    struct run *run = building->runs[i];
    hold->runs[i] = run;
    memcpy(at, run->items, run->count * sizeof(struct gw_resource *));
    at += run->count;
  }
  free(building->runs);
  free(building->fresh);
  return (struct gw_resource_list){hold->items, count, hold};
}

/* `before`: runs that there are; `fresh_max`: resources that come into new runs at once. */
static void begin(struct building *building, uint32_t before, size_t fresh_max) {
  size_t runs = (size_t)before * 3 + fresh_max / RUN_NEW + 1; /* each may be cut into three */
  *building =
      (struct building){.runs = gw_malloc(runs * sizeof(struct run *)), .fresh = gw_malloc((fresh_max + 1) * sizeof(struct gw_resource *))};
}

struct gw_resource_list gw_resource_list_new(struct gw_resource *const *items, uint32_t count) {
  struct building building;
  begin(&building, 0, count);
  uint64_t sum = 0;
  for (uint32_t i = 0; i < count; i++) {
    sum += hash_item(items[i]);
    building.fresh[building.fresh_count++] = items[i];
  }
  close_run(&building);
  return finish(&building, sum);
}

struct gw_resource_list gw_resource_list_ref(const struct gw_resource_list *list) {
  if (list->hold != NULL) atomic_fetch_add_explicit(&list->hold->refs, 1, memory_order_relaxed);
  return *list;
}

void gw_resource_list_unref(struct gw_resource_list *list) {
  struct gw_resource_hold *hold = list->hold;
  *list = (struct gw_resource_list){0};
  if (hold == NULL || atomic_fetch_sub_explicit(&hold->refs, 1, memory_order_acq_rel) != 1) return;
  for (uint32_t i = 0; i < hold->run_count; i++)
    run_unref(hold->runs[i]);
  free(hold->items);
  free(hold);
}

static uint64_t hash_or_0(const struct gw_resource *item) {
  return item != NULL ? hash_item(item) : 0;
}

/* The run's items and the changes that belong among them, one after the other by name. */
static void merge_run(struct building *building, const struct run *run, const struct gw_resource_change *changes, uint32_t count,
                      uint64_t *sum) {
  uint32_t i = 0, j = 0, run_items = run != NULL ? run->count : 0;
  while (i < run_items || j < count) {
    int order = i == run_items ? 1 : j == count ? -1 : gw_str_compare(run->items[i]->name, changes[j].name);
    struct gw_resource *before = order <= 0 ? run->items[i++] : NULL;
    struct gw_resource *kept = order >= 0 ? changes[j++].resource : before;
    if (kept != before) *sum += hash_or_0(kept) - hash_or_0(before);
    if (kept != NULL) building->fresh[building->fresh_count++] = gw_resource_ref(kept);
  }
  close_run(building);
}

struct gw_resource_list gw_resource_list_change(const struct gw_resource_list *list, const struct gw_resource_change *changes,
                                                uint32_t count) {
  const struct gw_resource_hold *hold = list->hold;
  GW_ASSERT(hold != NULL);
  struct building building;
  begin(&building, hold->run_count, (size_t)RUN_MAX + count);
  uint64_t sum = hold->sum;
  uint32_t done = 0;
  for (uint32_t i = 0; i < hold->run_count; i++) {
    struct run *run = hold->runs[i];
    bool is_last = i + 1 == hold->run_count;
    uint32_t end = done;
    while (end < count && (is_last || gw_str_compare(changes[end].name, hold->runs[i + 1]->items[0]->name) < 0))
      end++;
    if (end == done)
      building.runs[building.run_count++] = run_ref(run);
    else
      merge_run(&building, run, changes + done, end - done, &sum);
    done = end;
  }
  if (hold->run_count == 0) merge_run(&building, NULL, changes, count, &sum);
  return finish(&building, sum);
}

struct gw_resource *gw_resource_list_find(const struct gw_resource_list *list, struct gw_str name) {
  uint32_t low = 0, high = list->count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    int order = gw_str_compare(list->items[middle]->name, name);
    if (order == 0) return list->items[middle];
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}
