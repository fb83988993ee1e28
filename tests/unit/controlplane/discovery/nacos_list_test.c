#include "controlplane/discovery/nacos_list.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/base/random.h"

static struct gw_arena arena;

static int set_up(void **state) {
  (void)state;
  gw_arena_init(&arena, 4096);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  gw_arena_done(&arena);
  return 0;
}

static enum gw_err parse(const char *text, struct gw_nacos_list *list) {
  return gw_nacos_list_parse(gw_str_from(text), &arena, list);
}

static struct gw_nacos_list parse_hosts(const char *hosts) {
  struct gw_nacos_list list;
  char *text = gw_asprintf("{\"name\":\"G@@s\",\"cacheMillis\":3000,\"hosts\":[%s]}", hosts);
  assert_int_equal(parse(text, &list), GW_OK);
  free(text);
  return list;
}

static void assert_instance(const struct gw_found_instance *instance, const char *address, uint64_t port, double weight, bool is_off) {
  assert_true(gw_str_equal(instance->address, gw_str_from(address)));
  assert_int_equal(instance->port, port);
  assert_true(instance->weight == weight);
  assert_int_equal(instance->is_off, is_off);
}

/* As Nacos 2.2 writes it. */
static void test_parse_of_v1_gives_all_hosts(void **state) {
  (void)state;
  struct gw_nacos_list list;
  const char *text =
      "{\"name\":\"DEFAULT_GROUP@@orders\",\"groupName\":\"DEFAULT_GROUP\",\"clusters\":\"\",\"cacheMillis\":10000,\"hosts\":["
      "{\"instanceId\":\"10.0.0.2#80#DEFAULT#DEFAULT_GROUP@@orders\",\"ip\":\"10.0.0.2\",\"port\":80,\"weight\":0.5,"
      "\"healthy\":true,\"enabled\":true,\"ephemeral\":true,\"clusterName\":\"DEFAULT\",\"serviceName\":"
      "\"DEFAULT_GROUP@@orders\",\"metadata\":{\"v\":\"1\"},\"ipDeleteTimeout\":30000},"
      "{\"ip\":\"10.0.0.10\",\"port\":8080,\"weight\":1.0,\"healthy\":false,\"enabled\":true,\"metadata\":{}}],"
      "\"lastRefTime\":1790000000000,\"checksum\":\"\",\"allIPs\":false,\"reachProtectionThreshold\":false,\"valid\":true}";
  assert_int_equal(parse(text, &list), GW_OK);
  assert_true(gw_str_equal(list.name, GW_STR("DEFAULT_GROUP@@orders")));
  assert_int_equal(list.cache_ms, 10000);
  assert_int_equal(list.count, 2);
  assert_instance(&list.instances[0], "10.0.0.2", 80, 0.5, false);
  assert_instance(&list.instances[1], "10.0.0.10", 8080, 1.0, true);
}

static void test_parse_of_v2_unwraps_data_and_believes_its_code(void **state) {
  (void)state;
  struct gw_nacos_list list;
  assert_int_equal(parse("{\"code\":0,\"message\":\"success\",\"data\":{\"name\":\"G@@s\",\"hosts\":[{\"ip\":\"::1\",\"port\":9}]}}",
                         &list),
                   GW_OK);
  assert_int_equal(list.count, 1);
  assert_instance(&list.instances[0], "::1", 9, 1.0, false);
  assert_int_equal(parse("{\"code\":20004,\"message\":\"resource not found\",\"data\":{\"hosts\":[]}}", &list), GW_ERR_INVALID);
  assert_int_equal(parse("{\"code\":0,\"data\":null}", &list), GW_ERR_INVALID);
}

static void test_parse_of_hosts_that_are_to_get_nothing_says_off(void **state) {
  (void)state;
  struct gw_nacos_list list =
      parse_hosts("{\"ip\":\"1.1.1.1\",\"port\":1,\"healthy\":false},{\"ip\":\"1.1.1.2\",\"port\":1,\"enabled\":false},"
                  "{\"ip\":\"1.1.1.3\",\"port\":1,\"weight\":0}");
  assert_int_equal(list.count, 3);
  assert_instance(&list.instances[0], "1.1.1.1", 1, 1.0, true);
  assert_instance(&list.instances[1], "1.1.1.2", 1, 1.0, true);
  assert_instance(&list.instances[2], "1.1.1.3", 1, 0.0, false);
}

static void test_parse_of_what_is_no_host_has_no_address_or_no_port_or_no_weight(void **state) {
  (void)state;
  struct gw_nacos_list list =
      parse_hosts("{\"ip\":7,\"port\":1},{\"ip\":\"1.1.1.1\",\"port\":\"80\"},{\"ip\":\"1.1.1.1\",\"port\":-1},"
                  "{\"ip\":\"1.1.1.1\",\"port\":1.5},7,null,[],\"x\",{},"
                  "{\"ip\":\"1.1.1.1\",\"port\":1,\"weight\":\"heavy\"},{\"ip\":\"1.1.1.1\",\"port\":1,\"weight\":null}");
  assert_int_equal(list.count, 11);
  for (uint32_t i = 0; i < list.count; i++) {
    const struct gw_found_instance *instance = &list.instances[i];
    assert_true(instance->address.len == 0 || instance->port == 0 || isnan(instance->weight));
  }
}

static void test_parse_keeps_cache_millis_within_bounds(void **state) {
  (void)state;
  static const struct {
    const char *text;
    uint64_t ms;
  } cases[] = {{"3000", 3000}, {"0", 10000}, {"-1", 10000}, {"1", 1000}, {"1e12", 60000}, {"\"5000\"", 10000}, {"null", 10000}};
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_nacos_list list;
    char *text = gw_asprintf("{\"cacheMillis\":%s,\"hosts\":[]}", cases[i].text);
    assert_int_equal(parse(text, &list), GW_OK);
    assert_int_equal(list.cache_ms, cases[i].ms);
    assert_int_equal(list.name.len, 0);
    free(text);
  }
}

static void test_parse_of_nonsense_is_refused(void **state) {
  (void)state;
  static const char *const texts[] = {"",
                                      "null",
                                      "[]",
                                      "7",
                                      "\"hosts\"",
                                      "{}",
                                      "{\"hosts\":null}",
                                      "{\"hosts\":{}}",
                                      "{\"hosts\":[}",
                                      "{\"hosts\":[]} x",
                                      "{\"code\":\"0\",\"data\":{\"hosts\":[]}}",
                                      "<html>502 Bad Gateway</html>",
                                      "caused: user not found!"};
  for (size_t i = 0; i < GW_ARRAY_LEN(texts); i++) {
    struct gw_nacos_list list = {.count = 77};
    assert_int_equal(parse(texts[i], &list), GW_ERR_INVALID);
    assert_int_equal(list.count, 77);
  }
}

static void test_parse_beyond_a_bound_is_a_limit(void **state) {
  (void)state;
  struct gw_strbuf text;
  struct gw_nacos_list list;
  gw_strbuf_init(&text);
  gw_strbuf_append_str(&text, GW_STR("{\"hosts\":[0"));
  for (uint32_t i = 0; i < GW_NACOS_HOSTS_MAX; i++)
    gw_strbuf_append_str(&text, GW_STR(",0"));
  gw_strbuf_append_str(&text, GW_STR("]}"));
  assert_int_equal(parse(text.data, &list), GW_ERR_LIMIT);
  gw_strbuf_clear(&text);
  gw_strbuf_append_str(&text, GW_STR("{\"hosts\":"));
  for (uint32_t i = 0; i < 100000; i++)
    gw_strbuf_append_char(&text, '[');
  assert_int_equal(parse(text.data, &list), GW_ERR_LIMIT);
  gw_strbuf_done(&text);
}

/* Whatever becomes of an answer on its way, no byte of it makes us read or write beyond what is ours. */
static void test_parse_of_mutated_answers_gives_valid_hosts_or_none(void **state) {
  (void)state;
  const struct gw_str good =
      GW_STR("{\"name\":\"G@@s\",\"cacheMillis\":10000,\"hosts\":[{\"ip\":\"10.0.0.2\",\"port\":80,\"weight\":1.5,\"healthy\":true},"
             "{\"ip\":\"10.0.0.3\",\"port\":81,\"weight\":2.0,\"enabled\":true,\"metadata\":{\"a\":\"b\"}}]}");
  struct gw_random random;
  gw_random_init(&random, 7);
  uint32_t taken = 0;
  for (int round = 0; round < 20000; round++) {
    char text[256];
    struct gw_nacos_list list;
    memcpy(text, good.data, good.len);
    size_t len = gw_random_below(&random, 8) == 0 ? gw_random_below(&random, good.len) : good.len;
    for (uint64_t i = gw_random_below(&random, 4) + 1; i > 0 && len > 0; i--)
      text[gw_random_below(&random, len)] = "\"{}[]:,.-0123456789eE\\ntx\xff"[gw_random_below(&random, 26)];
    struct gw_arena one;
    gw_arena_init(&one, 1024);
    if (gw_nacos_list_parse((struct gw_str){text, len}, &one, &list) == GW_OK) {
      taken++;
      for (uint32_t i = 0; i < list.count; i++)
        assert_true(list.instances[i].address.len < len);
    }
    gw_arena_done(&one);
  }
  assert_true(taken > 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_parse_of_v1_gives_all_hosts, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_parse_of_v2_unwraps_data_and_believes_its_code, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_parse_of_hosts_that_are_to_get_nothing_says_off, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_parse_of_what_is_no_host_has_no_address_or_no_port_or_no_weight, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_parse_keeps_cache_millis_within_bounds, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_parse_of_nonsense_is_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_parse_beyond_a_bound_is_a_limit, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_parse_of_mutated_answers_gives_valid_hosts_or_none, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
