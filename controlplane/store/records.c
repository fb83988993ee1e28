#include "controlplane/store/records.h"

#include "common/base/mem.h"

static const char *const commit[] = {"COMMIT", NULL};

static enum gw_err run(const struct gw_store_connection *connection, const char *sql, const struct gw_store_value *values, uint32_t count,
                       uint64_t *ret_changed, char **ret_words) {
  struct gw_store_call call = {.sql = sql, .values = values, .value_count = count};
  return connection->backend->run(connection->handle, &call, ret_changed, ret_words);
}

static enum gw_err begin(const struct gw_store_connection *connection, char **ret_words) {
  const char *const statements[] = {connection->backend->dialect.begin, NULL};
  return connection->backend->run_script(connection->handle, statements, ret_words);
}

static void take_number(void *arg, const struct gw_store_value *values, uint32_t count) {
  GW_ASSERT(count == 1 && values[0].is_number);
  *(uint64_t *)arg = values[0].number;
}

enum gw_err gw_records_last_change(const struct gw_store_connection *connection, uint64_t *ret_change, char **ret_words) {
  struct gw_store_value name = gw_store_bytes(GW_STR("records"));
  struct gw_store_call call = {.sql = "SELECT value FROM gateway_counters WHERE name = ?",
                               .values = &name,
                               .value_count = 1,
                               .on_row = take_number,
                               .arg = ret_change};
  return connection->backend->run(connection->handle, &call, NULL, ret_words);
}

/* Takes the lock that all writers need, so that what is read after it stays as it is until the commit. */
static enum gw_err next_change(const struct gw_store_connection *connection, uint64_t *ret_change, char **ret_words) {
  struct gw_store_value name = gw_store_bytes(GW_STR("records"));
  enum gw_err err = run(connection, "UPDATE gateway_counters SET value = value + 1 WHERE name = ?", &name, 1, NULL, ret_words);
  return err == GW_OK ? gw_records_last_change(connection, ret_change, ret_words) : err;
}

static enum gw_err is_as_seen(const struct gw_store_connection *connection, const struct gw_store_write *write, bool *ret_is_so,
                              char **ret_words) {
  uint64_t number = 0;
  const struct gw_store_value values[] = {gw_store_bytes(write->kind), gw_store_bytes(write->id)};
  struct gw_store_call call = {.sql = "SELECT change_number FROM gateway_records WHERE kind = ? AND id = ?",
                               .values = values,
                               .value_count = GW_ARRAY_LEN(values),
                               .on_row = take_number,
                               .arg = &number};
  enum gw_err err = connection->backend->run(connection->handle, &call, NULL, ret_words);
  if (err == GW_OK) *ret_is_so = number == write->seen;
  return err;
}

static enum gw_err write_one(const struct gw_store_connection *connection, const struct gw_store_write *write, char **ret_words) {
  uint64_t change = 0;
  enum gw_err err = next_change(connection, &change, ret_words);
  if (err != GW_OK) return err;
  const struct gw_store_value values[] = {gw_store_bytes(write->kind), gw_store_bytes(write->id), gw_store_number(change),
                                          gw_store_bytes(write->body)};
  return run(connection, "REPLACE INTO gateway_records (kind, id, change_number, body) VALUES (?, ?, ?, ?)", values, GW_ARRAY_LEN(values),
             NULL, ret_words);
}

static enum gw_err write_request(const struct gw_store_connection *connection, const struct gw_records_request *request,
                                 bool *ret_is_conflict, char **ret_words) {
  enum gw_err err = GW_OK;
  bool is_so = true;
  for (uint32_t i = 0; i < request->count && is_so && err == GW_OK; i++)
    err = is_as_seen(connection, &request->writes[i], &is_so, ret_words);
  for (uint32_t i = 0; i < request->count && is_so && err == GW_OK; i++)
    err = write_one(connection, &request->writes[i], ret_words);
  *ret_is_conflict = !is_so;
  return err;
}

enum gw_err gw_records_write(const struct gw_store_connection *connection, const struct gw_records_request *requests, uint32_t count,
                             bool *ret_conflicts, char **ret_words) {
  uint64_t change = 0;
  enum gw_err err = begin(connection, ret_words);
  if (err == GW_OK) err = next_change(connection, &change, ret_words); /* the lock, before anything is looked at */
  for (uint32_t i = 0; i < count && err == GW_OK; i++)
    err = write_request(connection, &requests[i], &ret_conflicts[i], ret_words);
  if (err == GW_OK) err = connection->backend->run_script(connection->handle, commit, ret_words);
  return err;
}

struct reading {
  struct gw_str kind;
  gw_records_fn fn;
  gw_records_use_fn use_fn;
  void *arg;
};

static void on_record(void *arg, const struct gw_store_value *values, uint32_t count) {
  const struct reading *reading = arg;
  GW_ASSERT(count == 3);
  struct gw_store_record record = {.kind = reading->kind, .id = values[0].bytes, .change = values[1].number, .body = values[2].bytes};
  reading->fn(reading->arg, &record);
}

enum gw_err gw_records_read(const struct gw_store_connection *connection, struct gw_str kind, uint64_t after, gw_records_fn fn, void *arg,
                            char **ret_words) {
  struct reading reading = {.kind = kind, .fn = fn, .arg = arg};
  const struct gw_store_value values[] = {gw_store_bytes(kind), gw_store_number(after), gw_store_number(GW_RECORDS_READ_MAX)};
  struct gw_store_call call = {.sql = "SELECT id, change_number, body FROM gateway_records WHERE kind = ? AND change_number > ? "
                                      "ORDER BY change_number LIMIT ?",
                               .values = values,
                               .value_count = GW_ARRAY_LEN(values),
                               .on_row = on_record,
                               .arg = &reading};
  return connection->backend->run(connection->handle, &call, NULL, ret_words);
}

enum gw_err gw_records_find(const struct gw_store_connection *connection, struct gw_str kind, struct gw_str first, struct gw_str last,
                            gw_records_fn fn, void *arg, char **ret_words) {
  struct reading reading = {.kind = kind, .fn = fn, .arg = arg};
  const struct gw_store_value values[] = {gw_store_bytes(kind), gw_store_bytes(first), gw_store_bytes(last)};
  struct gw_store_call call = {.sql = "SELECT id, change_number, body FROM gateway_records WHERE kind = ? AND id >= ? AND id <= ? "
                                      "ORDER BY id",
                               .values = values,
                               .value_count = GW_ARRAY_LEN(values),
                               .on_row = on_record,
                               .arg = &reading};
  return connection->backend->run(connection->handle, &call, NULL, ret_words);
}

static enum gw_err note_use(const struct gw_store_connection *connection, struct gw_str kind, const struct gw_store_use *use,
                            char **ret_words) {
  const struct gw_store_value now[] = {gw_store_bytes(kind), gw_store_bytes(use->id), gw_store_number(use->used_at_ms)};
  const struct gw_store_value later[] = {now[2], now[0], now[1], now[2]};
  enum gw_err err = run(connection, connection->backend->dialect.insert_use, now, GW_ARRAY_LEN(now), NULL, ret_words);
  if (err != GW_OK) return err;
  return run(connection, "UPDATE gateway_uses SET used_at_ms = ? WHERE kind = ? AND id = ? AND used_at_ms < ?", later, GW_ARRAY_LEN(later),
             NULL, ret_words);
}

enum gw_err gw_records_note_uses(const struct gw_store_connection *connection, struct gw_str kind, const struct gw_store_use *uses,
                                 uint32_t count, char **ret_words) {
  enum gw_err err = begin(connection, ret_words);
  for (uint32_t i = 0; i < count && err == GW_OK; i++)
    err = note_use(connection, kind, &uses[i], ret_words);
  if (err == GW_OK) err = connection->backend->run_script(connection->handle, commit, ret_words);
  return err;
}

static void on_use(void *arg, const struct gw_store_value *values, uint32_t count) {
  const struct reading *reading = arg;
  GW_ASSERT(count == 2);
  struct gw_store_use use = {.id = values[0].bytes, .used_at_ms = values[1].number};
  reading->use_fn(reading->arg, &use);
}

enum gw_err gw_records_read_uses(const struct gw_store_connection *connection, struct gw_str kind, struct gw_str first, struct gw_str last,
                                 gw_records_use_fn fn, void *arg, char **ret_words) {
  struct reading reading = {.use_fn = fn, .arg = arg};
  const struct gw_store_value values[] = {gw_store_bytes(kind), gw_store_bytes(first), gw_store_bytes(last)};
  struct gw_store_call call = {.sql = "SELECT id, used_at_ms FROM gateway_uses WHERE kind = ? AND id >= ? AND id <= ? ORDER BY id",
                               .values = values,
                               .value_count = GW_ARRAY_LEN(values),
                               .on_row = on_use,
                               .arg = &reading};
  return connection->backend->run(connection->handle, &call, NULL, ret_words);
}
