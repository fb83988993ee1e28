/* Why: the beginning of a request's body, kept so that it can be sent again, as long as it is not too long.
 * Life: zeroed; then init … done, which may be early, when it is known that no retry comes. Pieces stay where they are until then, and a
 * turn longer, since connections borrow them. Thread: the worker's. */
#ifndef GW_DATAPLANE_FILTERS_REPLAY_BUFFER_H
#define GW_DATAPLANE_FILTERS_REPLAY_BUFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

struct gw_loop;

struct gw_replay_piece {
  struct gw_replay_piece *next;
  size_t len;
  size_t cap;
  char data[];
};

struct gw_replay_buffer {
  struct gw_loop *loop;
  uint64_t limit;
  uint64_t len;
  bool is_incomplete; /* something is not in it */
  struct gw_replay_piece *first;
  struct gw_replay_piece *last;
};

/* `expected`: the body's length, negative when it is not known. One that will not fit is not begun. */
void gw_replay_buffer_init(struct gw_replay_buffer *buffer, struct gw_loop *loop, uint64_t limit, int64_t expected);
/* Copies. Beyond the limit all is thrown away. */
void gw_replay_buffer_add(struct gw_replay_buffer *buffer, struct gw_str data);
/* Nothing will be sent again: what comes counts as lost. */
void gw_replay_buffer_done(struct gw_replay_buffer *buffer);

#endif
