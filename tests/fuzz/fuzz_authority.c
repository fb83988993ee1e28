/* Authorities: a valid one has nothing in it that a URL's other parts begin with, splits into host and port, and is what a request's Host
 * may be. */
#include "common/base/mem.h"
#include "common/http/h1_codec.h"
#include "common/message/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct gw_h1_limits limits = {.head_bytes = 65536, .header_count = 4};

static enum gw_err parse(struct gw_str before, struct gw_str authority, struct gw_str behind, struct gw_arena *arena,
                         struct gw_request_head *ret_head) {
  struct gw_strbuf text;
  bool keep_alive;
  uint32_t status;
  struct gw_str detail;
  gw_strbuf_init(&text);
  gw_strbuf_append_str(&text, before);
  gw_strbuf_append_str(&text, authority);
  gw_strbuf_append_str(&text, behind);
  struct gw_str bytes = gw_arena_copy(arena, gw_strbuf_str(&text));
  gw_strbuf_done(&text);
  return gw_h1_parse_request(bytes, &limits, arena, ret_head, &keep_alive, &status, &detail);
}

static void check_valid(struct gw_str authority) {
  struct gw_str host = gw_uri_authority_host(authority);
  GW_ASSERT(host.len > 0 && host.data == authority.data && host.len <= authority.len);
  bool is_ipv6 = host.data[0] == '[';
  for (size_t i = 0; i < authority.len; i++) {
    char c = authority.data[i];
    GW_ASSERT(c > ' ' && c < 0x7f && strchr("/?#@\\,\"<>^`{|}", c) == NULL);
    GW_ASSERT(is_ipv6 || (c != '[' && c != ']'));
  }
  if (is_ipv6) GW_ASSERT(host.data[host.len - 1] == ']');
  if (host.len == authority.len) return;
  GW_ASSERT(authority.data[host.len] == ':');
  uint64_t port;
  GW_ASSERT(gw_str_parse_u64(gw_str_skip(authority, host.len + 1), &port) == GW_OK && port <= 65535);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct gw_str authority = {(const char *)data, size};
  struct gw_request_head head;
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  bool is_valid = gw_uri_authority_is_valid(authority);
  if (is_valid) check_valid(authority);
  /* A Host that makes a request valid is valid; a value is trimmed, and so may be valid where the bytes are not. */
  enum gw_err err = parse(GW_STR("GET / HTTP/1.1\r\nHost:"), authority, GW_STR("\r\n\r\n"), &arena, &head);
  if (err == GW_OK) GW_ASSERT(gw_uri_authority_is_valid(head.authority));
  if (is_valid) GW_ASSERT(err == GW_OK && gw_str_equal(head.authority, authority));
  err = parse(GW_STR("GET http://"), authority, GW_STR(" HTTP/1.0\r\n\r\n"), &arena, &head);
  if (is_valid) GW_ASSERT(err == GW_OK && gw_str_equal(head.authority, authority) && gw_str_equal(head.path, GW_STR("/")));
  gw_arena_done(&arena);
  return 0;
}
