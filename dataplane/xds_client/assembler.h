/* Why: collects accepted resources until they make a whole: LDS, CDS, and every RDS, EDS and secret that these name.
 * Life: gw_assembler_new … gw_assembler_free; holds a reference on each resource.
 * Thread: one at a time. Time is an argument. */
#ifndef GW_DATAPLANE_XDS_CLIENT_ASSEMBLER_H
#define GW_DATAPLANE_XDS_CLIENT_ASSEMBLER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/model/snapshot.h"
#include "common/xds/discovery.h"

#define GW_ASSEMBLER_VERSION_MAX 256u    /* a longer version is not remembered: the resource comes again after a reconnect */
#define GW_ASSEMBLER_REFUSED_MAX 100000u /* names of a type; when there were more, the whole stays incomplete while the stream lasts */
#define GW_ASSEMBLER_BOUND_MS 15000      /* how long something that is named may be missing before the rest goes on without it */

struct gw_assembler;

struct gw_assembler *gw_assembler_new(void);
void gw_assembler_free(struct gw_assembler *assembler);

/* Resources that were decoded earlier (from the cache) and need not be decoded again; forgotten once a whole snapshot was assembled. */
void gw_assembler_seed(struct gw_assembler *assembler, struct gw_snapshot *snapshot);
/* The resource already decoded from the same bytes, or NULL. No reference is taken. */
struct gw_resource *gw_assembler_find_same(const struct gw_assembler *assembler, enum gw_resource_type type, const struct gw_bytes *any);

/* NULL: nothing of that name is held. No reference is taken. */
const struct gw_resource *gw_assembler_find(const struct gw_assembler *assembler, enum gw_resource_type type, struct gw_str name);
/* How many are held, and how long they are encoded. */
uint32_t gw_assembler_size(const struct gw_assembler *assembler, enum gw_resource_type type, size_t *ret_bytes);

/* Takes in one accepted response and the caller's references. Clusters and listeners: these are all. The others: these
 * replace what has their names, and what nobody names is dropped. Returns a bit set (1 << type) of types whose names changed. */
unsigned gw_assembler_accept(struct gw_assembler *assembler, enum gw_resource_type type, struct gw_resource **resources, uint32_t count);
/* The same for an incremental response: what differs. A resource that is NULL was refused: what is held of that name stays. What is removed
 * goes if it is a cluster or a listener; the others stay for as long as something names them. */
unsigned gw_assembler_accept_changes(struct gw_assembler *assembler, enum gw_resource_type type,
                                     const struct gw_discovery_response *response, struct gw_resource **resources);
/* What is held, and how the server that gave it called its version (what came without one has its own, by content). In `arena`; the names
 * are valid until the next accept. Returns the count. */
uint32_t gw_assembler_held(const struct gw_assembler *assembler, enum gw_resource_type type, struct gw_arena *arena,
                           const struct gw_str **ret_names, const struct gw_str **ret_versions);
/* Another server will say what is wrong anew. */
void gw_assembler_forget_refused(struct gw_assembler *assembler);
/* What is to be asked for, sorted; valid until the next accept. Clusters and listeners: none, since all are wanted. */
const struct gw_str *gw_assembler_names(const struct gw_assembler *assembler, enum gw_resource_type type, uint32_t *ret_count);

/* Whether a listener authenticates by API keys. They are not held here, but the first time they are waited for as what is named. */
bool gw_assembler_needs_keys(const struct gw_assembler *assembler);
/* They have come. */
void gw_assembler_set_keys_known(struct gw_assembler *assembler);

/* GW_OK: something changed since the last snapshot, and it is whole, or what is missing has been missing for GW_ASSEMBLER_BOUND_MS
 * (*ret_is_complete is false then, also later on while it stays missing; nothing waits for it a second time), or clusters or listeners are
 * missing because they were refused (likewise, without waiting). One reference.
 * GW_ERR_AGAIN: nothing changed, or not yet; try again after an accept or at gw_assembler_deadline_us. */
enum gw_err gw_assembler_assemble(struct gw_assembler *assembler, uint64_t now_us, struct gw_snapshot **ret_snapshot,
                                  bool *ret_is_complete);
/* 0: nothing is waited for. */
uint64_t gw_assembler_deadline_us(const struct gw_assembler *assembler);

#endif
