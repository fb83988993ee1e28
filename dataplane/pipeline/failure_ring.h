/* Why: the worker's memory of requests that failed or were retried, so that somebody who asks about one by its id gets an answer.
 * Life: gw_failure_ring_new … gw_failure_ring_free. Of more than GW_FAILURE_RING_SIZE the newest are remembered, and of long texts the
 * beginning. Thread: the worker's; a list is whoever's got it. */
#ifndef GW_DATAPLANE_PIPELINE_FAILURE_RING_H
#define GW_DATAPLANE_PIPELINE_FAILURE_RING_H

#include "common/base/arena.h"
#include "common/model/failure_record.h"

#define GW_FAILURE_RING_SIZE 512u
#define GW_FAILURE_TEXT_MAX ((size_t)512)
/* Requests with one id of which a list tells, the newest ones: a client may have given all of its requests the same. */
#define GW_FAILURE_LIST_MAX 16u

struct gw_stream;
struct gw_failure_ring;

struct gw_failure_list {
  struct gw_failure_record items[GW_FAILURE_LIST_MAX]; /* oldest first */
  uint32_t count;
  struct gw_arena arena;
};

struct gw_failure_ring *gw_failure_ring_new(void);
void gw_failure_ring_free(struct gw_failure_ring *ring);
/* A stream that ends, if there is something to remember: it has a flag, a status of 500 or more, or more than one try. */
void gw_failure_ring_look_at(struct gw_failure_ring *ring, const struct gw_stream *stream);
/* Copies, for gw_failure_list_free. */
struct gw_failure_list *gw_failure_ring_find(const struct gw_failure_ring *ring, struct gw_str request_id);
void gw_failure_list_free(struct gw_failure_list *list);

#endif
