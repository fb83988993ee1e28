/* Why: copies of a few bytes that give them back, for who looks at what it copies: texts of eight bytes and more in steps of eight, of
 *   which the last may overlap the one before, shorter ones likewise.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_COMMON_BASE_COPY_H
#define GW_COMMON_BASE_COPY_H

#include <stdint.h>
#include <string.h>

static inline uint64_t gw_copy_8(const char *from, char *to) {
  uint64_t bytes;
  memcpy(&bytes, from, sizeof(bytes));
  memcpy(to, &bytes, sizeof(bytes));
  return bytes;
}

static inline uint64_t gw_copy_4(const char *from, char *to) {
  uint32_t bytes;
  memcpy(&bytes, from, sizeof(bytes));
  memcpy(to, &bytes, sizeof(bytes));
  return bytes;
}

#endif
