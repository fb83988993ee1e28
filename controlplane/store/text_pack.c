#include "controlplane/store/text_pack.h"

#include <stdlib.h>
#include <zlib.h>

#include "common/base/mem.h"

struct gw_str gw_text_pack(struct gw_str first, struct gw_str second) {
  z_stream stream = {0};
  GW_ASSERT(deflateInit(&stream, Z_BEST_SPEED) == Z_OK); /* the loop waits for it */
  size_t room = deflateBound(&stream, first.len + second.len);
  char *packed = gw_malloc(room);
  stream.next_out = (Bytef *)packed;
  stream.avail_out = (uInt)room;
  const struct gw_str parts[] = {first, second};
  for (size_t i = 0; i < GW_ARRAY_LEN(parts); i++) {
    bool is_last = i + 1 == GW_ARRAY_LEN(parts);
    stream.next_in = (z_const Bytef *)(uintptr_t)parts[i].data;
    stream.avail_in = (uInt)parts[i].len;
    int code = deflate(&stream, is_last ? Z_FINISH : Z_NO_FLUSH);
    GW_ASSERT(code == (is_last ? Z_STREAM_END : Z_OK) || (parts[i].len == 0 && code == Z_BUF_ERROR));
  }
  struct gw_str result = {packed, room - stream.avail_out};
  deflateEnd(&stream);
  return result;
}

enum gw_err gw_text_unpack(struct gw_str packed, size_t bytes, struct gw_str *ret_text) {
  z_stream stream = {.next_in = (z_const Bytef *)(uintptr_t)packed.data, .avail_in = (uInt)packed.len};
  if (inflateInit(&stream) != Z_OK) return GW_ERR_INVALID;
  char *text = gw_malloc(bytes + 1);
  stream.next_out = (Bytef *)text;
  stream.avail_out = (uInt)bytes + 1; /* one more than there is shows what is too long */
  int code = inflate(&stream, Z_FINISH);
  bool is_whole = code == Z_STREAM_END && stream.avail_out == 1 && stream.avail_in == 0;
  inflateEnd(&stream);
  if (!is_whole) {
    free(text);
    return GW_ERR_INVALID;
  }
  text[bytes] = '\0';
  *ret_text = (struct gw_str){text, bytes};
  return GW_OK;
}
