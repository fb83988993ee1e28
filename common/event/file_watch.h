/* Why: says when a file may have changed: in place, by rename over it (editors), or by the swap of a symlink on its way
 * (Kubernetes ConfigMaps and Secrets). A burst of events gives one call.
 * Life: gw_file_watch_new … gw_file_watch_free. The file need not exist yet; its directory must.
 * Thread: the loop's own. */
#ifndef GW_COMMON_EVENT_FILE_WATCH_H
#define GW_COMMON_EVENT_FILE_WATCH_H

#include "common/base/err.h"
#include "common/event/loop.h"

struct gw_file_watch;
typedef void (*gw_file_watch_fn)(void *arg);

/* Calls fn once `settle_ms` passed without a further event (at most 5 × settle_ms after the first). One
 * inotify instance a loop, however many watches. errno on GW_ERR_IO. */
enum gw_err gw_file_watch_new(struct gw_loop *loop, const char *path, uint64_t settle_ms, gw_file_watch_fn fn, void *arg,
                              struct gw_file_watch **ret_watch);
/* From now on only `whole_ms` after an event that leaves the file whole: a rename over it, or over a symlink on its way, or the end of a
 * write. A write that goes on waits as before. */
void gw_file_watch_hurry(struct gw_file_watch *watch, uint64_t whole_ms);
void gw_file_watch_free(struct gw_file_watch *watch);

#endif
