/* Why: resources of one type as an answer carries them: versioned, encoded once, and shared by all streams that are sent the same.
 * Life: ref-counted; equal sets are one object while anybody holds it. The table outlives no set: free it last.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SNAPSHOT_RESOURCE_SET_H
#define GW_CONTROLPLANE_SNAPSHOT_RESOURCE_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/model/resource.h"
#include "common/model/snapshot.h"

struct gw_resource_sets;
struct gw_resource_set;

struct gw_resource_sets *gw_resource_sets_new(void);
void gw_resource_sets_free(struct gw_resource_sets *sets);
/* The set with these resources (sorted by name, no name twice; a list that holds is shared, else its resources are
 * referenced). One reference. Of a type, a set that
 * holds all of a snapshot's resources has the snapshot's list_versions as its version. A resource without `any` is one that a client says
 * it has: nothing but its name and version is known here. */
struct gw_resource_set *gw_resource_sets_get(struct gw_resource_sets *sets, enum gw_resource_type type,
                                             const struct gw_resource_list *list);
/* The set of that version, if anybody holds it; else NULL. No reference. */
struct gw_resource_set *gw_resource_sets_find(const struct gw_resource_sets *sets, enum gw_resource_type type, struct gw_str version);

struct gw_resource_set *gw_resource_set_ref(struct gw_resource_set *set);
void gw_resource_set_unref(struct gw_resource_set *set);
/* 16 hex digits. */
const char *gw_resource_set_version(const struct gw_resource_set *set);
const struct gw_resource_list *gw_resource_set_list(const struct gw_resource_set *set);
/* Whether of one of its resources nothing but name and version is known. Its version may be that of a set that is known. */
bool gw_resource_set_has_unknown(const struct gw_resource_set *set);
/* Bit set (1 << type) of what its resources name; worked out once a set, since every stream asks. */
unsigned gw_resource_set_named_types(struct gw_resource_set *set);
/* The `resources` field of a state-of-the-world answer; lives as long as the set. Each has its `any`. */
struct gw_bytes *gw_resource_set_encode(struct gw_resource_set *set);
/* `set` without what has these names (sorted). One reference. NULL stays NULL. */
struct gw_resource_set *gw_resource_set_without(struct gw_resource_set *set, const struct gw_str *names, uint32_t count);

/* What a client that has `before` (NULL: nothing) lacks of a set. */
struct gw_resource_step {
  uint32_t i, j;                    /* 0 at the start */
  const struct gw_resource *now;    /* NULL: removed */
  const struct gw_resource *before; /* NULL: new */
};
/* The next difference, by name; false: none is left. What is known by name and version alone is never one: it can't be sent. */
bool gw_resource_set_next_step(const struct gw_resource_set *set, const struct gw_resource_set *before, struct gw_resource_step *step);
/* All of it as it stands in an incremental answer; lives until the next call for this set, which for the same `before` gives the same. */
struct gw_resource_changes {
  struct gw_bytes *bytes;
  uint32_t changed_count;
  uint32_t removed_count;
};
const struct gw_resource_changes *gw_resource_set_encode_changes(struct gw_resource_set *set, const struct gw_resource_set *before);

/* Which names a stream has asked for. */
struct gw_resource_filter {
  uint64_t id; /* the same for the same names */
  bool takes_all;
  bool withholds;             /* confidential resources don't pass */
  const struct gw_str *names; /* sorted */
  uint32_t name_count;
};
/* By name alone. */
bool gw_resource_filter_takes(const struct gw_resource_filter *filter, struct gw_str name);
/* `set`, and of `before` what has left since and passes the filter: make before break. One reference. The last result is remembered,
 * since many streams go the same way at the same time. */
struct gw_resource_set *gw_resource_set_with_leaving(struct gw_resource_set *set, const struct gw_resource_set *before,
                                                     const struct gw_resource_filter *filter);

#endif
