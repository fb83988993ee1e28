#include "dataplane/pipeline/failure_ring.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "dataplane/pipeline/stream.h"

struct slot {
  struct gw_failure_record record;
  struct gw_arena arena; /* of its texts */
};

struct gw_failure_ring {
  struct slot slots[GW_FAILURE_RING_SIZE];
  uint64_t total; /* the next one's slot is total % GW_FAILURE_RING_SIZE */
};

static uint64_t oldest(const struct gw_failure_ring *ring) {
  return ring->total > GW_FAILURE_RING_SIZE ? ring->total - GW_FAILURE_RING_SIZE : 0;
}

struct gw_failure_ring *gw_failure_ring_new(void) {
  return gw_calloc(1, sizeof(struct gw_failure_ring));
}

void gw_failure_ring_free(struct gw_failure_ring *ring) {
  if (ring == NULL) return;
  for (uint64_t i = oldest(ring); i < ring->total; i++)
    gw_arena_done(&ring->slots[i % GW_FAILURE_RING_SIZE].arena);
  free(ring);
}

static void keep_text(struct gw_arena *arena, struct gw_str *text) {
  if (text->len > GW_FAILURE_TEXT_MAX) text->len = GW_FAILURE_TEXT_MAX;
  *text = gw_arena_copy(arena, *text);
}

static struct gw_failure_record keep(struct gw_arena *arena, const struct gw_failure_record *from) {
  struct gw_failure_record kept = *from;
  struct gw_str *texts[] = {&kept.request_id, &kept.method, &kept.authority,       &kept.path, &kept.client, &kept.route,
                            &kept.service,    &kept.detail, &kept.snapshot_version};
  for (size_t i = 0; i < GW_ARRAY_LEN(texts); i++)
    keep_text(arena, texts[i]);
  struct gw_attempt_record *attempts = gw_arena_calloc(arena, from->record_count, sizeof(*attempts));
  for (uint32_t i = 0; i < from->record_count; i++) {
    attempts[i] = from->attempts[i];
    keep_text(arena, &attempts[i].endpoint);
    keep_text(arena, &attempts[i].detail);
  }
  kept.attempts = attempts;
  return kept;
}

static bool is_worth_it(const struct gw_stream *stream) {
  return stream->request_id.len > 0 && (stream->flags != 0 || stream->status >= 500 || stream->attempts.count > 0);
}

void gw_failure_ring_look_at(struct gw_failure_ring *ring, const struct gw_stream *stream) {
  if (!is_worth_it(stream)) return;
  char client[GW_ADDRESS_TEXT_SIZE];
  struct gw_failure_record record = {
      .request_id = stream->request_id,
      .wall_us = stream->wall_us,
      .duration_ms = (gw_loop_now_us(stream->pipeline->loop) - stream->started_us) / 1000,
      .method = stream->request.method_name,
      .authority = stream->request.authority,
      .path = stream->request.path,
      .client = gw_address_format_ip(&stream->remote, client),
      .route = stream->route != NULL ? stream->route->name : (struct gw_str){0},
      .service = gw_stream_cluster_name(stream),
      .status = stream->status,
      .flags = stream->flags,
      .detail = stream->detail,
      .snapshot_version = gw_view_snapshot_version(stream->view),
      .attempt_count = stream->attempt_count,
      .attempts = stream->attempts.items,
      .record_count = stream->attempts.count,
  };
  struct slot *slot = &ring->slots[ring->total % GW_FAILURE_RING_SIZE];
  if (ring->total++ >= GW_FAILURE_RING_SIZE) gw_arena_done(&slot->arena);
  gw_arena_init(&slot->arena, 512);
  slot->record = keep(&slot->arena, &record);
}

struct gw_failure_list *gw_failure_ring_find(const struct gw_failure_ring *ring, struct gw_str request_id) {
  struct gw_failure_list *list = gw_calloc(1, sizeof(*list));
  const struct gw_failure_record *found[GW_FAILURE_LIST_MAX];
  gw_arena_init(&list->arena, 1024);
  if (request_id.len > GW_FAILURE_TEXT_MAX) request_id.len = GW_FAILURE_TEXT_MAX;
  for (uint64_t i = ring->total; i-- > oldest(ring) && list->count < GW_FAILURE_LIST_MAX;) {
    const struct gw_failure_record *record = &ring->slots[i % GW_FAILURE_RING_SIZE].record;
    if (gw_str_equal(record->request_id, request_id)) found[list->count++] = record;
  }
  for (uint32_t i = 0; i < list->count; i++)
    list->items[i] = keep(&list->arena, found[list->count - 1 - i]);
  return list;
}

void gw_failure_list_free(struct gw_failure_list *list) {
  if (list == NULL) return;
  gw_arena_done(&list->arena);
  free(list);
}
