/* What of a cluster's circuit breaker and limits is refused, and what is there when nothing is said. */
#include "common/xds/decode.h"

#include "google/protobuf/struct.pb-c.h"
#include "tests/unit/common/xds/refusals.h"
#include "tests/unit/common/xds/samples.h"

#define PLACE "metadata.filter_metadata[\"gateway.cluster.v1.CircuitBreaker\"]"

typedef Envoy__Config__Cluster__V3__Cluster Cluster;
typedef Google__Protobuf__Value Value;

static Value *find(Cluster *cluster, const char *key) {
  Google__Protobuf__Struct *metadata = cluster->metadata->filter_metadata[0]->value;
  for (size_t i = 0; i < metadata->n_fields; i++)
    if (strcmp(metadata->fields[i]->key, key) == 0) return metadata->fields[i]->value;
  fail_msg("no %s", key);
  return NULL;
}

/* Its mistakes after the change of one field; "" when there is none. */
static char *with_number(struct gw_arena *arena, const char *key, double number) {
  Cluster *cluster = (Cluster *)gw_xds_encode_cluster_message(arena, &sample_http2_cluster);
  Value *value = find(cluster, key);
  value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE;
  value->number_value = number;
  return decode_packed(arena, GW_RESOURCE_CLUSTER, &cluster->base);
}

static void test_numbers_out_of_range_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *key;
    double number;
    const char *mistake;
  } cases[] = {
      {"failures", 100001, PLACE ".failures: is 100001; allowed is 0 to 100000"},
      {"failures", 1.5, PLACE ".failures: must be a whole number"},
      {"failures", -1, PLACE ".failures: must be a whole number"},
      {"failure_percent", 101, PLACE ".failure_percent: is 101; allowed is 0 to 100"},
      {"min_requests", 0, PLACE ".min_requests: is 0; allowed is 1 to 100000"},
      {"probes", 0, PLACE ".probes: is 0; allowed is 1 to 1000"},
      {"successes", 1001, PLACE ".successes: is 1001; allowed is 1 to 1000"},
      {"window", 5, PLACE ".window: must be a duration such as \"10s\""},
      {"failure_on", 5, PLACE ".failure_on: must be a list"},
      {"has_stand_in", 1, PLACE ".has_stand_in: must be true or false"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_arena arena;
    gw_arena_init(&arena, 4096);
    GW_CLEANUP(gw_free_ptr) char *text = with_number(&arena, cases[i].key, cases[i].number);
    assert_mistake(text, cases[i].mistake);
    gw_arena_done(&arena);
  }
}

static void test_words_that_are_none_are_refused(void **state) {
  (void)state;
  static const char *const durations[] = {"0s", "s", "10", "-1s", "1e3s", "100000s", "1h", "nans"};
  for (size_t i = 0; i < GW_ARRAY_LEN(durations); i++) {
    struct gw_arena arena;
    gw_arena_init(&arena, 4096);
    Cluster *cluster = (Cluster *)gw_xds_encode_cluster_message(&arena, &sample_http2_cluster);
    find(cluster, "window")->string_value = (char *)(uintptr_t)durations[i];
    GW_CLEANUP(gw_free_ptr) char *text = decode_packed(&arena, GW_RESOURCE_CLUSTER, &cluster->base);
    assert_mistake(text, PLACE ".window: must be ");
    gw_arena_done(&arena);
  }
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  Cluster *cluster = (Cluster *)gw_xds_encode_cluster_message(&arena, &sample_http2_cluster);
  find(cluster, "failure_on")->list_value->values[0]->string_value = (char *)(uintptr_t) "SOMETHING";
  cluster->metadata->filter_metadata[0]->value->fields[0]->key = (char *)(uintptr_t) "wimdow";
  GW_CLEANUP(gw_free_ptr) char *text = decode_packed(&arena, GW_RESOURCE_CLUSTER, &cluster->base);
  assert_mistake(text, PLACE ".failure_on: has a value that is no Failure");
  assert_mistake(text, PLACE ".wimdow: is not known");
  gw_arena_done(&arena);
}

static const struct gw_cluster *decode(struct gw_arena *arena, const Cluster *m, struct gw_resource **ret_resource) {
  struct gw_bytes *any = gw_wire_pack(&gw_xds_encode_any(arena, &m->base)->base);
  struct gw_errors errors;
  gw_errors_init(&errors);
  assert_int_equal(gw_xds_decode_resource(GW_RESOURCE_CLUSTER, any, &errors, arena, NULL, ret_resource), GW_OK);
  gw_errors_done(&errors);
  gw_bytes_unref(any);
  return (*ret_resource)->cluster;
}

static void test_what_others_put_into_metadata_is_ignored(void **state) {
  (void)state;
  struct gw_arena arena;
  struct gw_resource *resource;
  gw_arena_init(&arena, 4096);
  Cluster *m = (Cluster *)gw_xds_encode_cluster_message(&arena, &sample_http2_cluster);
  m->metadata->filter_metadata[0]->key = (char *)(uintptr_t) "com.example.owner";
  assert_null(decode(&arena, m, &resource)->breaking);
  gw_resource_unref(resource);
  gw_arena_done(&arena);
}

static void test_cluster_without_thresholds_has_envoys(void **state) {
  (void)state;
  struct gw_arena arena;
  struct gw_resource *resource;
  gw_arena_init(&arena, 4096);
  Cluster *m = (Cluster *)gw_xds_encode_cluster_message(&arena, &sample_http2_cluster);
  m->circuit_breakers = NULL;
  const struct gw_concurrency_limits *limits = decode(&arena, m, &resource)->limits;
  assert_int_equal(limits->max_connections, 1024);
  assert_int_equal(limits->max_pending_requests, 1024);
  assert_int_equal(limits->max_requests, 1024);
  gw_resource_unref(resource);
  gw_arena_done(&arena);
}

static void test_stand_in_is_not_for_who_knows_the_breaker(void **state) {
  (void)state;
  struct gw_arena arena;
  struct gw_resource *resource;
  struct gw_circuit_breaking breaking = sample_breaking;
  struct gw_cluster cluster = sample_http2_cluster;
  gw_arena_init(&arena, 4096);
  breaking.has_stand_in = true;
  cluster.breaking = &breaking;
  Cluster *m = (Cluster *)gw_xds_encode_cluster_message(&arena, &cluster);
  assert_non_null(m->outlier_detection);
  const struct gw_cluster *got = decode(&arena, m, &resource);
  assert_null(got->outlier);
  assert_true(got->breaking->has_stand_in);
  gw_resource_unref(resource);
  gw_arena_done(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_numbers_out_of_range_are_refused),          cmocka_unit_test(test_words_that_are_none_are_refused),
      cmocka_unit_test(test_what_others_put_into_metadata_is_ignored),  cmocka_unit_test(test_cluster_without_thresholds_has_envoys),
      cmocka_unit_test(test_stand_in_is_not_for_who_knows_the_breaker),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
