/* Why: the little of SQL databases that the store needs, the same for all of them: one constant table a database.
 * Life: a connection from open to close. Rows and their bytes are gone when on_row returns.
 * Thread: one at a time; calls block, at most some seconds, so the loop's thread is the wrong one. */
#ifndef GW_CONTROLPLANE_STORE_BACKEND_H
#define GW_CONTROLPLANE_STORE_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "controlplane/store/target.h"

/* How long one call may take at most, roughly: then the database counts as away. */
#define GW_STORE_CALL_MS 3000u

struct gw_store_value {
  bool is_number;
  uint64_t number; /* at most INT64_MAX */
  struct gw_str bytes;
};
static inline struct gw_store_value gw_store_number(uint64_t number) {
  return (struct gw_store_value){.is_number = true, .number = number};
}
static inline struct gw_store_value gw_store_bytes(struct gw_str bytes) {
  return (struct gw_store_value){.bytes = bytes};
}

/* One row of an answer. Values are of the kind that the column has. */
typedef void (*gw_store_row_fn)(void *arg, const struct gw_store_value *values, uint32_t count);

#define GW_STORE_VALUES_MAX 8u /* of a statement, and of a row */

struct gw_store_call {
  const char *sql; /* with `?`; a string that lives for ever: statements are prepared once a connection, and found by its address */
  const struct gw_store_value *values;
  uint32_t value_count;
  gw_store_row_fn on_row; /* NULL: no rows are expected */
  void *arg;
};

/* What is written differently from one database to the next. */
struct gw_store_dialect {
  const char *begin;      /* a transaction that writes: nobody else's can come between */
  const char *insert_use; /* (kind, id, used_at_ms): unless there is one already */
};

struct gw_store_backend {
  const char *name; /* "SQLite", "MySQL" */
  struct gw_store_dialect dialect;
  /* GW_ERR_CLOSED: not reached now; GW_ERR_DENIED: it will not have us. *ret_words says why; the caller frees it. */
  enum gw_err (*open)(const struct gw_store_target *target, void **ret_connection, char **ret_words);
  void (*close)(void *connection);
  /* *ret_changed (may be NULL): rows that an UPDATE, INSERT or DELETE has changed. GW_ERR_CLOSED: the database is away, or says no;
   * *ret_words as above. The connection is to be closed then. */
  enum gw_err (*run)(void *connection, const struct gw_store_call *call, uint64_t *ret_changed, char **ret_words);
  /* Several statements that have neither values nor rows, one after the other: for migrations. */
  enum gw_err (*run_script)(void *connection, const char *const *statements, char **ret_words);
  /* So that of several that start at once one migrates: the others wait for it. */
  enum gw_err (*lock)(void *connection, char **ret_words);
  void (*unlock)(void *connection);
};

extern const struct gw_store_backend gw_store_sqlite;
extern const struct gw_store_backend gw_store_mysql;

#endif
