/* SQLite: one file, written ahead (WAL), every commit on the disk before it counts. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/folder.h"
#include "common/base/mem.h"
#include "controlplane/store/backend.h"

#define STATEMENTS_MAX 16

struct connection {
  sqlite3 *db;
  struct {
    const char *sql;
    sqlite3_stmt *statement;
  } prepared[STATEMENTS_MAX];
  uint32_t prepared_count;
};

static enum gw_err fail(struct connection *connection, char **ret_words) {
  *ret_words = gw_asprintf("SQLite: %s", sqlite3_errmsg(connection->db));
  return GW_ERR_CLOSED;
}

/* The file is there before SQLite looks, so that nobody else could ever read it; what SQLite puts beside it gets the same mode. */
static enum gw_err make_file(const char *path, char **ret_words) {
  int error = gw_folder_make_for(path);
  int fd = error == 0 ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
  if (error == 0 && fd < 0) error = errno;
  struct stat status = {0};
  if (fd >= 0 && fstat(fd, &status) != 0) error = errno;
  if (fd >= 0) close(fd);
  if (error != 0) {
    *ret_words = gw_asprintf("%s cannot be opened: %s", path, strerror(error));
    return error == EACCES ? GW_ERR_DENIED : GW_ERR_CLOSED;
  }
  if ((status.st_mode & (S_IRWXO | S_IWGRP)) == 0) return GW_OK;
  *ret_words = gw_asprintf("%s is open to others (mode %03o): chmod 600 it", path, (unsigned)status.st_mode & 0777u);
  return GW_ERR_DENIED;
}

static void close_connection(void *arg) {
  struct connection *connection = arg;
  if (connection == NULL) return;
  for (uint32_t i = 0; i < connection->prepared_count; i++)
    sqlite3_finalize(connection->prepared[i].statement);
  sqlite3_close(connection->db);
  free(connection);
}

static enum gw_err run_script(void *arg, const char *const *statements, char **ret_words) {
  struct connection *connection = arg;
  for (; *statements != NULL; statements++)
    if (sqlite3_exec(connection->db, *statements, NULL, NULL, NULL) != SQLITE_OK) return fail(connection, ret_words);
  return GW_OK;
}

static enum gw_err open_connection(const struct gw_store_target *target, void **ret_connection, char **ret_words) {
  static const char *const settings[] = {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", NULL};
  enum gw_err err = make_file(target->path, ret_words);
  if (err != GW_OK) return err;
  struct connection *connection = gw_calloc(1, sizeof(*connection));
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(target->path, &connection->db, flags, NULL) != SQLITE_OK) err = fail(connection, ret_words);
  if (err == GW_OK) sqlite3_busy_timeout(connection->db, (int)GW_STORE_CALL_MS);
  if (err == GW_OK) err = run_script(connection, settings, ret_words);
  if (err == GW_OK)
    *ret_connection = connection;
  else
    close_connection(connection);
  return err;
}

static sqlite3_stmt *prepare(struct connection *connection, const char *sql) {
  for (uint32_t i = 0; i < connection->prepared_count; i++)
    if (connection->prepared[i].sql == sql) return connection->prepared[i].statement;
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v3(connection->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) return NULL;
  GW_ASSERT(connection->prepared_count < STATEMENTS_MAX);
  connection->prepared[connection->prepared_count].sql = sql;
  connection->prepared[connection->prepared_count++].statement = statement;
  return statement;
}

static int bind(sqlite3_stmt *statement, const struct gw_store_call *call) {
  int code = SQLITE_OK;
  for (uint32_t i = 0; i < call->value_count && code == SQLITE_OK; i++) {
    const struct gw_store_value *value = &call->values[i];
    code = value->is_number
               ? sqlite3_bind_int64(statement, (int)i + 1, (sqlite3_int64)value->number)
               : sqlite3_bind_blob64(statement, (int)i + 1, value->bytes.len > 0 ? value->bytes.data : "", value->bytes.len, SQLITE_STATIC);
  }
  return code;
}

static void take_row(sqlite3_stmt *statement, const struct gw_store_call *call) {
  struct gw_store_value values[GW_STORE_VALUES_MAX];
  int count = sqlite3_column_count(statement);
  GW_ASSERT(count <= (int)GW_STORE_VALUES_MAX);
  for (int i = 0; i < count; i++) {
    if (sqlite3_column_type(statement, i) == SQLITE_INTEGER) {
      values[i] = gw_store_number((uint64_t)sqlite3_column_int64(statement, i));
    } else {
      const char *data = sqlite3_column_blob(statement, i);
      values[i] = gw_store_bytes((struct gw_str){data, (size_t)sqlite3_column_bytes(statement, i)});
    }
  }
  call->on_row(call->arg, values, (uint32_t)count);
}

static enum gw_err run(void *arg, const struct gw_store_call *call, uint64_t *ret_changed, char **ret_words) {
  struct connection *connection = arg;
  sqlite3_stmt *statement = prepare(connection, call->sql);
  if (statement == NULL) return fail(connection, ret_words);
  int code = bind(statement, call);
  if (code == SQLITE_OK) {
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
      if (call->on_row != NULL) take_row(statement, call);
  }
  enum gw_err err = code == SQLITE_DONE ? GW_OK : fail(connection, ret_words);
  if (err == GW_OK && ret_changed != NULL) *ret_changed = (uint64_t)sqlite3_changes(connection->db);
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return err;
}

/* The transaction of each step is lock enough. */
static enum gw_err lock(void *connection, char **ret_words) {
  (void)connection, (void)ret_words;
  return GW_OK;
}

static void unlock(void *connection) {
  (void)connection;
}

const struct gw_store_backend gw_store_sqlite = {
    .name = "SQLite",
    .dialect = {.begin = "BEGIN IMMEDIATE", .insert_use = "INSERT OR IGNORE INTO gateway_uses (kind, id, used_at_ms) VALUES (?, ?, ?)"},
    .open = open_connection,
    .close = close_connection,
    .run = run,
    .run_script = run_script,
    .lock = lock,
    .unlock = unlock,
};
