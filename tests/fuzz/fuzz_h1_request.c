/* Request heads, which arrive byte by byte: what parses must encode, and parse to the same again. */
#include "common/message/uri.h"
#include "tests/fuzz/h1_checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_head(const struct gw_request_head *head) {
  bool is_connect = head->method == GW_METHOD_CONNECT;
  GW_ASSERT(gw_header_name_is_valid(head->method_name));
  GW_ASSERT(head->authority.len == 0 ? head->version == GW_HTTP_1_0 : gw_uri_authority_is_valid(head->authority));
  GW_ASSERT(is_connect ? head->path.len == 0 : head->path.data[0] == '/' || gw_str_equal(head->path, GW_STR("*")));
  GW_ASSERT(head->content_length >= GW_LENGTH_UNKNOWN);
  gw_fuzz_check_headers(&head->headers, true);
}

static void check_round_trip(struct gw_request_head *head, struct gw_arena *arena) {
  struct gw_request_head again;
  bool keep_alive;
  uint32_t status;
  struct gw_str detail;
  size_t head_len;
  gw_headers_remove_hop_by_hop(&head->headers);
  struct gw_str text = gw_h1_encode_request(head, arena);
  struct gw_h1_limits limits = {.head_bytes = text.len, .header_count = gw_fuzz_limits.header_count + 2};
  size_t scanned = 0;
  GW_ASSERT(gw_h1_find_head(text.data, text.len, &limits, &scanned, &head_len) == GW_OK && head_len == text.len);
  GW_ASSERT(gw_h1_parse_request(text, &limits, arena, &again, &keep_alive, &status, &detail) == GW_OK);
  GW_ASSERT(gw_str_equal(again.method_name, head->method_name));
  GW_ASSERT(gw_str_equal(again.path, head->path));
  GW_ASSERT(gw_str_equal(again.authority, head->authority));
  GW_ASSERT(again.content_length == head->content_length || (again.content_length == 0 && head->content_length == GW_LENGTH_NONE));
  if (gw_headers_find(&head->headers, GW_HEADER_TE) != NULL) gw_headers_remove(&again.headers, GW_HEADER_CONNECTION);
  gw_fuzz_check_equal(&again.headers, &head->headers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct gw_arena arena;
  struct gw_request_head head;
  bool keep_alive;
  uint32_t status = 0;
  struct gw_str detail = {0};
  struct gw_str bytes = {(const char *)data, size};
  gw_arena_init(&arena, 4096);
  if (gw_fuzz_find_head(bytes, &bytes.len)) {
    enum gw_err err = gw_h1_parse_request(bytes, &gw_fuzz_limits, &arena, &head, &keep_alive, &status, &detail);
    if (err == GW_OK) {
      check_head(&head);
      /* A target without a path, and a request without a host, cannot be sent on. */
      if (head.path.len > 0 && head.authority.len > 0) check_round_trip(&head, &arena);
    } else {
      GW_ASSERT(status >= 400 && status <= 505 && detail.len > 0);
    }
  }
  gw_arena_done(&arena);
  return 0;
}
