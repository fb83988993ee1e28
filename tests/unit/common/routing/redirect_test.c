#include "common/routing/redirect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/mem.h"

#define S(text) GW_STR(text)

static const struct {
  const char *scheme, *authority, *path;
  struct gw_route_redirect redirect;
  const char *location;
} cases[] = {
    {"http", "example.com", "/a?b=c", {.scheme = S("https")}, "https://example.com/a?b=c"},
    {"http", "example.com:80", "/", {.scheme = S("https")}, "https://example.com/"},
    {"http", "example.com:8000", "/", {.scheme = S("https")}, "https://example.com:8000/"},
    {"http", "example.com:8000", "/", {.scheme = S("https"), .port = 8443}, "https://example.com:8443/"},
    {"http", "example.com:8000", "/", {.scheme = S("https"), .port = 443}, "https://example.com/"},
    {"https", "example.com:443", "/", {.scheme = S("http")}, "http://example.com/"},
    {"http", "[::1]:8000", "/", {.scheme = S("https"), .port = 8443}, "https://[::1]:8443/"},
    {"http", "[::1]", "/", {.scheme = S("https")}, "https://[::1]/"},
    {"http", "example.com", "/a", {.host = S("example.org")}, "http://example.org/a"},
    {"http", "example.com:81", "/a", {.host = S("example.org")}, "http://example.org/a"},
    {"http", "", "/a", {.host = S("example.org"), .port = 81}, "http://example.org:81/a"},
    {"http", "h", "/old/x?q", {.path = S("/new")}, "http://h/new?q"},
    {"http", "h", "/old/x?q", {.path = S("/new"), .strips_query = true}, "http://h/new"},
    {"http", "h", "/old/x?q", {.path = S("/new?p")}, "http://h/new?p"},
    {"http", "h", "/old/x?q", {.path = S("/new?p"), .strips_query = true}, "http://h/new?p"},
    {"http", "h", "/old/x?q", {.prefix_rewrite = S("/new")}, "http://h/new/x?q"},
    {"http", "h", "/old/x?q", {.prefix_rewrite = S("new"), .strips_query = true}, "http://h/new/x"},
    {"http", "h", "/a?q", {.strips_query = true}, "http://h/a"},
    {"http", "h", "//evil.example/", {.scheme = S("https")}, "https://h//evil.example/"},
};

static void test_location_is_the_request_with_what_the_route_replaces(void **state) {
  (void)state;
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_arena arena;
    gw_arena_init(&arena, 256);
    struct gw_route route = {.match = {.kind = GW_PATH_MATCH_PREFIX, .path = S("/old")}, .action = GW_ROUTE_REDIRECT};
    route.redirect = &cases[i].redirect;
    struct gw_request_head head = {.scheme = gw_str_from(cases[i].scheme),
                                   .authority = gw_str_from(cases[i].authority),
                                   .path = gw_str_from(cases[i].path)};
    struct gw_str location;
    assert_int_equal(gw_redirect_location(&route, NULL, &head, &arena, &location), GW_OK);
    assert_string_equal(location.data, cases[i].location);
    gw_arena_done(&arena);
  }
}

static void test_request_without_host_can_not_be_sent_elsewhere(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  const struct gw_route_redirect redirect = {.status = 301, .scheme = S("https")};
  const struct gw_route route = {.action = GW_ROUTE_REDIRECT, .redirect = &redirect};
  const struct gw_request_head head = {.scheme = S("http"), .path = S("/")};
  struct gw_str location;
  assert_int_equal(gw_redirect_location(&route, NULL, &head, &arena, &location), GW_ERR_NOT_FOUND);
  gw_arena_done(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_location_is_the_request_with_what_the_route_replaces),
      cmocka_unit_test(test_request_without_host_can_not_be_sent_elsewhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
