/* Why: what a burst of connections or bodies took goes back to the system when it is over; malloc alone keeps it for later bursts.
 * Life: gw_memory_trim_new … gw_memory_trim_free.
 * Thread: main. */
#ifndef GW_DATAPLANE_SERVER_MEMORY_TRIM_H
#define GW_DATAPLANE_SERVER_MEMORY_TRIM_H

#include "common/event/loop.h"

struct gw_memory_trim;

struct gw_memory_trim *gw_memory_trim_new(struct gw_loop *loop);
void gw_memory_trim_free(struct gw_memory_trim *trim);

#endif
