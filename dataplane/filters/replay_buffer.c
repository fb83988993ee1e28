#include "dataplane/filters/replay_buffer.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/event/loop.h"

/* Small bodies come in one read; of longer ones a piece takes a few. */
#define PIECE_MIN ((size_t)512)
#define PIECE_MAX ((size_t)16 * 1024)

void gw_replay_buffer_init(struct gw_replay_buffer *buffer, struct gw_loop *loop, uint64_t limit, int64_t expected) {
  *buffer = (struct gw_replay_buffer){.loop = loop, .limit = limit};
  if (expected > 0 && (uint64_t)expected > limit) buffer->limit = 0;
}

void gw_replay_buffer_done(struct gw_replay_buffer *buffer) {
  for (struct gw_replay_piece *piece = buffer->first; piece != NULL;) {
    struct gw_replay_piece *next = piece->next;
    gw_loop_free_at_turn_end(buffer->loop, piece);
    piece = next;
  }
  buffer->first = buffer->last = NULL;
  buffer->is_incomplete = buffer->is_incomplete || buffer->len > 0;
  buffer->limit = 0;
}

static void add_piece(struct gw_replay_buffer *buffer, size_t len) {
  size_t cap = len < PIECE_MIN ? PIECE_MIN : len;
  if (buffer->last != NULL && cap < PIECE_MAX) cap = PIECE_MAX;
  struct gw_replay_piece *piece = gw_malloc(sizeof(*piece) + cap);
  *piece = (struct gw_replay_piece){.cap = cap};
  if (buffer->last != NULL) {
    buffer->last->next = piece;
  } else {
    buffer->first = piece;
  }
  buffer->last = piece;
}

void gw_replay_buffer_add(struct gw_replay_buffer *buffer, struct gw_str data) {
  if (data.len == 0 || buffer->is_incomplete) return;
  if (data.len > buffer->limit - buffer->len) {
    gw_replay_buffer_done(buffer);
    buffer->is_incomplete = true;
    return;
  }
  buffer->len += data.len;
  while (data.len > 0) {
    if (buffer->last == NULL || buffer->last->len == buffer->last->cap) add_piece(buffer, data.len);
    struct gw_replay_piece *piece = buffer->last;
    size_t part = piece->cap - piece->len < data.len ? piece->cap - piece->len : data.len;
    memcpy(piece->data + piece->len, data.data, part);
    piece->len += part;
    data = gw_str_skip(data, part);
  }
}
