#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "controlplane/store/migrations.h"
#include "controlplane/store/records.h"
#include "store_bench.h"

struct fixture {
  struct store_folder folder;
  struct gw_store_connection connection;
  char *words;
  struct gw_strbuf seen; /* "ID=BODY " of what was read */
  uint64_t last;
};

static const struct gw_str kind = {"thing", 5};

static void open_anew(struct fixture *f) {
  if (f->connection.handle != NULL) gw_store_sqlite.close(f->connection.handle);
  f->connection = (struct gw_store_connection){.backend = &gw_store_sqlite};
  assert_int_equal(gw_store_sqlite.open(&f->folder.target, &f->connection.handle, &f->words), GW_OK);
}

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  store_folder_init(&f->folder);
  gw_strbuf_init(&f->seen);
  open_anew(f);
  assert_int_equal(gw_migrations_run(&gw_store_sqlite, f->connection.handle, 1, &f->words), GW_OK);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  gw_store_sqlite.close(f->connection.handle);
  store_folder_done(&f->folder);
  gw_strbuf_done(&f->seen);
  free(f->words);
  free(f);
  return 0;
}

static struct gw_store_write thing(const char *id, uint64_t seen, const char *body) {
  return (struct gw_store_write){kind, gw_str_from(id), seen, gw_str_from(body)};
}

/* Whether it was written. */
static bool put(struct fixture *f, const struct gw_store_write *writes, uint32_t count) {
  struct gw_records_request request = {writes, count};
  bool is_conflict = false;
  assert_int_equal(gw_records_write(&f->connection, &request, 1, &is_conflict, &f->words), GW_OK);
  return !is_conflict;
}

static void take(void *arg, const struct gw_store_record *record) {
  struct fixture *f = arg;
  gw_strbuf_append_str(&f->seen, record->id);
  gw_strbuf_append_char(&f->seen, '=');
  gw_strbuf_append_str(&f->seen, record->body);
  gw_strbuf_append_char(&f->seen, ' ');
  assert_true(record->change > f->last);
  f->last = record->change;
}

static const char *read_after(struct fixture *f, uint64_t after) {
  gw_strbuf_clear(&f->seen);
  f->last = after;
  assert_int_equal(gw_records_read(&f->connection, kind, after, take, f, &f->words), GW_OK);
  return f->seen.len > 0 ? f->seen.data : "";
}

static void test_records_come_in_the_order_of_their_changes(void **state) {
  struct fixture *f = *state;
  const struct gw_store_write first[] = {thing("b", 0, "1"), thing("a", 0, "2")};
  assert_true(put(f, first, 2));
  assert_string_equal(read_after(f, 0), "b=1 a=2 ");
  uint64_t seen = f->last, change = 0;
  const struct gw_store_write second = thing("a", seen, "3");
  assert_true(put(f, &second, 1));
  assert_string_equal(read_after(f, 0), "b=1 a=3 ");
  assert_string_equal(read_after(f, seen), "a=3 ");
  assert_int_equal(gw_records_last_change(&f->connection, &change, &f->words), GW_OK);
  assert_int_equal(change, f->last);
  assert_string_equal(read_after(f, change), "");
}

static void test_write_over_what_was_not_seen_changes_nothing(void **state) {
  struct fixture *f = *state;
  const struct gw_store_write first = thing("a", 0, "1");
  assert_true(put(f, &first, 1));
  read_after(f, 0);
  uint64_t seen = f->last;
  const struct gw_store_write again = thing("a", 0, "2"), other = thing("a", seen + 1, "2");
  assert_false(put(f, &again, 1));
  assert_false(put(f, &other, 1));
  const struct gw_store_write both[] = {thing("b", 0, "9"), thing("a", 0, "9")};
  assert_false(put(f, both, 2));
  assert_string_equal(read_after(f, 0), "a=1 ");
}

static void test_requests_in_one_transaction_do_not_harm_each_other(void **state) {
  struct fixture *f = *state;
  const struct gw_store_write one = thing("a", 0, "1"), late = thing("a", 0, "2"), two = thing("b", 0, "3");
  const struct gw_records_request requests[] = {{&one, 1}, {&late, 1}, {&two, 1}};
  bool conflicts[3] = {false};
  assert_int_equal(gw_records_write(&f->connection, requests, 3, conflicts, &f->words), GW_OK);
  assert_false(conflicts[0]);
  assert_true(conflicts[1]);
  assert_false(conflicts[2]);
  assert_string_equal(read_after(f, 0), "a=1 b=3 ");
}

static void test_bytes_of_any_kind_and_numbers_as_text_stay_what_they_are(void **state) {
  struct fixture *f = *state;
  struct gw_store_write write = thing("007", 0, "");
  write.body = (struct gw_str){"\0\x01\xff'\n", 5};
  assert_true(put(f, &write, 1));
  read_after(f, 0);
  assert_int_equal(f->seen.len, 10);
  assert_memory_equal(f->seen.data, "007=\0\x01\xff'\n ", 10);
}

static void test_kinds_do_not_mix(void **state) {
  struct fixture *f = *state;
  struct gw_store_write write = thing("a", 0, "1");
  write.kind = GW_STR("other");
  assert_true(put(f, &write, 1));
  assert_string_equal(read_after(f, 0), "");
  const struct gw_store_write mine = thing("a", 0, "2");
  assert_true(put(f, &mine, 1));
  assert_string_equal(read_after(f, 0), "a=2 ");
}

static void take_use(void *arg, const struct gw_store_use *use) {
  struct fixture *f = arg;
  gw_strbuf_printf(&f->seen, "%.*s@%llu ", GW_STR_ARG(use->id), (unsigned long long)use->used_at_ms);
}

static void test_uses_keep_the_latest(void **state) {
  struct fixture *f = *state;
  const struct gw_store_use first[] = {{GW_STR("a"), 100}, {GW_STR("b"), 200}}, second[] = {{GW_STR("a"), 300}, {GW_STR("b"), 50}};
  assert_int_equal(gw_records_note_uses(&f->connection, kind, first, 2, &f->words), GW_OK);
  assert_int_equal(gw_records_note_uses(&f->connection, kind, second, 2, &f->words), GW_OK);
  assert_int_equal(gw_records_read_uses(&f->connection, kind, GW_STR("a"), GW_STR("b"), take_use, f, &f->words), GW_OK);
  assert_string_equal(f->seen.data, "a@300 b@200 ");
  gw_strbuf_clear(&f->seen);
  assert_int_equal(gw_records_read_uses(&f->connection, kind, GW_STR("aa"), GW_STR("z"), take_use, f, &f->words), GW_OK);
  assert_string_equal(f->seen.data, "b@200 ");
}

static void count_steps(void *arg, const struct gw_store_value *values, uint32_t count) {
  assert_int_equal(count, 1);
  *(uint64_t *)arg = values[0].number;
}

static void test_migrations_twice_are_once(void **state) {
  struct fixture *f = *state;
  const struct gw_store_write first = thing("a", 0, "1");
  assert_true(put(f, &first, 1));
  open_anew(f);
  assert_int_equal(gw_migrations_run(&gw_store_sqlite, f->connection.handle, 2, &f->words), GW_OK);
  uint64_t steps = 0;
  struct gw_store_call call = {.sql = "SELECT COUNT(*) FROM gateway_schema WHERE applied_at_ms = 1", .on_row = count_steps, .arg = &steps};
  assert_int_equal(gw_store_sqlite.run(f->connection.handle, &call, NULL, &f->words), GW_OK);
  assert_int_equal(steps, gw_migrations_newest());
  assert_string_equal(read_after(f, 0), "a=1 ");
}

static void test_migration_that_was_cut_off_goes_on(void **state) {
  struct fixture *f = *state;
  const char *const undo[] = {"DROP TABLE gateway_uses", "DELETE FROM gateway_schema WHERE step = 2", NULL};
  assert_int_equal(gw_store_sqlite.run_script(f->connection.handle, undo, &f->words), GW_OK);
  open_anew(f);
  assert_int_equal(gw_migrations_run(&gw_store_sqlite, f->connection.handle, 2, &f->words), GW_OK);
  const struct gw_store_use use = {GW_STR("a"), 100};
  assert_int_equal(gw_records_note_uses(&f->connection, kind, &use, 1, &f->words), GW_OK);
}

static void test_newer_tables_are_refused_with_what_to_do(void **state) {
  struct fixture *f = *state;
  const char *const future[] = {"INSERT INTO gateway_schema (step, applied_at_ms) VALUES (99, 1)", NULL};
  assert_int_equal(gw_store_sqlite.run_script(f->connection.handle, future, &f->words), GW_OK);
  assert_int_equal(gw_migrations_run(&gw_store_sqlite, f->connection.handle, 2, &f->words), GW_ERR_UNSUPPORTED);
  assert_non_null(strstr(f->words, "step 99"));
  assert_non_null(strstr(f->words, "upgrade this one"));
}

static void test_file_is_nobody_elses(void **state) {
  struct fixture *f = *state;
  struct stat status;
  assert_int_equal(stat(f->folder.target.path, &status), 0);
  assert_int_equal(status.st_mode & 0777, 0600);
  GW_CLEANUP(gw_free_ptr) char *wal = gw_asprintf("%s-wal", f->folder.target.path);
  assert_int_equal(stat(wal, &status), 0);
  assert_int_equal(status.st_mode & 0777, 0600);
  assert_int_equal(chmod(f->folder.target.path, 0644), 0);
  void *handle = NULL;
  assert_int_equal(gw_store_sqlite.open(&f->folder.target, &handle, &f->words), GW_ERR_DENIED);
  assert_non_null(strstr(f->words, "chmod 600"));
}

static void test_what_is_no_database_is_told(void **state) {
  struct fixture *f = *state;
  GW_CLEANUP(gw_free_ptr) char *path = gw_asprintf("%s/other.db", f->folder.folder);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  for (int i = 0; i < 100; i++)
    fputs("this is a letter to somebody else\n", file);
  fclose(file);
  assert_int_equal(chmod(path, 0600), 0);
  struct gw_store_target target = {.kind = GW_STORE_SQLITE, .path = path};
  void *handle = NULL;
  assert_int_equal(gw_store_sqlite.open(&target, &handle, &f->words), GW_ERR_CLOSED);
  assert_non_null(strstr(f->words, "not a database"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(test_records_come_in_the_order_of_their_changes),
      CASE(test_write_over_what_was_not_seen_changes_nothing),
      CASE(test_requests_in_one_transaction_do_not_harm_each_other),
      CASE(test_bytes_of_any_kind_and_numbers_as_text_stay_what_they_are),
      CASE(test_kinds_do_not_mix),
      CASE(test_uses_keep_the_latest),
      CASE(test_migrations_twice_are_once),
      CASE(test_migration_that_was_cut_off_goes_on),
      CASE(test_newer_tables_are_refused_with_what_to_do),
      CASE(test_file_is_nobody_elses),
      CASE(test_what_is_no_database_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
