/* Response heads, which arrive byte by byte; byte 0 is the request's method. What parses must encode, and parse to the same again. */
#include "tests/fuzz/h1_checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(struct gw_response_head *head, enum gw_method method, struct gw_arena *arena) {
  struct gw_response_head again;
  bool keep_alive;
  struct gw_str detail;
  gw_headers_remove_hop_by_hop(&head->headers);
  struct gw_str text = gw_h1_encode_response(head, head->is_chunked, !head->is_chunked, false, arena);
  struct gw_h1_limits limits = {.head_bytes = text.len, .header_count = gw_fuzz_limits.header_count + 2};
  GW_ASSERT(gw_h1_parse_response(text, &limits, method, arena, &again, &keep_alive, &detail) == GW_OK);
  gw_headers_remove(&again.headers, GW_HEADER_CONNECTION);
  gw_headers_remove(&again.headers, GW_HEADER_UPGRADE);
  GW_ASSERT(again.status == head->status);
  GW_ASSERT(again.content_length == head->content_length);
  GW_ASSERT(again.declared_length == head->declared_length);
  GW_ASSERT(again.is_chunked == head->is_chunked);
  gw_fuzz_check_equal(&again.headers, &head->headers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct gw_arena arena;
  struct gw_response_head head;
  bool keep_alive;
  struct gw_str detail = {0};
  if (size == 0) return 0;
  enum gw_method method = (enum gw_method)(data[0] % GW_METHOD_COUNT);
  struct gw_str bytes = {(const char *)data + 1, size - 1};
  gw_arena_init(&arena, 4096);
  if (gw_fuzz_find_head(bytes, &bytes.len)) {
    if (gw_h1_parse_response(bytes, &gw_fuzz_limits, method, &arena, &head, &keep_alive, &detail) == GW_OK) {
      GW_ASSERT(head.status >= 100 && head.status <= 999);
      GW_ASSERT(!keep_alive || head.content_length != GW_LENGTH_UNKNOWN || head.is_chunked);
      gw_fuzz_check_headers(&head.headers, false);
      check_round_trip(&head, method, &arena);
    } else {
      GW_ASSERT(detail.len > 0);
    }
  }
  gw_arena_done(&arena);
  return 0;
}
