#include "common/net/cidr_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/base/random.h"

static struct gw_address parse(const char *ip) {
  struct gw_address address;
  assert_int_equal(gw_address_parse_ip(gw_str_from(ip), 0, &address), GW_OK);
  return address;
}

static void test_empty_set_holds_nothing(void **state) {
  (void)state;
  struct gw_cidr_set set = {0};
  struct gw_address v4 = parse("1.2.3.4"), v6 = parse("::1");
  assert_false(gw_cidr_set_contains(&set, &v4));
  assert_false(gw_cidr_set_contains(&set, &v6));
}

static void test_bad_range_is_named(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  const struct gw_str texts[] = {GW_STR("10.0.0.0/8"), GW_STR("10.0.0.1/8"), GW_STR("x")};
  struct gw_cidr_set set;
  struct gw_str bad = {NULL, 0};
  assert_int_equal(gw_cidr_set_build(texts, 3, &arena, &set, &bad), GW_ERR_INVALID);
  assert_true(gw_str_equal(bad, GW_STR("10.0.0.1/8")));
  gw_arena_done(&arena);
}

/* Few bits, so that ranges and addresses meet. */
static void format_address(struct gw_random *random, char out[64], unsigned *ret_bits) {
  uint64_t bits = gw_random_next(random);
  *ret_bits = 0;
  if (bits & 1) {
    *ret_bits = (unsigned)(bits >> 1) % 33;
    uint32_t value = (uint32_t)(bits >> 8 & 3) << 30 | (uint32_t)(bits >> 10 & 7) << 16 | (uint32_t)(bits >> 16 & 3);
    value &= *ret_bits == 0 ? 0 : UINT32_MAX << (32 - *ret_bits);
    snprintf(out, 64, "%u.%u.%u.%u", value >> 24, value >> 16 & 255, value >> 8 & 255, value & 255);
    return;
  }
  unsigned width = (unsigned)(bits >> 1) % 129;
  unsigned groups[8] = {(unsigned)(bits >> 9 & 1) << 15, 0, 0, (unsigned)(bits >> 10 & 3), 0, 0, 0, (unsigned)(bits >> 12 & 3)};
  for (unsigned bit = width; bit < 128; bit++)
    groups[bit / 16] &= ~(0x8000u >> bit % 16);
  *ret_bits = width;
  snprintf(out, 64, "%x:%x:%x:%x:%x:%x:%x:%x", groups[0], groups[1], groups[2], groups[3], groups[4], groups[5], groups[6], groups[7]);
}

static void test_set_holds_what_one_of_its_ranges_holds(void **state) {
  (void)state;
  struct gw_random random;
  gw_random_init(&random, 42);
  for (int round = 0; round < 300; round++) {
    struct gw_arena arena;
    gw_arena_init(&arena, 4096);
    struct gw_str texts[20];
    struct gw_cidr cidrs[20];
    uint32_t count = (uint32_t)(gw_random_next(&random) % 20);
    char text[64];
    unsigned bits;
    for (uint32_t i = 0; i < count; i++) {
      format_address(&random, text, &bits);
      texts[i] = gw_str_from(gw_arena_printf(&arena, "%s/%u", text, bits));
      assert_int_equal(gw_cidr_parse(texts[i], &cidrs[i]), GW_OK);
    }
    struct gw_cidr_set set;
    struct gw_str bad;
    assert_int_equal(gw_cidr_set_build(texts, count, &arena, &set, &bad), GW_OK);
    for (int probe = 0; probe < 200; probe++) {
      format_address(&random, text, &bits);
      struct gw_address address = parse(text);
      bool is_in = false;
      for (uint32_t i = 0; i < count; i++)
        is_in = is_in || gw_cidr_contains(&cidrs[i], &address);
      if (gw_cidr_set_contains(&set, &address) != is_in) fail_msg("%s: %d", text, is_in);
    }
    gw_arena_done(&arena);
  }
}

static void test_mapped_address_is_the_ipv4_one(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  const struct gw_str v4 = GW_STR("10.0.0.0/8"), v6 = GW_STR("::/0");
  struct gw_cidr_set set;
  struct gw_str bad;
  struct gw_address mapped = parse("::ffff:10.1.1.1");
  assert_int_equal(gw_cidr_set_build(&v4, 1, &arena, &set, &bad), GW_OK);
  assert_true(gw_cidr_set_contains(&set, &mapped));
  assert_int_equal(gw_cidr_set_build(&v6, 1, &arena, &set, &bad), GW_OK);
  assert_false(gw_cidr_set_contains(&set, &mapped));
  gw_arena_done(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_empty_set_holds_nothing),
      cmocka_unit_test(test_bad_range_is_named),
      cmocka_unit_test(test_set_holds_what_one_of_its_ranges_holds),
      cmocka_unit_test(test_mapped_address_is_the_ipv4_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
