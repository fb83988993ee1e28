#include "controlplane/discovery/sources.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"

struct fixture {
  struct gw_loop *loop;
  struct gw_snapshot_cache *cache;
  struct gw_catalog *catalog;
  struct gw_guard *guard;
  struct gw_sources *sources;
  struct gw_settings *settings;
  struct gw_cluster clusters[3]; /* the catalog borrows them */
};

static struct gw_settings *load_settings(const char *port) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  GW_CLEANUP(gw_free_ptr) char *text = gw_asprintf("CONSUL_PORT=%s", port);
  const char *const overrides[] = {"SERVICE_DISCOVERY_TYPE=static,consul", text, NULL};
  struct gw_settings *settings = NULL;
  assert_int_equal(gw_settings_load("/dev/null", overrides, &errors, &settings), GW_OK);
  gw_errors_done(&errors);
  return settings;
}

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  static const char *const names[] = {"a", "b", "c"};
  f->loop = gw_loop_new();
  f->cache = gw_snapshot_cache_new();
  f->catalog = gw_catalog_new(f->loop, f->cache);
  f->guard = gw_guard_new(f->loop, NULL, f->catalog);
  f->sources = gw_sources_new(f->loop, NULL, f->guard, NULL);
  f->settings = load_settings("1");
  for (size_t i = 0; i < GW_ARRAY_LEN(f->clusters); i++)
    f->clusters[i] = (struct gw_cluster){.name = gw_str_from(names[i]),
                                         .kind = GW_CLUSTER_EDS,
                                         .eds_service_name = gw_str_from(names[i]),
                                         .connect_timeout_ms = 1000};
  struct gw_catalog_policy policy = {.clusters = f->clusters, .cluster_count = GW_ARRAY_LEN(f->clusters)};
  struct gw_errors errors;
  gw_errors_init(&errors);
  assert_int_equal(gw_catalog_set_policy(f->catalog, &policy, &errors), GW_OK);
  gw_errors_done(&errors);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  gw_sources_free(f->sources);
  gw_guard_free(f->guard);
  gw_catalog_free(f->catalog);
  gw_snapshot_cache_free(f->cache);
  gw_settings_free(f->settings);
  gw_loop_free(f->loop);
  free(f);
  return 0;
}

static const struct gw_endpoint items[] = {{.address = GW_STR("127.0.0.1"), .port = 80, .weight = 1},
                                           {.address = GW_STR("127.0.0.1"), .port = 81, .weight = 1}};
static const struct gw_endpoints a_one = {GW_STR("a"), items, 1}, b_one = {GW_STR("b"), items, 1}, b_two = {GW_STR("b"), items, 2},
                                 c_two = {GW_STR("c"), items, 2};

static struct gw_source_spec written(const struct gw_endpoints *endpoints) {
  return (struct gw_source_spec){.service = endpoints->cluster_name, .kind = "static", .place = "s.yaml:1:1", .endpoints = endpoints};
}

static struct gw_source_spec asked(struct gw_str service) {
  return (struct gw_source_spec){.service = service, .kind = "consul", .place = "s.yaml:1:1"};
}

static uint32_t count_endpoints(struct fixture *f, const char *service) {
  gw_loop_run_once(f->loop, 0);
  const struct gw_resource *resource = gw_snapshot_find(gw_snapshot_cache_current(f->cache), GW_RESOURCE_ENDPOINTS, gw_str_from(service));
  assert_non_null(resource);
  return resource->endpoints->count;
}

/* Until Consul, where nobody listens, was asked. */
static void run_until_away(struct fixture *f, uint32_t count) {
  for (int turn = 0; turn < 2000 && gw_guard_count(f->guard, GW_GUARD_AWAY) < count; turn++)
    gw_loop_run_once(f->loop, 5);
  assert_int_equal(gw_guard_count(f->guard, GW_GUARD_AWAY), count);
}

static void test_follow_of_static_services_replaces_all_that_was_said_before(void **state) {
  struct fixture *f = *state;
  const struct gw_source_spec first[] = {written(&a_one), written(&b_two)}, second[] = {written(&b_one), written(&c_two)};
  gw_sources_follow(f->sources, first, 2, f->settings);
  assert_int_equal(count_endpoints(f, "a") * 100 + count_endpoints(f, "b") * 10 + count_endpoints(f, "c"), 120);
  gw_sources_follow(f->sources, second, 2, f->settings);
  assert_int_equal(count_endpoints(f, "a") * 100 + count_endpoints(f, "b") * 10 + count_endpoints(f, "c"), 12);
  gw_sources_follow(f->sources, NULL, 0, f->settings);
  assert_int_equal(count_endpoints(f, "b") + count_endpoints(f, "c"), 0);
}

static void test_registries_are_asked_from_the_start_on(void **state) {
  struct fixture *f = *state;
  const struct gw_source_spec specs[] = {written(&a_one), asked(GW_STR("b")), asked(GW_STR("c"))};
  gw_sources_follow(f->sources, specs, 3, f->settings);
  for (int turn = 0; turn < 10; turn++)
    gw_loop_run_once(f->loop, 1);
  assert_int_equal(gw_guard_count(f->guard, GW_GUARD_WAITING), 2);
  gw_sources_start(f->sources);
  run_until_away(f, 2);
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  const struct gw_source_status *statuses;
  assert_int_equal(gw_sources_list(f->sources, &arena, &statuses), 2);
  assert_string_equal(statuses[1].kind, "consul");
  assert_int_equal(statuses[1].failing_count, 2);
  gw_arena_done(&arena);
}

static void test_service_that_moves_to_a_registry_keeps_its_instances_until_that_has_answered(void **state) {
  struct fixture *f = *state;
  const struct gw_source_spec first = written(&b_two), second = asked(GW_STR("b"));
  gw_sources_start(f->sources);
  gw_sources_follow(f->sources, &first, 1, f->settings);
  assert_int_equal(count_endpoints(f, "b"), 2);
  gw_sources_follow(f->sources, &second, 1, f->settings);
  run_until_away(f, 1);
  assert_int_equal(count_endpoints(f, "b"), 2);
  gw_sources_follow(f->sources, &first, 1, f->settings);
  assert_int_equal(gw_guard_count(f->guard, GW_GUARD_LIVE), 1);
}

static void test_other_settings_ask_anew_and_keep_what_is_known(void **state) {
  struct fixture *f = *state;
  const struct gw_source_spec spec = asked(GW_STR("b"));
  struct gw_settings *others = load_settings("2");
  gw_sources_start(f->sources);
  gw_sources_follow(f->sources, &spec, 1, f->settings);
  run_until_away(f, 1);
  gw_guard_offer(f->guard, &b_two, "");
  gw_sources_follow(f->sources, &spec, 1, f->settings);
  assert_int_equal(gw_guard_count(f->guard, GW_GUARD_LIVE), 1);
  gw_sources_follow(f->sources, &spec, 1, others);
  run_until_away(f, 1);
  assert_non_null(strstr(gw_guard_find(f->guard, GW_STR("b"))->words, "port 2"));
  assert_int_equal(count_endpoints(f, "b"), 2);
  gw_settings_free(others);
}

static void test_texts_are_of_sources_that_have_some(void **state) {
  (void)state;
  assert_true(gw_sources_has_text("consul:gateway/routes.yaml"));
  assert_false(gw_sources_has_text("consul:"));
  assert_false(gw_sources_has_text("consul"));
  assert_false(gw_sources_has_text("static:x"));
  assert_false(gw_sources_has_text("config/routes.yaml"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_follow_of_static_services_replaces_all_that_was_said_before, setup, teardown),
      cmocka_unit_test_setup_teardown(test_registries_are_asked_from_the_start_on, setup, teardown),
      cmocka_unit_test_setup_teardown(test_service_that_moves_to_a_registry_keeps_its_instances_until_that_has_answered, setup, teardown),
      cmocka_unit_test_setup_teardown(test_other_settings_ask_anew_and_keep_what_is_known, setup, teardown),
      cmocka_unit_test_setup_teardown(test_texts_are_of_sources_that_have_some, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
