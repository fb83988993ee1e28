#include "controlplane/store/store.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "controlplane/store/store_thread.h"

struct follower {
  gw_store_batch_fn fn;
  void *arg;
};

struct gw_store {
  struct gw_store_options options;
  struct gw_mailbox *mailbox;
  struct gw_store_thread *thread;
  struct follower followers[GW_STORE_FOLLOWERS_MAX];
  uint32_t follower_count;
  struct gw_store_status status;
  char *url;
  char *words;
  bool is_ending; /* nobody is called for news any more; who waits for an answer is */
};

static void free_job(struct gw_store_job *job) {
  gw_arena_wipe(&job->arena);
  gw_arena_done(&job->arena);
  free(job);
}

static void on_answer(struct gw_store *store, struct gw_store_job *job) {
  store->status.waiting--;
  store->status.last_us = gw_loop_now_us(store->options.loop) - job->posted_us;
  gw_histogram_add(&store->status.times, store->status.last_us);
  if (job->kind == GW_STORE_CALL_WRITE && job->err == GW_OK) store->status.writes_total += job->count;
  if (job->written_fn != NULL) job->written_fn(job->arg, job->err, job->words);
  if (job->uses_fn != NULL) job->uses_fn(job->arg, job->err, job->words, job->uses, job->count);
  if (job->records_fn != NULL) job->records_fn(job->arg, job->err, job->words, job->records, job->count);
  free_job(job);
}

static void on_batch(struct gw_store *store, struct gw_store_told_batch *told) {
  const struct follower *follower = &store->followers[told->follower];
  if (!store->is_ending) follower->fn(follower->arg, &told->batch);
  gw_arena_wipe(&told->arena);
  gw_arena_done(&told->arena);
  free(told);
}

static void on_state(struct gw_store *store, struct gw_store_told_state *told) {
  if (told->state == GW_STORE_AWAY && store->status.state != GW_STORE_AWAY) store->status.failures_total++;
  free(store->words);
  store->words = told->words;
  store->status.words = store->words;
  store->status.state = told->state;
  free(told);
  if (!store->is_ending && store->options.on_state != NULL) store->options.on_state(store->options.arg, &store->status);
}

static void on_mail(void *arg, struct gw_mail *mail) {
  struct gw_store_letter *letter = GW_CONTAINER_OF(mail, struct gw_store_letter, mail);
  switch (letter->kind) {
  case GW_STORE_LETTER_CALL: on_answer(arg, GW_CONTAINER_OF(letter, struct gw_store_job, letter)); break;
  case GW_STORE_LETTER_BATCH: on_batch(arg, GW_CONTAINER_OF(letter, struct gw_store_told_batch, letter)); break;
  case GW_STORE_LETTER_STATE: on_state(arg, GW_CONTAINER_OF(letter, struct gw_store_told_state, letter)); break;
  }
}

struct gw_store *gw_store_new(const struct gw_store_options *options) {
  struct gw_store *store = gw_calloc(1, sizeof(*store));
  store->options = *options;
  store->mailbox = gw_mailbox_new(options->loop, on_mail, store);
  store->thread = gw_store_thread_new(options->target, store->mailbox);
  store->url = gw_store_target_format(options->target);
  store->status =
      (struct gw_store_status){.state = GW_STORE_CONNECTING, .url = store->url, .backend = gw_store_thread_backend(store->thread)->name};
  return store;
}

void gw_store_follow(struct gw_store *store, struct gw_str kind, gw_store_batch_fn fn, void *arg) {
  gw_store_thread_follow(store->thread, kind);
  store->followers[store->follower_count++] = (struct follower){fn, arg};
}

void gw_store_start(struct gw_store *store) {
  gw_store_thread_start(store->thread);
}

void gw_store_free(struct gw_store *store) {
  if (store == NULL) return;
  store->is_ending = true;
  gw_store_thread_free(store->thread);
  gw_mailbox_free(store->mailbox);
  free(store->url);
  free(store->words);
  free(store);
}

const struct gw_store_status *gw_store_status(const struct gw_store *store) {
  return &store->status;
}

static enum gw_err new_job(const struct gw_store *store, enum gw_store_call_kind kind, struct gw_store_job **ret_job) {
  if (store->status.state == GW_STORE_AWAY || store->is_ending) return GW_ERR_CLOSED;
  if (store->status.waiting >= GW_STORE_QUEUE_MAX) return GW_ERR_LIMIT;
  struct gw_store_job *job = gw_calloc(1, sizeof(*job));
  job->letter.kind = GW_STORE_LETTER_CALL;
  job->kind = kind;
  gw_arena_init(&job->arena, 1024);
  *ret_job = job;
  return GW_OK;
}

static void post(struct gw_store *store, struct gw_store_job *job) {
  store->status.waiting++;
  job->posted_us = gw_loop_now_us(store->options.loop);
  gw_store_thread_post(store->thread, job);
}

enum gw_err gw_store_write(struct gw_store *store, const struct gw_store_write *writes, uint32_t count, gw_store_written_fn fn, void *arg) {
  struct gw_store_job *job;
  if (count > GW_STORE_WRITES_MAX) return GW_ERR_LIMIT;
  enum gw_err err = new_job(store, GW_STORE_CALL_WRITE, &job);
  if (err != GW_OK) return err;
  job->writes = gw_arena_calloc(&job->arena, count, sizeof(*job->writes));
  job->count = count;
  for (uint32_t i = 0; i < count; i++) {
    GW_ASSERT(writes[i].id.len > 0 && writes[i].id.len <= 255 && writes[i].body.len <= GW_STORE_BODY_MAX);
    job->writes[i] = (struct gw_store_write){.kind = gw_arena_copy(&job->arena, writes[i].kind),
                                             .id = gw_arena_copy(&job->arena, writes[i].id),
                                             .seen = writes[i].seen,
                                             .body = gw_arena_copy(&job->arena, writes[i].body)};
  }
  job->written_fn = fn;
  job->arg = arg;
  post(store, job);
  return GW_OK;
}

enum gw_err gw_store_note_uses(struct gw_store *store, struct gw_str kind, const struct gw_store_use *uses, uint32_t count) {
  struct gw_store_job *job;
  enum gw_err err = count > GW_STORE_USES_MAX ? GW_ERR_LIMIT : new_job(store, GW_STORE_CALL_NOTE_USES, &job);
  if (err != GW_OK) return err;
  job->record_kind = gw_arena_copy(&job->arena, kind);
  job->uses = gw_arena_calloc(&job->arena, count, sizeof(*job->uses));
  job->count = count;
  for (uint32_t i = 0; i < count; i++)
    job->uses[i] = (struct gw_store_use){gw_arena_copy(&job->arena, uses[i].id), uses[i].used_at_ms};
  post(store, job);
  return GW_OK;
}

enum gw_err gw_store_read_uses(struct gw_store *store, struct gw_str kind, struct gw_str first, struct gw_str last, gw_store_uses_fn fn,
                               void *arg) {
  struct gw_store_job *job;
  enum gw_err err = new_job(store, GW_STORE_CALL_READ_USES, &job);
  if (err != GW_OK) return err;
  job->record_kind = gw_arena_copy(&job->arena, kind);
  job->first = gw_arena_copy(&job->arena, first);
  job->last = gw_arena_copy(&job->arena, last);
  job->uses_fn = fn;
  job->arg = arg;
  post(store, job);
  return GW_OK;
}

enum gw_err gw_store_read(struct gw_store *store, struct gw_str kind, struct gw_str first, struct gw_str last, gw_store_records_fn fn,
                          void *arg) {
  struct gw_store_job *job;
  enum gw_err err = new_job(store, GW_STORE_CALL_READ, &job);
  if (err != GW_OK) return err;
  job->record_kind = gw_arena_copy(&job->arena, kind);
  job->first = gw_arena_copy(&job->arena, first);
  job->last = gw_arena_copy(&job->arena, last);
  job->records_fn = fn;
  job->arg = arg;
  post(store, job);
  return GW_OK;
}
