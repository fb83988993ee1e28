#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "controlplane/store/revision_record.h"
#include "controlplane/store/revisions.h"
#include "controlplane/store/text_pack.h"
#include "store_bench.h"

#define WAIT_US 10000000u

/* One control plane's view. */
struct side {
  struct gw_store *store;
  struct gw_revisions *revisions;
  uint32_t news;
  uint32_t answers;
  enum gw_err err;
  struct gw_strbuf routes; /* that were read */
  struct gw_strbuf services;
};

struct fixture {
  struct store_folder folder;
  struct gw_loop *loop;
  struct side sides[2];
};

#define WAIT_FOR(f, condition)                                                                                                             \
  do {                                                                                                                                     \
    uint64_t until_us = gw_clock_monotonic_us() + WAIT_US;                                                                                 \
    while (!(condition) && gw_clock_monotonic_us() < until_us)                                                                             \
      gw_loop_run_once((f)->loop, 50);                                                                                                     \
    assert_true(condition);                                                                                                                \
  } while (0)

static void on_newest(void *arg) {
  ((struct side *)arg)->news++;
}

static void open_side(struct fixture *f, struct side *side) {
  struct gw_store_options store = {.loop = f->loop, .target = &f->folder.target};
  side->store = gw_store_new(&store);
  struct gw_revisions_options options = {.store = side->store, .on_newest = on_newest, .arg = side};
  side->revisions = gw_revisions_new(&options);
  gw_store_start(side->store);
  WAIT_FOR(f, gw_revisions_are_known(side->revisions));
}

static void close_side(struct side *side) {
  gw_store_free(side->store);
  gw_revisions_free(side->revisions);
  gw_strbuf_done(&side->routes);
  gw_strbuf_done(&side->services);
  *side = (struct side){0};
}

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  store_folder_init(&f->folder);
  f->loop = gw_loop_new();
  for (int i = 0; i < 2; i++)
    open_side(f, &f->sides[i]);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 2; i++)
    close_side(&f->sides[i]);
  gw_loop_free(f->loop);
  store_folder_done(&f->folder);
  free(f);
  return 0;
}

static void on_added(void *arg, enum gw_err err, const char *words) {
  struct side *side = arg;
  side->answers++;
  side->err = err;
  assert_true((words == NULL) == (err == GW_OK));
}

static struct gw_revision_texts texts_of(const char *routes, const char *services) {
  return (struct gw_revision_texts){.routes_name = GW_STR("r.yaml"),
                                    .routes = gw_str_from(routes),
                                    .services_name = GW_STR("s.yaml"),
                                    .services = gw_str_from(services)};
}

static void add(struct fixture *f, struct side *side, const char *routes, const char *services) {
  const struct gw_revision wish = {.author = GW_STR("ann"), .message = GW_STR("why \"not\""), .request_id = {routes, strnlen(routes, 40)}};
  const struct gw_revision_texts texts = texts_of(routes, services);
  uint32_t before = side->answers;
  gw_revisions_add(side->revisions, &wish, &texts, on_added, side);
  WAIT_FOR(f, side->answers > before);
}

static void on_read(void *arg, enum gw_err err, const char *words, const struct gw_revision_texts *texts) {
  struct side *side = arg;
  side->answers++;
  side->err = err;
  assert_true((words == NULL) == (err == GW_OK));
  if (texts == NULL) return;
  gw_strbuf_clear(&side->routes);
  gw_strbuf_clear(&side->services);
  gw_strbuf_append_str(&side->routes, texts->routes);
  gw_strbuf_append_str(&side->services, texts->services);
}

static void read_it(struct fixture *f, struct side *side, uint64_t number) {
  uint32_t before = side->answers;
  gw_revisions_read(side->revisions, number, on_read, side);
  WAIT_FOR(f, side->answers > before);
}

static void test_revision_is_numbered_and_found_by_all(void **state) {
  struct fixture *f = *state;
  struct side *side = &f->sides[0], *other = &f->sides[1];
  assert_null(gw_revisions_newest(side->revisions));
  add(f, side, "one", "s");
  assert_int_equal(side->err, GW_OK);
  const struct gw_revision *newest = gw_revisions_newest(side->revisions); /* known before the answer */
  assert_int_equal(newest->number, 1);
  assert_true(gw_str_equal(newest->author, GW_STR("ann")) && gw_str_equal(newest->message, GW_STR("why \"not\"")));
  assert_int_equal(newest->hash.len, 64);
  WAIT_FOR(f, gw_revisions_newest(other->revisions) != NULL);
  add(f, other, "two", "s");
  WAIT_FOR(f, gw_revisions_count(side->revisions) == 2);
  assert_int_equal(gw_revisions_find_request(side->revisions, GW_STR("two"))->number, 2);
  assert_null(gw_revisions_find_request(side->revisions, GW_STR("")));
  assert_null(gw_revisions_find(side->revisions, 3));
}

static void test_second_of_two_at_once_is_told_so(void **state) {
  struct fixture *f = *state;
  const struct gw_revision wish = {.author = GW_STR("x")};
  const struct gw_revision_texts a = texts_of("a", ""), b = texts_of("b", "");
  gw_revisions_add(f->sides[0].revisions, &wish, &a, on_added, &f->sides[0]);
  gw_revisions_add(f->sides[1].revisions, &wish, &b, on_added, &f->sides[1]);
  WAIT_FOR(f, f->sides[0].answers == 1 && f->sides[1].answers == 1);
  assert_int_equal((f->sides[0].err == GW_OK) + (f->sides[1].err == GW_OK), 1);
  assert_true(f->sides[0].err == GW_ERR_AGAIN || f->sides[1].err == GW_ERR_AGAIN);
  WAIT_FOR(f, gw_revisions_count(f->sides[0].revisions) == 1 && gw_revisions_count(f->sides[1].revisions) == 1);
}

static void test_texts_come_back_as_they_were(void **state) {
  struct fixture *f = *state;
  struct side *side = &f->sides[0];
  add(f, side, "routes: []\n", "");
  read_it(f, side, 1);
  assert_int_equal(side->err, GW_OK);
  assert_string_equal(side->routes.data, "routes: []\n");
  assert_int_equal(side->services.len, 0);
  read_it(f, side, 2);
  assert_int_equal(side->err, GW_ERR_NOT_FOUND);
}

static void test_text_that_can_not_be_packed_small_lies_in_pieces(void **state) {
  struct fixture *f = *state;
  struct side *side = &f->sides[0];
  size_t len = (size_t)3 << 20;
  char *noise = gw_malloc(len + 1);
  gw_random_secure(noise, len);
  for (size_t i = 0; i < len; i++)
    noise[i] = noise[i] == '\0' ? 'x' : noise[i];
  noise[len] = '\0';
  add(f, side, "r", noise);
  assert_int_equal(side->err, GW_OK);
  read_it(f, side, 1);
  assert_int_equal(side->services.len, len);
  assert_memory_equal(side->services.data, noise, len);
  free(noise);
}

static void test_what_is_too_large_is_refused(void **state) {
  struct fixture *f = *state;
  char *large = gw_malloc(GW_REVISION_TEXT_MAX + 1);
  memset(large, 'x', GW_REVISION_TEXT_MAX);
  large[GW_REVISION_TEXT_MAX] = '\0';
  add(f, &f->sides[0], large, "");
  assert_int_equal(f->sides[0].err, GW_OK);
  add(f, &f->sides[0], large, "y");
  assert_int_equal(f->sides[0].err, GW_ERR_LIMIT);
  free(large);
}

static void test_record_of_another_form_is_no_revision(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  struct gw_revision revision;
  static const char *const bad[] = {"", "7", "{}", "{\"number\":\"7\"}", "not json"};
  for (size_t i = 0; i < GW_ARRAY_LEN(bad); i++)
    assert_int_equal(gw_revision_record_parse(gw_str_from(bad[i]), &arena, &revision), GW_ERR_INVALID);
  gw_arena_done(&arena);
}

static void test_packed_text_that_is_damaged_is_invalid(void **state) {
  (void)state;
  struct gw_str packed = gw_text_pack(GW_STR("hello "), GW_STR("world")), text;
  assert_int_equal(gw_text_unpack(packed, 11, &text), GW_OK);
  assert_string_equal(text.data, "hello world");
  free((char *)(uintptr_t)text.data);
  assert_int_equal(gw_text_unpack(packed, 10, &text), GW_ERR_INVALID);
  assert_int_equal(gw_text_unpack(packed, 12, &text), GW_ERR_INVALID);
  assert_int_equal(gw_text_unpack((struct gw_str){packed.data, packed.len - 1}, 11, &text), GW_ERR_INVALID);
  ((char *)(uintptr_t)packed.data)[packed.len - 1] ^= 1;
  assert_int_equal(gw_text_unpack(packed, 11, &text), GW_ERR_INVALID);
  free((char *)(uintptr_t)packed.data);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_STORE(test_revision_is_numbered_and_found_by_all),
      WITH_STORE(test_second_of_two_at_once_is_told_so),
      WITH_STORE(test_texts_come_back_as_they_were),
      WITH_STORE(test_text_that_can_not_be_packed_small_lies_in_pieces),
      WITH_STORE(test_what_is_too_large_is_refused),
      cmocka_unit_test(test_record_of_another_form_is_no_revision),
      cmocka_unit_test(test_packed_text_that_is_damaged_is_invalid),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
