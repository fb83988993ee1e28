/* Heads and trailers built from any strings that the validity checks let through, as other protocols and filters might build them: what
 * goes on the wire parses as this one message and nothing behind it, so nothing can be injected. */
#include "common/message/trailers.h"
#include "common/message/upgrade.h"
#include "common/message/uri.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/h1_checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct gw_h1_limits limits = {.head_bytes = 65536, .header_count = 300};

/* Names as numbers too, so that well-known ones come often. */
static struct gw_str take_name(struct gw_fuzz_input *input) {
  unsigned choice = gw_fuzz_take_byte(input);
  if (choice == 0 || choice >= GW_HEADER_ID_COUNT) return gw_fuzz_take_str(input);
  return gw_header_id_name((enum gw_header_id)choice);
}

/* As a codec must: framing and Host are not among the fields, values are trimmed. */
static void take_fields(struct gw_fuzz_input *input, struct gw_arena *arena, struct gw_headers *ret_fields) {
  gw_headers_init(ret_fields, arena, 4);
  for (unsigned count = gw_fuzz_take_byte(input) % 16; count > 0; count--) {
    struct gw_str name = take_name(input);
    struct gw_str value = gw_str_trim(gw_fuzz_take_str(input));
    enum gw_header_id id = gw_header_id_find(name);
    bool is_owned = id == GW_HEADER_HOST || id == GW_HEADER_CONTENT_LENGTH || id == GW_HEADER_TRANSFER_ENCODING;
    if (is_owned || !gw_header_name_is_valid(name) || !gw_header_value_is_valid(value)) continue;
    gw_headers_add(ret_fields, arena, id, name, value);
  }
  gw_headers_remove_hop_by_hop(ret_fields);
}

static int64_t take_length(struct gw_fuzz_input *input) {
  static const int64_t lengths[] = {GW_LENGTH_NONE, GW_LENGTH_UNKNOWN, 0, 1, 9, 10, INT64_MAX};
  return lengths[gw_fuzz_take_byte(input) % GW_ARRAY_LEN(lengths)];
}

static void check_request(struct gw_fuzz_input *input, struct gw_arena *arena) {
  struct gw_request_head head = {.scheme = GW_STR("http")};
  struct gw_request_head again;
  const struct gw_uri_rules rules = {.normalize_path = false};
  bool must_redirect;
  bool keep_alive;
  uint32_t status;
  struct gw_str detail = {0};
  head.method_name = gw_fuzz_take_str(input);
  head.method = gw_method_find(head.method_name);
  head.authority = gw_fuzz_take_str(input);
  head.content_length = take_length(input);
  bool is_upgrade = gw_fuzz_take_byte(input) % 4 == 0;
  if (is_upgrade) head.upgrade = GW_STR("websocket");
  if (!gw_header_name_is_valid(head.method_name) || head.method == GW_METHOD_CONNECT) return;
  if (!gw_uri_authority_is_valid(head.authority)) return;
  if (gw_uri_normalize(gw_fuzz_take_str(input), &rules, arena, &head.path, &must_redirect) != GW_OK) return;
  take_fields(input, arena, &head.headers);
  struct gw_str text = gw_h1_encode_request(&head, arena);
  GW_ASSERT(gw_h1_parse_request(text, &limits, arena, &again, &keep_alive, &status, &detail) == GW_OK && keep_alive);
  GW_ASSERT(gw_str_equal(again.method_name, head.method_name) && gw_str_equal(again.path, head.path));
  GW_ASSERT(gw_str_equal(again.authority, head.authority) && again.version == GW_HTTP_1_1);
  GW_ASSERT(again.content_length == head.content_length || (again.content_length == 0 && head.content_length == GW_LENGTH_NONE));
  GW_ASSERT((gw_upgrade_find(&again) != GW_UPGRADE_NONE) == is_upgrade);
  gw_headers_remove_hop_by_hop(&again.headers);
  gw_fuzz_check_equal(&again.headers, &head.headers);
}

static void check_response(struct gw_fuzz_input *input, struct gw_arena *arena) {
  struct gw_response_head head = {.declared_length = GW_LENGTH_NONE};
  struct gw_response_head again;
  bool keep_alive;
  struct gw_str detail;
  head.status = 100 + gw_fuzz_take_byte(input) * 4 % 900;
  head.content_length = take_length(input);
  bool close = gw_fuzz_take_byte(input) % 2 == 0;
  take_fields(input, arena, &head.headers);
  struct gw_str text = gw_h1_encode_response(&head, true, close, false, arena);
  GW_ASSERT(gw_h1_parse_response(text, &limits, GW_METHOD_GET, arena, &again, &keep_alive, &detail) == GW_OK);
  GW_ASSERT(again.status == head.status);
  if (head.status >= 200 && head.status != 204 && head.status != 304 && head.content_length != GW_LENGTH_NONE) {
    GW_ASSERT(again.content_length == head.content_length && again.is_chunked == (head.content_length == GW_LENGTH_UNKNOWN));
    GW_ASSERT(keep_alive == !close);
  }
  gw_headers_remove_hop_by_hop(&again.headers);
  gw_fuzz_check_equal(&again.headers, &head.headers);
}

static void check_trailers(struct gw_fuzz_input *input, struct gw_arena *arena) {
  struct gw_headers trailers;
  struct gw_h1_body body;
  struct gw_str data;
  size_t used;
  take_fields(input, arena, &trailers);
  gw_trailers_remove_forbidden(&trailers);
  struct gw_str text = gw_h1_encode_last_chunk(&trailers, arena);
  gw_h1_body_init(&body, GW_LENGTH_UNKNOWN, true);
  gw_h1_body_collect_trailers(&body, arena);
  GW_ASSERT(gw_h1_body_decode(&body, text, &data, &used) == GW_OK && body.is_complete);
  GW_ASSERT(used == text.len && data.len == 0);
  gw_fuzz_check_equal(&body.trailers, &trailers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct gw_fuzz_input input = {data, data + size};
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  unsigned kind = gw_fuzz_take_byte(&input) % 3;
  (kind == 0 ? check_request : kind == 1 ? check_response : check_trailers)(&input, &arena);
  gw_arena_done(&arena);
  return 0;
}
