/* Why: looks every now and then how much memory and how many descriptors are in use, so that the process refuses work before it dies of it.
 * Life: gw_overload_new … gw_overload_free.
 * Thread: main; gw_overload_level any. */
#ifndef GW_DATAPLANE_SERVER_OVERLOAD_H
#define GW_DATAPLANE_SERVER_OVERLOAD_H

#include <stdint.h>

#include "common/event/loop.h"
#include "common/model/snapshot.h"
#include "common/observe/log.h"
#include "dataplane/pipeline/node_status.h"

struct gw_overload;

/* Files of the system that say what there is; tests have their own. NULL: the system's. */
struct gw_overload_files {
  const char *memory_used;  /* /proc/self/statm */
  const char *memory_limit; /* the cgroup's memory.max */
};

struct gw_overload *gw_overload_new(struct gw_loop *loop, struct gw_log *log, const struct gw_overload_files *files);
void gw_overload_free(struct gw_overload *overload);
/* The watermarks of this configuration: the lowest of its listeners. */
void gw_overload_follow(struct gw_overload *overload, const struct gw_snapshot *snapshot);
/* Looks now, instead of when the timer says so. */
void gw_overload_look(struct gw_overload *overload);
enum gw_overload_level gw_overload_level(const struct gw_overload *overload);

struct gw_overload_use {
  uint64_t memory_bytes;
  uint64_t memory_limit_bytes; /* the cgroup's, or the machine's memory */
  uint64_t descriptors;
  uint64_t descriptor_limit;
};
/* As seen last. */
void gw_overload_get_use(const struct gw_overload *overload, struct gw_overload_use *ret_use);

#endif
