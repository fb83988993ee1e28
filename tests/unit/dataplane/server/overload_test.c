/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "dataplane/server/overload.h"
#include "tests/unit/dataplane/model_fixture.h"

/* A guard over files of the test: memory is what they say, of a limit of 1000 MiB. */
struct stand {
  char folder[64];
  char used_path[96];
  char limit_path[96];
  char log_path[96];
  struct gw_loop *loop;
  struct gw_log *log;
  struct gw_overload *overload;
};

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

/* As the kernel writes it: size, resident, shared … in pages. */
static void use_memory(struct stand *stand, unsigned percent) {
  char text[64];
  uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
  snprintf(text, sizeof(text), "999999 %llu 12 3 0 45 0\n", (unsigned long long)(percent * (UINT64_C(10) << 20) / page));
  write_file(stand->used_path, text);
  gw_overload_look(stand->overload);
}

static struct gw_snapshot *snapshot_of(uint32_t memory_percent, uint32_t descriptors_percent, uint32_t other_memory_percent) {
  struct gw_http_connection_manager *http;
  struct gw_http_connection_manager *other;
  struct gw_resource *resources[] = {fixture_listener("a", 1, "routes", &http), fixture_listener("b", 1, "routes", &other), NULL};
  fixture_limits(http)->overload_memory_percent = memory_percent;
  fixture_limits(http)->overload_descriptors_percent = descriptors_percent;
  fixture_limits(other)->overload_memory_percent = other_memory_percent;
  return fixture_snapshot(resources);
}

static void follow(struct stand *stand, uint32_t memory_percent, uint32_t descriptors_percent) {
  struct gw_snapshot *snapshot = snapshot_of(memory_percent, descriptors_percent, 0);
  gw_overload_follow(stand->overload, snapshot);
  gw_snapshot_unref(snapshot);
}

static int setup(void **state) {
  struct stand *stand = calloc(1, sizeof(*stand));
  assert_non_null(stand);
  snprintf(stand->folder, sizeof(stand->folder), "/tmp/gw-overload-test-XXXXXX");
  assert_non_null(mkdtemp(stand->folder));
  snprintf(stand->used_path, sizeof(stand->used_path), "%s/statm", stand->folder);
  snprintf(stand->limit_path, sizeof(stand->limit_path), "%s/memory.max", stand->folder);
  snprintf(stand->log_path, sizeof(stand->log_path), "%s/log", stand->folder);
  write_file(stand->limit_path, "1048576000\n");
  write_file(stand->used_path, "0 0 0\n");
  stand->loop = gw_loop_new();
  assert_int_equal(gw_log_new("test", GW_LOG_TEXT, GW_LOG_DEBUG, stand->log_path, &stand->log), GW_OK);
  stand->overload = gw_overload_new(stand->loop, stand->log, &(struct gw_overload_files){stand->used_path, stand->limit_path});
  *state = stand;
  return 0;
}

static int teardown(void **state) {
  struct stand *stand = *state;
  gw_overload_free(stand->overload);
  gw_log_free(stand->log);
  gw_loop_free(stand->loop);
  unlink(stand->used_path);
  unlink(stand->limit_path);
  unlink(stand->log_path);
  rmdir(stand->folder);
  free(stand);
  return 0;
}

static void test_level_follows_memory_and_comes_down_with_relief(void **state) {
  struct stand *stand = *state;
  static const struct {
    unsigned percent;
    enum gw_overload_level level;
  } steps[] = {
      {79, GW_OVERLOAD_NONE},
      {80, GW_OVERLOAD_STREAMS},
      {89, GW_OVERLOAD_STREAMS},
      {90, GW_OVERLOAD_CONNECTIONS},
      {100, GW_OVERLOAD_CONNECTIONS},
      {120, GW_OVERLOAD_CONNECTIONS},
      /* A little below a watermark is not below it, once it was crossed. */
      {88, GW_OVERLOAD_CONNECTIONS},
      {86, GW_OVERLOAD_STREAMS},
      {78, GW_OVERLOAD_STREAMS},
      {76, GW_OVERLOAD_NONE},
      {79, GW_OVERLOAD_NONE},
      {80, GW_OVERLOAD_STREAMS},
  };
  follow(stand, 80, 0);
  for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
    use_memory(stand, steps[i].percent);
    if (gw_overload_level(stand->overload) != steps[i].level) {
      fail_msg("step %zu: level %d at %u %%", i, (int)gw_overload_level(stand->overload), steps[i].percent);
    }
  }
}

static void test_without_watermarks_nothing_is_refused(void **state) {
  struct stand *stand = *state;
  use_memory(stand, 100);
  assert_int_equal(gw_overload_level(stand->overload), GW_OVERLOAD_NONE);
  follow(stand, 80, 0);
  use_memory(stand, 100);
  assert_int_equal(gw_overload_level(stand->overload), GW_OVERLOAD_CONNECTIONS);
  follow(stand, 0, 0);
  gw_overload_look(stand->overload);
  assert_int_equal(gw_overload_level(stand->overload), GW_OVERLOAD_NONE);
}

static void test_lowest_watermark_of_all_listeners_counts(void **state) {
  struct stand *stand = *state;
  struct gw_snapshot *snapshot = snapshot_of(90, 0, 50);
  gw_overload_follow(stand->overload, snapshot);
  gw_snapshot_unref(snapshot);
  use_memory(stand, 50);
  assert_int_equal(gw_overload_level(stand->overload), GW_OVERLOAD_STREAMS);
}

static void test_limit_is_the_group_s_or_the_machine_s(void **state) {
  struct stand *stand = *state;
  struct gw_overload_use use;
  uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
  use_memory(stand, 50);
  gw_overload_get_use(stand->overload, &use);
  assert_int_equal(use.memory_limit_bytes, UINT64_C(1000) << 20);
  assert_in_range(use.memory_bytes, (UINT64_C(499) << 20), UINT64_C(500) << 20);
  static const char *const without[] = {"max\n", "9223372036854771712\n", ""};
  for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
    write_file(stand->limit_path, without[i]);
    gw_overload_look(stand->overload);
    gw_overload_get_use(stand->overload, &use);
    assert_int_equal(use.memory_limit_bytes, machine);
  }
}

static void test_file_that_can_not_be_read_refuses_nobody(void **state) {
  struct stand *stand = *state;
  follow(stand, 1, 0);
  unlink(stand->used_path);
  gw_overload_look(stand->overload);
  assert_int_equal(gw_overload_level(stand->overload), GW_OVERLOAD_NONE);
}

static void test_level_follows_descriptors(void **state) {
  struct stand *stand = *state;
  struct gw_overload_use use;
  struct rlimit before, low;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  gw_overload_look(stand->overload);
  gw_overload_get_use(stand->overload, &use);
  low = (struct rlimit){.rlim_cur = use.descriptors * 4, .rlim_max = before.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
  follow(stand, 0, 50);
  gw_overload_look(stand->overload);
  assert_int_equal(gw_overload_level(stand->overload), GW_OVERLOAD_NONE);
  int held[256];
  size_t count = 0;
  while (count < 256 && (held[count] = dup(STDERR_FILENO)) >= 0) {
    count++;
    gw_overload_look(stand->overload);
    gw_overload_get_use(stand->overload, &use);
    enum gw_overload_level want = use.descriptors * 100 >= use.descriptor_limit * 75   ? GW_OVERLOAD_CONNECTIONS
                                  : use.descriptors * 100 >= use.descriptor_limit * 50 ? GW_OVERLOAD_STREAMS
                                                                                       : GW_OVERLOAD_NONE;
    if (gw_overload_level(stand->overload) < want) fail_msg("level too low with %u descriptors", (unsigned)use.descriptors);
  }
  /* None is left, not even for a look at the memory. */
  gw_overload_look(stand->overload);
  assert_int_equal(gw_overload_level(stand->overload), GW_OVERLOAD_CONNECTIONS);
  while (count > 0)
    close(held[--count]);
  gw_overload_look(stand->overload);
  assert_int_equal(gw_overload_level(stand->overload), GW_OVERLOAD_NONE);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void test_timer_looks_and_each_change_is_told_once(void **state) {
  struct stand *stand = *state;
  char text[4096];
  follow(stand, 80, 0);
  write_file(stand->used_path, "9 999999999 0\n");
  uint64_t until_us = gw_clock_monotonic_us() + 10000000;
  while (gw_overload_level(stand->overload) == GW_OVERLOAD_NONE && gw_clock_monotonic_us() < until_us)
    gw_loop_run_once(stand->loop, 50);
  assert_int_equal(gw_overload_level(stand->overload), GW_OVERLOAD_CONNECTIONS);
  gw_overload_look(stand->overload);
  use_memory(stand, 10);
  FILE *file = fopen(stand->log_path, "r");
  assert_non_null(file);
  text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
  fclose(file);
  char *told = strstr(text, "overload: no new connections are taken (memory ");
  assert_non_null(told);
  assert_null(strstr(told + 20, "no new connections are taken"));
  assert_non_null(strstr(told, "overload: all requests are served again"));
}

int main(void) {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_level_follows_memory_and_comes_down_with_relief), TEST(test_without_watermarks_nothing_is_refused),
      TEST(test_lowest_watermark_of_all_listeners_counts),        TEST(test_limit_is_the_group_s_or_the_machine_s),
      TEST(test_file_that_can_not_be_read_refuses_nobody),        TEST(test_level_follows_descriptors),
      TEST(test_timer_looks_and_each_change_is_told_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
