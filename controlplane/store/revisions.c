#include "controlplane/store/revisions.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/crypto/digest.h"
#include "controlplane/store/revision_record.h"
#include "controlplane/store/text_pack.h"

#define PIECE_BYTES ((size_t)512 * 1024) /* fits a statement of every database */
#define PIECES_MAX (GW_REVISION_TEXT_MAX / PIECE_BYTES + 2)

struct known {
  struct gw_arena arena;
  struct gw_revision revision;
};

struct gw_revisions {
  struct gw_revisions_options options;
  struct known **items; /* by number */
  uint32_t count;
  uint32_t cap;
  bool is_known;
  bool is_reading_all;
};

static void known_free(struct known *known) {
  gw_arena_done(&known->arena);
  free(known);
}

static void forget_all(struct gw_revisions *revisions) {
  for (uint32_t i = 0; i < revisions->count; i++)
    known_free(revisions->items[i]);
  revisions->count = 0;
}

/* The position of that number, or where it would come. */
static uint32_t find_position(const struct gw_revisions *revisions, uint64_t number) {
  uint32_t low = 0, high = revisions->count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (revisions->items[middle]->revision.number < number)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static void insert(struct gw_revisions *revisions, struct known *known) {
  uint32_t at = find_position(revisions, known->revision.number);
  if (at < revisions->count && revisions->items[at]->revision.number == known->revision.number) {
    known_free(revisions->items[at]);
    revisions->items[at] = known;
    return;
  }
  if (revisions->count == revisions->cap) {
    revisions->cap = revisions->cap > 0 ? revisions->cap * 2 : 64;
    revisions->items = gw_realloc_array(revisions->items, revisions->cap, sizeof(struct known *));
  }
  memmove(&revisions->items[at + 1], &revisions->items[at], (revisions->count - at) * sizeof(struct known *));
  revisions->items[at] = known;
  revisions->count++;
}

/* What is no revision of ours is left alone: a newer version may have written it. */
static void take_record(struct gw_revisions *revisions, const struct gw_store_record *record) {
  struct known *known = gw_calloc(1, sizeof(*known));
  gw_arena_init(&known->arena, 1024);
  struct gw_str body = gw_arena_copy(&known->arena, record->body);
  if (gw_revision_record_parse(body, &known->arena, &known->revision) == GW_OK)
    insert(revisions, known);
  else
    known_free(known);
}

static void on_batch(void *arg, const struct gw_store_batch *batch) {
  struct gw_revisions *revisions = arg;
  if (batch->begins_whole) {
    forget_all(revisions);
    revisions->is_reading_all = true;
  }
  for (uint32_t i = 0; i < batch->count; i++)
    take_record(revisions, &batch->records[i]);
  if (batch->ends_whole) {
    revisions->is_reading_all = false;
    revisions->is_known = true;
  }
  if (!revisions->is_reading_all) revisions->options.on_newest(revisions->options.arg);
}

struct gw_revisions *gw_revisions_new(const struct gw_revisions_options *options) {
  struct gw_revisions *revisions = gw_calloc(1, sizeof(*revisions));
  revisions->options = *options;
  gw_store_follow(options->store, GW_STR(GW_REVISIONS_KIND), on_batch, revisions);
  return revisions;
}

void gw_revisions_free(struct gw_revisions *revisions) {
  if (revisions == NULL) return;
  forget_all(revisions);
  free(revisions->items);
  free(revisions);
}

bool gw_revisions_are_known(const struct gw_revisions *revisions) {
  return revisions->is_known && !revisions->is_reading_all;
}

const struct gw_store_status *gw_revisions_store_status(const struct gw_revisions *revisions) {
  return gw_store_status(revisions->options.store);
}

uint32_t gw_revisions_count(const struct gw_revisions *revisions) {
  return revisions->count;
}

const struct gw_revision *gw_revisions_at(const struct gw_revisions *revisions, uint32_t index) {
  return &revisions->items[index]->revision;
}

const struct gw_revision *gw_revisions_newest(const struct gw_revisions *revisions) {
  return revisions->count > 0 ? &revisions->items[revisions->count - 1]->revision : NULL;
}

const struct gw_revision *gw_revisions_find(const struct gw_revisions *revisions, uint64_t number) {
  uint32_t at = find_position(revisions, number);
  bool is_there = at < revisions->count && revisions->items[at]->revision.number == number;
  return is_there ? &revisions->items[at]->revision : NULL;
}

const struct gw_revision *gw_revisions_find_request(const struct gw_revisions *revisions, struct gw_str request_id) {
  if (request_id.len == 0) return NULL;
  for (uint32_t i = revisions->count; i > 0; i--) /* it was lately */
    if (gw_str_equal(revisions->items[i - 1]->revision.request_id, request_id)) return &revisions->items[i - 1]->revision;
  return NULL;
}

void gw_revisions_hash(const struct gw_revision_texts *texts, char ret_hash[GW_REVISION_HASH_SIZE]) {
  struct gw_strbuf all;
  gw_strbuf_init(&all);
  gw_strbuf_printf(&all, "%zu ", texts->routes.len); /* keeps the two apart */
  gw_strbuf_append_str(&all, texts->routes);
  gw_strbuf_append_str(&all, texts->services);
  uint8_t digest[GW_SHA256_SIZE];
  gw_digest_sha256(gw_strbuf_str(&all), digest);
  gw_strbuf_done(&all);
  for (size_t i = 0; i < GW_SHA256_SIZE; i++)
    snprintf(ret_hash + 2 * i, 3, "%02x", digest[i]);
}

/* ---- writing ---- */

struct addition {
  gw_revisions_added_fn fn;
  void *arg;
};

static void on_written(void *arg, enum gw_err err, const char *words) {
  struct addition *addition = arg;
  if (err == GW_ERR_INVALID)
    addition->fn(addition->arg, GW_ERR_AGAIN, "somebody else has just put another revision in force");
  else
    addition->fn(addition->arg, err == GW_ERR_CLOSED ? GW_ERR_TIMEOUT : err, words);
  free(addition);
}

/* The record and the pieces of the packed texts, in one write. Returns how many; 0: too many. */
static uint32_t make_writes(const struct gw_revision *revision, struct gw_str packed, struct gw_arena *arena,
                            struct gw_store_write writes[PIECES_MAX + 1]) {
  char id[GW_REVISION_ID_SIZE];
  uint32_t count = 0;
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf body = {0};
  gw_revision_record_format(revision, &body);
  if (body.len > GW_STORE_BODY_MAX) return 0;
  for (size_t at = 0; at < packed.len; at += PIECE_BYTES) {
    if (count == PIECES_MAX) return 0;
    gw_revision_piece_id_format(revision->number, count, id);
    size_t len = packed.len - at < PIECE_BYTES ? packed.len - at : PIECE_BYTES;
    writes[count++] = (struct gw_store_write){.kind = GW_STR(GW_REVISION_TEXTS_KIND),
                                              .id = gw_str_from(gw_arena_strdup(arena, id)),
                                              .body = {packed.data + at, len}};
  }
  gw_revision_id_format(revision->number, id);
  writes[count++] = (struct gw_store_write){.kind = GW_STR(GW_REVISIONS_KIND),
                                            .id = gw_str_from(gw_arena_strdup(arena, id)),
                                            .body = gw_arena_copy(arena, gw_strbuf_str(&body))};
  return count;
}

static struct gw_revision complete(const struct gw_revisions *revisions, const struct gw_revision *wish,
                                   const struct gw_revision_texts *texts, char hash[GW_REVISION_HASH_SIZE]) {
  const struct gw_revision *newest = gw_revisions_newest(revisions);
  struct gw_revision revision = *wish;
  gw_revisions_hash(texts, hash);
  revision.number = newest != NULL ? newest->number + 1 : 1;
  revision.at_ms = gw_clock_wall_us() / 1000;
  revision.hash = (struct gw_str){hash, GW_REVISION_HASH_SIZE - 1};
  revision.routes_name = texts->routes_name;
  revision.services_name = texts->services_name;
  revision.routes_bytes = texts->routes.len;
  revision.services_bytes = texts->services.len;
  return revision;
}

void gw_revisions_add(struct gw_revisions *revisions, const struct gw_revision *wish, const struct gw_revision_texts *texts,
                      gw_revisions_added_fn fn, void *arg) {
  if (texts->routes.len + texts->services.len > GW_REVISION_TEXT_MAX) {
    fn(arg, GW_ERR_LIMIT, "the texts are too large to be a revision: together 16 MiB are allowed");
    return;
  }
  if (!gw_revisions_are_known(revisions)) {
    const char *words = gw_revisions_store_status(revisions)->words;
    fn(arg, GW_ERR_CLOSED, words != NULL ? words : "it has not answered yet");
    return;
  }
  char hash[GW_REVISION_HASH_SIZE];
  struct gw_revision revision = complete(revisions, wish, texts, hash);
  struct gw_str packed = gw_text_pack(texts->routes, texts->services);
  struct gw_store_write writes[PIECES_MAX + 1];
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  uint32_t count = make_writes(&revision, packed, &arena, writes);
  struct addition *addition = gw_calloc(1, sizeof(*addition));
  *addition = (struct addition){fn, arg};
  enum gw_err err = count > 0 ? gw_store_write(revisions->options.store, writes, count, on_written, addition) : GW_ERR_LIMIT;
  free((char *)(uintptr_t)packed.data);
  gw_arena_done(&arena);
  if (err == GW_OK) return;
  free(addition);
  const char *words = gw_revisions_store_status(revisions)->words;
  fn(arg, err, err == GW_ERR_LIMIT ? "too many calls wait for the database; try again in a moment" : words != NULL ? words : "ending");
}

/* ---- reading ---- */

struct reading {
  struct gw_revisions *revisions;
  uint64_t number;
  gw_revisions_read_fn fn;
  void *arg;
};

static struct gw_str join(const struct gw_store_record *records, uint32_t count) {
  struct gw_strbuf all;
  gw_strbuf_init(&all);
  for (uint32_t i = 0; i < count; i++)
    gw_strbuf_append_str(&all, records[i].body);
  struct gw_str joined = {NULL, all.len};
  joined.data = gw_strbuf_take(&all);
  return joined;
}

static void tell(const struct reading *reading, const struct gw_revision *revision, struct gw_str text) {
  struct gw_revision_texts texts = {.routes_name = revision->routes_name,
                                    .routes = {text.data, revision->routes_bytes},
                                    .services_name = revision->services_name,
                                    .services = {text.data + revision->routes_bytes, revision->services_bytes}};
  char hash[GW_REVISION_HASH_SIZE];
  gw_revisions_hash(&texts, hash);
  bool is_same = gw_str_equal(gw_str_from(hash), revision->hash);
  reading->fn(reading->arg, is_same ? GW_OK : GW_ERR_INVALID, is_same ? NULL : "its texts are damaged in the database",
              is_same ? &texts : NULL);
}

static void on_pieces(void *arg, enum gw_err err, const char *words, const struct gw_store_record *records, uint32_t count) {
  struct reading *reading = arg;
  const struct gw_revision *revision = err == GW_OK ? gw_revisions_find(reading->revisions, reading->number) : NULL;
  struct gw_str text;
  if (err != GW_OK) {
    reading->fn(reading->arg, err, words, NULL);
  } else if (revision == NULL) { /* another database has come meanwhile */
    reading->fn(reading->arg, GW_ERR_NOT_FOUND, "there is no such revision", NULL);
  } else {
    struct gw_str packed = join(records, count);
    if (gw_text_unpack(packed, revision->routes_bytes + revision->services_bytes, &text) == GW_OK) {
      tell(reading, revision, text);
      free((char *)(uintptr_t)text.data);
    } else {
      reading->fn(reading->arg, GW_ERR_INVALID, "its texts are damaged in the database", NULL);
    }
    free((char *)(uintptr_t)packed.data);
  }
  free(reading);
}

void gw_revisions_read(struct gw_revisions *revisions, uint64_t number, gw_revisions_read_fn fn, void *arg) {
  if (gw_revisions_find(revisions, number) == NULL) {
    bool is_known = gw_revisions_are_known(revisions);
    const char *words = gw_revisions_store_status(revisions)->words;
    fn(arg, is_known ? GW_ERR_NOT_FOUND : GW_ERR_CLOSED,
       is_known        ? "there is no such revision"
       : words != NULL ? words
                       : "it has not answered yet",
       NULL);
    return;
  }
  char first[GW_REVISION_ID_SIZE], last[GW_REVISION_ID_SIZE];
  gw_revision_piece_id_format(number, 0, first);
  gw_revision_piece_id_format(number, 9999, last);
  struct reading *reading = gw_calloc(1, sizeof(*reading));
  *reading = (struct reading){revisions, number, fn, arg};
  enum gw_err err =
      gw_store_read(revisions->options.store, GW_STR(GW_REVISION_TEXTS_KIND), gw_str_from(first), gw_str_from(last), on_pieces, reading);
  if (err == GW_OK) return;
  free(reading);
  const char *words = gw_revisions_store_status(revisions)->words;
  fn(arg, err, words != NULL ? words : "too many calls wait for the database", NULL);
}
