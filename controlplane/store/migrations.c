#include "controlplane/store/migrations.h"

#include <stdlib.h>

#include "common/base/mem.h"

/* A step that was released is never changed: the next one changes what it did. MySQL ends a transaction with each CREATE, so a step can be
 * cut in two there, and is written so that it may run again. */
struct step {
  const char *const *sqlite; /* statements; NULL ends them */
  const char *const *mysql;
};

/* Change numbers rise with every change of a record, in the order of commits: whoever has seen one has seen all before it. */
static const char *const records_sqlite[] = {
    "CREATE TABLE IF NOT EXISTS gateway_counters (name BLOB NOT NULL PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT OR IGNORE INTO gateway_counters (name, value) VALUES (CAST('records' AS BLOB), 0)",
    ("CREATE TABLE IF NOT EXISTS gateway_records (kind BLOB NOT NULL, id BLOB NOT NULL, change_number INTEGER NOT NULL, "
     "body BLOB NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID"),
    "CREATE UNIQUE INDEX IF NOT EXISTS gateway_records_by_change ON gateway_records (kind, change_number)",
    NULL,
};
static const char *const records_mysql[] = {
    "CREATE TABLE IF NOT EXISTS gateway_counters (name VARBINARY(64) NOT NULL PRIMARY KEY, value BIGINT NOT NULL) ENGINE=InnoDB",
    "INSERT IGNORE INTO gateway_counters (name, value) VALUES ('records', 0)",
    ("CREATE TABLE IF NOT EXISTS gateway_records (kind VARBINARY(64) NOT NULL, id VARBINARY(255) NOT NULL, change_number BIGINT NOT NULL, "
     "body MEDIUMBLOB NOT NULL, PRIMARY KEY (kind, id), UNIQUE KEY gateway_records_by_change (kind, change_number)) ENGINE=InnoDB"),
    NULL,
};

/* Apart from the records, because a use is no change that anybody waits for. */
static const char *const uses_sqlite[] = {
    "CREATE TABLE IF NOT EXISTS gateway_uses (kind BLOB NOT NULL, id BLOB NOT NULL, used_at_ms INTEGER NOT NULL, PRIMARY KEY (kind, id)) "
    "WITHOUT ROWID",
    NULL,
};
static const char *const uses_mysql[] = {
    "CREATE TABLE IF NOT EXISTS gateway_uses (kind VARBINARY(64) NOT NULL, id VARBINARY(255) NOT NULL, used_at_ms BIGINT NOT NULL, "
    "PRIMARY KEY (kind, id)) ENGINE=InnoDB",
    NULL,
};

static const struct step steps[] = {
    {records_sqlite, records_mysql}, /* 1 */
    {uses_sqlite, uses_mysql},       /* 2 */
};

static const char *const schema_table[] = {
    "CREATE TABLE IF NOT EXISTS gateway_schema (step BIGINT NOT NULL PRIMARY KEY, applied_at_ms BIGINT NOT NULL)",
    NULL,
};

uint32_t gw_migrations_newest(void) {
  return GW_ARRAY_LEN(steps);
}

static void take_number(void *arg, const struct gw_store_value *values, uint32_t count) {
  if (count > 0 && values[0].is_number) *(uint64_t *)arg = values[0].number;
}

static enum gw_err find_step(const struct gw_store_backend *backend, void *connection, uint64_t *ret_step, char **ret_words) {
  *ret_step = 0;
  struct gw_store_call call = {.sql = "SELECT COALESCE(MAX(step), 0) FROM gateway_schema", .on_row = take_number, .arg = ret_step};
  enum gw_err err = backend->run(connection, &call, NULL, ret_words);
  if (err != GW_OK || *ret_step <= GW_ARRAY_LEN(steps)) return err;
  *ret_words =
      gw_asprintf("the database's tables are of step %llu, and this program knows %zu: a newer gateway-controlplane has used them; "
                  "upgrade this one",
                  (unsigned long long)*ret_step, GW_ARRAY_LEN(steps));
  return GW_ERR_UNSUPPORTED;
}

/* Within its own transaction; another program may have been first. */
static enum gw_err apply(const struct gw_store_backend *backend, void *connection, uint64_t number, uint64_t wall_ms, char **ret_words) {
  const char *const begin[] = {backend->dialect.begin, NULL}, *const commit[] = {"COMMIT", NULL};
  const struct step *step = &steps[number - 1];
  struct gw_store_value values[] = {gw_store_number(number), gw_store_number(wall_ms)};
  struct gw_store_call note = {.sql = "INSERT INTO gateway_schema (step, applied_at_ms) VALUES (?, ?)",
                               .values = values,
                               .value_count = GW_ARRAY_LEN(values)};
  uint64_t has = 0;
  enum gw_err err = backend->run_script(connection, begin, ret_words);
  if (err == GW_OK) err = find_step(backend, connection, &has, ret_words);
  if (err == GW_OK && has < number) {
    err = backend->run_script(connection, backend == &gw_store_sqlite ? step->sqlite : step->mysql, ret_words);
    if (err == GW_OK) err = backend->run(connection, &note, NULL, ret_words);
  }
  if (err == GW_OK) err = backend->run_script(connection, commit, ret_words);
  return err;
}

enum gw_err gw_migrations_run(const struct gw_store_backend *backend, void *connection, uint64_t wall_ms, char **ret_words) {
  enum gw_err err = backend->lock(connection, ret_words);
  if (err != GW_OK) return err;
  uint64_t has = 0;
  err = backend->run_script(connection, schema_table, ret_words);
  if (err == GW_OK) err = find_step(backend, connection, &has, ret_words);
  for (uint64_t number = has + 1; err == GW_OK && number <= GW_ARRAY_LEN(steps); number++)
    err = apply(backend, connection, number, wall_ms, ret_words);
  backend->unlock(connection);
  return err;
}
