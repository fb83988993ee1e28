#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/net/address.h"

static struct gw_address address_of(const char *text) {
  struct gw_address address = {0};
  if (gw_address_parse(gw_str_from(text), &address) != GW_OK) fail_msg("%s: refused", text);
  return address;
}

static void test_parse_and_format_are_inverse(void **state) {
  (void)state;
  const char *texts[] = {"127.0.0.1:80", "0.0.0.0:0",          "255.255.255.255:65535", "9.10.99.100:9", "101.199.200.209:10",
                         "1.2.3.4:99",   "1.2.3.4:100",        "1.2.3.4:1000",          "1.2.3.4:12345", "[::1]:80",
                         "[::]:0",       "[2001:db8::1:2]:443"};
  for (size_t i = 0; i < GW_ARRAY_LEN(texts); i++) {
    char text[GW_ADDRESS_TEXT_SIZE];
    struct gw_address address = address_of(texts[i]);
    struct gw_str formatted = gw_address_format(&address, text);
    assert_string_equal(formatted.data, texts[i]);
    assert_int_equal(formatted.len, strlen(texts[i]));
  }
}

static void test_parse_refuses_what_is_no_numeric_address(void **state) {
  (void)state;
  const char *texts[] = {"",
                         ":80",
                         "127.0.0.1",
                         "127.0.0.1:",
                         "127.0.0.1:65536",
                         "127.0.0.1:+1",
                         "127.0.0.1:1x",
                         "localhost:80",
                         "::1:80",
                         "[127.0.0.1]:80",
                         "[::1]",
                         "[::1]80",
                         "[]:80",
                         "127.1:80",
                         "1.2.3.256:1",
                         "[fe80::1%lo]:80",
                         "[::1:80",
                         "a long text that is no address at all, longer than any can be:80"};
  for (size_t i = 0; i < GW_ARRAY_LEN(texts); i++) {
    struct gw_address address;
    if (gw_address_parse(gw_str_from(texts[i]), &address) != GW_ERR_INVALID) fail_msg("%s: accepted", texts[i]);
  }
  struct gw_address address;
  assert_int_equal(gw_address_parse_ip(GW_STR("127.0.0.1\0x"), 1, &address), GW_ERR_INVALID);
}

static void test_split_takes_names_and_literals(void **state) {
  (void)state;
  struct gw_str host;
  uint16_t port;
  assert_int_equal(gw_address_split(GW_STR("service-1.local:8000"), &host, &port), GW_OK);
  assert_true(gw_str_equal(host, GW_STR("service-1.local")));
  assert_int_equal(port, 8000);
  assert_int_equal(gw_address_split(GW_STR("a:0065535"), &host, &port), GW_OK);
  assert_int_equal(port, 65535);
  assert_int_equal(gw_address_split(GW_STR("[fe80::1]:1"), &host, &port), GW_OK);
  assert_true(gw_str_equal(host, GW_STR("fe80::1")));
  assert_int_equal(gw_address_split(GW_STR("name"), &host, &port), GW_ERR_INVALID);
  assert_int_equal(gw_address_split(GW_STR("[name]:1"), &host, &port), GW_ERR_INVALID);
}

static void test_format_ip_shows_mapped_addresses_as_ipv4(void **state) {
  (void)state;
  char text[GW_ADDRESS_TEXT_SIZE];
  struct gw_address mapped = address_of("[::ffff:10.1.2.3]:80");
  struct gw_address v6 = address_of("[2001:db8::1]:80");
  struct gw_address none = {.any = {.sa_family = AF_UNIX}};
  assert_string_equal(gw_address_format_ip(&mapped, text).data, "10.1.2.3");
  assert_string_equal(gw_address_format(&mapped, text).data, "10.1.2.3:80");
  assert_string_equal(gw_address_format_ip(&v6, text).data, "2001:db8::1");
  assert_string_equal(gw_address_format_ip(&none, text).data, "-");
}

static void test_equal_and_loopback_and_port(void **state) {
  (void)state;
  struct gw_address a = address_of("127.0.0.1:80");
  struct gw_address b = address_of("127.0.0.1:81");
  struct gw_address c = address_of("[::1]:80");
  struct gw_address d = address_of("[::ffff:127.0.0.1]:80");
  struct gw_address e = address_of("10.0.0.1:80");
  assert_true(gw_address_equal(&a, &a));
  assert_true(gw_address_equal(&c, &c));
  assert_false(gw_address_equal(&a, &b));
  assert_false(gw_address_equal(&a, &c));
  assert_false(gw_address_equal(&c, &d));
  assert_true(gw_address_is_loopback(&a));
  assert_true(gw_address_is_loopback(&c));
  assert_true(gw_address_is_loopback(&d));
  assert_false(gw_address_is_loopback(&e));
  static const char *const here[] = {"127.0.0.1:1", "127.1.2.3:1", "[::1]:1", "localhost:1", "LocalHost:1"};
  static const char *const elsewhere[] = {"10.0.0.1:1",          "[2001:db8::1]:1", "localhost.example:1",
                                          "127.0.0.1.example:1", "0.0.0.0:1",       "nowhere"};
  for (size_t i = 0; i < GW_ARRAY_LEN(here); i++)
    assert_true(gw_address_is_loopback_target(gw_str_from(here[i])));
  for (size_t i = 0; i < GW_ARRAY_LEN(elsewhere); i++)
    assert_false(gw_address_is_loopback_target(gw_str_from(elsewhere[i])));
  assert_int_equal(gw_address_port(&b), 81);
  assert_int_equal(gw_address_port(&c), 80);
}

static void test_cidr_contains_its_range_only(void **state) {
  (void)state;
  const struct {
    const char *cidr, *address;
    bool is_inside;
  } cases[] = {
      {"10.0.0.0/8", "10.255.0.1:0", true},
      {"10.0.0.0/8", "11.0.0.0:0", false},
      {"10.0.0.0/8", "[::ffff:10.0.0.1]:0", true},
      {"10.0.0.0/8", "[::a00:1]:0", false},
      {"192.168.128.0/17", "192.168.200.1:0", true},
      {"192.168.128.0/17", "192.168.127.255:0", false},
      {"127.0.0.1", "127.0.0.1:5", true},
      {"127.0.0.1/32", "127.0.0.2:5", false},
      {"0.0.0.0/0", "1.2.3.4:0", true},
      {"0.0.0.0/0", "[2001:db8::1]:0", false},
      {"::/0", "[2001:db8::1]:0", true},
      {"::/0", "1.2.3.4:0", false},
      {"2001:db8::/33", "[2001:db8:7fff::1]:0", true},
      {"2001:db8::/33", "[2001:db8:8000::1]:0", false},
      {"::1", "[::1]:0", true},
      {"::1/128", "[::2]:0", false},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_cidr cidr;
    struct gw_address address = address_of(cases[i].address);
    assert_int_equal(gw_cidr_parse(gw_str_from(cases[i].cidr), &cidr), GW_OK);
    if (gw_cidr_contains(&cidr, &address) != cases[i].is_inside) fail_msg("%s %s", cases[i].cidr, cases[i].address);
  }
}

static void test_cidr_parse_refuses_bits_beyond_the_prefix(void **state) {
  (void)state;
  const char *texts[] = {"10.0.0.1/8", "10.0.0.0/33", "::1/127",     "::/129", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0/8",
                         "",           "/8",          "10.0.0.0/-1", "x"};
  for (size_t i = 0; i < GW_ARRAY_LEN(texts); i++) {
    struct gw_cidr cidr;
    if (gw_cidr_parse(gw_str_from(texts[i]), &cidr) != GW_ERR_INVALID) fail_msg("%s: accepted", texts[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parse_and_format_are_inverse),
      cmocka_unit_test(test_parse_refuses_what_is_no_numeric_address),
      cmocka_unit_test(test_split_takes_names_and_literals),
      cmocka_unit_test(test_format_ip_shows_mapped_addresses_as_ipv4),
      cmocka_unit_test(test_equal_and_loopback_and_port),
      cmocka_unit_test(test_cidr_contains_its_range_only),
      cmocka_unit_test(test_cidr_parse_refuses_bits_beyond_the_prefix),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
