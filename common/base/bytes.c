#include "common/base/bytes.h"

#include <stdlib.h>

#include "common/base/mem.h"

struct gw_bytes *gw_bytes_new(const void *data, size_t len) {
  size_t total;
  if (__builtin_add_overflow(len, sizeof(struct gw_bytes), &total)) GW_PANIC("out of memory (%zu bytes)", len);
  struct gw_bytes *bytes = gw_malloc(total);
  atomic_init(&bytes->refs, 1);
  bytes->is_secret = false;
  bytes->len = len;
  if (data != NULL && len > 0) memcpy(bytes->data, data, len);
  return bytes;
}

struct gw_bytes *gw_bytes_ref(struct gw_bytes *bytes) {
  if (bytes != NULL) atomic_fetch_add_explicit(&bytes->refs, 1, memory_order_relaxed);
  return bytes;
}

void gw_bytes_unref(struct gw_bytes *bytes) {
  if (bytes == NULL || atomic_fetch_sub_explicit(&bytes->refs, 1, memory_order_acq_rel) != 1) return;
  if (bytes->is_secret) explicit_bzero(bytes->data, bytes->len);
  free(bytes);
}
