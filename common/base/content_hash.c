#include "common/base/content_hash.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/siphash.h"

uint64_t gw_content_hash(struct gw_str content) {
  static const struct gw_siphash_key key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
  return gw_siphash(key, content.data, content.len, 1, 3);
}

void gw_content_hash_format(struct gw_str content, char ret_version[GW_CONTENT_VERSION_SIZE]) {
  snprintf(ret_version, GW_CONTENT_VERSION_SIZE, "%016" PRIx64, gw_content_hash(content));
}
