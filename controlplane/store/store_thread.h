/* Why: the store's own thread: takes calls from its mailbox, talks to the database, looks for what others have changed, and connects anew
 * when it was away. store.c has the loop's side.
 * Life: gw_store_thread_new … gw_store_thread_free, which ends the thread. Letters belong to whom they were sent.
 * Thread: new, start, free: the loop's; all else is the thread's own business. */
#ifndef GW_CONTROLPLANE_STORE_STORE_THREAD_H
#define GW_CONTROLPLANE_STORE_STORE_THREAD_H

#include "common/base/arena.h"
#include "common/event/mailbox.h"
#include "controlplane/store/records.h"

enum gw_store_letter_kind {
  GW_STORE_LETTER_CALL,  /* to the thread, and back with its answer */
  GW_STORE_LETTER_BATCH, /* from the thread, as all below */
  GW_STORE_LETTER_STATE,
};

struct gw_store_letter {
  struct gw_mail mail;
  enum gw_store_letter_kind kind;
};

enum gw_store_call_kind { GW_STORE_CALL_WRITE, GW_STORE_CALL_NOTE_USES, GW_STORE_CALL_READ_USES, GW_STORE_CALL_READ };

struct gw_store_job {
  struct gw_store_letter letter;
  struct gw_list node; /* the thread's */
  enum gw_store_call_kind kind;
  uint64_t posted_us;
  struct gw_arena arena; /* what is asked, and the answer */
  struct gw_store_write *writes;
  struct gw_str record_kind;
  struct gw_store_use *uses;
  struct gw_store_record *records;
  uint32_t count; /* of writes, uses or records */
  uint32_t cap;   /* of uses or records that are read */
  struct gw_str first, last;
  enum gw_err err;
  const char *words; /* in the arena */
  gw_store_written_fn written_fn;
  gw_store_uses_fn uses_fn;
  gw_store_records_fn records_fn;
  void *arg;
};

struct gw_store_told_batch {
  struct gw_store_letter letter;
  uint32_t follower;
  struct gw_arena arena;
  struct gw_store_batch batch;
};

struct gw_store_told_state {
  struct gw_store_letter letter;
  enum gw_store_state state;
  char *words; /* NULL: none */
};

struct gw_store_thread;

struct gw_store_thread *gw_store_thread_new(const struct gw_store_target *target, struct gw_mailbox *outbox);
void gw_store_thread_follow(struct gw_store_thread *thread, struct gw_str kind);
void gw_store_thread_start(struct gw_store_thread *thread);
void gw_store_thread_post(struct gw_store_thread *thread, struct gw_store_job *job);
void gw_store_thread_free(struct gw_store_thread *thread);
const struct gw_store_backend *gw_store_thread_backend(const struct gw_store_thread *thread);

#endif
