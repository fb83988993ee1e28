#include "dataplane/xds_client/assembler.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "tests/unit/dataplane/xds_client/samples.h"

#define S 1000000ull /* microseconds in a second */

static int setup(void **state) {
  *state = gw_assembler_new();
  return 0;
}

static int teardown(void **state) {
  gw_assembler_free(*state);
  return 0;
}

static unsigned accept_one(struct gw_assembler *assembler, struct gw_resource *resource) {
  return gw_assembler_accept(assembler, resource->type, &resource, 1);
}

static void assert_nothing(struct gw_assembler *assembler, uint64_t now_us) {
  struct gw_snapshot *snapshot;
  bool is_complete;
  assert_int_equal(gw_assembler_assemble(assembler, now_us, &snapshot, &is_complete), GW_ERR_AGAIN);
}

static struct gw_snapshot *assert_snapshot(struct gw_assembler *assembler, uint64_t now_us, bool wants_complete) {
  struct gw_snapshot *snapshot;
  bool is_complete;
  assert_int_equal(gw_assembler_assemble(assembler, now_us, &snapshot, &is_complete), GW_OK);
  assert_int_equal(is_complete, wants_complete);
  return snapshot;
}

static void assert_names(struct gw_assembler *assembler, enum gw_resource_type type, uint32_t count, const char *const *names) {
  uint32_t got_count;
  const struct gw_str *got = gw_assembler_names(assembler, type, &got_count);
  assert_int_equal(got_count, count);
  for (uint32_t i = 0; i < count; i++)
    assert_true(gw_str_equal(got[i], gw_str_from(names[i])));
}

static void assert_count(const struct gw_snapshot *snapshot, enum gw_resource_type type, uint32_t count) {
  assert_int_equal(snapshot->lists[type].count, count);
}

static void test_assemble_waits_for_all_that_is_named(void **state) {
  struct gw_assembler *assembler = *state;
  assert_int_equal(accept_one(assembler, sample_cluster("a", 1000)), 1u << GW_RESOURCE_ENDPOINTS);
  assert_nothing(assembler, 1 * S);
  accept_one(assembler, sample_endpoints("a", 80));
  assert_nothing(assembler, 1 * S);
  assert_int_equal(accept_one(assembler, sample_listener("gateway", "routes")), 1u << GW_RESOURCE_ROUTE_CONFIG);
  assert_nothing(assembler, 1 * S);
  accept_one(assembler, sample_routes("routes", "a"));
  struct gw_snapshot *snapshot = assert_snapshot(assembler, 1 * S, true);
  for (int type = 0; type < GW_RESOURCE_API_KEY; type++)
    assert_count(snapshot, (enum gw_resource_type)type, type != GW_RESOURCE_SECRET);
  gw_snapshot_unref(snapshot);
  assert_nothing(assembler, 2 * S);
}

static void test_assemble_waits_for_secrets_that_listeners_and_clusters_name(void **state) {
  struct gw_assembler *assembler = *state;
  assert_int_equal(accept_one(assembler, sample_tls_cluster("a", "ca")), 1u << GW_RESOURCE_SECRET);
  assert_names(assembler, GW_RESOURCE_SECRET, 1, (const char *const[]){"ca"});
  assert_int_equal(accept_one(assembler, sample_tls_listener("gateway", "site")), 1u << GW_RESOURCE_SECRET);
  assert_names(assembler, GW_RESOURCE_SECRET, 2, (const char *const[]){"ca", "site"});
  assert_nothing(assembler, 1 * S);
  accept_one(assembler, sample_certificate("site", "KEY"));
  assert_nothing(assembler, 1 * S);
  accept_one(assembler, sample_certificate("ca", "KEY"));
  struct gw_snapshot *snapshot = assert_snapshot(assembler, 2 * S, true);
  assert_count(snapshot, GW_RESOURCE_SECRET, 2);
  gw_snapshot_unref(snapshot);

  /* A new version of one is a new snapshot; one that is not named any more goes. */
  accept_one(assembler, sample_certificate("site", "ANOTHER KEY"));
  gw_snapshot_unref(assert_snapshot(assembler, 3 * S, true));
  assert_int_equal(gw_assembler_accept(assembler, GW_RESOURCE_LISTENER, NULL, 0), 1u << GW_RESOURCE_SECRET);
  snapshot = assert_snapshot(assembler, 4 * S, true);
  assert_count(snapshot, GW_RESOURCE_SECRET, 1);
  gw_snapshot_unref(snapshot);
}

static void test_assemble_goes_on_without_a_secret_that_does_not_come(void **state) {
  struct gw_assembler *assembler = *state;
  gw_assembler_accept(assembler, GW_RESOURCE_CLUSTER, NULL, 0);
  accept_one(assembler, sample_tls_listener("gateway", "site"));
  assert_nothing(assembler, 100 * S);
  struct gw_snapshot *snapshot = assert_snapshot(assembler, 115 * S, false);
  assert_count(snapshot, GW_RESOURCE_LISTENER, 1);
  assert_count(snapshot, GW_RESOURCE_SECRET, 0);
  gw_snapshot_unref(snapshot);
}

static void test_assemble_with_listeners_before_clusters_is_the_same(void **state) {
  struct gw_assembler *assembler = *state;
  accept_one(assembler, sample_listener("gateway", "routes"));
  accept_one(assembler, sample_routes("routes", "a"));
  assert_nothing(assembler, 1 * S);
  accept_one(assembler, sample_cluster("a", 1000));
  accept_one(assembler, sample_endpoints("a", 80));
  gw_snapshot_unref(assert_snapshot(assembler, 1 * S, true));
}

static void test_assemble_of_two_empty_answers_is_whole(void **state) {
  struct gw_assembler *assembler = *state;
  gw_assembler_accept(assembler, GW_RESOURCE_CLUSTER, NULL, 0);
  assert_nothing(assembler, 1 * S);
  gw_assembler_accept(assembler, GW_RESOURCE_LISTENER, NULL, 0);
  struct gw_snapshot *snapshot = assert_snapshot(assembler, 1 * S, true);
  assert_count(snapshot, GW_RESOURCE_CLUSTER, 0);
  gw_snapshot_unref(snapshot);
}

static void test_assemble_without_a_listener_answer_never_gives_up(void **state) {
  struct gw_assembler *assembler = *state;
  accept_one(assembler, sample_cluster("a", 1000));
  assert_nothing(assembler, 1 * S);
  assert_nothing(assembler, 1000 * S);
  assert_int_equal(gw_assembler_deadline_us(assembler), 0);
}

static void test_assemble_goes_on_incomplete_after_the_bound(void **state) {
  struct gw_assembler *assembler = *state;
  accept_one(assembler, sample_cluster("a", 1000));
  accept_one(assembler, sample_endpoints("a", 80));
  accept_one(assembler, sample_listener("gateway", "routes"));
  assert_nothing(assembler, 100 * S);
  assert_int_equal(gw_assembler_deadline_us(assembler), 115 * S);
  assert_nothing(assembler, 115 * S - 1);
  struct gw_snapshot *snapshot = assert_snapshot(assembler, 115 * S, false);
  assert_count(snapshot, GW_RESOURCE_LISTENER, 1);
  assert_count(snapshot, GW_RESOURCE_ROUTE_CONFIG, 0);
  gw_snapshot_unref(snapshot);
  assert_int_equal(gw_assembler_deadline_us(assembler), 0);
}

static void test_assemble_does_not_wait_twice_for_what_stays_missing(void **state) {
  struct gw_assembler *assembler = *state;
  accept_one(assembler, sample_cluster("a", 1000));
  accept_one(assembler, sample_listener("gateway", "routes"));
  accept_one(assembler, sample_routes("routes", "a"));
  assert_nothing(assembler, 1 * S);
  gw_snapshot_unref(assert_snapshot(assembler, 16 * S, false));
  accept_one(assembler, sample_routes("routes", "b"));
  gw_snapshot_unref(assert_snapshot(assembler, 17 * S, false));
  accept_one(assembler, sample_endpoints("a", 80));
  gw_snapshot_unref(assert_snapshot(assembler, 18 * S, true));
}

static void test_assemble_waits_for_something_new_beside_what_was_given_up(void **state) {
  struct gw_assembler *assembler = *state;
  accept_one(assembler, sample_cluster("a", 1000));
  gw_assembler_accept(assembler, GW_RESOURCE_LISTENER, NULL, 0);
  assert_nothing(assembler, 1 * S);
  gw_snapshot_unref(assert_snapshot(assembler, 16 * S, false));
  struct gw_resource *clusters[] = {sample_cluster("a", 1000), sample_cluster("b", 1000)};
  gw_assembler_accept(assembler, GW_RESOURCE_CLUSTER, clusters, 2);
  assert_nothing(assembler, 20 * S);
  accept_one(assembler, sample_endpoints("b", 80));
  gw_snapshot_unref(assert_snapshot(assembler, 21 * S, false));
}

static void test_accept_clusters_drops_those_that_are_absent_and_their_endpoints(void **state) {
  struct gw_assembler *assembler = *state;
  struct gw_resource *clusters[] = {sample_cluster("a", 1000), sample_cluster("b", 1000)};
  gw_assembler_accept(assembler, GW_RESOURCE_CLUSTER, clusters, 2);
  assert_names(assembler, GW_RESOURCE_ENDPOINTS, 2, (const char *[]){"a", "b"});
  struct gw_resource *endpoints[] = {sample_endpoints("a", 80), sample_endpoints("b", 81)};
  gw_assembler_accept(assembler, GW_RESOURCE_ENDPOINTS, endpoints, 2);
  gw_assembler_accept(assembler, GW_RESOURCE_LISTENER, NULL, 0);
  gw_snapshot_unref(assert_snapshot(assembler, 1 * S, true));
  assert_int_equal(accept_one(assembler, sample_cluster("b", 1000)), 1u << GW_RESOURCE_ENDPOINTS);
  assert_names(assembler, GW_RESOURCE_ENDPOINTS, 1, (const char *[]){"b"});
  struct gw_snapshot *snapshot = assert_snapshot(assembler, 2 * S, true);
  assert_count(snapshot, GW_RESOURCE_CLUSTER, 1);
  assert_count(snapshot, GW_RESOURCE_ENDPOINTS, 1);
  gw_snapshot_unref(snapshot);
}

static void test_accept_endpoints_keeps_those_that_a_response_leaves_out(void **state) {
  struct gw_assembler *assembler = *state;
  struct gw_resource *clusters[] = {sample_cluster("a", 1000), sample_cluster("b", 1000)};
  gw_assembler_accept(assembler, GW_RESOURCE_CLUSTER, clusters, 2);
  gw_assembler_accept(assembler, GW_RESOURCE_LISTENER, NULL, 0);
  accept_one(assembler, sample_endpoints("a", 80));
  accept_one(assembler, sample_endpoints("b", 81));
  struct gw_snapshot *snapshot = assert_snapshot(assembler, 1 * S, true);
  assert_count(snapshot, GW_RESOURCE_ENDPOINTS, 2);
  gw_snapshot_unref(snapshot);
}

static void test_accept_of_what_nobody_names_drops_it(void **state) {
  struct gw_assembler *assembler = *state;
  accept_one(assembler, sample_endpoints("stranger", 80));
  gw_assembler_accept(assembler, GW_RESOURCE_CLUSTER, NULL, 0);
  gw_assembler_accept(assembler, GW_RESOURCE_LISTENER, NULL, 0);
  struct gw_snapshot *snapshot = assert_snapshot(assembler, 1 * S, true);
  assert_count(snapshot, GW_RESOURCE_ENDPOINTS, 0);
  gw_snapshot_unref(snapshot);
}

static void test_find_same_gives_the_held_resource_for_equal_bytes_only(void **state) {
  struct gw_assembler *assembler = *state;
  struct gw_resource *held = sample_cluster("a", 1000);
  accept_one(assembler, held);
  struct gw_resource *equal = sample_cluster("a", 1000), *other = sample_cluster("a", 2000);
  assert_ptr_equal(gw_assembler_find_same(assembler, GW_RESOURCE_CLUSTER, equal->any), held);
  assert_null(gw_assembler_find_same(assembler, GW_RESOURCE_CLUSTER, other->any));
  assert_null(gw_assembler_find_same(assembler, GW_RESOURCE_LISTENER, equal->any));
  accept_one(assembler, gw_resource_ref(other));
  assert_null(gw_assembler_find_same(assembler, GW_RESOURCE_CLUSTER, equal->any));
  gw_resource_unref(equal);
  gw_resource_unref(other);
}

static void test_the_same_content_again_gives_the_same_resources_and_version(void **state) {
  struct gw_assembler *assembler = *state;
  struct gw_resource *cluster = sample_cluster("a", 1000);
  accept_one(assembler, gw_resource_ref(cluster));
  accept_one(assembler, sample_endpoints("a", 80));
  gw_assembler_accept(assembler, GW_RESOURCE_LISTENER, NULL, 0);
  struct gw_snapshot *first = assert_snapshot(assembler, 1 * S, true);
  accept_one(assembler, gw_resource_ref(cluster));
  struct gw_snapshot *second = assert_snapshot(assembler, 2 * S, true);
  assert_string_equal(first->version, second->version);
  assert_ptr_equal(first->lists[GW_RESOURCE_CLUSTER].items[0], second->lists[GW_RESOURCE_CLUSTER].items[0]);
  gw_snapshot_unref(first);
  gw_snapshot_unref(second);
  gw_resource_unref(cluster);
}

static void test_seed_is_reused_until_a_whole_snapshot_came(void **state) {
  struct gw_assembler *assembler = *state;
  struct gw_resource *kept = sample_cluster("a", 1000);
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  gw_snapshot_builder_add(builder, gw_resource_ref(kept));
  struct gw_snapshot *seed = gw_snapshot_builder_freeze(builder);
  gw_assembler_seed(assembler, seed);
  gw_snapshot_unref(seed);
  struct gw_resource *equal = sample_cluster("a", 1000);
  assert_ptr_equal(gw_assembler_find_same(assembler, GW_RESOURCE_CLUSTER, equal->any), kept);
  gw_assembler_accept(assembler, GW_RESOURCE_CLUSTER, NULL, 0);
  gw_assembler_accept(assembler, GW_RESOURCE_LISTENER, NULL, 0);
  gw_snapshot_unref(assert_snapshot(assembler, 1 * S, true));
  assert_null(gw_assembler_find_same(assembler, GW_RESOURCE_CLUSTER, equal->any));
  gw_resource_unref(kept);
  gw_resource_unref(equal);
}

/* --- incremental --- */

/* Takes the references. `version` NULL: their own. removed: one name, or NULL. A resource that is NULL is "refused". */
static unsigned accept_changes(struct gw_assembler *assembler, enum gw_resource_type type, struct gw_resource **resources, uint32_t count,
                               const char *version, const char *removed) {
  struct gw_str names[8], versions[8], gone = gw_str_from(removed);
  for (uint32_t i = 0; i < count; i++) {
    names[i] = resources[i] != NULL ? resources[i]->name : GW_STR("refused");
    versions[i] = gw_str_from(version != NULL || resources[i] == NULL ? version : resources[i]->version);
  }
  struct gw_discovery_response response = {.resource_count = count,
                                           .resource_names = names,
                                           .resource_versions = versions,
                                           .removed = &gone,
                                           .removed_count = removed != NULL};
  return gw_assembler_accept_changes(assembler, type, &response, resources);
}
static unsigned change_one(struct gw_assembler *assembler, struct gw_resource *resource, const char *version) {
  return accept_changes(assembler, resource->type, &resource, 1, version, NULL);
}
static unsigned remove_one(struct gw_assembler *assembler, enum gw_resource_type type, const char *name) {
  return accept_changes(assembler, type, NULL, 0, NULL, name);
}

/* Cluster a, its endpoints, a listener and its routes. */
static void fill_by_changes(struct gw_assembler *assembler) {
  change_one(assembler, sample_cluster("a", 1000), NULL);
  change_one(assembler, sample_endpoints("a", 80), NULL);
  change_one(assembler, sample_listener("gateway", "routes"), NULL);
  change_one(assembler, sample_routes("routes", "a"), NULL);
  gw_snapshot_unref(assert_snapshot(assembler, 1 * S, true));
}

static void assert_held(struct gw_assembler *assembler, enum gw_resource_type type, const char *name, const char *version) {
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  const struct gw_str *names, *versions;
  uint32_t count = gw_assembler_held(assembler, type, &arena, &names, &versions);
  bool is_held = false;
  for (uint32_t i = 0; i < count; i++)
    is_held = is_held || (gw_str_equal(names[i], gw_str_from(name)) && gw_str_equal(versions[i], gw_str_from(version)));
  assert_true(is_held);
  gw_arena_done(&arena);
}

static void test_changes_add_replace_and_remove_beside_what_is_held(void **state) {
  struct gw_assembler *assembler = *state;
  fill_by_changes(assembler);
  assert_int_equal(change_one(assembler, sample_cluster("b", 1000), NULL), 1u << GW_RESOURCE_ENDPOINTS);
  assert_names(assembler, GW_RESOURCE_ENDPOINTS, 2, (const char *[]){"a", "b"});
  assert_nothing(assembler, 1 * S);
  change_one(assembler, sample_endpoints("b", 80), NULL);
  struct gw_snapshot *snapshot = assert_snapshot(assembler, 1 * S, true);
  assert_count(snapshot, GW_RESOURCE_CLUSTER, 2);
  gw_snapshot_unref(snapshot);
  assert_int_equal(change_one(assembler, sample_cluster("b", 2000), NULL), 0);
  assert_int_equal(remove_one(assembler, GW_RESOURCE_CLUSTER, "a"), 1u << GW_RESOURCE_ENDPOINTS);
  snapshot = assert_snapshot(assembler, 1 * S, true);
  assert_count(snapshot, GW_RESOURCE_CLUSTER, 1);
  assert_count(snapshot, GW_RESOURCE_ENDPOINTS, 1);
  assert_int_equal(snapshot->lists[GW_RESOURCE_CLUSTER].items[0]->cluster->connect_timeout_ms, 2000);
  gw_snapshot_unref(snapshot);
  assert_int_equal(remove_one(assembler, GW_RESOURCE_CLUSTER, "nobody"), 0);
}

static void test_removed_endpoints_and_routes_stay_while_named(void **state) {
  struct gw_assembler *assembler = *state;
  fill_by_changes(assembler);
  remove_one(assembler, GW_RESOURCE_ENDPOINTS, "a");
  remove_one(assembler, GW_RESOURCE_ROUTE_CONFIG, "routes");
  struct gw_snapshot *snapshot = assert_snapshot(assembler, 2 * S, true);
  assert_count(snapshot, GW_RESOURCE_ENDPOINTS, 1);
  assert_count(snapshot, GW_RESOURCE_ROUTE_CONFIG, 1);
  gw_snapshot_unref(snapshot);
}

static void test_versions_are_those_that_servers_say(void **state) {
  struct gw_assembler *assembler = *state;
  struct gw_resource *cluster = sample_cluster("a", 1000);
  char own[17];
  memcpy(own, cluster->version, sizeof own);
  change_one(assembler, cluster, "7");
  assert_held(assembler, GW_RESOURCE_CLUSTER, "a", "7");
  change_one(assembler, sample_cluster("a", 1000), NULL);
  assert_held(assembler, GW_RESOURCE_CLUSTER, "a", own);
  change_one(assembler, sample_cluster("a", 1000), "8");
  accept_one(assembler, sample_cluster("a", 1000)); /* a state of the world says none of its resources */
  assert_held(assembler, GW_RESOURCE_CLUSTER, "a", own);
  change_one(assembler, sample_endpoints("a", 80), "9");
  assert_held(assembler, GW_RESOURCE_ENDPOINTS, "a", "9");
  remove_one(assembler, GW_RESOURCE_CLUSTER, "a"); /* and with it its endpoints and their version */
  change_one(assembler, sample_cluster("a", 1000), NULL);
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  const struct gw_str *names, *versions;
  assert_int_equal(gw_assembler_held(assembler, GW_RESOURCE_ENDPOINTS, &arena, &names, &versions), 0);
  gw_arena_done(&arena);
}

static void test_refused_cluster_that_is_not_held_makes_it_incomplete(void **state) {
  struct gw_assembler *assembler = *state;
  fill_by_changes(assembler);
  struct gw_resource *refused = NULL;
  accept_changes(assembler, GW_RESOURCE_CLUSTER, &refused, 1, NULL, NULL);
  gw_snapshot_unref(assert_snapshot(assembler, 2 * S, false)); /* at once */
  change_one(assembler, sample_cluster("a", 3000), NULL);
  gw_snapshot_unref(assert_snapshot(assembler, 2 * S, false));
  remove_one(assembler, GW_RESOURCE_CLUSTER, "refused");
  gw_snapshot_unref(assert_snapshot(assembler, 2 * S, true));
  accept_changes(assembler, GW_RESOURCE_CLUSTER, &refused, 1, NULL, NULL);
  gw_assembler_forget_refused(assembler);
  gw_snapshot_unref(assert_snapshot(assembler, 2 * S, true));
}

static size_t held_bytes(const struct gw_assembler *assembler, enum gw_resource_type type) {
  size_t bytes;
  gw_assembler_size(assembler, type, &bytes);
  return bytes;
}

static void test_size_follows_what_is_held(void **state) {
  struct gw_assembler *assembler = *state;
  struct gw_resource *cluster = sample_cluster("a", 1000);
  size_t len = cluster->any->len;
  change_one(assembler, cluster, NULL);
  change_one(assembler, sample_endpoints("a", 80), NULL);
  assert_int_equal(held_bytes(assembler, GW_RESOURCE_CLUSTER), len);
  change_one(assembler, sample_cluster("a", 2000), NULL); /* as long */
  assert_int_equal(held_bytes(assembler, GW_RESOURCE_CLUSTER), len);
  change_one(assembler, sample_cluster("b", 1000), NULL);
  assert_int_equal(held_bytes(assembler, GW_RESOURCE_CLUSTER), 2 * len);
  accept_one(assembler, sample_cluster("b", 1000)); /* a state of the world */
  assert_int_equal(held_bytes(assembler, GW_RESOURCE_CLUSTER), len);
  assert_int_equal(held_bytes(assembler, GW_RESOURCE_ENDPOINTS), 0); /* nobody names them */
  remove_one(assembler, GW_RESOURCE_CLUSTER, "b");
  assert_int_equal(held_bytes(assembler, GW_RESOURCE_CLUSTER), 0);
}

static void test_version_that_is_too_long_is_not_remembered(void **state) {
  struct gw_assembler *assembler = *state;
  char longest[GW_ASSEMBLER_VERSION_MAX + 2];
  memset(longest, 'v', sizeof longest);
  longest[GW_ASSEMBLER_VERSION_MAX + 1] = '\0';
  struct gw_resource *cluster = sample_cluster("a", 1000);
  char own[17];
  memcpy(own, cluster->version, sizeof own);
  change_one(assembler, cluster, longest);
  assert_held(assembler, GW_RESOURCE_CLUSTER, "a", own);
  longest[GW_ASSEMBLER_VERSION_MAX] = '\0';
  change_one(assembler, sample_cluster("a", 1000), longest);
  assert_held(assembler, GW_RESOURCE_CLUSTER, "a", longest);
}

/* Names of what is refused are kept up to a bound; beyond it nothing can be said to be complete. */
static void test_more_refused_than_are_kept_stays_incomplete(void **state) {
  struct gw_assembler *assembler = *state;
  fill_by_changes(assembler);
  enum { COUNT = GW_ASSEMBLER_REFUSED_MAX + 1 };
  struct gw_resource **refused = gw_calloc(COUNT, sizeof *refused);
  struct gw_str *names = gw_calloc(COUNT, sizeof *names), *versions = gw_calloc(COUNT, sizeof *versions);
  char(*texts)[8] = gw_calloc(COUNT, sizeof *texts);
  for (uint32_t i = 0; i < COUNT; i++) {
    snprintf(texts[i], sizeof texts[i], "%u", i);
    names[i] = gw_str_from(texts[i]);
  }
  struct gw_discovery_response response = {.resource_count = COUNT, .resource_names = names, .resource_versions = versions};
  gw_assembler_accept_changes(assembler, GW_RESOURCE_CLUSTER, &response, refused);
  gw_snapshot_unref(assert_snapshot(assembler, 2 * S, false));
  response =
      (struct gw_discovery_response){.resource_names = names, .resource_versions = versions, .removed = names, .removed_count = COUNT};
  gw_assembler_accept_changes(assembler, GW_RESOURCE_CLUSTER, &response, NULL);
  gw_snapshot_unref(assert_snapshot(assembler, 2 * S, false));
  gw_assembler_forget_refused(assembler);
  change_one(assembler, sample_cluster("a", 3000), NULL);
  gw_snapshot_unref(assert_snapshot(assembler, 2 * S, true));
  free(texts);
  free(versions);
  free(names);
  free(refused);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_assemble_waits_for_all_that_is_named),
      TEST(test_assemble_waits_for_secrets_that_listeners_and_clusters_name),
      TEST(test_assemble_goes_on_without_a_secret_that_does_not_come),
      TEST(test_assemble_with_listeners_before_clusters_is_the_same),
      TEST(test_assemble_of_two_empty_answers_is_whole),
      TEST(test_assemble_without_a_listener_answer_never_gives_up),
      TEST(test_assemble_goes_on_incomplete_after_the_bound),
      TEST(test_assemble_does_not_wait_twice_for_what_stays_missing),
      TEST(test_assemble_waits_for_something_new_beside_what_was_given_up),
      TEST(test_accept_clusters_drops_those_that_are_absent_and_their_endpoints),
      TEST(test_accept_endpoints_keeps_those_that_a_response_leaves_out),
      TEST(test_accept_of_what_nobody_names_drops_it),
      TEST(test_find_same_gives_the_held_resource_for_equal_bytes_only),
      TEST(test_the_same_content_again_gives_the_same_resources_and_version),
      TEST(test_seed_is_reused_until_a_whole_snapshot_came),
      TEST(test_changes_add_replace_and_remove_beside_what_is_held),
      TEST(test_removed_endpoints_and_routes_stay_while_named),
      TEST(test_versions_are_those_that_servers_say),
      TEST(test_refused_cluster_that_is_not_held_makes_it_incomplete),
      TEST(test_size_follows_what_is_held),
      TEST(test_version_that_is_too_long_is_not_remembered),
      TEST(test_more_refused_than_are_kept_stays_incomplete),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
