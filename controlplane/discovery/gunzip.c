#include "controlplane/discovery/gunzip.h"

#include <zlib.h>

#define PIECE_SIZE 16384u
#define GZIP_ONLY (16 + MAX_WBITS) /* zlib's way to say: with gzip's head and checksum, nothing else */

bool gw_gunzip_is_packed(struct gw_str data) {
  return data.len > 2 && (unsigned char)data.data[0] == 0x1f && (unsigned char)data.data[1] == 0x8b;
}

enum gw_err gw_gunzip(struct gw_str packed, size_t bytes_max, struct gw_strbuf *ret_data) {
  z_stream stream = {.next_in = (Bytef *)(uintptr_t)packed.data, .avail_in = (uInt)packed.len};
  unsigned char piece[PIECE_SIZE];
  size_t total = 0;
  if (packed.len > UINT32_MAX || inflateInit2(&stream, GZIP_ONLY) != Z_OK) return GW_ERR_LIMIT;
  int code = Z_OK;
  while (code == Z_OK && total <= bytes_max) {
    stream.next_out = piece;
    stream.avail_out = PIECE_SIZE;
    code = inflate(&stream, Z_NO_FLUSH);
    size_t len = PIECE_SIZE - stream.avail_out;
    total += len;
    if (total <= bytes_max) gw_strbuf_append(ret_data, piece, len);
  }
  bool is_whole = code == Z_STREAM_END && stream.avail_in == 0;
  inflateEnd(&stream);
  if (total > bytes_max) return GW_ERR_LIMIT;
  return is_whole ? GW_OK : GW_ERR_INVALID;
}
