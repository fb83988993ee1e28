/* Chunked bodies: byte 0 is the size of the pieces in which the rest arrives; the result must not depend on it. */
#include "common/base/mem.h"
#include "common/http/h1_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
  enum gw_err err;
  bool is_complete;
  size_t used;
  struct gw_strbuf data;
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

static void decode(struct gw_str bytes, size_t piece, struct result *ret_result) {
  struct gw_h1_body body;
  gw_h1_body_init(&body, GW_LENGTH_UNKNOWN, true);
  *ret_result = (struct result){.err = GW_OK};
  gw_strbuf_init(&ret_result->data);
  for (size_t at = 0; at < bytes.len && ret_result->err == GW_OK && !body.is_complete; at += piece) {
    size_t len = bytes.len - at < piece ? bytes.len - at : piece;
    decode_piece(&body, (struct gw_str){bytes.data + at, len}, ret_result);
  }
  ret_result->is_complete = body.is_complete;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct result whole;
  struct result pieces;
  if (size == 0) return 0;
  struct gw_str bytes = {(const char *)data + 1, size - 1};
  decode(bytes, bytes.len, &whole);
  decode(bytes, data[0] == 0 ? 1 : data[0], &pieces);
  GW_ASSERT(whole.err == pieces.err);
  GW_ASSERT(gw_str_equal(gw_strbuf_str(&whole.data), gw_strbuf_str(&pieces.data)));
  GW_ASSERT(whole.err != GW_OK || (whole.is_complete == pieces.is_complete && whole.used == pieces.used));
  gw_strbuf_done(&whole.data);
  gw_strbuf_done(&pieces.data);
  return 0;
}
