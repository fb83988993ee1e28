#include "controlplane/discovery/registrar.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"

static const struct gw_metadata metadata[] = {{{"zone", 4}, {"a", 1}}};
static const struct gw_str tags[] = {{"v1", 2}};
static const struct gw_instance good =
    {.service = {"orders", 6}, .address = {"10.0.0.1", 8}, .port = 80, .weight = 1.0, .metadata = metadata, .metadata_count = 1};

static void test_find_mistake_takes_what_is_good(void **state) {
  (void)state;
  struct gw_instance instance = good;
  assert_null(gw_instance_find_mistake(&instance));
  assert_null(gw_registrar_nacos.find_mistake(&instance));
  assert_null(gw_registrar_consul.find_mistake(&instance));
  instance.address = GW_STR("2001:db8::1");
  instance.weight = 0.001;
  assert_null(gw_instance_find_mistake(&instance));
}

static void test_find_mistake_names_what_is_none(void **state) {
  (void)state;
  static char long_text[GW_INSTANCE_TEXT_MAX + 1];
  memset(long_text, 'a', sizeof(long_text));
  const struct gw_str too_long = {long_text, sizeof(long_text)}, with_line_end = GW_STR("a\r\nb");
  const struct gw_str bad_tags[] = {{"", 0}};
  struct gw_instance cases[13];
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++)
    cases[i] = good;
  cases[0].service = GW_STR("");
  cases[1].service = too_long;
  cases[2].service = with_line_end;
  cases[3].address = GW_STR("orders.example");
  cases[4].port = 0;
  cases[5].weight = 0.0;
  cases[6].weight = -1.0;
  cases[7].weight = NAN;
  cases[8].weight = 10001.0;
  cases[9].group = with_line_end;
  cases[10].tags = bad_tags;
  cases[10].tag_count = 1;
  cases[11].metadata_count = GW_INSTANCE_ITEMS_MAX + 1; /* counted before they are looked at */
  cases[12].id = too_long;
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++)
    assert_non_null(gw_instance_find_mistake(&cases[i]));
}

static void test_registries_refuse_what_they_cannot_say(void **state) {
  (void)state;
  struct gw_instance instance = good;
  instance.weight = 0.5;
  assert_non_null(gw_registrar_consul.find_mistake(&instance));
  assert_null(gw_registrar_nacos.find_mistake(&instance));
  instance = good;
  instance.tags = tags;
  instance.tag_count = 1;
  assert_null(gw_registrar_consul.find_mistake(&instance));
  assert_non_null(gw_registrar_nacos.find_mistake(&instance));
  instance = good;
  instance.namespace = GW_STR("n");
  assert_non_null(gw_registrar_consul.find_mistake(&instance));
}

static void test_is_same_goes_by_what_the_registry_tells_them_apart_by(void **state) {
  (void)state;
  struct gw_instance other = good;
  other.weight = 2.0;
  assert_true(gw_registrar_nacos.is_same(&good, &other));
  assert_true(gw_registrar_consul.is_same(&good, &other));
  other.id = GW_STR("orders-10.0.0.1-80"); /* what Consul's are called without */
  assert_true(gw_registrar_consul.is_same(&good, &other));
  other.id = GW_STR("another");
  assert_false(gw_registrar_consul.is_same(&good, &other));
  other = good;
  other.cluster = GW_STR("c");
  assert_false(gw_registrar_nacos.is_same(&good, &other));
  other = good;
  other.port = 81;
  assert_false(gw_registrar_nacos.is_same(&good, &other));
  assert_false(gw_registrar_consul.is_same(&good, &other));
}

static void test_copy_shares_nothing(void **state) {
  (void)state;
  struct gw_arena arena;
  char service[] = "orders";
  struct gw_instance instance = good;
  gw_arena_init(&arena, 256);
  instance.service = gw_str_from(service);
  instance.tags = tags;
  instance.tag_count = 1;
  struct gw_instance copy = gw_instance_copy(&instance, &arena);
  service[0] = 'X';
  assert_string_equal(copy.service.data, "orders");
  assert_ptr_not_equal(copy.metadata, metadata);
  assert_ptr_not_equal(copy.metadata[0].value.data, metadata[0].value.data);
  assert_ptr_not_equal(copy.tags[0].data, tags[0].data);
  assert_int_equal(copy.group.len, 0);
  gw_arena_done(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_find_mistake_takes_what_is_good),
                                     cmocka_unit_test(test_find_mistake_names_what_is_none),
                                     cmocka_unit_test(test_registries_refuse_what_they_cannot_say),
                                     cmocka_unit_test(test_is_same_goes_by_what_the_registry_tells_them_apart_by),
                                     cmocka_unit_test(test_copy_shares_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
