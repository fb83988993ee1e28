/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "dataplane/cluster/dns_clusters.h"
#include "dataplane/cluster/frozen_cluster.h"
#include "tests/unit/dataplane/model_fixture.h"

static uint32_t changes;

static void on_change(void *arg) {
  (void)arg;
  changes++;
}

static void test_names_are_resolved_and_forgotten(void **state) {
  (void)state;
  static const struct fixture_endpoint names[] = {{"localhost", 80, 0, 0, false},
                                                  {"no.such.host.invalid", 81, 0, 0, false},
                                                  {"127.0.0.9", 82, 0, 0, false}};
  struct gw_resource *resources[] = {fixture_cluster("c", 1, GW_CLUSTER_STRICT_DNS, names, 3), NULL};
  struct gw_snapshot *snapshot = fixture_snapshot(resources);
  struct gw_loop *loop = gw_loop_new();
  struct gw_resolver *resolver = gw_resolver_new(loop, 2);
  struct gw_dns_clusters *dns = gw_dns_clusters_new(loop, resolver, NULL, on_change, NULL);
  gw_dns_clusters_follow(dns, snapshot, NULL);
  assert_false(gw_dns_clusters_are_warm(dns));
  uint64_t until_us = gw_clock_monotonic_us() + 30000000;
  while (!gw_dns_clusters_are_warm(dns) && gw_clock_monotonic_us() < until_us)
    gw_loop_run_once(loop, 100);
  assert_true(gw_dns_clusters_are_warm(dns));
  assert_true(changes >= 1);
  const struct gw_address *addresses;
  assert_true(gw_dns_clusters_addresses(dns, GW_STR("localhost"), 80, &addresses) >= 1);
  assert_int_equal(gw_address_port(&addresses[0]), 80);
  assert_int_equal(gw_dns_clusters_addresses(dns, GW_STR("no.such.host.invalid"), 81, &addresses), 0);
  assert_int_equal(gw_dns_clusters_addresses(dns, GW_STR("127.0.0.9"), 82, &addresses), 1);

  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_frozen_cluster *first =
      gw_frozen_cluster_build(snapshot, snapshot->lists[GW_RESOURCE_CLUSTER].items[0], dns, NULL, NULL, 1000, &errors);
  struct gw_frozen_cluster *again =
      gw_frozen_cluster_build(snapshot, snapshot->lists[GW_RESOURCE_CLUSTER].items[0], dns, NULL, first, 1000, &errors);
  assert_true(first->load->levels[0].usable_count >= 2);
  assert_ptr_equal(first, again);
  gw_frozen_cluster_unref(first);
  gw_frozen_cluster_unref(again);
  gw_errors_done(&errors);

  struct gw_resource *none[] = {NULL};
  struct gw_snapshot *empty = fixture_snapshot(none);
  gw_dns_clusters_follow(dns, empty, snapshot);
  assert_true(gw_dns_clusters_addresses(dns, GW_STR("localhost"), 80, &addresses) >= 1);
  gw_dns_clusters_follow(dns, empty, NULL);
  assert_int_equal(gw_dns_clusters_addresses(dns, GW_STR("localhost"), 80, &addresses), 0);
  gw_dns_clusters_free(dns);
  gw_resolver_free(resolver);
  gw_loop_free(loop);
  gw_snapshot_unref(snapshot);
  gw_snapshot_unref(empty);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_names_are_resolved_and_forgotten)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
