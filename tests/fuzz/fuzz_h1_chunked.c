/* Chunked bodies: however the bytes are cut into two, and one by one, the result is that of all at once. Trailers are what may be sent on.
 */
#include "common/base/mem.h"
#include "common/http/h1_codec.h"
#include "common/message/trailers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Longer inputs are cut at some places only. */
#define CUTS_MAX 300

struct result {
  enum gw_err err;
  bool is_complete;
  size_t used;
  struct gw_strbuf data;
  struct gw_arena arena; /* of the trailers */
  struct gw_headers trailers;
};

/* Decodes one piece, which may hold several chunks. */
static void decode_piece(struct gw_h1_body *body, struct gw_str input, struct result *result) {
  size_t used;
  do {
    struct gw_str data;
    result->err = gw_h1_body_decode(body, input, &data, &used);
    if (result->err != GW_OK) return;
    GW_ASSERT(used <= input.len && data.len <= used);
    gw_strbuf_append_str(&result->data, data);
    result->used += used;
    input = gw_str_skip(input, used);
  } while (used > 0 && !body->is_complete);
  GW_ASSERT(body->is_complete || input.len == 0);
}

/* `first`: the length of the first piece; then pieces of `next` bytes. */
static void decode(struct gw_str bytes, size_t first, size_t next, bool wants_trailers, struct result *ret_result) {
  struct gw_h1_body body;
  *ret_result = (struct result){.err = GW_OK};
  gw_strbuf_init(&ret_result->data);
  gw_arena_init(&ret_result->arena, 256);
  gw_h1_body_init(&body, GW_LENGTH_UNKNOWN, true);
  if (wants_trailers) gw_h1_body_collect_trailers(&body, &ret_result->arena);
  size_t len = first;
  while (bytes.len > 0 && ret_result->err == GW_OK && !body.is_complete) {
    if (len > bytes.len) len = bytes.len;
    decode_piece(&body, (struct gw_str){bytes.data, len}, ret_result);
    bytes = gw_str_skip(bytes, len);
    len = next;
  }
  ret_result->is_complete = body.is_complete;
  ret_result->trailers = body.trailers;
}

static void result_done(struct result *result) {
  gw_strbuf_done(&result->data);
  gw_arena_done(&result->arena);
}

static void check_same(const struct result *whole, const struct result *pieces, bool wants_trailers) {
  GW_ASSERT(whole->err == pieces->err);
  GW_ASSERT(gw_str_equal(gw_strbuf_str(&whole->data), gw_strbuf_str(&pieces->data)));
  GW_ASSERT(whole->err != GW_OK || (whole->is_complete == pieces->is_complete && whole->used == pieces->used));
  if (!wants_trailers || whole->err != GW_OK) return;
  GW_ASSERT(whole->trailers.count == pieces->trailers.count);
  for (uint32_t i = 0; i < whole->trailers.count; i++) {
    GW_ASSERT(gw_str_equal(whole->trailers.items[i].name, pieces->trailers.items[i].name));
    GW_ASSERT(gw_str_equal(whole->trailers.items[i].value, pieces->trailers.items[i].value));
  }
}

/* They encode, and decode to the same again. */
static void check_trailers(struct result *whole) {
  struct result again;
  for (uint32_t i = 0; i < whole->trailers.count; i++) {
    const struct gw_header *field = &whole->trailers.items[i];
    GW_ASSERT(gw_header_name_is_valid(field->name) && gw_header_value_is_valid(field->value));
    GW_ASSERT(field->id == gw_header_id_find(field->name) && gw_trailer_is_allowed(field));
  }
  struct gw_str text = gw_h1_encode_last_chunk(&whole->trailers, &whole->arena);
  decode(text, text.len, text.len, true, &again);
  GW_ASSERT(again.err == GW_OK && again.is_complete && again.used == text.len && again.data.len == 0);
  again.used = whole->used;
  whole->data.len = 0;
  check_same(whole, &again, true);
  result_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct result whole;
  struct result pieces;
  struct gw_str bytes = {(const char *)data, size};
  decode(bytes, size, size, true, &whole);
  decode(bytes, size, size, false, &pieces);
  check_same(&whole, &pieces, false);
  result_done(&pieces);
  decode(bytes, 1, 1, true, &pieces);
  check_same(&whole, &pieces, true);
  result_done(&pieces);
  for (size_t cut = 1; cut < size; cut += 1 + size / CUTS_MAX) {
    decode(bytes, cut, size, true, &pieces);
    check_same(&whole, &pieces, true);
    result_done(&pieces);
  }
  if (whole.is_complete) check_trailers(&whole);
  result_done(&whole);
  return 0;
}
