/* MySQL and MariaDB, by prepared statements. What takes longer than GW_STORE_CALL_MS fails, and the connection with it. */
#include <mysql.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "controlplane/store/backend.h"

#define STATEMENTS_MAX 16
#define CALL_S (GW_STORE_CALL_MS / 1000u)
#define CELL_BYTES 4096 /* of a value that is read in one step; longer ones take a second one */

struct cell {
  enum enum_field_types type;
  uint64_t number;
  char bytes[CELL_BYTES];
  char *longer; /* NULL: not needed */
  unsigned long len;
  my_bool is_null;
};

struct connection {
  MYSQL *mysql;
  struct {
    const char *sql;
    MYSQL_STMT *statement;
  } prepared[STATEMENTS_MAX];
  uint32_t prepared_count;
  struct cell cells[GW_STORE_VALUES_MAX];
};

static enum gw_err fail(struct connection *connection, char **ret_words) {
  *ret_words = gw_asprintf("MySQL: %s", mysql_error(connection->mysql));
  return GW_ERR_CLOSED;
}

static enum gw_err fail_statement(MYSQL_STMT *statement, char **ret_words) {
  *ret_words = gw_asprintf("MySQL: %s", mysql_stmt_error(statement));
  return GW_ERR_CLOSED;
}

static void close_connection(void *arg) {
  struct connection *connection = arg;
  if (connection == NULL) return;
  for (uint32_t i = 0; i < connection->prepared_count; i++)
    mysql_stmt_close(connection->prepared[i].statement);
  mysql_close(connection->mysql);
  free(connection);
}

static enum gw_err run_script(void *arg, const char *const *statements, char **ret_words) {
  struct connection *connection = arg;
  for (; *statements != NULL; statements++)
    if (mysql_query(connection->mysql, *statements) != 0) return fail(connection, ret_words);
  return GW_OK;
}

/* The server's certificate is checked before the password goes anywhere, and a server without TLS is none of ours. */
static void want_tls(MYSQL *mysql, const struct gw_store_target *target) {
  const my_bool yes = 1;
  mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &yes);
  mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
  mysql_options(mysql, MARIADB_OPT_TLS_VERSION, "TLSv1.2,TLSv1.3");
  mysql_options(mysql, MYSQL_OPT_SSL_CA, target->tls_ca);
  if (target->tls_cert[0] == '\0') return;
  mysql_options(mysql, MYSQL_OPT_SSL_CERT, target->tls_cert);
  mysql_options(mysql, MYSQL_OPT_SSL_KEY, target->tls_key);
}

static enum gw_err open_connection(const struct gw_store_target *target, void **ret_connection, char **ret_words) {
  /* Writers take turns by a row's lock; with snapshots of their own they would not see what came before. */
  static const char *const settings[] = {"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
                                         "SET SESSION sql_mode = 'STRICT_ALL_TABLES'", "SET SESSION innodb_lock_wait_timeout = 2", NULL};
  struct connection *connection = gw_calloc(1, sizeof(*connection));
  connection->mysql = mysql_init(NULL);
  GW_ASSERT(connection->mysql != NULL);
  const unsigned timeout_s = CALL_S;
  mysql_options(connection->mysql, MYSQL_OPT_CONNECT_TIMEOUT, &timeout_s);
  mysql_options(connection->mysql, MYSQL_OPT_READ_TIMEOUT, &timeout_s);
  mysql_options(connection->mysql, MYSQL_OPT_WRITE_TIMEOUT, &timeout_s);
  mysql_options(connection->mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  /* "localhost" would mean a socket file to the library. */
  const unsigned protocol = MYSQL_PROTOCOL_TCP;
  mysql_options(connection->mysql, MYSQL_OPT_PROTOCOL, &protocol);
  if (target->uses_tls) want_tls(connection->mysql, target);
  enum gw_err err = GW_OK;
  if (mysql_real_connect(connection->mysql, target->host, target->user, target->password, target->database, target->port, NULL, 0) == NULL)
    err = fail(connection, ret_words);
  if (err == GW_OK && target->uses_tls && mysql_get_ssl_cipher(connection->mysql) == NULL) {
    *ret_words = gw_strdup("MySQL: the connection is not under TLS");
    err = GW_ERR_CLOSED;
  }
  if (err == GW_OK) err = run_script(connection, settings, ret_words);
  if (err == GW_OK)
    *ret_connection = connection;
  else
    close_connection(connection);
  return err;
}

static enum gw_err prepare(struct connection *connection, const char *sql, MYSQL_STMT **ret_statement, char **ret_words) {
  for (uint32_t i = 0; i < connection->prepared_count; i++) {
    if (connection->prepared[i].sql != sql) continue;
    *ret_statement = connection->prepared[i].statement;
    return GW_OK;
  }
  MYSQL_STMT *statement = mysql_stmt_init(connection->mysql);
  GW_ASSERT(statement != NULL && connection->prepared_count < STATEMENTS_MAX);
  if (mysql_stmt_prepare(statement, sql, strlen(sql)) != 0) {
    enum gw_err err = fail_statement(statement, ret_words);
    mysql_stmt_close(statement);
    return err;
  }
  connection->prepared[connection->prepared_count].sql = sql;
  connection->prepared[connection->prepared_count++].statement = statement;
  *ret_statement = statement;
  return GW_OK;
}

static enum gw_err execute(MYSQL_STMT *statement, const struct gw_store_call *call, char **ret_words) {
  MYSQL_BIND binds[GW_STORE_VALUES_MAX];
  uint64_t numbers[GW_STORE_VALUES_MAX];
  memset(binds, 0, sizeof(binds));
  GW_ASSERT(call->value_count <= GW_STORE_VALUES_MAX && mysql_stmt_param_count(statement) == call->value_count);
  for (uint32_t i = 0; i < call->value_count; i++) {
    const struct gw_store_value *value = &call->values[i];
    numbers[i] = value->number;
    binds[i].buffer_type = value->is_number ? MYSQL_TYPE_LONGLONG : MYSQL_TYPE_BLOB;
    binds[i].buffer = value->is_number ? (void *)&numbers[i] : (void *)(uintptr_t)value->bytes.data;
    binds[i].buffer_length = (unsigned long)value->bytes.len;
  }
  bool is_done = (call->value_count == 0 || mysql_stmt_bind_param(statement, binds) == 0) && mysql_stmt_execute(statement) == 0;
  return is_done ? GW_OK : fail_statement(statement, ret_words);
}

static bool is_number(enum enum_field_types type) {
  return type == MYSQL_TYPE_LONGLONG || type == MYSQL_TYPE_LONG || type == MYSQL_TYPE_SHORT || type == MYSQL_TYPE_TINY;
}

/* How many columns there are, each with its cell. */
static uint32_t bind_cells(struct connection *connection, MYSQL_STMT *statement, MYSQL_BIND binds[GW_STORE_VALUES_MAX]) {
  MYSQL_RES *metadata = mysql_stmt_result_metadata(statement);
  if (metadata == NULL) return 0;
  uint32_t count = mysql_num_fields(metadata);
  GW_ASSERT(count <= GW_STORE_VALUES_MAX);
  memset(binds, 0, sizeof(MYSQL_BIND) * GW_STORE_VALUES_MAX);
  for (uint32_t i = 0; i < count; i++) {
    struct cell *cell = &connection->cells[i];
    cell->type = mysql_fetch_field_direct(metadata, i)->type;
    bool holds_number = is_number(cell->type);
    binds[i].buffer_type = holds_number ? MYSQL_TYPE_LONGLONG : MYSQL_TYPE_BLOB;
    binds[i].buffer = holds_number ? (void *)&cell->number : cell->bytes;
    binds[i].buffer_length = holds_number ? sizeof(cell->number) : CELL_BYTES;
    binds[i].length = &cell->len;
    binds[i].is_null = &cell->is_null;
  }
  mysql_free_result(metadata);
  return count;
}

static struct gw_str read_bytes(MYSQL_STMT *statement, struct cell *cell, uint32_t column) {
  if (cell->is_null) return (struct gw_str){NULL, 0};
  if (cell->len <= CELL_BYTES) return (struct gw_str){cell->bytes, cell->len};
  cell->longer = gw_malloc(cell->len);
  MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_BLOB, .buffer = cell->longer, .buffer_length = cell->len, .length = &cell->len};
  mysql_stmt_fetch_column(statement, &bind, column, 0);
  return (struct gw_str){cell->longer, cell->len};
}

static void take_row(struct connection *connection, MYSQL_STMT *statement, const struct gw_store_call *call, uint32_t count) {
  struct gw_store_value values[GW_STORE_VALUES_MAX];
  for (uint32_t i = 0; i < count; i++) {
    struct cell *cell = &connection->cells[i];
    values[i] = is_number(cell->type) ? gw_store_number(cell->is_null ? 0 : cell->number) : gw_store_bytes(read_bytes(statement, cell, i));
  }
  call->on_row(call->arg, values, count);
  for (uint32_t i = 0; i < count; i++) {
    free(connection->cells[i].longer);
    connection->cells[i].longer = NULL;
  }
}

static enum gw_err read_rows(struct connection *connection, MYSQL_STMT *statement, const struct gw_store_call *call, char **ret_words) {
  MYSQL_BIND binds[GW_STORE_VALUES_MAX];
  uint32_t count = bind_cells(connection, statement, binds);
  if (count == 0) return GW_OK;
  if (mysql_stmt_bind_result(statement, binds) != 0 || mysql_stmt_store_result(statement) != 0) return fail_statement(statement, ret_words);
  int code;
  while ((code = mysql_stmt_fetch(statement)) == 0 || code == MYSQL_DATA_TRUNCATED)
    if (call->on_row != NULL) take_row(connection, statement, call, count);
  enum gw_err err = code == MYSQL_NO_DATA ? GW_OK : fail_statement(statement, ret_words);
  mysql_stmt_free_result(statement);
  return err;
}

static enum gw_err run(void *arg, const struct gw_store_call *call, uint64_t *ret_changed, char **ret_words) {
  struct connection *connection = arg;
  MYSQL_STMT *statement = NULL;
  enum gw_err err = prepare(connection, call->sql, &statement, ret_words);
  if (err == GW_OK) err = execute(statement, call, ret_words);
  if (err == GW_OK) err = read_rows(connection, statement, call, ret_words);
  if (err == GW_OK && ret_changed != NULL) *ret_changed = mysql_stmt_affected_rows(statement);
  return err;
}

static void take_number(void *arg, const struct gw_store_value *values, uint32_t count) {
  if (count > 0 && values[0].is_number) *(uint64_t *)arg = values[0].number;
}

static enum gw_err lock(void *connection, char **ret_words) {
  uint64_t has_it = 0;
  struct gw_store_call call = {.sql = "SELECT GET_LOCK(CONCAT('gateway ', LEFT(DATABASE(), 50)), 2)",
                               .on_row = take_number,
                               .arg = &has_it};
  enum gw_err err = run(connection, &call, NULL, ret_words);
  if (err != GW_OK || has_it == 1) return err;
  *ret_words = gw_strdup("another control plane is changing the tables");
  return GW_ERR_CLOSED;
}

static void unlock(void *connection) {
  struct gw_store_call call = {.sql = "SELECT RELEASE_LOCK(CONCAT('gateway ', LEFT(DATABASE(), 50)))"};
  char *words = NULL;
  if (run(connection, &call, NULL, &words) != GW_OK) free(words); /* it goes with the connection */
}

const struct gw_store_backend gw_store_mysql = {
    .name = "MySQL",
    .dialect = {.begin = "START TRANSACTION", .insert_use = "INSERT IGNORE INTO gateway_uses (kind, id, used_at_ms) VALUES (?, ?, ?)"},
    .open = open_connection,
    .close = close_connection,
    .run = run,
    .run_script = run_script,
    .lock = lock,
    .unlock = unlock,
};
