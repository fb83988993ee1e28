#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "controlplane/store/store.h"
#include "store_bench.h"

#define WAIT_US 10000000u

/* One control plane's store, and what it was told. */
struct side {
  struct gw_store *store;
  struct gw_strbuf told; /* "[" whole begins, "]" ends, "ID=BODY " between */
  uint64_t change;       /* of the last record */
  uint32_t states[3];
  uint32_t answers;
  enum gw_err err;
  char *words;
  struct gw_strbuf uses;
};

struct fixture {
  struct store_folder folder;
  struct gw_loop *loop;
  struct side sides[2];
};

static const struct gw_str kind = {"thing", 5};

static void on_state(void *arg, const struct gw_store_status *status) {
  struct side *side = arg;
  side->states[status->state]++;
  if (status->state == GW_STORE_AWAY) assert_non_null(status->words);
}

static void on_batch(void *arg, const struct gw_store_batch *batch) {
  struct side *side = arg;
  if (batch->begins_whole) gw_strbuf_append_char(&side->told, '[');
  for (uint32_t i = 0; i < batch->count; i++) {
    gw_strbuf_printf(&side->told, "%.*s=%.*s ", GW_STR_ARG(batch->records[i].id), GW_STR_ARG(batch->records[i].body));
    side->change = batch->records[i].change;
  }
  if (batch->ends_whole) gw_strbuf_append_char(&side->told, ']');
}

static void start(struct fixture *f, struct side *side) {
  struct gw_store_options options = {.loop = f->loop, .target = &f->folder.target, .on_state = on_state, .arg = side};
  side->store = gw_store_new(&options);
  gw_store_follow(side->store, kind, on_batch, side);
  gw_store_start(side->store);
}

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  store_folder_init(&f->folder);
  f->loop = gw_loop_new();
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  for (size_t i = 0; i < 2; i++) {
    gw_store_free(f->sides[i].store);
    gw_strbuf_done(&f->sides[i].told);
    gw_strbuf_done(&f->sides[i].uses);
    free(f->sides[i].words);
  }
  gw_loop_free(f->loop);
  store_folder_done(&f->folder);
  free(f);
  return 0;
}

#define WAIT_FOR(f, condition)                                                                                                             \
  do {                                                                                                                                     \
    uint64_t until_us = gw_clock_monotonic_us() + WAIT_US;                                                                                 \
    while (!(condition) && gw_clock_monotonic_us() < until_us)                                                                             \
      gw_loop_run_once((f)->loop, 50);                                                                                                     \
    assert_true(condition);                                                                                                                \
  } while (0)

static const char *told(struct side *side) {
  return side->told.len > 0 ? side->told.data : "";
}

static void on_written(void *arg, enum gw_err err, const char *words) {
  struct side *side = arg;
  side->answers++;
  side->err = err;
  free(side->words);
  side->words = words != NULL ? gw_strdup(words) : NULL;
}

static enum gw_err put(struct side *side, const char *id, uint64_t seen, const char *body) {
  const struct gw_store_write write = {kind, gw_str_from(id), seen, gw_str_from(body)};
  return gw_store_write(side->store, &write, 1, on_written, side);
}

static void test_who_writes_is_told_before_the_answer(void **state) {
  struct fixture *f = *state;
  struct side *side = &f->sides[0];
  start(f, side);
  assert_int_equal(put(side, "a", 0, "1"), GW_OK); /* before it is connected: waits for it */
  WAIT_FOR(f, side->answers == 1);
  assert_int_equal(side->err, GW_OK);
  assert_string_equal(told(side), "[]a=1 ");
  assert_int_equal(side->states[GW_STORE_READY], 1);
  assert_int_equal(put(side, "a", 0, "2"), GW_OK);
  WAIT_FOR(f, side->answers == 2);
  assert_int_equal(side->err, GW_ERR_INVALID);
  assert_int_equal(put(side, "a", side->change, "3"), GW_OK);
  WAIT_FOR(f, side->answers == 3);
  assert_int_equal(side->err, GW_OK);
  assert_string_equal(told(side), "[]a=1 a=3 ");
  assert_int_equal(gw_store_status(side->store)->writes_total, 2);
  assert_int_equal(gw_store_status(side->store)->waiting, 0);
}

static void test_another_control_plane_is_told_within_a_second(void **state) {
  struct fixture *f = *state;
  start(f, &f->sides[0]);
  start(f, &f->sides[1]);
  WAIT_FOR(f, f->sides[0].states[GW_STORE_READY] == 1 && f->sides[1].states[GW_STORE_READY] == 1);
  uint64_t begun_us = gw_clock_monotonic_us();
  assert_int_equal(put(&f->sides[0], "a", 0, "1"), GW_OK);
  WAIT_FOR(f, strcmp(told(&f->sides[1]), "[]a=1 ") == 0);
  assert_true(gw_clock_monotonic_us() - begun_us < WAIT_US / 2);
  assert_int_equal(put(&f->sides[1], "a", f->sides[1].change, "2"), GW_OK);
  WAIT_FOR(f, strcmp(told(&f->sides[0]), "[]a=1 a=2 ") == 0);
}

static void test_many_records_come_whole_and_in_pieces(void **state) {
  struct fixture *f = *state;
  struct side *side = &f->sides[0];
  start(f, side);
  enum { CALLS = 5, EACH = 1000 };
  struct gw_store_write *writes = gw_calloc(EACH, sizeof(*writes));
  char(*ids)[16] = gw_calloc(EACH, sizeof(*ids));
  for (int call = 0; call < CALLS; call++) {
    for (int i = 0; i < EACH; i++) {
      snprintf(ids[i], sizeof(ids[i]), "%d-%d", call, i);
      writes[i] = (struct gw_store_write){kind, gw_str_from(ids[i]), 0, GW_STR("x")};
    }
    assert_int_equal(gw_store_write(side->store, writes, EACH, on_written, side), GW_OK);
  }
  assert_int_equal(gw_store_write(side->store, writes, GW_STORE_WRITES_MAX + 1, on_written, side), GW_ERR_LIMIT);
  free(writes);
  free(ids);
  WAIT_FOR(f, side->answers == CALLS);
  size_t len = side->told.len;
  start(f, &f->sides[1]);
  WAIT_FOR(f, f->sides[1].states[GW_STORE_READY] == 1);
  assert_int_equal(f->sides[1].told.len, len);
  assert_true(f->sides[1].told.data[0] == '[' && f->sides[1].told.data[len - 1] == ']');
}

static void on_uses(void *arg, enum gw_err err, const char *words, const struct gw_store_use *uses, uint32_t count) {
  struct side *side = arg;
  on_written(arg, err, words);
  for (uint32_t i = 0; i < count; i++)
    gw_strbuf_printf(&side->uses, "%.*s@%llu ", GW_STR_ARG(uses[i].id), (unsigned long long)uses[i].used_at_ms);
}

static void test_uses_are_kept_and_read(void **state) {
  struct fixture *f = *state;
  struct side *side = &f->sides[0];
  start(f, side);
  const struct gw_store_use uses[] = {{GW_STR("b"), 7}, {GW_STR("a"), 5}};
  assert_int_equal(gw_store_note_uses(side->store, kind, uses, 2), GW_OK);
  assert_int_equal(gw_store_read_uses(side->store, kind, GW_STR("a"), GW_STR("b"), on_uses, side), GW_OK);
  WAIT_FOR(f, side->answers == 1);
  assert_int_equal(side->err, GW_OK);
  assert_string_equal(side->uses.data, "a@5 b@7 ");
}

static void test_database_that_is_away_is_told_and_comes_back(void **state) {
  struct fixture *f = *state;
  struct side *side = &f->sides[0];
  GW_CLEANUP(gw_free_ptr) char *good = gw_strdup(f->folder.target.path);
  /* A folder where the file should be. */
  assert_int_equal(mkdir(good, 0700), 0);
  start(f, side);
  assert_int_equal(put(side, "a", 0, "1"), GW_OK);
  WAIT_FOR(f, side->answers == 1);
  assert_int_equal(side->err, GW_ERR_CLOSED);
  assert_non_null(strstr(side->words, "cannot be opened"));
  WAIT_FOR(f, gw_store_status(side->store)->state == GW_STORE_AWAY);
  assert_int_equal(put(side, "a", 0, "1"), GW_ERR_CLOSED); /* at once: nobody waits */
  assert_string_equal(told(side), "");
  assert_int_equal(rmdir(good), 0);
  WAIT_FOR(f, side->states[GW_STORE_READY] == 1);
  assert_null(gw_store_status(side->store)->words);
  assert_int_equal(put(side, "a", 0, "1"), GW_OK);
  WAIT_FOR(f, side->answers == 2);
  assert_string_equal(told(side), "[]a=1 ");
}

static void test_end_answers_who_waits(void **state) {
  struct fixture *f = *state;
  struct side *side = &f->sides[0];
  start(f, side);
  for (int i = 0; i < 100; i++) {
    GW_CLEANUP(gw_free_ptr) char *id = gw_asprintf("%d", i);
    assert_int_equal(put(side, id, 0, "1"), GW_OK);
  }
  gw_store_free(side->store);
  side->store = NULL;
  assert_int_equal(side->answers, 100);
}

static void test_queue_has_a_bound(void **state) {
  struct fixture *f = *state;
  struct side *side = &f->sides[0];
  struct gw_store_options options = {.loop = f->loop, .target = &f->folder.target};
  side->store = gw_store_new(&options); /* not started: nothing is answered */
  for (unsigned i = 0; i < GW_STORE_QUEUE_MAX; i++)
    assert_int_equal(put(side, "a", 0, "1"), GW_OK);
  assert_int_equal(put(side, "a", 0, "1"), GW_ERR_LIMIT);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(test_who_writes_is_told_before_the_answer),
      CASE(test_another_control_plane_is_told_within_a_second),
      CASE(test_many_records_come_whole_and_in_pieces),
      CASE(test_uses_are_kept_and_read),
      CASE(test_database_that_is_away_is_told_and_comes_back),
      CASE(test_end_answers_who_waits),
      CASE(test_queue_has_a_bound),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
