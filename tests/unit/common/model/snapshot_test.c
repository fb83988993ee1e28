#include "common/model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/content_hash.h"

static struct gw_resource *make(enum gw_resource_type type, const char *name, const char *content) {
  struct gw_resource *resource = gw_resource_new(type);
  resource->name = gw_arena_copy(&resource->arena, gw_str_from(name));
  resource->any = gw_bytes_new(content, strlen(content));
  gw_content_hash_format(gw_str_from(content), resource->version);
  return resource;
}

static struct gw_snapshot *make_two(bool is_reversed, const char *content) {
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  const char *names[] = {"b", "a"};
  for (int i = 0; i < 2; i++)
    gw_snapshot_builder_add(builder, make(GW_RESOURCE_CLUSTER, names[is_reversed ? 1 - i : i], content));
  gw_snapshot_builder_add(builder, make(GW_RESOURCE_LISTENER, "l", "listener"));
  return gw_snapshot_builder_freeze(builder);
}

static void test_resources_are_sorted_and_found(void **state) {
  (void)state;
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  char name[8];
  for (int i = 999; i >= 0; i--) {
    snprintf(name, sizeof name, "%03d", (i * 7) % 1000);
    gw_snapshot_builder_add(builder, make(GW_RESOURCE_ENDPOINTS, name, name));
  }
  struct gw_snapshot *snapshot = gw_snapshot_builder_freeze(builder);
  assert_int_equal(snapshot->lists[GW_RESOURCE_ENDPOINTS].count, 1000);
  for (int i = 0; i < 1000; i++) {
    snprintf(name, sizeof name, "%03d", i);
    const struct gw_resource *resource = gw_snapshot_find(snapshot, GW_RESOURCE_ENDPOINTS, gw_str_from(name));
    assert_ptr_equal(resource, snapshot->lists[GW_RESOURCE_ENDPOINTS].items[i]);
    assert_true(gw_str_equal(resource->name, gw_str_from(name)));
  }
  assert_null(gw_snapshot_find(snapshot, GW_RESOURCE_ENDPOINTS, GW_STR("1000")));
  assert_null(gw_snapshot_find(snapshot, GW_RESOURCE_CLUSTER, GW_STR("001")));
  gw_snapshot_unref(snapshot);
}

static void test_later_resource_replaces_the_earlier(void **state) {
  (void)state;
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  for (int i = 0; i < 20; i++)
    gw_snapshot_builder_add(builder, make(GW_RESOURCE_CLUSTER, "a", i == 19 ? "last" : "earlier"));
  struct gw_snapshot *snapshot = gw_snapshot_builder_freeze(builder);
  assert_int_equal(snapshot->lists[GW_RESOURCE_CLUSTER].count, 1);
  assert_true(gw_str_equal(gw_bytes_str(snapshot->lists[GW_RESOURCE_CLUSTER].items[0]->any), GW_STR("last")));
  gw_snapshot_unref(snapshot);
}

static void test_equal_content_in_any_order_has_equal_versions(void **state) {
  (void)state;
  struct gw_snapshot *a = make_two(false, "x"), *b = make_two(true, "x");
  assert_string_equal(a->version, b->version);
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    assert_string_equal(a->list_versions[type], b->list_versions[type]);
  gw_snapshot_unref(a);
  gw_snapshot_unref(b);
}

static void test_changed_content_changes_its_lists_version_only(void **state) {
  (void)state;
  struct gw_snapshot *a = make_two(false, "x"), *b = make_two(false, "y");
  assert_string_not_equal(a->version, b->version);
  assert_string_not_equal(a->list_versions[GW_RESOURCE_CLUSTER], b->list_versions[GW_RESOURCE_CLUSTER]);
  assert_string_equal(a->list_versions[GW_RESOURCE_LISTENER], b->list_versions[GW_RESOURCE_LISTENER]);
  gw_snapshot_unref(a);
  gw_snapshot_unref(b);
}

static struct gw_snapshot *make_with_endpoints(const char *cluster, const char *endpoints) {
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  gw_snapshot_builder_add(builder, make(GW_RESOURCE_CLUSTER, "a", cluster));
  gw_snapshot_builder_add(builder, make(GW_RESOURCE_ENDPOINTS, "a", endpoints));
  return gw_snapshot_builder_freeze(builder);
}

static void test_policy_version_is_of_all_but_endpoints(void **state) {
  (void)state;
  struct gw_snapshot *one = make_with_endpoints("x", "1"), *moved = make_with_endpoints("x", "2"), *other = make_with_endpoints("y", "1");
  assert_string_not_equal(one->version, moved->version);
  assert_string_equal(one->policy_version, moved->policy_version);
  assert_string_not_equal(one->policy_version, other->policy_version);
  gw_snapshot_unref(one);
  gw_snapshot_unref(moved);
  gw_snapshot_unref(other);
}

static void test_same_resource_under_another_type_changes_the_version(void **state) {
  (void)state;
  struct gw_snapshot *snapshots[2];
  for (int i = 0; i < 2; i++) {
    struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
    gw_snapshot_builder_add(builder, make(i == 0 ? GW_RESOURCE_CLUSTER : GW_RESOURCE_ENDPOINTS, "a", "x"));
    snapshots[i] = gw_snapshot_builder_freeze(builder);
  }
  assert_string_not_equal(snapshots[0]->version, snapshots[1]->version);
  gw_snapshot_unref(snapshots[0]);
  gw_snapshot_unref(snapshots[1]);
}

static void test_resources_outlive_the_snapshot_that_shares_them(void **state) {
  (void)state;
  struct gw_resource *shared = make(GW_RESOURCE_CLUSTER, "a", "x");
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  gw_snapshot_builder_add(builder, gw_resource_ref(shared));
  struct gw_snapshot *snapshot = gw_snapshot_ref(gw_snapshot_builder_freeze(builder));
  gw_snapshot_unref(snapshot);
  gw_snapshot_unref(snapshot);
  assert_true(gw_str_equal(shared->name, GW_STR("a")));
  gw_resource_unref(shared);
}

static void test_abandoned_builder_gives_everything_back(void **state) {
  (void)state;
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  gw_snapshot_builder_add(builder, make(GW_RESOURCE_CLUSTER, "a", "x"));
  gw_snapshot_builder_free(builder);
  gw_snapshot_builder_free(NULL);
  gw_snapshot_unref(NULL);
  gw_resource_unref(NULL);
}

static void test_types_have_labels(void **state) {
  (void)state;
  assert_string_equal(gw_resource_type_label(GW_RESOURCE_CLUSTER), "cluster");
  assert_string_equal(gw_resource_type_label(GW_RESOURCE_ENDPOINTS), "endpoints");
  assert_string_equal(gw_resource_type_label(GW_RESOURCE_LISTENER), "listener");
  assert_string_equal(gw_resource_type_label(GW_RESOURCE_ROUTE_CONFIG), "route configuration");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_resources_are_sorted_and_found),
      cmocka_unit_test(test_later_resource_replaces_the_earlier),
      cmocka_unit_test(test_equal_content_in_any_order_has_equal_versions),
      cmocka_unit_test(test_changed_content_changes_its_lists_version_only),
      cmocka_unit_test(test_policy_version_is_of_all_but_endpoints),
      cmocka_unit_test(test_same_resource_under_another_type_changes_the_version),
      cmocka_unit_test(test_resources_outlive_the_snapshot_that_shares_them),
      cmocka_unit_test(test_abandoned_builder_gives_everything_back),
      cmocka_unit_test(test_types_have_labels),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
