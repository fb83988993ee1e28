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
  list->items = gw_malloc(additions->count * sizeof(struct gw_resource *));
  for (uint32_t i = 0; i < additions->count; i++) {
    struct gw_resource *resource = additions->items[i].resource;
    bool is_replaced = i + 1 < additions->count && gw_str_equal(resource->name, additions->items[i + 1].resource->name);
    if (is_replaced)
      gw_resource_unref(resource);
    else
      list->items[list->count++] = resource;
  }
  additions->count = 0;
}

/* Lengths are in the text that is hashed, so that no name can pretend to be two. */
void gw_resource_list_version(const struct gw_resource_list *list, char ret_version[GW_CONTENT_VERSION_SIZE]) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  for (uint32_t i = 0; i < list->count; i++) {
    gw_strbuf_append_u64(&text, list->items[i]->name.len);
    gw_strbuf_append_char(&text, ':');
    gw_strbuf_append_str(&text, list->items[i]->name);
    gw_strbuf_append(&text, list->items[i]->version, GW_CONTENT_VERSION_SIZE - 1);
  }
  gw_content_hash_format(gw_strbuf_str(&text), ret_version);
  gw_strbuf_done(&text);
}

struct gw_snapshot *gw_snapshot_builder_freeze(struct gw_snapshot_builder *builder) {
  struct gw_snapshot *snapshot = gw_calloc(1, sizeof *snapshot);
  atomic_init(&snapshot->refs, 1);
  struct gw_strbuf versions;
  gw_strbuf_init(&versions);
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    freeze_list(&builder->by_type[type], &snapshot->lists[type]);
    gw_resource_list_version(&snapshot->lists[type], snapshot->list_versions[type]);
    gw_strbuf_append(&versions, snapshot->list_versions[type], GW_CONTENT_VERSION_SIZE - 1);
  }
  gw_content_hash_format(gw_strbuf_str(&versions), snapshot->version);
  gw_strbuf_done(&versions);
  gw_snapshot_builder_free(builder);
  return snapshot;
}

void gw_snapshot_builder_free(struct gw_snapshot_builder *builder) {
  if (builder == NULL) return;
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    struct additions *additions = &builder->by_type[type];
    for (uint32_t i = 0; i < additions->count; i++)
      gw_resource_unref(additions->items[i].resource);
    free(additions->items);
  }
  free(builder);
}

struct gw_snapshot *gw_snapshot_ref(struct gw_snapshot *snapshot) {
  atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
  return snapshot;
}

void gw_snapshot_unref(struct gw_snapshot *snapshot) {
  if (snapshot == NULL || atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) != 1) return;
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    struct gw_resource_list *list = &snapshot->lists[type];
    for (uint32_t i = 0; i < list->count; i++)
      gw_resource_unref(list->items[i]);
    free(list->items);
  }
  free(snapshot);
}

const struct gw_resource *gw_snapshot_find(const struct gw_snapshot *snapshot, enum gw_resource_type type, struct gw_str name) {
  const struct gw_resource_list *list = &snapshot->lists[type];
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
