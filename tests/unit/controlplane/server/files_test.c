#include "files_fixture.h"

#include <sys/stat.h>

#include "controlplane/server/admin_source.h"

static int setup(void **state) {
  struct files_fixture *f = gw_calloc(1, sizeof(*f));
  const struct gw_files_options plain = {.loop = NULL};
  files_fixture_init(f, &plain);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  files_fixture_done(*state);
  free(*state);
  return 0;
}

static const char *version(const struct files_fixture *f) {
  return gw_snapshot_cache_current(f->cache)->version;
}

/* Turns the loop until so many loads were made. */
static void wait_for_loads(struct files_fixture *f, uint64_t count) {
  uint64_t end_us = gw_clock_monotonic_us() + 20u * 1000000u;
  while (gw_files_stats(f->files)->loads_total < count) {
    if (gw_clock_monotonic_us() > end_us) fail_msg("never: %d loads", (int)count);
    gw_loop_run_once(f->loop, 20);
  }
}

static void test_good_files_become_the_current_snapshot(void **state) {
  struct files_fixture *f = *state;
  assert_null(gw_files_policy(f->files));
  assert_int_equal(gw_files_load(f->files), GW_OK);
  assert_non_null(gw_snapshot_cache_current(f->cache));
  assert_int_equal(gw_files_policy(f->files)->route_count, 2);
  assert_int_equal(gw_files_mistakes(f->files)->error_count, 0);
}

static void test_first_bad_load_leaves_nothing_and_keeps_the_mistakes(void **state) {
  struct files_fixture *f = *state;
  write_file(f->routes, "routes:\n  - path: a\n    service: nobody\n");
  assert_int_equal(gw_files_load(f->files), GW_ERR_INVALID);
  assert_null(gw_snapshot_cache_current(f->cache));
  assert_null(gw_files_policy(f->files));
  assert_int_equal(gw_files_mistakes(f->files)->error_count, 2);
}

static void test_later_bad_load_keeps_what_is_in_force(void **state) {
  struct files_fixture *f = *state;
  assert_int_equal(gw_files_load(f->files), GW_OK);
  char before[GW_ARRAY_LEN(((struct gw_snapshot *)NULL)->version)];
  memcpy(before, version(f), sizeof(before));
  const struct gw_policy *policy = gw_files_policy(f->files);
  write_file(f->services, "services: 7\n");
  assert_int_equal(gw_files_load(f->files), GW_ERR_INVALID);
  gw_loop_run_once(f->loop, 0);
  assert_string_equal(version(f), before);
  assert_ptr_equal(gw_files_policy(f->files), policy);
  assert_int_equal(gw_files_stats(f->files)->errors_total, 1);
  write_file(f->services, GOOD_SERVICES);
  assert_int_equal(gw_files_load(f->files), GW_OK);
  assert_int_equal(gw_files_mistakes(f->files)->error_count, 0);
}

static void test_more_mistakes_than_are_kept_still_count(void **state) {
  struct files_fixture *f = *state;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  gw_strbuf_printf(&text, "routes:\n");
  for (int i = 0; i < GW_ERRORS_MAX + 50; i++)
    gw_strbuf_printf(&text, "  - path: /x%d\n    service: nobody\n", i);
  write_file(f->routes, text.data);
  gw_strbuf_done(&text);
  assert_int_equal(gw_files_load(f->files), GW_ERR_INVALID);
  assert_int_equal(gw_files_mistakes(f->files)->error_count, GW_ERRORS_MAX + 50);
  assert_int_equal(gw_files_mistakes(f->files)->count, GW_ERRORS_MAX);
}

static void test_changed_file_is_loaded_once_it_has_settled(void **state) {
  struct files_fixture *f = *state;
  assert_int_equal(gw_files_load(f->files), GW_OK);
  gw_files_watch(f->files);
  char before[GW_ARRAY_LEN(((struct gw_snapshot *)NULL)->version)];
  memcpy(before, version(f), sizeof(before));
  write_file(f->services, "services:\n  s:\n    instances:\n      - url: http://127.0.0.1:81\n");
  write_file(f->routes, "routes:\n  - path: /c\n    service: s\n");
  wait_for_loads(f, 2);
  assert_string_not_equal(version(f), before);
  assert_int_equal(gw_files_policy(f->files)->route_count, 1);
  for (int i = 0; i < 10; i++)
    gw_loop_run_once(f->loop, 20);
  assert_int_equal(gw_files_stats(f->files)->loads_total, 2); /* both files, one load */
}

/* The route comes first, its service soon after: nobody is told of the time between. */
static void test_half_of_a_change_waits_for_the_rest(void **state) {
  struct files_fixture *f = *state;
  assert_int_equal(gw_files_load(f->files), GW_OK);
  gw_files_watch(f->files);
  write_file(f->routes, "routes:\n  - path: /c\n    service: new\n");
  uint64_t end_us = gw_clock_monotonic_us() + 15000u;
  while (gw_clock_monotonic_us() < end_us)
    gw_loop_run_once(f->loop, 1);
  bool is_late = gw_clock_monotonic_us() > end_us + 5000u; /* a busy machine: it may have been told meanwhile */
  write_file(f->services, "services:\n  new:\n    instances:\n      - url: http://127.0.0.1:81\n");
  while (gw_files_policy(f->files)->route_count != 1)
    gw_loop_run_once(f->loop, 20);
  if (!is_late) assert_int_equal(gw_files_stats(f->files)->errors_total, 0);
  assert_int_equal(gw_files_mistakes(f->files)->error_count, 0);
}

static void test_change_that_stays_bad_is_told(void **state) {
  struct files_fixture *f = *state;
  assert_int_equal(gw_files_load(f->files), GW_OK);
  gw_files_watch(f->files);
  write_file(f->routes, "routes:\n  - path: /c\n    service: nobody\n");
  wait_for_loads(f, 2);
  assert_int_equal(gw_files_stats(f->files)->errors_total, 1);
  assert_int_equal(gw_files_policy(f->files)->route_count, 2);
}

static void test_change_between_load_and_watch_is_not_missed(void **state) {
  struct files_fixture *f = *state;
  assert_int_equal(gw_files_load(f->files), GW_OK);
  write_file(f->routes, "routes:\n  - path: /c\n    service: s\n");
  gw_files_watch(f->files);
  assert_int_equal(gw_files_policy(f->files)->route_count, 1);
  assert_int_equal(gw_files_stats(f->files)->loads_total, 2);
}

static void test_admin_source_shows_routes_as_written(void **state) {
  struct files_fixture *f = *state;
  assert_int_equal(gw_files_load(f->files), GW_OK);
  struct gw_admin_source source = gw_admin_source_of(f->files);
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  const struct gw_admin_route *routes;
  assert_int_equal(source.get_routes(source.arg, &arena, &routes), 2);
  assert_true(gw_str_equal(routes[0].path, GW_STR("/a")));
  assert_int_equal(routes[0].timeout_ms, 7000);
  assert_int_equal(routes[0].direct_status, 0);
  assert_int_equal(routes[0].host_count, 1);
  assert_true(gw_str_equal(routes[0].hosts[0], GW_STR("*")));
  assert_true(gw_str_equal(routes[1].path, GW_STR("/b")));
  assert_int_equal(routes[1].direct_status, 501);
  gw_arena_done(&arena);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      T(test_good_files_become_the_current_snapshot),
      T(test_first_bad_load_leaves_nothing_and_keeps_the_mistakes),
      T(test_later_bad_load_keeps_what_is_in_force),
      T(test_more_mistakes_than_are_kept_still_count),
      T(test_changed_file_is_loaded_once_it_has_settled),
      T(test_half_of_a_change_waits_for_the_rest),
      T(test_change_that_stays_bad_is_told),
      T(test_change_between_load_and_watch_is_not_missed),
      T(test_admin_source_shows_routes_as_written),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
