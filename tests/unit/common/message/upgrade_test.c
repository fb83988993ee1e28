#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/message/upgrade.h"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n"
#define VERSION "Sec-WebSocket-Version: 13\n"
#define WANTED "Connection: Upgrade\nUpgrade: websocket\n"

/* "Name: value" lines. */
static void add_lines(struct gw_headers *headers, struct gw_arena *arena, const char *lines) {
  struct gw_str rest = gw_str_from(lines);
  struct gw_str line;
  gw_headers_init(headers, arena, 8);
  while (gw_str_split_next(&rest, '\n', &line)) {
    ptrdiff_t colon = gw_str_find_char(line, ':');
    if (colon < 0) continue;
    gw_headers_add(headers, arena, GW_HEADER_OTHER, (struct gw_str){line.data, (size_t)colon},
                   gw_str_trim(gw_str_skip(line, (size_t)colon + 1)));
  }
}

static enum gw_upgrade find(enum gw_method method, enum gw_http_version version, int64_t content_length, const char *lines) {
  struct gw_arena arena;
  struct gw_request_head head = {.method = method, .version = version, .content_length = content_length};
  gw_arena_init(&arena, 1024);
  add_lines(&head.headers, &arena, lines);
  enum gw_upgrade found = gw_upgrade_find(&head);
  gw_arena_done(&arena);
  return found;
}

static void test_find_by_fields(void **state) {
  (void)state;
  const struct {
    const char *lines;
    enum gw_upgrade expected;
  } cases[] = {
      {"Accept: x\n", GW_UPGRADE_NONE},
      {"Upgrade: websocket\n" KEY VERSION, GW_UPGRADE_NONE},
      {"Connection: close\nUpgrade: websocket\n" KEY VERSION, GW_UPGRADE_NONE},
      {"Connection: Upgrade\n" KEY VERSION, GW_UPGRADE_NONE},
      {WANTED KEY VERSION, GW_UPGRADE_WEBSOCKET},
      {"connection: keep-alive , uPGRADE\nupgrade: WebSocket\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAA+/==\n" VERSION, GW_UPGRADE_WEBSOCKET},
      {"Connection: keep-alive\nConnection: upgrade\nUpgrade: foo/2\nUpgrade: bar, websocket\n" KEY VERSION, GW_UPGRADE_WEBSOCKET},
      {WANTED KEY "Sec-WebSocket-Version: 8\n", GW_UPGRADE_WEBSOCKET},
      {WANTED VERSION, GW_UPGRADE_BAD_WEBSOCKET},
      {WANTED KEY, GW_UPGRADE_BAD_WEBSOCKET},
      {WANTED KEY KEY VERSION, GW_UPGRADE_BAD_WEBSOCKET},
      {WANTED KEY VERSION VERSION, GW_UPGRADE_BAD_WEBSOCKET},
      {WANTED VERSION "Sec-WebSocket-Key: \n", GW_UPGRADE_BAD_WEBSOCKET},
      {WANTED VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\n", GW_UPGRADE_BAD_WEBSOCKET},
      {WANTED VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA\n", GW_UPGRADE_BAD_WEBSOCKET},
      {WANTED VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub2-jZQ==\n", GW_UPGRADE_BAD_WEBSOCKET},
      {"Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMA\n", GW_UPGRADE_H2C},
      {"Connection: Upgrade\nUpgrade: websocket, H2C\n" KEY VERSION, GW_UPGRADE_H2C},
      {"Connection: Upgrade\nUpgrade: TLS/1.0\n", GW_UPGRADE_OTHER},
      {"Connection: Upgrade\nUpgrade: websockets\n" KEY VERSION, GW_UPGRADE_OTHER},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    enum gw_upgrade found = find(GW_METHOD_GET, GW_HTTP_1_1, GW_LENGTH_NONE, cases[i].lines);
    if (found != cases[i].expected) fail_msg("%s: %d", cases[i].lines, (int)found);
  }
}

static void test_find_wants_a_get_of_1_1_without_a_body(void **state) {
  (void)state;
  const char *lines = WANTED KEY VERSION;
  assert_int_equal(find(GW_METHOD_GET, GW_HTTP_1_1, 0, lines), GW_UPGRADE_WEBSOCKET);
  assert_int_equal(find(GW_METHOD_GET, GW_HTTP_1_1, 1, lines), GW_UPGRADE_BAD_WEBSOCKET);
  assert_int_equal(find(GW_METHOD_GET, GW_HTTP_1_1, GW_LENGTH_UNKNOWN, lines), GW_UPGRADE_BAD_WEBSOCKET);
  assert_int_equal(find(GW_METHOD_POST, GW_HTTP_1_1, GW_LENGTH_NONE, lines), GW_UPGRADE_BAD_WEBSOCKET);
  assert_int_equal(find(GW_METHOD_GET, GW_HTTP_1_0, GW_LENGTH_NONE, lines), GW_UPGRADE_NONE);
  assert_int_equal(find(GW_METHOD_GET, GW_HTTP_2, GW_LENGTH_NONE, lines), GW_UPGRADE_NONE);
}

static void test_is_accepted_only_by_a_whole_101(void **state) {
  (void)state;
  const struct {
    uint32_t status;
    const char *lines;
    bool expected;
  } cases[] = {
      {101, WANTED "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n", true},
      {101, "connection: upgrade\nupgrade: WEBSOCKET\nsec-websocket-accept: x\n", true},
      {200, WANTED "Sec-WebSocket-Accept: x\n", false},
      {426, WANTED "Sec-WebSocket-Accept: x\n", false},
      {101, WANTED, false},
      {101, "Upgrade: websocket\nSec-WebSocket-Accept: x\n", false},
      {101, "Connection: Upgrade\nUpgrade: h2c\nSec-WebSocket-Accept: x\n", false},
      {101, "Connection: Upgrade\nSec-WebSocket-Accept: x\n", false},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_arena arena;
    struct gw_response_head head = {.status = cases[i].status};
    gw_arena_init(&arena, 1024);
    add_lines(&head.headers, &arena, cases[i].lines);
    if (gw_upgrade_is_accepted(&head) != cases[i].expected) fail_msg("%u %s", cases[i].status, cases[i].lines);
    gw_arena_done(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_find_by_fields),
      cmocka_unit_test(test_find_wants_a_get_of_1_1_without_a_body),
      cmocka_unit_test(test_is_accepted_only_by_a_whole_101),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
