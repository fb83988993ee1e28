#include "controlplane/store/store_thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/event/timer.h"
#include "controlplane/store/migrations.h"

#define WRITES_TOGETHER_MAX 64u /* calls in one transaction: one wait for the disk */
#define BACKOFF_MAX_MS 5000u

struct follower {
  struct gw_str kind;
  uint64_t after;    /* the last change that was told */
  bool is_whole_due; /* all of it is to be told, from the beginning */
};

struct gw_store_thread {
  const struct gw_store_target *target;
  const struct gw_store_backend *backend;
  struct gw_mailbox *outbox;
  struct gw_mailbox *inbox;
  struct gw_loop *loop;
  pthread_t thread;
  bool is_started;
  bool is_stopping; /* the thread's: calls that come now are too late */

  struct gw_store_connection connection;
  struct follower followers[GW_STORE_FOLLOWERS_MAX];
  uint32_t follower_count;
  uint64_t seen_change;
  struct gw_list jobs; /* that wait */
  struct gw_task run_task;
  struct gw_timer poll;
  uint64_t backoff_ms;
  struct gw_random random;
  char *away_words; /* as they were told; NULL: it is not away */
};

/* ---- what is told ---- */

static void tell_state(struct gw_store_thread *thread, enum gw_store_state state, const char *words) {
  struct gw_store_told_state *told = gw_calloc(1, sizeof(*told));
  told->letter.kind = GW_STORE_LETTER_STATE;
  told->state = state;
  told->words = words != NULL ? gw_strdup(words) : NULL;
  gw_mailbox_post(thread->outbox, &told->letter.mail);
}

static void answer(struct gw_store_thread *thread, struct gw_store_job *job, enum gw_err err, const char *words) {
  gw_list_remove(&job->node);
  job->err = err;
  job->words = words != NULL ? gw_arena_strdup(&job->arena, words) : NULL;
  gw_mailbox_post(thread->outbox, &job->letter.mail);
}

static void answer_all(struct gw_store_thread *thread, enum gw_err err, const char *words) {
  GW_LIST_FOR_EACH(node, &thread->jobs) {
    answer(thread, GW_LIST_ITEM(node, struct gw_store_job, node), err, words);
  }
}

/* Takes over `words`. Who waits is told; the next try comes after the back-off. */
static void go_away(struct gw_store_thread *thread, char *words) {
  if (thread->connection.handle != NULL) thread->backend->close(thread->connection.handle);
  thread->connection.handle = NULL;
  answer_all(thread, GW_ERR_CLOSED, words);
  bool is_news = thread->away_words == NULL || strcmp(thread->away_words, words) != 0;
  if (is_news) tell_state(thread, GW_STORE_AWAY, words);
  free(thread->away_words);
  thread->away_words = words;
  gw_timer_start(thread->loop, &thread->poll, thread->backoff_ms / 2 + gw_random_below(&thread->random, thread->backoff_ms / 2 + 1));
  thread->backoff_ms = thread->backoff_ms * 2 < BACKOFF_MAX_MS ? thread->backoff_ms * 2 : BACKOFF_MAX_MS;
}

/* ---- following ---- */

static void take_record(void *arg, const struct gw_store_record *record) {
  struct gw_store_told_batch *told = arg;
  struct gw_store_record *copies = (struct gw_store_record *)(uintptr_t)told->batch.records; /* its own until it is sent */
  copies[told->batch.count++] = (struct gw_store_record){.kind = record->kind,
                                                         .id = gw_arena_copy(&told->arena, record->id),
                                                         .change = record->change,
                                                         .body = gw_arena_copy(&told->arena, record->body)};
}

static void free_batch(struct gw_store_told_batch *told) {
  gw_arena_wipe(&told->arena);
  gw_arena_done(&told->arena);
  free(told);
}

static enum gw_err tell_next(struct gw_store_thread *thread, uint32_t index, bool *ret_is_last, char **ret_words) {
  struct follower *follower = &thread->followers[index];
  struct gw_store_told_batch *told = gw_calloc(1, sizeof(*told));
  told->letter.kind = GW_STORE_LETTER_BATCH;
  told->follower = index;
  gw_arena_init(&told->arena, 4096);
  told->batch.records = gw_arena_calloc(&told->arena, GW_RECORDS_READ_MAX, sizeof(struct gw_store_record));
  enum gw_err err = gw_records_read(&thread->connection, follower->kind, follower->after, take_record, told, ret_words);
  if (err != GW_OK) {
    free_batch(told);
    return err;
  }
  uint32_t count = told->batch.count;
  *ret_is_last = count < GW_RECORDS_READ_MAX;
  told->batch.begins_whole = follower->is_whole_due && follower->after == 0;
  told->batch.ends_whole = follower->is_whole_due && *ret_is_last;
  if (count > 0) follower->after = told->batch.records[count - 1].change;
  if (told->batch.ends_whole) follower->is_whole_due = false;
  if (count > 0 || told->batch.begins_whole || told->batch.ends_whole)
    gw_mailbox_post(thread->outbox, &told->letter.mail);
  else
    free_batch(told);
  return GW_OK;
}

/* A number that went back: another database, or an older copy of it. */
static void begin_anew(struct gw_store_thread *thread) {
  for (uint32_t i = 0; i < thread->follower_count; i++) {
    thread->followers[i].after = 0;
    thread->followers[i].is_whole_due = true;
  }
}

static enum gw_err look_for_changes(struct gw_store_thread *thread, char **ret_words) {
  uint64_t change = 0;
  enum gw_err err = gw_records_last_change(&thread->connection, &change, ret_words);
  if (err != GW_OK || change == thread->seen_change) return err;
  if (change < thread->seen_change) begin_anew(thread);
  for (uint32_t i = 0; i < thread->follower_count && err == GW_OK; i++) {
    bool is_last = false;
    while (!is_last && err == GW_OK)
      err = tell_next(thread, i, &is_last, ret_words);
  }
  if (err == GW_OK) thread->seen_change = change;
  return err;
}

/* ---- calls ---- */

static void take_use(void *arg, const struct gw_store_use *use) {
  struct gw_store_job *job = arg;
  if (job->count == job->cap) {
    uint32_t cap = job->cap > 0 ? job->cap * 2 : 64;
    struct gw_store_use *more = gw_arena_calloc(&job->arena, cap, sizeof(*more));
    if (job->count > 0) memcpy(more, job->uses, job->count * sizeof(*more));
    job->uses = more;
    job->cap = cap;
  }
  job->uses[job->count++] = (struct gw_store_use){gw_arena_copy(&job->arena, use->id), use->used_at_ms};
}

static void take_found(void *arg, const struct gw_store_record *record) {
  struct gw_store_job *job = arg;
  if (job->count == job->cap) {
    uint32_t cap = job->cap > 0 ? job->cap * 2 : 16;
    struct gw_store_record *more = gw_arena_calloc(&job->arena, cap, sizeof(*more));
    if (job->count > 0) memcpy(more, job->records, job->count * sizeof(*more));
    job->records = more;
    job->cap = cap;
  }
  job->records[job->count++] = (struct gw_store_record){.kind = job->record_kind,
                                                        .id = gw_arena_copy(&job->arena, record->id),
                                                        .change = record->change,
                                                        .body = gw_arena_copy(&job->arena, record->body)};
}

static enum gw_err run_read(struct gw_store_thread *thread, struct gw_store_job *job, char **ret_words) {
  enum gw_err err = gw_records_find(&thread->connection, job->record_kind, job->first, job->last, take_found, job, ret_words);
  if (err == GW_OK) answer(thread, job, GW_OK, NULL);
  return err;
}

static enum gw_err run_uses(struct gw_store_thread *thread, struct gw_store_job *job, char **ret_words) {
  enum gw_err err = job->kind == GW_STORE_CALL_NOTE_USES
                        ? gw_records_note_uses(&thread->connection, job->record_kind, job->uses, job->count, ret_words)
                        : gw_records_read_uses(&thread->connection, job->record_kind, job->first, job->last, take_use, job, ret_words);
  if (err == GW_OK) answer(thread, job, GW_OK, NULL);
  return err;
}

/* The writes at the head of the queue in one transaction. Followers are told before those who wrote. */
static enum gw_err run_writes(struct gw_store_thread *thread, char **ret_words) {
  struct gw_records_request requests[WRITES_TOGETHER_MAX] = {{NULL, 0}};
  struct gw_store_job *jobs[WRITES_TOGETHER_MAX];
  bool conflicts[WRITES_TOGETHER_MAX] = {false};
  uint32_t count = 0;
  GW_LIST_FOR_EACH(node, &thread->jobs) {
    struct gw_store_job *job = GW_LIST_ITEM(node, struct gw_store_job, node);
    if (job->kind != GW_STORE_CALL_WRITE || count == WRITES_TOGETHER_MAX) break;
    requests[count] = (struct gw_records_request){job->writes, job->count};
    jobs[count++] = job;
  }
  enum gw_err err = gw_records_write(&thread->connection, requests, count, conflicts, ret_words);
  if (err == GW_OK) err = look_for_changes(thread, ret_words);
  for (uint32_t i = 0; i < count && err == GW_OK; i++)
    answer(thread, jobs[i], conflicts[i] ? GW_ERR_INVALID : GW_OK, NULL);
  return err;
}

static void run_jobs(void *arg) {
  struct gw_store_thread *thread = arg;
  if (thread->is_stopping || thread->connection.handle == NULL) {
    answer_all(thread, GW_ERR_CLOSED, thread->away_words);
    return;
  }
  enum gw_err err = GW_OK;
  char *words = NULL;
  while (err == GW_OK && !gw_list_is_empty(&thread->jobs)) {
    struct gw_store_job *job = GW_LIST_ITEM(thread->jobs.next, struct gw_store_job, node);
    switch (job->kind) {
    case GW_STORE_CALL_WRITE: err = run_writes(thread, &words); break;
    case GW_STORE_CALL_READ: err = run_read(thread, job, &words); break;
    default: err = run_uses(thread, job, &words);
    }
  }
  if (err != GW_OK) go_away(thread, words);
}

/* ---- the connection ---- */

static enum gw_err connect_now(struct gw_store_thread *thread, char **ret_words) {
  void *handle = NULL;
  enum gw_err err = thread->backend->open(thread->target, &handle, ret_words);
  if (err != GW_OK) return err;
  thread->connection = (struct gw_store_connection){thread->backend, handle};
  err = gw_migrations_run(thread->backend, handle, gw_clock_wall_us() / 1000, ret_words);
  return err == GW_OK ? look_for_changes(thread, ret_words) : err;
}

static void on_poll(struct gw_timer *timer) {
  struct gw_store_thread *thread = GW_CONTAINER_OF(timer, struct gw_store_thread, poll);
  char *words = NULL;
  bool was_connected = thread->connection.handle != NULL;
  enum gw_err err = was_connected ? look_for_changes(thread, &words) : connect_now(thread, &words);
  if (err != GW_OK) {
    go_away(thread, words);
    return;
  }
  if (!was_connected) {
    free(thread->away_words);
    thread->away_words = NULL;
    thread->backoff_ms = GW_STORE_POLL_MS;
    tell_state(thread, GW_STORE_READY, NULL);
    run_jobs(thread);
  }
  if (thread->connection.handle != NULL) gw_timer_start(thread->loop, &thread->poll, GW_STORE_POLL_MS);
}

static void on_mail(void *arg, struct gw_mail *mail) {
  struct gw_store_thread *thread = arg;
  struct gw_store_job *job = GW_CONTAINER_OF(mail, struct gw_store_job, letter.mail);
  gw_list_add_last(&thread->jobs, &job->node);
  /* Until the first answer of the database there is nothing to be said; then it goes on at once, or not at all. */
  bool may_run = thread->connection.handle != NULL || thread->away_words != NULL || thread->is_stopping;
  if (may_run) gw_loop_at_turn_end(thread->loop, &thread->run_task);
}

static void *run(void *arg) {
  struct gw_store_thread *thread = arg;
  gw_timer_start(thread->loop, &thread->poll, 0);
  gw_loop_run(thread->loop);
  thread->is_stopping = true;
  gw_timer_stop(&thread->poll);
  if (thread->connection.handle != NULL) thread->backend->close(thread->connection.handle);
  return NULL;
}

struct gw_store_thread *gw_store_thread_new(const struct gw_store_target *target, struct gw_mailbox *outbox) {
  struct gw_store_thread *thread = gw_calloc(1, sizeof(*thread));
  thread->target = target;
  thread->backend = target->kind == GW_STORE_SQLITE ? &gw_store_sqlite : &gw_store_mysql;
  thread->outbox = outbox;
  thread->loop = gw_loop_new();
  thread->inbox = gw_mailbox_new(thread->loop, on_mail, thread);
  thread->seen_change = UINT64_MAX; /* no number is that one: the first look reads all */
  thread->backoff_ms = GW_STORE_POLL_MS;
  gw_random_init(&thread->random, 0);
  gw_list_init(&thread->jobs);
  gw_task_init(&thread->run_task, run_jobs, thread);
  gw_timer_init(&thread->poll, on_poll);
  return thread;
}

void gw_store_thread_follow(struct gw_store_thread *thread, struct gw_str kind) {
  GW_ASSERT(!thread->is_started && thread->follower_count < GW_STORE_FOLLOWERS_MAX);
  thread->followers[thread->follower_count++] = (struct follower){.kind = kind};
}

void gw_store_thread_start(struct gw_store_thread *thread) {
  /* Signals are the main thread's. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  GW_ASSERT(pthread_create(&thread->thread, NULL, run, thread) == 0);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  thread->is_started = true;
}

void gw_store_thread_post(struct gw_store_thread *thread, struct gw_store_job *job) {
  gw_mailbox_post(thread->inbox, &job->letter.mail);
}

void gw_store_thread_free(struct gw_store_thread *thread) {
  if (thread == NULL) return;
  gw_loop_stop(thread->loop);
  if (thread->is_started) pthread_join(thread->thread, NULL);
  thread->is_stopping = true;
  gw_mailbox_free(thread->inbox); /* what is still in it joins those that wait */
  gw_task_cancel(&thread->run_task);
  answer_all(thread, GW_ERR_CLOSED, "the control plane is ending");
  gw_loop_free(thread->loop);
  free(thread->away_words);
  free(thread);
}

const struct gw_store_backend *gw_store_thread_backend(const struct gw_store_thread *thread) {
  return thread->backend;
}
