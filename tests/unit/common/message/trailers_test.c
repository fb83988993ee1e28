#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/message/trailers.h"

static bool is_allowed(const char *name) {
  struct gw_header field = {.name = gw_str_from(name), .value = GW_STR("x"), .id = gw_header_id_find(gw_str_from(name))};
  return gw_trailer_is_allowed(&field);
}

static void test_trailers_that_are_allowed(void **state) {
  (void)state;
  const char *names[] = {"grpc-status",        "Grpc-Message", "grpc-status-details-bin", "X-Checksum",       "Server-Timing", "ETag",
                         "Content-Digest",     "Repr-Digest",  "content-digest",          "x-amz-checksum-1", "x-forwarded",   "conten",
                         "authentication-info"};
  for (size_t i = 0; i < GW_ARRAY_LEN(names); i++) {
    if (!is_allowed(names[i])) fail_msg("%s is not allowed", names[i]);
  }
}

static void test_trailers_that_frame_route_authenticate_or_describe(void **state) {
  (void)state;
  const char *names[] = {
      "Content-Length",
      "Transfer-Encoding",
      "Host",
      "Connection",
      "TE",
      "Trailer",
      "Upgrade",
      "Keep-Alive",
      "Authorization",
      "Cookie",
      "Set-Cookie",
      "set-COOKIE",
      "Proxy-Authorization",
      "WWW-Authenticate",
      "Content-Type",
      "Content-Range",
      "Content-Encoding",
      "content-",
      "X-Forwarded-For",
      "x-forwarded-client-cert",
      "Forwarded",
      "Via",
      "X-Real-IP",
      "Cache-Control",
      "Age",
      "Vary",
      "Expires",
      "Expect",
      "Range",
      "If-Match",
      "Max-Forwards",
      "Location",
      "Retry-After",
      "X-Request-Id",
      "X-Api-Key",
      "Date",
      "Accept",
      "Access-Control-Allow-Origin",
      "HTTP2-Settings",
      "Sec-WebSocket-Key",
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(names); i++) {
    if (is_allowed(names[i])) fail_msg("%s is allowed", names[i]);
  }
}

static void test_remove_forbidden_keeps_the_order_of_the_rest(void **state) {
  (void)state;
  struct gw_arena arena;
  struct gw_headers trailers;
  gw_arena_init(&arena, 1024);
  gw_headers_init(&trailers, &arena, 4);
  const char *names[] = {"Host", "A", "cookie", "set-cookie", "B", "C", "date"};
  for (size_t i = 0; i < GW_ARRAY_LEN(names); i++)
    gw_headers_add(&trailers, &arena, GW_HEADER_OTHER, gw_str_from(names[i]), GW_STR("x"));
  gw_trailers_remove_forbidden(&trailers);
  assert_int_equal(trailers.count, 3);
  for (uint32_t i = 0; i < 3; i++)
    assert_int_equal(trailers.items[i].name.data[0], "ABC"[i]);
  gw_arena_done(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_trailers_that_are_allowed),
      cmocka_unit_test(test_trailers_that_frame_route_authenticate_or_describe),
      cmocka_unit_test(test_remove_forbidden_keeps_the_order_of_the_rest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
