#include "controlplane/snapshot/cache.h"

#include "common/model/listener.h"
#include "common/model/route.h"
#include "snapshot_fixture.h"

static void set(struct gw_snapshot_cache *cache, const char *clusters, uint64_t now_us) {
  struct gw_snapshot *snapshot = make_snapshot(&(struct snapshot_plan){.clusters = clusters}, gw_snapshot_cache_current(cache));
  gw_snapshot_cache_set(cache, snapshot, now_us);
  gw_snapshot_unref(snapshot);
}

struct watcher {
  struct gw_snapshot_watch watch;
  uint32_t calls;
  struct watcher *removes;
};
static void on_change(void *arg) {
  struct watcher *watcher = arg;
  watcher->calls++;
  if (watcher->removes != NULL) gw_list_remove(&watcher->removes->watch.node);
}

static void test_watchers_are_told_of_new_content_only(void **state) {
  (void)state;
  struct gw_snapshot_cache *cache = gw_snapshot_cache_new();
  struct watcher watcher = {.watch = {.fn = on_change, .arg = &watcher}};
  gw_snapshot_cache_watch(cache, &watcher.watch);
  assert_null(gw_snapshot_cache_current(cache));
  set(cache, "a", 5);
  set(cache, "a", 6);
  assert_int_equal(watcher.calls, 1);
  assert_int_equal(gw_snapshot_cache_set_us(cache), 5);
  set(cache, "b", 7);
  assert_int_equal(watcher.calls, 2);
  assert_int_equal(gw_snapshot_cache_set_us(cache), 7);
  gw_list_remove(&watcher.watch.node);
  gw_snapshot_cache_free(cache);
}

static void test_watcher_may_remove_itself_and_others(void **state) {
  (void)state;
  struct gw_snapshot_cache *cache = gw_snapshot_cache_new();
  struct watcher watchers[4];
  for (size_t i = 0; i < 4; i++) {
    watchers[i] = (struct watcher){.watch = {.fn = on_change, .arg = &watchers[i]}};
    gw_snapshot_cache_watch(cache, &watchers[i].watch);
  }
  watchers[0].removes = &watchers[0];
  watchers[1].removes = &watchers[2];
  set(cache, "a", 1);
  set(cache, "b", 2);
  assert_int_equal(watchers[0].calls, 1);
  assert_int_equal(watchers[1].calls, 2);
  assert_int_equal(watchers[2].calls, 0);
  assert_int_equal(watchers[3].calls, 2);
  gw_snapshot_cache_free(cache);
}

static void test_sets_are_shared_and_go_with_their_last_holder(void **state) {
  (void)state;
  struct gw_snapshot_cache *cache = gw_snapshot_cache_new();
  set(cache, "a b", 1);
  struct gw_resource_sets *sets = gw_snapshot_cache_sets(cache);
  struct gw_resource_set *all = gw_snapshot_cache_all(cache, GW_RESOURCE_CLUSTER);
  struct gw_str version = gw_str_from(gw_resource_set_version(all));
  assert_string_equal(version.data, gw_snapshot_cache_current(cache)->list_versions[GW_RESOURCE_CLUSTER]);
  struct gw_resource_set *same = gw_resource_sets_get(sets, GW_RESOURCE_CLUSTER, gw_resource_set_list(all));
  assert_ptr_equal(same, all);
  assert_ptr_equal(gw_resource_set_encode(same), gw_resource_set_encode(all));
  assert_ptr_equal(gw_resource_sets_find(sets, GW_RESOURCE_CLUSTER, version), all);
  assert_null(gw_resource_sets_find(sets, GW_RESOURCE_ENDPOINTS, version));
  assert_null(gw_resource_sets_find(sets, GW_RESOURCE_CLUSTER, GW_STR("short")));
  char kept[17];
  memcpy(kept, version.data, sizeof kept);
  set(cache, "c", 2);
  assert_non_null(gw_resource_sets_find(sets, GW_RESOURCE_CLUSTER, gw_str_from(kept)));
  gw_resource_set_unref(same);
  assert_null(gw_resource_sets_find(sets, GW_RESOURCE_CLUSTER, gw_str_from(kept)));
  gw_snapshot_cache_free(cache);
}

static void assert_names(const struct gw_resource_set *set, const char *names) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  const struct gw_resource_list *list = gw_resource_set_list(set);
  for (uint32_t i = 0; i < list->count; i++)
    gw_strbuf_printf(&text, "%s%.*s", i > 0 ? " " : "", GW_STR_ARG(list->items[i]->name));
  assert_string_equal(text.len > 0 ? text.data : "", names);
  gw_strbuf_done(&text);
}

static void test_with_leaving_keeps_what_has_left_and_is_still_asked_for(void **state) {
  (void)state;
  struct gw_snapshot_cache *cache = gw_snapshot_cache_new();
  set(cache, "a c d", 1);
  struct gw_resource_set *before = gw_resource_set_ref(gw_snapshot_cache_all(cache, GW_RESOURCE_CLUSTER));
  set(cache, "b c e", 2);
  struct gw_resource_set *now = gw_snapshot_cache_all(cache, GW_RESOURCE_CLUSTER);
  struct gw_resource_filter everything = {.id = 1, .takes_all = true};
  struct gw_str wanted[] = {GW_STR("d"), GW_STR("z")};
  struct gw_resource_filter some = {.id = 2, .names = wanted, .name_count = 2};

  struct gw_resource_set *both = gw_resource_set_with_leaving(now, before, &everything);
  assert_names(both, "a b c d e");
  struct gw_resource_set *again = gw_resource_set_with_leaving(now, before, &everything);
  assert_ptr_equal(both, again);
  gw_resource_set_unref(again);
  struct gw_resource_set *part = gw_resource_set_with_leaving(now, before, &some);
  assert_names(part, "b c d e");
  gw_resource_set_unref(both);
  gw_resource_set_unref(part);
  both = gw_resource_set_with_leaving(now, before, &some); /* what was remembered is gone */
  assert_names(both, "b c d e");
  gw_resource_set_unref(both);
  struct gw_resource_set *same = gw_resource_set_with_leaving(now, now, &everything);
  assert_ptr_equal(same, now);
  gw_resource_set_unref(same);
  same = gw_resource_set_with_leaving(now, NULL, &everything);
  assert_ptr_equal(same, now);
  gw_resource_set_unref(same);
  gw_resource_set_unref(before);
  gw_snapshot_cache_free(cache);
}

static void test_each_cluster_has_a_listener_for_proxyless_clients(void **state) {
  (void)state;
  struct gw_snapshot_cache *cache = gw_snapshot_cache_new();
  set(cache, "a b", 1);
  struct gw_resource *listener = gw_snapshot_cache_find(cache, GW_RESOURCE_LISTENER, GW_STR("a"));
  assert_non_null(listener);
  assert_true(listener->listener->is_api_only);
  assert_ptr_equal(gw_snapshot_cache_find(cache, GW_RESOURCE_LISTENER, GW_STR("a")), listener);
  struct gw_resource *routes = gw_snapshot_cache_find(cache, GW_RESOURCE_ROUTE_CONFIG, GW_STR("service/a"));
  assert_non_null(routes);
  assert_int_equal(routes->route_config->route_count, 1);
  assert_true(gw_str_equal(routes->route_config->virtual_hosts[0].routes[0].forward.cluster, GW_STR("a")));
  assert_null(gw_snapshot_cache_find(cache, GW_RESOURCE_LISTENER, GW_STR("service/a")));
  assert_null(gw_snapshot_cache_find(cache, GW_RESOURCE_ROUTE_CONFIG, GW_STR("a")));
  assert_null(gw_snapshot_cache_find(cache, GW_RESOURCE_LISTENER, GW_STR("c")));
  assert_non_null(gw_snapshot_cache_find(cache, GW_RESOURCE_LISTENER, GW_STR("main")));
  assert_names(gw_snapshot_cache_all(cache, GW_RESOURCE_LISTENER), "main");
  set(cache, "b", 2);
  assert_null(gw_snapshot_cache_find(cache, GW_RESOURCE_LISTENER, GW_STR("a")));
  assert_null(gw_snapshot_cache_find(cache, GW_RESOURCE_ROUTE_CONFIG, GW_STR("service/a")));
  gw_snapshot_cache_free(cache);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_watchers_are_told_of_new_content_only),
      cmocka_unit_test(test_watcher_may_remove_itself_and_others),
      cmocka_unit_test(test_sets_are_shared_and_go_with_their_last_holder),
      cmocka_unit_test(test_with_leaving_keeps_what_has_left_and_is_still_asked_for),
      cmocka_unit_test(test_each_cluster_has_a_listener_for_proxyless_clients),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
