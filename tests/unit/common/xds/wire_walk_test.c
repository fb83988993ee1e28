#include "common/xds/wire_walk.h"

#include "common/base/random.h"
#include "envoy/config/core/v3/base.pb-c.h"
#include "envoy/config/listener/v3/listener.pb-c.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb-c.h"
#include "envoy/service/discovery/v3/discovery.pb-c.h"
#include "tests/unit/common/xds/refusals.h"
#include "tests/unit/common/xds/samples.h"

typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager Hcm;
#define HCM_DESCRIPTOR envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager__descriptor
#define NODE envoy__config__core__v3__node__descriptor
#define VALUE google__protobuf__value__descriptor

/* Wraps the text in one more length-delimited field. */
static void wrap(struct gw_strbuf *text, uint32_t number) {
  struct gw_strbuf outer;
  gw_strbuf_init(&outer);
  gw_strbuf_append_char(&outer, (char)(number << 3 | 2));
  for (size_t len = text->len; true; len >>= 7) {
    gw_strbuf_append_char(&outer, (char)((len & 0x7f) | (len >= 0x80 ? 0x80 : 0)));
    if (len < 0x80) break;
  }
  gw_strbuf_append_str(&outer, gw_strbuf_str(text));
  gw_strbuf_done(text);
  *text = outer;
}

/* A Value of `depth` lists in lists. */
static void nest_values(struct gw_strbuf *text, uint32_t depth) {
  gw_strbuf_init(text);
  for (uint32_t i = 0; i < depth; i++) {
    wrap(text, 1); /* ListValue.values */
    wrap(text, 6); /* Value.list_value */
  }
}

static void test_nesting_up_to_the_limit_is_unpacked(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  struct gw_strbuf text;
  ProtobufCMessage *message;
  nest_values(&text, (GW_XDS_DEPTH_MAX - 1) / 2);
  assert_int_equal(gw_wire_unpack(&VALUE, gw_strbuf_str(&text), &arena, &message), GW_OK);
  gw_strbuf_done(&text);
  nest_values(&text, GW_XDS_DEPTH_MAX / 2 + 1);
  assert_int_equal(gw_wire_unpack(&VALUE, gw_strbuf_str(&text), &arena, &message), GW_ERR_LIMIT);
  gw_strbuf_done(&text);
  gw_arena_done(&arena);
}

static void test_depth_bomb_in_a_node_is_refused(void **state) {
  (void)state;
  struct gw_strbuf text;
  nest_values(&text, 8500);
  wrap(&text, 2); /* FieldsEntry.value */
  wrap(&text, 1); /* Struct.fields */
  wrap(&text, 3); /* Node.metadata */
  assert_true(text.len > 60000 && text.len < 80000);
  struct gw_errors errors;
  gw_errors_init(&errors);
  assert_int_equal(gw_wire_walk(&NODE, gw_strbuf_str(&text), GW_WIRE_TOLERANT, NULL, &errors), GW_ERR_LIMIT);
  assert_int_equal(errors.count, 1);
  assert_memory_equal(errors.items[0].place, "metadata.fields[0].value.list_value.values[0].", 46);
  assert_string_equal(errors.items[0].sentence, "nests too deeply");
  gw_errors_done(&errors);
  gw_strbuf_done(&text);
}

/* In an access log's format, in the connection manager, in the listener. */
static void test_depth_bomb_in_a_resource_is_refused(void **state) {
  (void)state;
  struct gw_strbuf text;
  nest_values(&text, 8500);
  wrap(&text, 2); /* FieldsEntry.value */
  wrap(&text, 1); /* Struct.fields */
  wrap(&text, 2); /* SubstitutionFormatString.json_format */
  wrap(&text, 1); /* StdoutAccessLog.log_format */
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  Envoy__Config__Listener__V3__Listener *listener =
      (Envoy__Config__Listener__V3__Listener *)gw_xds_encode_listener_message(&arena, &sample_listener);
  Google__Protobuf__Any *manager = listener->filter_chains[0]->filters[0]->typed_config;
  ProtobufCMessage *unpacked;
  assert_int_equal(gw_wire_unpack(&HCM_DESCRIPTOR, (struct gw_str){(char *)manager->value.data, manager->value.len}, &arena, &unpacked),
                   GW_OK);
  Hcm *http = (Hcm *)unpacked;
  http->access_log[0]->typed_config->value = (ProtobufCBinaryData){text.len, (uint8_t *)text.data};
  listener->filter_chains[0]->filters[0]->typed_config = gw_xds_encode_any(&arena, &http->base);
  char *mistakes = decode_packed(&arena, GW_RESOURCE_LISTENER, &listener->base);
  assert_mistake(mistakes, "filter_chains[0].filters[0].typed_config.access_log[0].typed_config.log_format.json_format.fields[0].value");
  assert_mistake(mistakes, "nests too deeply");
  free(mistakes);
  gw_strbuf_done(&text);
  gw_arena_done(&arena);
}

static void test_too_many_messages_are_refused(void **state) {
  (void)state;
  enum { COUNT = GW_WIRE_MESSAGES_MAX };
  char *empty_values = gw_malloc(2 * COUNT);
  for (size_t i = 0; i < COUNT; i++)
    memcpy(&empty_values[2 * i], "\x0a\x00", 2);
  const ProtobufCMessageDescriptor *list = &google__protobuf__list_value__descriptor;
  struct gw_str all = {empty_values, 2 * COUNT}, fewer = {empty_values, 2 * COUNT - 2};
  assert_int_equal(gw_wire_walk(list, all, GW_WIRE_STRICT, NULL, NULL), GW_ERR_LIMIT);
  assert_int_equal(gw_wire_walk(list, fewer, GW_WIRE_STRICT, NULL, NULL), GW_OK);
  free(empty_values);
}

static void assert_walk(const ProtobufCMessageDescriptor *descriptor, struct gw_str bytes, enum gw_err err, const char *mistake) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  assert_int_equal(gw_wire_walk(descriptor, bytes, GW_WIRE_STRICT, NULL, &errors), err);
  if (mistake != NULL) {
    char *text = gw_errors_format(&errors);
    assert_mistake(text, mistake);
    free(text);
  }
  gw_errors_done(&errors);
}

static void test_bad_forms_are_refused_at_their_place(void **state) {
  (void)state;
  assert_walk(&NODE, GW_STR(""), GW_OK, NULL);
  assert_walk(&NODE, GW_STR("\x0a\x01"), GW_ERR_INVALID, "is cut short");
  assert_walk(&NODE, GW_STR("\x0a"), GW_ERR_INVALID, "is cut short");
  assert_walk(&NODE, GW_STR("\x0b"), GW_ERR_INVALID, "is cut short or not protobuf");     /* a group */
  assert_walk(&NODE, GW_STR("\x00\x00"), GW_ERR_INVALID, "is cut short or not protobuf"); /* field 0 */
  assert_walk(&NODE, GW_STR("\x08\x01"), GW_ERR_INVALID, "id: has the wrong wire type");
  assert_walk(&NODE, GW_STR("\x0a\x02\xff\xfe"), GW_ERR_INVALID, "id: is not UTF-8");
  assert_walk(&NODE,
              GW_STR("\x0a\x03"
                     "a\0b"),
              GW_ERR_INVALID, "id: holds a NUL byte");
  assert_walk(&NODE, GW_STR("\x22\x00\x22\x00"), GW_ERR_INVALID, "locality: stands there twice");
  assert_walk(&NODE, GW_STR("\x22\x02\x0a\x05"), GW_ERR_INVALID, "locality: is cut short");
  /* Eleven bytes of varint, and a length of 2^63. */
  assert_walk(&NODE, GW_STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), GW_ERR_INVALID, "is cut short");
  assert_walk(&NODE, GW_STR("\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), GW_ERR_INVALID, "is cut short");
}

static void test_unknown_fields_pass_only_when_tolerant(void **state) {
  (void)state;
  struct gw_str bytes = GW_STR("\xb8\xa6\x02\x01"); /* field 4711 */
  assert_int_equal(gw_wire_walk(&NODE, bytes, GW_WIRE_TOLERANT, NULL, NULL), GW_OK);
  assert_walk(&NODE, bytes, GW_ERR_UNSUPPORTED, "field 4711: not known");
}

static void test_after_many_mistakes_nothing_more_is_read(void **state) {
  (void)state;
  enum { COUNT = 5 * GW_ERRORS_MAX };
  char bytes[4 * COUNT];
  for (size_t i = 0; i < COUNT; i++)
    memcpy(&bytes[4 * i], "\xb8\xa6\x02\x01", 4);
  struct gw_errors errors;
  gw_errors_init(&errors);
  assert_int_equal(gw_wire_walk(&NODE, (struct gw_str){bytes, sizeof bytes}, GW_WIRE_STRICT, NULL, &errors), GW_ERR_INVALID);
  assert_int_equal(errors.error_count, GW_ERRORS_MAX);
  gw_errors_done(&errors);
}

static void test_find_takes_the_last_value(void **state) {
  (void)state;
  struct gw_str found;
  assert_int_equal(gw_wire_find(GW_STR("\x0a\x01"
                                       "a\x12\x01"
                                       "b\x0a\x01"
                                       "c"),
                                1, &found),
                   GW_OK);
  assert_true(gw_str_equal(found, GW_STR("c")));
  assert_int_equal(gw_wire_find(GW_STR(""), 1, &found), GW_OK);
  assert_int_equal(found.len, 0);
  assert_int_equal(gw_wire_find(GW_STR("\x0a\x05"), 1, &found), GW_ERR_INVALID);
}

/* Whatever the bytes: an answer, no crash, no leak. */
static void decode_quietly(enum gw_resource_type type, const char *data, size_t len) {
  struct gw_bytes *any = gw_bytes_new(data, len);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  struct gw_str name;
  struct gw_resource *resource = NULL;
  enum gw_err err = gw_xds_decode_resource(type, any, &errors, &arena, &name, &resource);
  assert_int_equal(err == GW_OK, resource != NULL);
  assert_int_equal(err == GW_OK, errors.error_count == 0);
  gw_resource_unref(resource);
  gw_arena_done(&arena);
  gw_errors_done(&errors);
  gw_bytes_unref(any);
}

static void test_cut_and_garbled_resources_get_an_answer(void **state) {
  (void)state;
  struct gw_resource *good[] = {
      gw_xds_encode_listener(&sample_listener),   gw_xds_encode_route_config(&sample_route_config),
      gw_xds_encode_cluster(&sample_eds_cluster), gw_xds_encode_cluster(&sample_dns_cluster),
      gw_xds_encode_endpoints(&sample_endpoints),
  };
  struct gw_random random;
  gw_random_init(&random, 4711);
  for (size_t i = 0; i < GW_ARRAY_LEN(good); i++) {
    size_t len = good[i]->any->len;
    for (size_t cut = 0; cut < len; cut++)
      decode_quietly(good[i]->type, good[i]->any->data, cut);
    char *copy = gw_malloc(len);
    for (int round = 0; round < 10000; round++) {
      memcpy(copy, good[i]->any->data, len);
      uint64_t changes = 1 + gw_random_below(&random, 4);
      for (uint64_t k = 0; k < changes; k++)
        copy[gw_random_below(&random, len)] = (char)gw_random_below(&random, 256);
      decode_quietly(good[i]->type, copy, len);
    }
    free(copy);
    gw_resource_unref(good[i]);
  }
}

static void test_any_of_another_type_is_refused_by_name(void **state) {
  (void)state;
  struct gw_resource *cluster = gw_xds_encode_cluster(&sample_eds_cluster);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  struct gw_str name = {NULL, 0};
  struct gw_resource *resource;
  assert_int_equal(gw_xds_decode_resource(GW_RESOURCE_LISTENER, cluster->any, &errors, &arena, &name, &resource), GW_ERR_INVALID);
  assert_true(gw_str_equal(name, GW_STR("alpha")));
  assert_string_equal(errors.items[0].sentence,
                      "is a \"type.googleapis.com/envoy.config.cluster.v3.Cluster\", not a envoy.config.listener.v3.Listener");
  gw_errors_done(&errors);
  gw_arena_done(&arena);
  gw_resource_unref(cluster);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_nesting_up_to_the_limit_is_unpacked),      cmocka_unit_test(test_depth_bomb_in_a_node_is_refused),
      cmocka_unit_test(test_depth_bomb_in_a_resource_is_refused),      cmocka_unit_test(test_too_many_messages_are_refused),
      cmocka_unit_test(test_bad_forms_are_refused_at_their_place),     cmocka_unit_test(test_unknown_fields_pass_only_when_tolerant),
      cmocka_unit_test(test_after_many_mistakes_nothing_more_is_read), cmocka_unit_test(test_find_takes_the_last_value),
      cmocka_unit_test(test_cut_and_garbled_resources_get_an_answer),  cmocka_unit_test(test_any_of_another_type_is_refused_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
