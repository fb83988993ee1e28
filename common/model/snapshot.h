/* Why: one whole configuration: a small frozen root over shared resources.
 * Life: ref-counted; made by a builder, then immutable. Holds a reference on each resource.
 * Thread: any; the builder one at a time. */
#ifndef GW_COMMON_MODEL_SNAPSHOT_H
#define GW_COMMON_MODEL_SNAPSHOT_H

#include <stdatomic.h>
#include <stdint.h>

#include "common/model/resource_list.h"

struct gw_snapshot {
  atomic_uint refs;
  /* Hash over (type, name, version) of all resources: equal content, equal version. Not of API keys, which come and go by themselves: a
   * configuration with other keys is the same configuration. */
  char version[17];
  char policy_version[17]; /* the same without endpoints: where instances are is no part of what was written */
  bool knows_api_keys;     /* false: what the list of API keys should be is not known (yet), and nobody is to be told that there are none */
  struct gw_resource_list lists[GW_RESOURCE_TYPE_COUNT];
  char list_versions[GW_RESOURCE_TYPE_COUNT][17]; /* the same by type: the version_info of state-of-the-world answers */
};

struct gw_snapshot_builder;

struct gw_snapshot_builder *gw_snapshot_builder_new(void);
/* Takes over the caller's reference. A later resource of the same type and name replaces the earlier one. */
void gw_snapshot_builder_add(struct gw_snapshot_builder *builder, struct gw_resource *resource);
/* All API keys (the list holds); without this they are not known. */
void gw_snapshot_builder_set_api_keys(struct gw_snapshot_builder *builder, const struct gw_resource_list *keys);
/* Ends the builder. One reference. */
struct gw_snapshot *gw_snapshot_builder_freeze(struct gw_snapshot_builder *builder);
void gw_snapshot_builder_free(struct gw_snapshot_builder *builder);

/* The same with other API keys: all else is shared. One reference. */
struct gw_snapshot *gw_snapshot_with_api_keys(const struct gw_snapshot *snapshot, const struct gw_resource_list *keys);

struct gw_snapshot *gw_snapshot_ref(struct gw_snapshot *snapshot);
void gw_snapshot_unref(struct gw_snapshot *snapshot);
/* NULL: absent. */
const struct gw_resource *gw_snapshot_find(const struct gw_snapshot *snapshot, enum gw_resource_type type, struct gw_str name);

#endif
