/* Why: the last known good configuration's two moments: read when no control plane answers at the start, written when one was activated.
 * Life: gw_last_good_new … gw_last_good_free (waits for a write that is under way).
 * Thread: main; the disk is waited for by a thread of its own. */
#ifndef GW_DATAPLANE_SERVER_LAST_GOOD_H
#define GW_DATAPLANE_SERVER_LAST_GOOD_H

#include "common/event/loop.h"
#include "common/observe/log.h"
#include "dataplane/server/options.h"
#include "dataplane/xds_client/cache.h"

#define GW_LAST_GOOD_PATIENCE_MS 5000 /* how long a control plane may take to answer at the start */

struct gw_last_good;

struct gw_last_good_calls {
  bool (*is_serving)(void *arg);                              /* a configuration is active */
  bool (*is_answered)(void *arg);                             /* a control plane answers now */
  void (*on_loaded)(void *arg, struct gw_snapshot *snapshot); /* borrowed */
  /* What serves and is confirmed by a control plane now, or NULL: saved again from time to time, so that its age is that of the
   * last moment when it was known to be current. */
  struct gw_snapshot *(*current)(void *arg);
  void *arg;
};

/* Without options->cache_dir nothing is kept. GW_ERR_IO, GW_ERR_INVALID: the directory or the key file is of no use; it was logged. */
enum gw_err gw_last_good_new(struct gw_loop *loop, struct gw_log *log, const struct gw_options *options,
                             const struct gw_last_good_calls *calls, struct gw_last_good **ret_last_good);
void gw_last_good_free(struct gw_last_good *last_good);
/* The wait for a control plane begins. */
void gw_last_good_start(struct gw_last_good *last_good);
struct gw_last_good_status {
  uint64_t saves_total;
  uint64_t failures_total;
  uint64_t saved_wall_us; /* when what is on the disk was kept, as far as this process knows; 0: it has kept nothing */
};
/* false: nothing is kept. */
bool gw_last_good_get_status(const struct gw_last_good *last_good, struct gw_last_good_status *ret_status);
/* Keeps it; of several that come while one is written only the newest is. */
void gw_last_good_save(struct gw_last_good *last_good, struct gw_snapshot *snapshot);

#endif
