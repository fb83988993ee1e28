/* Why: what must hold of every head that the parsers accept, for both fuzz targets.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_TESTS_FUZZ_H1_CHECKS_H
#define GW_TESTS_FUZZ_H1_CHECKS_H

#include "common/base/mem.h"
#include "common/http/h1_codec.h"

static const struct gw_h1_limits gw_fuzz_limits = {.head_bytes = 4096, .header_count = 50};

/* Nothing is left that the next parser could read differently. */
static inline void gw_fuzz_check_headers(const struct gw_headers *headers, bool is_request) {
  GW_ASSERT(headers->count <= gw_fuzz_limits.header_count);
  for (uint32_t i = 0; i < headers->count; i++) {
    const struct gw_header *header = &headers->items[i];
    GW_ASSERT(gw_header_name_is_valid(header->name));
    GW_ASSERT(gw_header_value_is_valid(header->value));
    GW_ASSERT(gw_str_equal(gw_str_trim(header->value), header->value));
    GW_ASSERT(header->id == gw_header_id_find(header->name));
    GW_ASSERT(header->id != GW_HEADER_CONTENT_LENGTH && header->id != GW_HEADER_TRANSFER_ENCODING);
    GW_ASSERT(!is_request || header->id != GW_HEADER_HOST);
  }
}

static inline void gw_fuzz_check_equal(const struct gw_headers *a, const struct gw_headers *b) {
  GW_ASSERT(a->count == b->count);
  for (uint32_t i = 0; i < a->count; i++) {
    GW_ASSERT(gw_str_equal(a->items[i].name, b->items[i].name));
    GW_ASSERT(gw_str_equal(a->items[i].value, b->items[i].value));
  }
}

/* The end of the head is found, at once and byte by byte, or not at all. */
static inline bool gw_fuzz_find_head(struct gw_str bytes, size_t *ret_len) {
  size_t scanned = 0;
  size_t whole_len = 0;
  size_t trickle_len = 0;
  enum gw_err whole = gw_h1_find_head(bytes.data, bytes.len, &gw_fuzz_limits, &scanned, &whole_len);
  enum gw_err trickle = GW_ERR_AGAIN;
  scanned = 0;
  for (size_t seen = 1; trickle == GW_ERR_AGAIN && seen <= bytes.len; seen++)
    trickle = gw_h1_find_head(bytes.data, seen, &gw_fuzz_limits, &scanned, &trickle_len);
  GW_ASSERT(whole == trickle && whole_len == trickle_len);
  if (whole == GW_OK) *ret_len = whole_len;
  return whole == GW_OK;
}

#endif
