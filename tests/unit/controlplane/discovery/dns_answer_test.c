#include "controlplane/discovery/dns_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "controlplane/discovery/found.h"

#define TYPE_A 1
#define TYPE_CNAME 5
#define TYPE_AAAA 28
#define TYPE_SRV 33

static struct gw_arena arena;
static struct gw_strbuf message;

static void put16(unsigned value) {
  gw_strbuf_append_char(&message, (char)(value >> 8));
  gw_strbuf_append_char(&message, (char)value);
}

static void put_name(const char *name) {
  struct gw_str rest = gw_str_from(name), label;
  while (gw_str_split_next(&rest, '.', &label)) {
    if (label.len == 0) continue;
    gw_strbuf_append_char(&message, (char)label.len);
    gw_strbuf_append_str(&message, label);
  }
  gw_strbuf_append_char(&message, '\0');
}

static int setup(void **state) {
  (void)state;
  gw_arena_init(&arena, 1024);
  gw_strbuf_init(&message);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  gw_arena_done(&arena);
  gw_strbuf_done(&message);
  return 0;
}

/* A head without a question. */
static void begin(unsigned answers, unsigned additional) {
  gw_strbuf_clear(&message);
  const unsigned words[] = {7, 0x8180, 0, answers, 0, additional};
  for (size_t i = 0; i < GW_ARRAY_LEN(words); i++)
    put16(words[i]);
}

static void put_head(const char *name, unsigned type, unsigned ttl_s) {
  put_name(name);
  put16(type);
  put16(1);
  put16(ttl_s >> 16);
  put16(ttl_s & 0xffff);
}

static void put_srv(unsigned priority, unsigned weight, unsigned port, const char *target) {
  put_head("_http._tcp.shop.test", TYPE_SRV, 30);
  size_t at = message.len;
  put16(0);
  put16(priority);
  put16(weight);
  put16(port);
  put_name(target);
  message.data[at] = (char)((message.len - at - 2) >> 8);
  message.data[at + 1] = (char)(message.len - at - 2);
}

static void put_address(const char *name, unsigned type, const char *bytes, size_t len) {
  put_head(name, type, 5);
  put16((unsigned)len);
  gw_strbuf_append(&message, bytes, len);
}

static enum gw_err parse(const struct gw_dns_record **ret_records, uint32_t *ret_count) {
  return gw_dns_parse((const unsigned char *)message.data, message.len, &arena, ret_records, ret_count);
}

static void test_parse_reads_srv_and_addresses(void **state) {
  (void)state;
  begin(1, 2);
  put_srv(1, 2, 8080, "a.shop.test");
  put_address("a.shop.test", TYPE_A, "\x0a\0\0\x01", 4);
  put_address("a.shop.test", TYPE_AAAA, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
  const struct gw_dns_record *records;
  uint32_t count;
  assert_int_equal(parse(&records, &count), GW_OK);
  assert_int_equal(count, 3);
  assert_int_equal(records[0].kind, GW_DNS_SRV);
  assert_int_equal(records[0].ttl_s, 30);
  assert_int_equal(records[0].priority * 100000 + records[0].weight * 10000 + records[0].port, 128080);
  assert_true(gw_str_equal(records[0].target, GW_STR("a.shop.test")));
  assert_true(gw_str_equal(records[1].address, GW_STR("10.0.0.1")));
  assert_true(gw_str_equal(records[2].address, GW_STR("2001:db8::1")));
  assert_true(records[2].is_additional);
  assert_int_equal(records[2].ttl_s, 5);
}

static void test_parse_passes_over_other_types(void **state) {
  (void)state;
  begin(2, 0);
  put_address("alias.test", TYPE_CNAME, "\x01x\0", 3);
  put_address("x", TYPE_A, "\x0a\0\0\x01", 4);
  const struct gw_dns_record *records;
  uint32_t count;
  assert_int_equal(parse(&records, &count), GW_OK);
  assert_int_equal(count, 1);
  assert_true(gw_str_equal(records[0].name, GW_STR("x")));
}

/* Every message that was cut, and every one with a byte that is another, is read or refused: sanitizers watch. */
static void test_parse_survives_what_is_broken(void **state) {
  (void)state;
  const struct gw_dns_record *records;
  uint32_t count;
  begin(1, 1);
  put_srv(1, 2, 8080, "a.shop.test");
  put_address("a.shop.test", TYPE_A, "\x0a\0\0\x01", 4);
  for (size_t len = 0; len < message.len; len++) {
    unsigned char *exact = gw_malloc(len + 1);
    memcpy(exact, message.data, len);
    assert_int_equal(gw_dns_parse(exact, len, &arena, &records, &count), GW_ERR_INVALID);
    free(exact);
  }
  for (size_t at = 0; at < message.len; at++) {
    char before = message.data[at];
    for (int byte = 0; byte < 256; byte += 5) {
      message.data[at] = (char)byte;
      parse(&records, &count);
    }
    message.data[at] = before;
    gw_arena_reset(&arena);
  }
}

static struct gw_endpoints find(const struct gw_dns_target *targets, uint32_t target_count, const char **ret_words) {
  const struct gw_dns_record *records;
  uint32_t count, found_count;
  assert_int_equal(parse(&records, &count), GW_OK);
  const struct gw_found_instance *found = gw_dns_instances(records, count, targets, target_count, &arena, &found_count);
  return gw_found_clean(GW_STR("s"), found, found_count, &arena, ret_words);
}

static void test_instances_have_ranks_for_priorities_and_shares_of_weights(void **state) {
  (void)state;
  static const struct gw_str one[] = {{"10.0.0.1", 8}}, two[] = {{"10.0.0.2", 8}, {"10.0.0.3", 8}}, spare[] = {{"10.0.0.4", 8}};
  static const struct gw_dns_target targets[] = {{{"one", 3}, one, 1}, {{"two", 3}, two, 2}, {{"spare", 5}, spare, 1}};
  begin(4, 0);
  put_srv(70, 0, 82, "spare");
  put_srv(10, 60, 80, "one");
  put_srv(10, 30, 81, "TWO");
  put_srv(10, 0, 83, "one");
  const char *words;
  struct gw_endpoints endpoints = find(targets, 3, &words);
  assert_string_equal(words, "");
  assert_int_equal(endpoints.count, 5);
  static const struct gw_endpoint expected[] = {{{"10.0.0.1", 8}, 80, 600, false, 0},
                                                {{"10.0.0.1", 8}, 83, 1, false, 0},
                                                {{"10.0.0.2", 8}, 81, 150, false, 0},
                                                {{"10.0.0.3", 8}, 81, 150, false, 0},
                                                {{"10.0.0.4", 8}, 82, 1, false, 1}};
  for (uint32_t i = 0; i < 5; i++) {
    assert_true(gw_str_equal(endpoints.items[i].address, expected[i].address));
    assert_int_equal(endpoints.items[i].port, expected[i].port);
    assert_int_equal(endpoints.items[i].weight, expected[i].weight);
    assert_int_equal(endpoints.items[i].priority, expected[i].priority);
  }
}

static void test_instances_of_a_root_target_are_none_and_of_an_unknown_one_left_out(void **state) {
  (void)state;
  const char *words;
  begin(1, 0);
  put_srv(0, 0, 0, ".");
  assert_int_equal(find(NULL, 0, &words).count, 0);
  assert_string_equal(words, "");
  begin(1, 0);
  put_srv(0, 0, 80, "nowhere.test");
  assert_int_equal(find(NULL, 0, &words).count, 0);
  assert_string_equal(words, "1 of 1 instances were left out: \"nowhere.test\", port 80: its address is not numeric");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_parse_reads_srv_and_addresses, setup, teardown),
      cmocka_unit_test_setup_teardown(test_parse_passes_over_other_types, setup, teardown),
      cmocka_unit_test_setup_teardown(test_parse_survives_what_is_broken, setup, teardown),
      cmocka_unit_test_setup_teardown(test_instances_have_ranks_for_priorities_and_shares_of_weights, setup, teardown),
      cmocka_unit_test_setup_teardown(test_instances_of_a_root_target_are_none_and_of_an_unknown_one_left_out, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
