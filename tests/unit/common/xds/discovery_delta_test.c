#include "common/xds/codec.h"
#include "common/xds/discovery.h"
#include "tests/unit/common/xds/refusals.h"

static void assert_str(struct gw_str got, const char *want) {
  if (!gw_str_equal(got, gw_str_from(want))) fail_msg("\"%.*s\", not \"%s\"", GW_STR_ARG(got), want);
}

static void test_delta_request_comes_back(void **state) {
  (void)state;
  const struct gw_str more[] = {GW_STR("a"), GW_STR("*")}, fewer[] = {GW_STR("b")};
  const struct gw_str held[] = {GW_STR("c"), GW_STR("d")}, versions[] = {GW_STR("1"), GW_STR("of a stranger")};
  const struct gw_delta_request request = {
      .has_node = true,
      .node = {GW_STR("node-1"), GW_STR("edge"), GW_STR("gateway-dataplane"), GW_STR("0.1.0"), GW_STR("f00d")},
      .type_url = GW_STR("type.googleapis.com/envoy.config.cluster.v3.Cluster"),
      .subscribe = more,
      .subscribe_count = 2,
      .unsubscribe = fewer,
      .unsubscribe_count = 1,
      .held_names = held,
      .held_versions = versions,
      .held_count = 2,
      .response_nonce = GW_STR("17"),
      .has_error = true,
      .error_code = 3,
      .error_message = GW_STR("no"),
  };
  struct gw_bytes *bytes = gw_delta_request_encode(&request);
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  struct gw_delta_request got;
  assert_int_equal(gw_delta_request_decode(gw_bytes_str(bytes), &arena, &got), GW_OK);
  gw_bytes_unref(bytes); /* what was decoded does not need it */
  assert_true(got.has_node);
  assert_str(got.node.id, "node-1");
  assert_str(got.node.user_agent_version, "0.1.0");
  assert_str(got.node.instance_id, "f00d");
  assert_str(got.type_url, "type.googleapis.com/envoy.config.cluster.v3.Cluster");
  assert_int_equal(got.subscribe_count, 2);
  assert_str(got.subscribe[1], "*");
  assert_int_equal(got.unsubscribe_count, 1);
  assert_str(got.unsubscribe[0], "b");
  assert_int_equal(got.held_count, 2);
  assert_str(got.held_names[1], "d");
  assert_str(got.held_versions[1], "of a stranger");
  assert_str(got.response_nonce, "17");
  assert_true(got.has_error);
  assert_int_equal(got.error_code, 3);
  assert_str(got.error_message, "no");
  gw_arena_done(&arena);
}

static void test_delta_request_that_is_none_is_refused(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  struct gw_delta_request got;
  assert_int_equal(gw_delta_request_decode(GW_STR("\xff\xff\xff"), &arena, &got), GW_ERR_INVALID);
  assert_int_equal(gw_delta_request_decode(GW_STR("\x1a\x02\xff\xfe"), &arena, &got), GW_ERR_INVALID); /* a name that is not UTF-8 */
  gw_arena_done(&arena);
}

/* Head and changes are written apart and read as one message. */
static void test_delta_response_of_two_parts_comes_back(void **state) {
  (void)state;
  struct gw_bytes *any = gw_bytes_new("\x0a\x01x", 3);
  const struct gw_delta_resource resources[] = {{GW_STR("a"), GW_STR("v1"), any}, {GW_STR("b"), GW_STR("v2"), any}};
  const struct gw_str gone[] = {GW_STR("c")}, absent[] = {GW_STR("d"), GW_STR("e")};
  struct gw_bytes *head = gw_delta_response_encode_head(GW_STR("sys"), GW_STR("type"), GW_STR("7"), absent, 2);
  struct gw_bytes *changes = gw_delta_changes_encode(resources, 2, gone, 1);
  assert_false(changes->is_secret);
  struct gw_strbuf message;
  gw_strbuf_init(&message);
  gw_strbuf_append_str(&message, gw_bytes_str(head));
  gw_strbuf_append_str(&message, gw_bytes_str(changes));
  gw_bytes_unref(head);
  gw_bytes_unref(changes);
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  struct gw_discovery_response got;
  assert_int_equal(gw_delta_response_decode(gw_strbuf_str(&message), &arena, &got), GW_OK);
  gw_strbuf_done(&message);
  assert_str(got.version_info, "sys");
  assert_str(got.type_url, "type");
  assert_str(got.nonce, "7");
  assert_int_equal(got.resource_count, 2);
  assert_str(got.resource_names[1], "b");
  assert_str(got.resource_versions[1], "v2");
  assert_true(gw_str_equal(gw_bytes_str(got.resources[1]), gw_bytes_str(any)));
  assert_int_equal(got.removed_count, 3);
  assert_str(got.removed[0], "d");
  assert_str(got.removed[2], "c");
  for (uint32_t i = 0; i < got.resource_count; i++)
    gw_bytes_unref(got.resources[i]);
  gw_bytes_unref(any);
  gw_arena_done(&arena);
}

static void test_delta_response_without_anything_is_still_incremental(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  struct gw_discovery_response got;
  assert_int_equal(gw_delta_response_decode((struct gw_str){NULL, 0}, &arena, &got), GW_OK);
  assert_int_equal(got.resource_count, 0);
  assert_non_null(got.resource_names);
  assert_int_equal(gw_delta_response_decode(GW_STR("\x12\x05\x1a"), &arena, &got), GW_ERR_INVALID); /* cut short */
  gw_arena_done(&arena);
}

static void test_secrets_stay_marked_both_ways(void **state) {
  (void)state;
  struct gw_bytes *any = gw_bytes_new("\x0a\x01x", 3);
  any->is_secret = true;
  const struct gw_delta_resource resource = {GW_STR("site"), GW_STR("v1"), any};
  struct gw_bytes *changes = gw_delta_changes_encode(&resource, 1, NULL, 0);
  assert_true(changes->is_secret);
  struct gw_bytes *head = gw_delta_response_encode_head(GW_STR(""), gw_str_from(gw_xds_type_url(GW_RESOURCE_SECRET)), GW_STR("1"), NULL, 0);
  struct gw_strbuf message;
  gw_strbuf_init(&message);
  gw_strbuf_append_str(&message, gw_bytes_str(changes));
  gw_strbuf_append_str(&message, gw_bytes_str(head));
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  struct gw_discovery_response got;
  assert_int_equal(gw_delta_response_decode(gw_strbuf_str(&message), &arena, &got), GW_OK);
  assert_true(got.resources[0]->is_secret);
  gw_bytes_unref(got.resources[0]);
  gw_arena_done(&arena);
  gw_strbuf_done(&message);
  gw_bytes_unref(head);
  gw_bytes_unref(changes);
  gw_bytes_unref(any);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_delta_request_comes_back),
      cmocka_unit_test(test_delta_request_that_is_none_is_refused),
      cmocka_unit_test(test_delta_response_of_two_parts_comes_back),
      cmocka_unit_test(test_delta_response_without_anything_is_still_incremental),
      cmocka_unit_test(test_secrets_stay_marked_both_ways),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
