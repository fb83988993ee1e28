/* Why: resources of one type, sorted by name: what snapshots and answers consist of. Lists share what they have in common, so that one
 * change among 100,000 resources costs a few hundred references, not 100,000.
 * Life: a list that holds (hold != NULL) has a reference on each of its resources, and is itself shared by references; any other borrows.
 * Thread: any; the counts are atomic, the rest frozen. */
#ifndef GW_COMMON_MODEL_RESOURCE_LIST_H
#define GW_COMMON_MODEL_RESOURCE_LIST_H

#include "common/model/resource.h"

struct gw_resource_hold;

struct gw_resource_list {
  struct gw_resource **items; /* sorted by name, bytewise */
  uint32_t count;
  struct gw_resource_hold *hold; /* NULL: borrowed */
};

/* Takes over the references of `items` (sorted, no name twice), not the array. */
struct gw_resource_list gw_resource_list_new(struct gw_resource *const *items, uint32_t count);
/* One more reference on a list that holds. */
struct gw_resource_list gw_resource_list_ref(const struct gw_resource_list *list);
void gw_resource_list_unref(struct gw_resource_list *list);

struct gw_resource_change {
  struct gw_str name;
  struct gw_resource *resource; /* NULL: it is not to be there. Borrowed */
};
/* `list`, which holds, after these changes (sorted, no name twice): a list that holds. */
struct gw_resource_list gw_resource_list_change(const struct gw_resource_list *list, const struct gw_resource_change *changes,
                                                uint32_t count);

/* Hash over (name, version) of its items: equal content, equal version, whatever list it is. At once for a list that holds. */
void gw_resource_list_version(const struct gw_resource_list *list, char ret_version[17]);
/* NULL: absent. */
struct gw_resource *gw_resource_list_find(const struct gw_resource_list *list, struct gw_str name);

#endif
