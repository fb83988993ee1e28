/* Why: the last good instances of services lie in the store, so that a control plane that starts while a registry is away, or empty, knows
 * what it knew before. One record a service of a registry, of the kind "instances". Life: gw_instance_records_new … free, before the guard,
 * after the store (whose answers come to it). Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SERVER_INSTANCE_RECORDS_H
#define GW_CONTROLPLANE_SERVER_INSTANCE_RECORDS_H

#include "controlplane/catalog/guard.h"
#include "controlplane/store/store.h"

struct gw_instance_records;

/* Before the store is started. Observes the guard: what changes is written within GW_INSTANCE_RECORDS_MS. */
struct gw_instance_records *gw_instance_records_new(struct gw_loop *loop, struct gw_log *log, struct gw_store *store,
                                                    struct gw_guard *guard);
void gw_instance_records_free(struct gw_instance_records *records);
#define GW_INSTANCE_RECORDS_MS 500u
/* What the store holds has been read, once at least. */
bool gw_instance_records_are_read(const struct gw_instance_records *records);

#endif
