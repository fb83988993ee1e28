/* What a configuration is in force by: files whose accepted changes become revisions, or the revisions of a store. */
#include "controlplane/server/config_source.h"

#include "files_fixture.h"

#include "../store/store_bench.h"

#define WAIT_US 10000000u
#define OTHER_ROUTES "routes:\n  - path: /other\n    service: s\n"
#define OPEN_ROUTES "routes:\n  - path: /b\n    service: s\n" /* nobody gets there by GOOD_ROUTES */

struct fixture {
  struct files_fixture way;
  struct store_folder folder;
  struct gw_store *store;
  struct gw_revisions *revisions;
  struct gw_config_source *source;
  bool is_stopping;
  /* the last answer */
  uint32_t answers;
  enum gw_err err;
  enum gw_admin_outcome outcome;
  uint64_t number;
  size_t mistakes;
};

#define WAIT_FOR(f, condition)                                                                                                             \
  do {                                                                                                                                     \
    uint64_t until_us = gw_clock_monotonic_us() + WAIT_US;                                                                                 \
    while (!(condition) && gw_clock_monotonic_us() < until_us)                                                                             \
      gw_loop_run_once((f)->way.loop, 20);                                                                                                 \
    assert_true(condition);                                                                                                                \
  } while (0)

static void open_all(struct fixture *f, bool is_api) {
  struct gw_loop *loop = gw_loop_new();
  f->source = gw_config_source_new(loop, NULL, is_api);
  const struct gw_files_options more = {.loop = loop, .is_fed = is_api, .on_accepted = gw_config_source_on_accepted, .arg = f->source};
  files_fixture_init(&f->way, &more);
  const struct gw_store_options store = {.loop = loop, .target = &f->folder.target};
  f->store = gw_store_new(&store);
  const struct gw_revisions_options revisions = {.store = f->store, .on_newest = gw_config_source_on_newest, .arg = f->source};
  f->revisions = gw_revisions_new(&revisions);
  gw_config_source_join(f->source, f->way.files, f->revisions);
  gw_store_start(f->store);
}

static void close_all(struct fixture *f) {
  gw_store_free(f->store);
  gw_config_source_free(f->source);
  gw_revisions_free(f->revisions);
  files_fixture_done(&f->way);
}

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  store_folder_init(&f->folder);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  close_all(f);
  store_folder_done(&f->folder);
  free(f);
  return 0;
}

static uint64_t current(const struct fixture *f) {
  return gw_config_source_current(f->source);
}

static enum gw_err start(struct fixture *f) {
  return gw_config_source_start(f->source, &f->is_stopping);
}

/* ---- files ---- */

static void test_accepted_files_become_revisions_once_each(void **state) {
  struct fixture *f = *state;
  open_all(f, false);
  assert_int_equal(start(f), GW_OK);
  WAIT_FOR(f, current(f) == 1);
  const struct gw_revision *first = gw_revisions_newest(f->revisions);
  assert_true(gw_str_equal(first->routes_name, gw_str_from(f->way.routes)));
  assert_int_equal(first->routes_bytes, sizeof(GOOD_ROUTES) - 1);
  assert_int_equal(gw_files_load(f->way.files), GW_OK); /* the same again */
  WAIT_FOR(f, current(f) == 1);
  assert_int_equal(gw_revisions_count(f->revisions), 1);
  write_file(f->way.routes, OTHER_ROUTES);
  assert_int_equal(gw_files_load(f->way.files), GW_OK);
  WAIT_FOR(f, current(f) == 2);
}

static void test_files_that_are_bad_at_the_start_leave_the_last_good_revision(void **state) {
  struct fixture *f = *state;
  open_all(f, false);
  assert_int_equal(start(f), GW_OK);
  WAIT_FOR(f, current(f) == 1);
  close_all(f);
  open_all(f, false);
  write_file(f->way.routes, "routes: 7\n");
  assert_int_equal(start(f), GW_OK);
  assert_int_equal(current(f), 1);
  assert_int_equal(gw_files_policy(f->way.files)->route_count, 2);
  assert_true(gw_files_mistakes(f->way.files)->error_count >= 2); /* the file's, and that it is not in force */
}

static void test_files_that_are_bad_without_a_revision_are_invalid(void **state) {
  struct fixture *f = *state;
  open_all(f, false);
  write_file(f->way.routes, "routes: 7\n");
  assert_int_equal(start(f), GW_ERR_INVALID);
  assert_int_equal(current(f), 0);
}

/* ---- revisions ---- */

static void on_changed(void *arg, const struct gw_admin_changed *changed) {
  struct fixture *f = arg;
  f->answers++;
  f->err = changed->err;
  f->outcome = changed->outcome;
  f->number = changed->revision != NULL ? changed->revision->number : 0;
  f->mistakes = changed->mistakes != NULL ? changed->mistakes->error_count : 0;
}

static void change(struct fixture *f, const char *routes, const struct gw_admin_change *more) {
  struct gw_admin_change wish = *more;
  wish.has_routes = routes != NULL;
  wish.texts.routes_name = GW_STR("given.yaml");
  wish.texts.routes = gw_str_from(routes);
  uint32_t before = f->answers;
  const struct gw_admin_changes *changes = gw_config_source_changes(f->source);
  changes->change(changes->arg, &wish, on_changed, f);
  WAIT_FOR(f, f->answers == before + 1);
}
#define CHANGE(f, routes, ...) change(f, routes, &(struct gw_admin_change){.author = GW_STR("ann"), __VA_ARGS__})

static void assert_changed(const struct fixture *f, enum gw_admin_outcome outcome, uint64_t number) {
  assert_int_equal(f->err, GW_OK);
  assert_int_equal(f->outcome, outcome);
  assert_int_equal(f->number, number);
}

static void test_empty_store_begins_with_the_files(void **state) {
  struct fixture *f = *state;
  open_all(f, true);
  assert_int_equal(start(f), GW_OK);
  WAIT_FOR(f, current(f) == 1);
  assert_int_equal(gw_files_policy(f->way.files)->route_count, 2);
  write_file(f->way.routes, OTHER_ROUTES); /* nobody looks at them any more */
  assert_int_equal(gw_files_load(f->way.files), GW_OK);
  assert_int_equal(gw_files_policy(f->way.files)->route_count, 2);
}

static void test_change_is_in_force_when_it_is_answered(void **state) {
  struct fixture *f = *state;
  open_all(f, true);
  assert_int_equal(start(f), GW_OK);
  CHANGE(f, OPEN_ROUTES, .is_dry = true, .allows_loosening = true);
  assert_changed(f, GW_ADMIN_VALID, 1);
  assert_int_equal(current(f), 1);
  CHANGE(f, OPEN_ROUTES);
  assert_changed(f, GW_ADMIN_LOOSENS, 1);
  assert_int_equal(current(f), 1);
  CHANGE(f, OPEN_ROUTES, .allows_loosening = true);
  assert_changed(f, GW_ADMIN_ACCEPTED, 2);
  assert_int_equal(current(f), 2);
  assert_int_equal(gw_files_policy(f->way.files)->route_count, 1);
  CHANGE(f, OPEN_ROUTES);
  assert_changed(f, GW_ADMIN_UNCHANGED, 2);
  CHANGE(f, "routes: 7\n");
  assert_changed(f, GW_ADMIN_INVALID, 2);
  assert_true(f->mistakes > 0);
  CHANGE(f, NULL, .rollback_to = 1);
  assert_changed(f, GW_ADMIN_ACCEPTED, 3);
  assert_int_equal(gw_revisions_newest(f->revisions)->of, 1);
  assert_int_equal(gw_files_policy(f->way.files)->route_count, 2);
}

static void test_change_upon_another_revision_than_wanted_is_refused(void **state) {
  struct fixture *f = *state;
  open_all(f, true);
  assert_int_equal(start(f), GW_OK);
  CHANGE(f, OTHER_ROUTES, .allows_loosening = true, .checks_revision = true, .if_revision = 7);
  assert_int_equal(f->err, GW_ERR_AGAIN);
  CHANGE(f, NULL, .rollback_to = 9);
  assert_int_equal(f->err, GW_ERR_NOT_FOUND);
  assert_int_equal(current(f), 1);
}

static void test_files_are_the_truth_then_changes_are_denied(void **state) {
  struct fixture *f = *state;
  open_all(f, false);
  assert_int_equal(start(f), GW_OK);
  CHANGE(f, OTHER_ROUTES);
  assert_int_equal(f->err, GW_ERR_DENIED);
}

static void on_added(void *arg, enum gw_err err, const char *words) {
  (void)words;
  assert_int_equal(err, GW_OK);
  ((struct fixture *)arg)->answers++;
}

static void test_revision_that_this_program_cannot_serve_is_passed_over(void **state) {
  struct fixture *f = *state;
  open_all(f, true);
  assert_int_equal(start(f), GW_OK);
  const struct gw_revision_texts texts = {.routes_name = GW_STR("r"),
                                          .routes = GW_STR("routes: 7\n"),
                                          .services_name = GW_STR("s"),
                                          .services = GW_STR(GOOD_SERVICES)};
  const struct gw_revision wish = {.author = GW_STR("a newer program")};
  uint32_t before = f->answers;
  gw_revisions_add(f->revisions, &wish, &texts, on_added, f);
  WAIT_FOR(f, f->answers > before && gw_files_mistakes(f->way.files)->error_count > 0);
  assert_int_equal(current(f), 1);
  close_all(f);
  open_all(f, true);
  assert_int_equal(start(f), GW_OK); /* the last good one is found, also by who starts anew */
  WAIT_FOR(f, current(f) == 1);
  assert_int_equal(gw_files_policy(f->way.files)->route_count, 2);
}

#define SOURCE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      SOURCE_TEST(test_accepted_files_become_revisions_once_each),
      SOURCE_TEST(test_files_that_are_bad_at_the_start_leave_the_last_good_revision),
      SOURCE_TEST(test_files_that_are_bad_without_a_revision_are_invalid),
      SOURCE_TEST(test_empty_store_begins_with_the_files),
      SOURCE_TEST(test_change_is_in_force_when_it_is_answered),
      SOURCE_TEST(test_change_upon_another_revision_than_wanted_is_refused),
      SOURCE_TEST(test_files_are_the_truth_then_changes_are_denied),
      SOURCE_TEST(test_revision_that_this_program_cannot_serve_is_passed_over),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
