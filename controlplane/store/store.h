/* Why: what outlives the control plane: records by kind, in SQLite or MySQL. A thread of its own talks to the database, so that a slow one
 * stalls nobody; who follows a kind is told of every change, whoever of several control planes has made it.
 * Life: gw_store_new … gw_store_free. What is written is copied; records are lent to callbacks.
 * Thread: the loop's own. */
#ifndef GW_CONTROLPLANE_STORE_STORE_H
#define GW_CONTROLPLANE_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/event/loop.h"
#include "common/observe/metrics.h"
#include "controlplane/store/target.h"

struct gw_store;

/* Changes of others are looked for so often. */
#define GW_STORE_POLL_MS 250u
/* Of calls that wait for the database; beyond them GW_ERR_LIMIT. */
#define GW_STORE_QUEUE_MAX 1024u
#define GW_STORE_WRITES_MAX 1000u  /* in one call */
#define GW_STORE_USES_MAX 10000u   /* in one call */
#define GW_STORE_BODY_MAX 1048576u /* of a record */
#define GW_STORE_FOLLOWERS_MAX 8u

struct gw_store_record {
  struct gw_str kind;
  struct gw_str id;
  uint64_t change; /* rises with every change in the store */
  struct gw_str body;
};

struct gw_store_write {
  struct gw_str kind;
  struct gw_str id; /* 1 to 255 bytes */
  uint64_t seen;    /* the `change` of the record that this follows on; 0: there is none yet */
  struct gw_str body;
};

struct gw_store_use {
  struct gw_str id;
  uint64_t used_at_ms; /* Unix time */
};

/* How the records of a kind come, in the order of their changes. */
struct gw_store_batch {
  const struct gw_store_record *records;
  uint32_t count;
  bool begins_whole; /* what was told before counts no more: all records of the kind follow … */
  bool ends_whole;   /* … up to here */
};
typedef void (*gw_store_batch_fn)(void *arg, const struct gw_store_batch *batch);

enum gw_store_state { GW_STORE_CONNECTING, GW_STORE_READY, GW_STORE_AWAY };

struct gw_store_status {
  enum gw_store_state state;
  const char *words;       /* why it is away; NULL: it is not */
  const char *url;         /* without the password */
  const char *backend;     /* "SQLite", "MySQL" */
  uint64_t writes_total;   /* records that were written */
  uint64_t failures_total; /* times that it went away, or did not come */
  uint32_t waiting;        /* calls that the database has not answered yet */
  uint64_t last_us;        /* how long the last one took, in the queue and there; 0: there was none */
  struct gw_histogram times;
};
typedef void (*gw_store_state_fn)(void *arg, const struct gw_store_status *status);

struct gw_store_options {
  struct gw_loop *loop;
  const struct gw_store_target *target; /* borrowed for as long as the store lives */
  gw_store_state_fn on_state;           /* another state, or other words */
  void *arg;
};

struct gw_store *gw_store_new(const struct gw_store_options *options);
/* Before gw_store_start. `kind` lives for ever. */
void gw_store_follow(struct gw_store *store, struct gw_str kind, gw_store_batch_fn fn, void *arg);
void gw_store_start(struct gw_store *store);
/* Calls that have no answer yet get GW_ERR_CLOSED; waits for a call of the database that is under way (GW_STORE_CALL_MS at most). */
void gw_store_free(struct gw_store *store);
const struct gw_store_status *gw_store_status(const struct gw_store *store);

/* How a call ended: GW_OK: it is on the disk, and followers here know; GW_ERR_INVALID: somebody else has changed one of the records since;
 * GW_ERR_CLOSED: the database is away, `words` says why. Whether a write that ended so was done is known once it is back. */
typedef void (*gw_store_written_fn)(void *arg, enum gw_err err, const char *words);
/* All of it or nothing. GW_ERR_CLOSED: the database is away, as the status says; GW_ERR_LIMIT: too many wait; then fn is not called. */
enum gw_err gw_store_write(struct gw_store *store, const struct gw_store_write *writes, uint32_t count, gw_store_written_fn fn, void *arg);

/* Keeps the latest of each. Nobody waits for these: what can't be written now is dropped and counted as a failure. */
enum gw_err gw_store_note_uses(struct gw_store *store, struct gw_str kind, const struct gw_store_use *uses, uint32_t count);
/* Of the ids from `first` to `last`. Errors as above. */
typedef void (*gw_store_uses_fn)(void *arg, enum gw_err err, const char *words, const struct gw_store_use *uses, uint32_t count);
enum gw_err gw_store_read_uses(struct gw_store *store, struct gw_str kind, struct gw_str first, struct gw_str last, gw_store_uses_fn fn,
                               void *arg);

/* Records of a kind as they are now, ids from `first` to `last`, in order: for what is too large to be followed. They are gone when fn
 * returns. Errors as above. */
typedef void (*gw_store_records_fn)(void *arg, enum gw_err err, const char *words, const struct gw_store_record *records, uint32_t count);
enum gw_err gw_store_read(struct gw_store *store, struct gw_str kind, struct gw_str first, struct gw_str last, gw_store_records_fn fn,
                          void *arg);

#endif
