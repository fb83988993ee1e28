#include "controlplane/server/instance_records.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/base/content_hash.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/event/timer.h"

#define KIND "instances"
#define INSTANCES_MAX 100000u

/* One line for the source and the time, in microseconds of Unix time, then one for each instance: ADDRESS PORT WEIGHT PRIORITY. */
struct record {
  uint64_t change;     /* of the store; 0: it has none yet */
  uint64_t lines_hash; /* of the instances that it holds */
  bool is_dirty;       /* what is served is something else */
};

struct gw_instance_records {
  struct gw_loop *loop;
  struct gw_log *log;
  struct gw_store *store;
  struct gw_guard *guard;
  struct gw_map *by_service; /* → struct record */
  struct gw_timer timer;
  bool are_read;
  bool is_writing;
};

static struct record *get(struct gw_instance_records *records, struct gw_str service) {
  struct record *record = gw_map_find(records->by_service, service);
  if (record != NULL) return record;
  record = gw_calloc(1, sizeof(*record));
  gw_map_put(records->by_service, service, record);
  return record;
}

/* ---- reading ---- */

static bool next_number(struct gw_str *line, uint64_t max, uint64_t *ret_number) {
  struct gw_str piece;
  return gw_str_split_next(line, ' ', &piece) && gw_str_parse_u64(piece, ret_number) == GW_OK && *ret_number <= max;
}

static bool parse_line(struct gw_str line, struct gw_endpoint *endpoint) {
  uint64_t port, weight, priority;
  if (!gw_str_split_next(&line, ' ', &endpoint->address) || !next_number(&line, 65535, &port) || !next_number(&line, UINT32_MAX, &weight) ||
      !next_number(&line, 128, &priority))
    return false;
  endpoint->port = (uint16_t)port;
  endpoint->weight = (uint32_t)weight;
  endpoint->priority = (uint32_t)priority;
  return endpoint->address.len > 0 && port > 0 && weight > 0;
}

static void restore(struct gw_instance_records *records, const struct gw_store_record *from) {
  struct gw_str rest = from->body, line, source;
  uint64_t known_us = 0;
  bool is_good =
      gw_str_split_next(&rest, '\n', &line) && gw_str_split_next(&line, ' ', &source) && next_number(&line, UINT64_MAX, &known_us);
  struct record *record = get(records, from->id);
  record->change = from->change;
  record->lines_hash = gw_content_hash(rest);
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  uint32_t count = 0;
  for (size_t i = 0; i < rest.len; i++)
    count += rest.data[i] == '\n';
  struct gw_endpoint *items = gw_arena_calloc(&arena, count, sizeof(*items));
  is_good = is_good && count <= INSTANCES_MAX;
  for (uint32_t i = 0; is_good && i < count; i++)
    is_good = gw_str_split_next(&rest, '\n', &line) && parse_line(line, &items[i]);
  struct gw_endpoints endpoints = {.cluster_name = from->id, .items = items, .count = count};
  if (is_good)
    gw_guard_restore(records->guard, &endpoints, source, known_us);
  else
    GW_LOG_WARNING(records->log, "the store's record of service %.*s can't be read", GW_STR_ARG(from->id));
  gw_arena_done(&arena);
}

static void on_batch(void *arg, const struct gw_store_batch *batch) {
  struct gw_instance_records *records = arg;
  for (uint32_t i = 0; i < batch->count; i++)
    restore(records, &batch->records[i]);
  records->are_read = records->are_read || batch->ends_whole;
  /* What changed while the store was away. */
  if (batch->ends_whole) gw_timer_start(records->loop, &records->timer, GW_INSTANCE_RECORDS_MS);
}

/* ---- writing ---- */

static void append_lines(struct gw_strbuf *body, const struct gw_endpoints *endpoints) {
  for (uint32_t i = 0; i < endpoints->count; i++) {
    const struct gw_endpoint *endpoint = &endpoints->items[i];
    gw_strbuf_printf(body, "%.*s %u %" PRIu32 " %" PRIu32 "\n", GW_STR_ARG(endpoint->address), endpoint->port, endpoint->weight,
                     endpoint->priority);
  }
}

static void on_written(void *arg, enum gw_err err, const char *words) {
  struct gw_instance_records *records = arg;
  (void)words; /* that the store is away is told elsewhere */
  records->is_writing = false;
  if (err == GW_ERR_CLOSED) return; /* it may be the end; the next change tries again */
  /* GW_ERR_INVALID: another control plane was quicker. What it wrote comes by itself, and may be the same. */
  gw_timer_start(records->loop, &records->timer, GW_INSTANCE_RECORDS_MS);
}

/* The write of one service; false: nothing is to be written. */
static bool make_write(struct gw_instance_records *records, struct gw_str service, struct record *record, struct gw_arena *arena,
                       struct gw_store_write *ret_write) {
  const struct gw_guard_service *status = gw_guard_find(records->guard, service);
  if (status == NULL || status->is_written || status->state != GW_GUARD_LIVE) return false;
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf body = {0};
  gw_strbuf_printf(&body, "%s %" PRIu64 "\n", status->source, status->known_us);
  size_t head = body.len;
  append_lines(&body, status->endpoints);
  uint64_t hash = gw_content_hash(gw_str_skip(gw_strbuf_str(&body), head));
  if ((record->change != 0 && hash == record->lines_hash) || body.len > GW_STORE_BODY_MAX) return false;
  *ret_write = (struct gw_store_write){.kind = GW_STR(KIND),
                                       .id = gw_arena_copy(arena, service),
                                       .seen = record->change,
                                       .body = gw_arena_copy(arena, gw_strbuf_str(&body))};
  return true;
}

static void on_timer(struct gw_timer *timer) {
  struct gw_instance_records *records = GW_CONTAINER_OF(timer, struct gw_instance_records, timer);
  if (records->is_writing || !records->are_read) return;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  struct gw_store_write *writes = gw_arena_calloc(&arena, GW_STORE_WRITES_MAX, sizeof(*writes));
  uint32_t count = 0;
  struct gw_str service;
  void *value;
  for (size_t cursor = 0; count < GW_STORE_WRITES_MAX && gw_map_next(records->by_service, &cursor, &service, &value);) {
    struct record *record = value;
    if (!record->is_dirty) continue;
    if (make_write(records, service, record, &arena, &writes[count]))
      count++;
    else
      record->is_dirty = false;
  }
  records->is_writing = count > 0 && gw_store_write(records->store, writes, count, on_written, records) == GW_OK;
  gw_arena_done(&arena);
}

static void on_change(void *arg, const struct gw_guard_service *service) {
  struct gw_instance_records *records = arg;
  if (service->is_written || service->state != GW_GUARD_LIVE || service->service.len > 255) return;
  get(records, service->service)->is_dirty = true;
  if (!gw_timer_is_running(&records->timer)) gw_timer_start(records->loop, &records->timer, GW_INSTANCE_RECORDS_MS);
}

/* ---- life ---- */

struct gw_instance_records *gw_instance_records_new(struct gw_loop *loop, struct gw_log *log, struct gw_store *store,
                                                    struct gw_guard *guard) {
  struct gw_instance_records *records = gw_calloc(1, sizeof(*records));
  records->loop = loop;
  records->log = log;
  records->store = store;
  records->guard = guard;
  records->by_service = gw_map_new();
  gw_timer_init(&records->timer, on_timer);
  gw_store_follow(store, GW_STR(KIND), on_batch, records);
  gw_guard_observe(guard, on_change, records);
  return records;
}

void gw_instance_records_free(struct gw_instance_records *records) {
  if (records == NULL) return;
  gw_guard_observe(records->guard, NULL, NULL);
  gw_timer_stop(&records->timer);
  struct gw_str service;
  void *record;
  for (size_t cursor = 0; gw_map_next(records->by_service, &cursor, &service, &record);)
    free(record);
  gw_map_free(records->by_service);
  free(records);
}

bool gw_instance_records_are_read(const struct gw_instance_records *records) {
  return records->are_read;
}
