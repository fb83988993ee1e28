/* Why: the names that a stream asks for, of one type. Equal ones are one object for all streams, so that what they select from a
 * snapshot is worked out once, not once a stream.
 * Life: ref-counted; the table is freed last.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_ADS_NAME_SET_H
#define GW_CONTROLPLANE_ADS_NAME_SET_H

#include "controlplane/snapshot/cache.h"

struct gw_name_sets;
struct gw_name_set;

struct gw_name_sets *gw_name_sets_new(struct gw_snapshot_cache *cache);
void gw_name_sets_free(struct gw_name_sets *sets);
/* What a stream asks for: `names` in any order, also twice. */
struct gw_names_wanted {
  enum gw_resource_type type;
  bool takes_all; /* of the type, beside those named */
  bool withholds; /* confidential secrets are left out, whoever asks */
  const struct gw_str *names;
  uint32_t name_count;
};
/* The strings are copied. One reference. */
struct gw_name_set *gw_name_sets_get(struct gw_name_sets *sets, const struct gw_names_wanted *wanted);
/* The set of that version, if any stream still has it; else NULL. No reference. */
struct gw_resource_set *gw_name_sets_find_resources(const struct gw_name_sets *sets, enum gw_resource_type type, struct gw_str version);
/* The resource of that name that is served; NULL: none. No reference. */
struct gw_resource *gw_name_sets_find(struct gw_name_sets *sets, enum gw_resource_type type, struct gw_str name);
/* Any set of resources, as gw_resource_sets_get. One reference. */
struct gw_resource_set *gw_name_sets_make(struct gw_name_sets *sets, enum gw_resource_type type, const struct gw_resource_list *list);
struct gw_name_sets *gw_name_set_table(const struct gw_name_set *set);
struct gw_name_set *gw_name_set_ref(struct gw_name_set *set);
void gw_name_set_unref(struct gw_name_set *set);

/* What of the cache's current snapshot it selects; NULL before the first snapshot. Borrowed until the next call. */
struct gw_resource_set *gw_name_set_select(struct gw_name_set *set);
const struct gw_resource_filter *gw_name_set_filter(const struct gw_name_set *set);
/* How many secrets of the current snapshot it names and does not get. */
uint32_t gw_name_set_withheld(struct gw_name_set *set);
/* Whether all of the set's type that these clusters (listeners) name is among the names. */
bool gw_name_set_covers(struct gw_name_set *set, const struct gw_resource_set *naming);

#endif
