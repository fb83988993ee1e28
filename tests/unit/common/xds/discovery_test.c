#include "common/xds/discovery.h"

#include "envoy/service/discovery/v3/discovery.pb-c.h"
#include "tests/unit/common/xds/refusals.h"

static void assert_str(struct gw_str got, struct gw_str want) {
  assert_true(gw_str_equal(got, want));
}

static void test_request_comes_back(void **state) {
  (void)state;
  const struct gw_str names[] = {GW_STR("a"), GW_STR("b")};
  const struct gw_discovery_request request = {
      .version_info = GW_STR("v1"),
      .has_node = true,
      .node = {GW_STR("node-1"), GW_STR("edge"), GW_STR("gateway-dataplane"), GW_STR("0.1.0"), GW_STR("f00d")},
      .resource_names = names,
      .resource_name_count = 2,
      .type_url = GW_STR("type.googleapis.com/envoy.config.route.v3.RouteConfiguration"),
      .response_nonce = GW_STR("17"),
      .has_error = true,
      .error_code = 3,
      .error_message = GW_STR("no"),
  };
  struct gw_bytes *bytes = gw_discovery_request_encode(&request);
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  struct gw_discovery_request got;
  assert_int_equal(gw_discovery_request_decode(gw_bytes_str(bytes), &arena, &got), GW_OK);
  gw_bytes_unref(bytes); /* what was decoded does not need it */
  assert_str(got.version_info, request.version_info);
  assert_true(got.has_node);
  assert_str(got.node.id, request.node.id);
  assert_str(got.node.cluster, request.node.cluster);
  assert_str(got.node.user_agent_name, request.node.user_agent_name);
  assert_str(got.node.user_agent_version, request.node.user_agent_version);
  assert_str(got.node.instance_id, request.node.instance_id);
  assert_int_equal(got.resource_name_count, 2);
  assert_str(got.resource_names[1], names[1]);
  assert_str(got.type_url, request.type_url);
  assert_str(got.response_nonce, request.response_nonce);
  assert_true(got.has_error);
  assert_int_equal(got.error_code, 3);
  assert_str(got.error_message, request.error_message);
  gw_arena_done(&arena);
}

static void test_ack_has_neither_node_nor_error(void **state) {
  (void)state;
  const struct gw_discovery_request request = {.version_info = GW_STR("v1"), .response_nonce = GW_STR("1")};
  struct gw_bytes *bytes = gw_discovery_request_encode(&request);
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  struct gw_discovery_request got;
  assert_int_equal(gw_discovery_request_decode(gw_bytes_str(bytes), &arena, &got), GW_OK);
  assert_false(got.has_node);
  assert_false(got.has_error);
  assert_int_equal(got.resource_name_count, 0);
  gw_bytes_unref(bytes);
  gw_arena_done(&arena);
}

static void test_request_with_unknown_fields_is_tolerated(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  Envoy__Service__Discovery__V3__DiscoveryRequest *message =
      gw_xds_encode_new(&arena, &envoy__service__discovery__v3__discovery_request__descriptor);
  message->node = gw_xds_encode_new(&arena, &envoy__config__core__v3__node__descriptor);
  add_unknown(&arena, &message->base, 7);
  add_unknown(&arena, &message->node->base, 9);
  struct gw_bytes *bytes = gw_wire_pack(&message->base);
  struct gw_discovery_request got;
  assert_int_equal(gw_discovery_request_decode(gw_bytes_str(bytes), &arena, &got), GW_OK);
  gw_bytes_unref(bytes);
  gw_arena_done(&arena);
}

static void test_garbage_is_invalid(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  struct gw_discovery_request request;
  struct gw_discovery_response response;
  assert_int_equal(gw_discovery_request_decode(GW_STR("\x0a\x7f"), &arena, &request), GW_ERR_INVALID);
  assert_int_equal(gw_discovery_response_decode(GW_STR("\x0a\x7f"), &arena, &response), GW_ERR_INVALID);
  assert_int_equal(gw_discovery_response_decode(GW_STR("\x10\x01"), &arena, &response), GW_ERR_INVALID);
  gw_arena_done(&arena);
}

static void test_head_and_resources_in_any_order_are_one_response(void **state) {
  (void)state;
  char big[300];
  memset(big, 'x', sizeof big);
  struct gw_bytes *anys[] = {gw_bytes_new("\x0a\x01t", 3), gw_bytes_new(big, 0), gw_bytes_new(big, sizeof big)};
  /* The last is opaque to this layer only in its size: make it an Any whose value is all but six bytes of it. */
  memcpy(anys[2]->data, "\x12\xa9\x02", 3);
  struct gw_bytes *resources = gw_discovery_resources_encode(anys, 3);
  struct gw_bytes *head = gw_discovery_response_encode_head(GW_STR("v"), GW_STR("type"), GW_STR("n"));
  for (int order = 0; order < 2; order++) {
    struct gw_strbuf whole;
    gw_strbuf_init(&whole);
    gw_strbuf_append_str(&whole, gw_bytes_str(order == 0 ? head : resources));
    gw_strbuf_append_str(&whole, gw_bytes_str(order == 0 ? resources : head));
    struct gw_arena arena;
    gw_arena_init(&arena, 256);
    struct gw_discovery_response response;
    assert_int_equal(gw_discovery_response_decode(gw_strbuf_str(&whole), &arena, &response), GW_OK);
    gw_strbuf_done(&whole);
    assert_str(response.version_info, GW_STR("v"));
    assert_str(response.type_url, GW_STR("type"));
    assert_str(response.nonce, GW_STR("n"));
    assert_int_equal(response.resource_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
      assert_str(gw_bytes_str(response.resources[i]), gw_bytes_str(anys[i]));
      gw_bytes_unref(response.resources[i]);
    }
    gw_arena_done(&arena);
  }
  gw_bytes_unref(head);
  gw_bytes_unref(resources);
  for (size_t i = 0; i < GW_ARRAY_LEN(anys); i++)
    gw_bytes_unref(anys[i]);
}

static void test_response_without_resources_is_the_head_alone(void **state) {
  (void)state;
  struct gw_bytes *none = gw_discovery_resources_encode(NULL, 0);
  assert_int_equal(none->len, 0);
  gw_bytes_unref(none);
  struct gw_bytes *head = gw_discovery_response_encode_head(GW_STR("v"), GW_STR("type"), GW_STR("n"));
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  struct gw_discovery_response response;
  assert_int_equal(gw_discovery_response_decode(gw_bytes_str(head), &arena, &response), GW_OK);
  assert_int_equal(response.resource_count, 0);
  gw_bytes_unref(head);
  gw_arena_done(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_request_comes_back),
      cmocka_unit_test(test_ack_has_neither_node_nor_error),
      cmocka_unit_test(test_request_with_unknown_fields_is_tolerated),
      cmocka_unit_test(test_garbage_is_invalid),
      cmocka_unit_test(test_head_and_resources_in_any_order_are_one_response),
      cmocka_unit_test(test_response_without_resources_is_the_head_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
