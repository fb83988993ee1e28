/* Why: an immutable, ref-counted run of bytes: a resource is encoded once and its bytes are shared by all streams.
 * Life: new gives one reference; the last unref frees.
 * Thread: any; the count is atomic. */
#ifndef GW_COMMON_BASE_BYTES_H
#define GW_COMMON_BASE_BYTES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/str.h"

struct gw_bytes {
  atomic_uint refs;
  bool is_secret; /* overwritten before it is freed; set by the creator, before sharing */
  size_t len;
  char data[];
};

/* Uninitialised when data is NULL: the creator fills it before sharing. */
struct gw_bytes *gw_bytes_new(const void *data, size_t len);
struct gw_bytes *gw_bytes_ref(struct gw_bytes *bytes);
void gw_bytes_unref(struct gw_bytes *bytes);
static inline struct gw_str gw_bytes_str(const struct gw_bytes *bytes) {
  return (struct gw_str){bytes->data, bytes->len};
}

#endif
