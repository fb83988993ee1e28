#include "common/model/snapshot.h"

#include <stdlib.h>

#include "common/base/content_hash.h"
#include "common/base/mem.h"

struct addition {
  struct gw_resource *resource;
  uint32_t order; /* qsort is not stable, and the later of two equal names wins */
};

struct additions {
  struct addition *items;
  uint32_t count;
  uint32_t cap;
};

struct gw_snapshot_builder {
  struct additions by_type[GW_RESOURCE_TYPE_COUNT];
  struct gw_resource_list api_keys;
  bool knows_api_keys;
};

struct gw_snapshot_builder *gw_snapshot_builder_new(void) {
  return gw_calloc(1, sizeof(struct gw_snapshot_builder));
}

void gw_snapshot_builder_add(struct gw_snapshot_builder *builder, struct gw_resource *resource) {
  struct additions *additions = &builder->by_type[resource->type];
  if (additions->count == additions->cap) {
    additions->cap = additions->cap > 0 ? additions->cap * 2 : 16;
    additions->items = gw_realloc_array(additions->items, additions->cap, sizeof *additions->items);
  }
  additions->items[additions->count] = (struct addition){resource, additions->count};
  additions->count++;
}

static int compare_additions(const void *a, const void *b) {
  const struct addition *left = a, *right = b;
  int by_name = gw_str_compare(left->resource->name, right->resource->name);
  if (by_name != 0) return by_name;
  return left->order < right->order ? -1 : 1;
}

/* Moves the references into the list; of equal names only the last stays. */
static void freeze_list(struct additions *additions, struct gw_resource_list *list) {
  if (additions->count == 0) return;
  qsort(additions->items, additions->count, sizeof *additions->items, compare_additions);
  struct gw_resource **items = gw_malloc(additions->count * sizeof(struct gw_resource *));
  uint32_t count = 0;
  for (uint32_t i = 0; i < additions->count; i++) {
    struct gw_resource *resource = additions->items[i].resource;
    bool is_replaced = i + 1 < additions->count && gw_str_equal(resource->name, additions->items[i + 1].resource->name);
    if (is_replaced)
      gw_resource_unref(resource);
    else
      items[count++] = resource;
  }
  *list = gw_resource_list_new(items, count);
  free(items);
  additions->count = 0;
}

void gw_snapshot_builder_set_api_keys(struct gw_snapshot_builder *builder, const struct gw_resource_list *keys) {
  gw_resource_list_unref(&builder->api_keys);
  builder->api_keys = gw_resource_list_ref(keys);
  builder->knows_api_keys = true;
}

static void set_version(const struct gw_snapshot *snapshot, bool has_endpoints, char *ret_version) {
  struct gw_strbuf versions;
  gw_strbuf_init(&versions);
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    if (type == GW_RESOURCE_API_KEY || (type == GW_RESOURCE_ENDPOINTS && !has_endpoints)) continue;
    gw_strbuf_append(&versions, snapshot->list_versions[type], GW_CONTENT_VERSION_SIZE - 1);
  }
  gw_content_hash_format(gw_strbuf_str(&versions), ret_version);
  gw_strbuf_done(&versions);
}

static void set_versions(struct gw_snapshot *snapshot) {
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    gw_resource_list_version(&snapshot->lists[type], snapshot->list_versions[type]);
  set_version(snapshot, true, snapshot->version);
  set_version(snapshot, false, snapshot->policy_version);
}

struct gw_snapshot *gw_snapshot_builder_freeze(struct gw_snapshot_builder *builder) {
  struct gw_snapshot *snapshot = gw_calloc(1, sizeof *snapshot);
  atomic_init(&snapshot->refs, 1);
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    freeze_list(&builder->by_type[type], &snapshot->lists[type]);
  snapshot->knows_api_keys = builder->knows_api_keys;
  if (builder->knows_api_keys) snapshot->lists[GW_RESOURCE_API_KEY] = gw_resource_list_ref(&builder->api_keys);
  set_versions(snapshot);
  gw_snapshot_builder_free(builder);
  return snapshot;
}

struct gw_snapshot *gw_snapshot_with_api_keys(const struct gw_snapshot *snapshot, const struct gw_resource_list *keys) {
  struct gw_snapshot *changed = gw_calloc(1, sizeof *changed);
  atomic_init(&changed->refs, 1);
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    changed->lists[type] = gw_resource_list_ref(type == GW_RESOURCE_API_KEY ? keys : &snapshot->lists[type]);
  changed->knows_api_keys = true;
  set_versions(changed);
  return changed;
}

void gw_snapshot_builder_free(struct gw_snapshot_builder *builder) {
  if (builder == NULL) return;
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    struct additions *additions = &builder->by_type[type];
    for (uint32_t i = 0; i < additions->count; i++)
      gw_resource_unref(additions->items[i].resource);
    free(additions->items);
  }
  gw_resource_list_unref(&builder->api_keys);
  free(builder);
}

struct gw_snapshot *gw_snapshot_ref(struct gw_snapshot *snapshot) {
  atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
  return snapshot;
}

void gw_snapshot_unref(struct gw_snapshot *snapshot) {
  if (snapshot == NULL || atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) != 1) return;
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    gw_resource_list_unref(&snapshot->lists[type]);
  free(snapshot);
}

const struct gw_resource *gw_snapshot_find(const struct gw_snapshot *snapshot, enum gw_resource_type type, struct gw_str name) {
  return gw_resource_list_find(&snapshot->lists[type], name);
}
