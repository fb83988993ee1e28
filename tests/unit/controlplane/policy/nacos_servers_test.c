#include "controlplane/policy/nacos_servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"

static void test_parse_gives_base_urls(void **state) {
  (void)state;
  static const struct {
    const char *text;
    const char *bases[3]; /* NULL ends them */
  } cases[] = {
      {"", {NULL}},
      {" , ,", {NULL}},
      {"10.0.0.1", {"http://10.0.0.1:8848/nacos", NULL}},
      {"10.0.0.1:80, nacos-2:8849 ", {"http://10.0.0.1:80/nacos", "http://nacos-2:8849/nacos", NULL}},
      {"[2001:db8::1],[::1]:1", {"http://[2001:db8::1]:8848/nacos", "http://[::1]:1/nacos", NULL}},
      {"https://nacos.example,http://a:1/registry/", {"https://nacos.example/nacos", "http://a:1/registry", NULL}},
      {"a/x", {"http://a:8848/x", NULL}},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_arena arena;
    const char *bases[GW_NACOS_SERVERS_MAX];
    uint32_t count;
    gw_arena_init(&arena, 256);
    assert_int_equal(gw_nacos_servers_parse(gw_str_from(cases[i].text), &arena, bases, &count), GW_OK);
    for (uint32_t k = 0; k < count; k++)
      assert_string_equal(bases[k], cases[i].bases[k]);
    assert_null(cases[i].bases[count]);
    gw_arena_done(&arena);
  }
}

static void test_parse_of_what_is_no_server_is_refused(void **state) {
  (void)state;
  static const char *const texts[] = {"a b",          "ftp://a",      "http://",
                                      "user@a",       "user:pw@a:1",  "a:99999",
                                      "a:x",          "http://a/x?y", "http://a/../b",
                                      "http://a/%zz", "http://a/x y", "http://a/x\\y",
                                      "https://a#b",  "a,b,:1",       "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17"};
  for (size_t i = 0; i < GW_ARRAY_LEN(texts); i++) {
    struct gw_arena arena;
    const char *bases[GW_NACOS_SERVERS_MAX] = {NULL};
    uint32_t count = 77;
    gw_arena_init(&arena, 256);
    if (gw_nacos_servers_parse(gw_str_from(texts[i]), &arena, bases, &count) != GW_ERR_INVALID) fail_msg("%s was taken", texts[i]);
    assert_int_equal(count, 77);
    gw_arena_done(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse_gives_base_urls),
                                     cmocka_unit_test(test_parse_of_what_is_no_server_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
