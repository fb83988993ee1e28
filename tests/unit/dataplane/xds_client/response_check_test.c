#include "dataplane/xds_client/response_check.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "tests/unit/dataplane/xds_client/samples.h"

struct bench {
  struct gw_assembler *assembler;
  struct gw_refusals refusals;
  struct gw_strbuf reason;
  struct gw_resource **resources;
};

static int setup(void **state) {
  struct bench *bench = gw_calloc(1, sizeof(*bench));
  bench->assembler = gw_assembler_new();
  gw_refusals_init(&bench->refusals);
  gw_strbuf_init(&bench->reason);
  *state = bench;
  return 0;
}

static int teardown(void **state) {
  struct bench *bench = *state;
  gw_assembler_free(bench->assembler);
  gw_refusals_done(&bench->refusals);
  gw_strbuf_done(&bench->reason);
  free(bench->resources);
  free(bench);
  return 0;
}

static enum gw_err check(struct bench *bench, struct gw_bytes **anys, uint32_t count,
                         void (*on_check)(void *arg, const struct gw_resource *resource, struct gw_errors *errors)) {
  struct gw_discovery_response response = {.resources = anys, .resource_count = count};
  struct gw_response_check rules = {.assembler = bench->assembler, .held_max = 100, .held_bytes_max = 100000, .on_check = on_check};
  return gw_response_check(&rules, GW_RESOURCE_CLUSTER, &response, &bench->refusals, &bench->reason, &bench->resources);
}

static void test_check_of_good_resources_gives_them(void **state) {
  struct bench *bench = *state;
  struct gw_resource *a = sample_cluster("a", 1000), *b = sample_cluster("b", 1000);
  assert_int_equal(check(bench, (struct gw_bytes *[]){a->any, b->any}, 2, NULL), GW_OK);
  assert_true(gw_str_equal(bench->resources[1]->name, GW_STR("b")));
  for (int i = 0; i < 2; i++)
    gw_resource_unref(bench->resources[i]);
  gw_resource_unref(a);
  gw_resource_unref(b);
}

static void test_check_reuses_what_the_assembler_holds(void **state) {
  struct bench *bench = *state;
  struct gw_resource *held = sample_cluster("a", 1000), *same = sample_cluster("a", 1000);
  gw_assembler_accept(bench->assembler, GW_RESOURCE_CLUSTER, &held, 1);
  assert_int_equal(check(bench, &same->any, 1, NULL), GW_OK);
  assert_ptr_equal(bench->resources[0], held);
  gw_resource_unref(bench->resources[0]);
  gw_resource_unref(same);
}

static void test_check_names_every_bad_resource_at_once(void **state) {
  struct bench *bench = *state;
  struct gw_resource *good = sample_cluster("good", 1000);
  struct gw_bytes *garbage = gw_bytes_new("\xff\xff", 2);
  assert_int_equal(check(bench, (struct gw_bytes *[]){garbage, good->any, good->any}, 3, NULL), GW_ERR_INVALID);
  assert_int_equal(bench->refusals.count, 2);
  assert_string_equal(bench->refusals.items[1].resource, "good");
  assert_non_null(strstr(bench->reason.data, "good: stands in the response twice"));
  assert_null(bench->resources);
  gw_bytes_unref(garbage);
  gw_resource_unref(good);
}

static void refuse_everything(void *arg, const struct gw_resource *resource, struct gw_errors *errors) {
  (void)arg, (void)resource;
  for (int i = 0; i < 150; i++)
    gw_errors_add(errors, "somewhere", "something that takes about a hundred characters to be said is wrong in this resource, number %d",
                  i);
}

static void test_check_bounds_what_it_says(void **state) {
  struct bench *bench = *state;
  struct gw_resource *a = sample_cluster("a", 1000);
  assert_int_equal(check(bench, &a->any, 1, refuse_everything), GW_ERR_INVALID);
  assert_true(bench->reason.len <= GW_REFUSALS_TEXT_MAX + 64);
  assert_non_null(strstr(bench->reason.data, "more mistakes"));
  assert_true(strlen(bench->refusals.items[0].reason) <= GW_REFUSALS_REASON_MAX);
  gw_resource_unref(a);
}

static void warn_only(void *arg, const struct gw_resource *resource, struct gw_errors *errors) {
  (void)arg, (void)resource;
  gw_errors_warn(errors, "somewhere", "not nice");
}

static void test_check_with_warnings_alone_accepts(void **state) {
  struct bench *bench = *state;
  struct gw_resource *a = sample_cluster("a", 1000);
  assert_int_equal(check(bench, &a->any, 1, warn_only), GW_OK);
  gw_resource_unref(bench->resources[0]);
  gw_resource_unref(a);
}

static void test_refusals_of_one_type_are_cleared_alone(void **state) {
  struct bench *bench = *state;
  struct gw_errors errors;
  gw_errors_init(&errors);
  gw_errors_add(&errors, "x", "wrong");
  gw_refusals_add(&bench->refusals, GW_RESOURCE_CLUSTER, GW_STR("c"), &errors);
  gw_refusals_add(&bench->refusals, GW_RESOURCE_LISTENER, GW_STR("l"), &errors);
  gw_refusals_clear(&bench->refusals, GW_RESOURCE_CLUSTER);
  assert_int_equal(bench->refusals.count, 1);
  assert_string_equal(bench->refusals.items[0].resource, "l");
  assert_string_equal(bench->refusals.items[0].reason, "x: wrong");
  for (uint32_t i = 0; i < 2 * GW_REFUSALS_MAX; i++)
    gw_refusals_add(&bench->refusals, GW_RESOURCE_CLUSTER, GW_STR("c"), &errors);
  assert_int_equal(bench->refusals.count, GW_REFUSALS_MAX);
  gw_errors_done(&errors);
}

/* An incremental response: takes the references, gives what was refused as text, and has the rest accepted. */
static const char *check_changes(struct bench *bench, struct gw_resource **resources, uint32_t count,
                                 const struct gw_response_check *bounds) {
  struct gw_bytes *anys[8];
  struct gw_str names[8], versions[8];
  for (uint32_t i = 0; i < count; i++) {
    anys[i] = resources[i]->any;
    names[i] = resources[i]->name;
    versions[i] = gw_str_from(resources[i]->version);
  }
  struct gw_discovery_response response = {.resources = anys,
                                           .resource_count = count,
                                           .resource_names = names,
                                           .resource_versions = versions};
  struct gw_response_check rules = *bounds;
  rules.assembler = bench->assembler;
  gw_strbuf_clear(&bench->reason);
  free(bench->resources);
  gw_response_check(&rules, resources[0]->type, &response, &bench->refusals, &bench->reason, &bench->resources);
  gw_assembler_accept_changes(bench->assembler, resources[0]->type, &response, bench->resources);
  for (uint32_t i = 0; i < count; i++)
    gw_resource_unref(resources[i]);
  return gw_strbuf_str(&bench->reason).len > 0 ? bench->reason.data : "";
}

static void test_responses_that_add_up_are_held_within_a_count(void **state) {
  struct bench *bench = *state;
  const struct gw_response_check bounds = {.held_max = 2, .held_bytes_max = 100000};
  assert_string_equal(check_changes(bench, (struct gw_resource *[]){sample_cluster("a", 1000)}, 1, &bounds), "");
  assert_string_equal(check_changes(bench, (struct gw_resource *[]){sample_cluster("b", 1000), sample_cluster("c", 1000)}, 2, &bounds),
                      "c: is one more than the 2 of its type that may be held");
  assert_string_equal(check_changes(bench, (struct gw_resource *[]){sample_cluster("a", 2000)}, 1, &bounds), ""); /* instead of another */
  size_t bytes;
  assert_int_equal(gw_assembler_size(bench->assembler, GW_RESOURCE_CLUSTER, &bytes), 2);
}

static void test_responses_that_add_up_are_held_within_bytes(void **state) {
  struct bench *bench = *state;
  struct gw_resource *sample = sample_cluster("a", 1000);
  const struct gw_response_check bounds = {.held_max = 100, .held_bytes_max = 2 * sample->any->len};
  gw_resource_unref(sample);
  struct gw_resource *clusters[] = {sample_cluster("a", 1000), sample_cluster("b", 1000), sample_cluster("c", 1000)};
  const char *reason = check_changes(bench, clusters, 3, &bounds);
  assert_true(strncmp(reason, "c: is too much: of its type ", 28) == 0);
  assert_string_equal(check_changes(bench, (struct gw_resource *[]){sample_cluster("b", 2000)}, 1, &bounds), "");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_check_of_good_resources_gives_them),
      TEST(test_check_reuses_what_the_assembler_holds),
      TEST(test_check_names_every_bad_resource_at_once),
      TEST(test_check_bounds_what_it_says),
      TEST(test_check_with_warnings_alone_accepts),
      TEST(test_refusals_of_one_type_are_cleared_alone),
      TEST(test_responses_that_add_up_are_held_within_a_count),
      TEST(test_responses_that_add_up_are_held_within_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
