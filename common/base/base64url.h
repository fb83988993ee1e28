/* Why: base64url as tokens and keys are written in (RFC 7515 section 2: RFC 4648 section 5, no padding): one spelling of each content.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_COMMON_BASE_BASE64URL_H
#define GW_COMMON_BASE_BASE64URL_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

/* Bytes that `text_len` characters stand for, when they are valid. */
static inline size_t gw_base64url_decoded_len(size_t text_len) {
  return text_len / 4 * 3 + text_len % 4 * 3 / 4;
}
/* GW_ERR_INVALID: padding, white space, anything outside the alphabet, a length that can't be, or bits that are left over and not zero. */
enum gw_err gw_base64url_decode(struct gw_str text, struct gw_arena *arena, struct gw_str *ret_bytes);
void gw_base64url_append(struct gw_strbuf *buf, struct gw_str bytes);

#endif
