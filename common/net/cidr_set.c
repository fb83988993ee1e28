#include "common/net/cidr_set.h"

#include <stdlib.h>
#include <string.h>

#define MAPPED_BITS 96

static uint32_t get_u32(const uint8_t bytes[4]) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool is_v4(const struct gw_cidr *cidr) {
  static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return cidr->bits >= MAPPED_BITS && memcmp(cidr->bytes, mapped, sizeof mapped) == 0;
}

static struct gw_cidr_v4_range to_v4(const struct gw_cidr *cidr) {
  uint32_t first = get_u32(cidr->bytes + 12), host_bits = 128u - cidr->bits;
  return (struct gw_cidr_v4_range){first, host_bits >= 32 ? UINT32_MAX : first | ((1u << host_bits) - 1)};
}

static struct gw_cidr_v6_range to_v6(const struct gw_cidr *cidr) {
  struct gw_cidr_v6_range range;
  memcpy(range.first, cidr->bytes, sizeof range.first);
  memcpy(range.last, cidr->bytes, sizeof range.last);
  for (unsigned bit = cidr->bits; bit < 128; bit++)
    range.last[bit / 8] = (uint8_t)(range.last[bit / 8] | 0x80u >> bit % 8);
  return range;
}

static int compare_v4(const void *left, const void *right) {
  const struct gw_cidr_v4_range *a = left, *b = right;
  if (a->first != b->first) return a->first < b->first ? -1 : 1;
  return a->last < b->last ? -1 : a->last > b->last;
}

static int compare_v6(const void *left, const void *right) {
  return memcmp(left, right, sizeof(struct gw_cidr_v6_range));
}

/* CIDR ranges contain one another or are apart: those inside the one before go. */
static uint32_t merge_v4(struct gw_cidr_v4_range *ranges, uint32_t count) {
  uint32_t kept = 0;
  if (count > 1) qsort(ranges, count, sizeof *ranges, compare_v4);
  for (uint32_t i = 0; i < count; i++) {
    if (kept > 0 && ranges[i].first <= ranges[kept - 1].last) {
      if (ranges[i].last > ranges[kept - 1].last) ranges[kept - 1].last = ranges[i].last;
    } else {
      ranges[kept++] = ranges[i];
    }
  }
  return kept;
}

static uint32_t merge_v6(struct gw_cidr_v6_range *ranges, uint32_t count) {
  uint32_t kept = 0;
  if (count > 1) qsort(ranges, count, sizeof *ranges, compare_v6);
  for (uint32_t i = 0; i < count; i++) {
    struct gw_cidr_v6_range *before = kept > 0 ? &ranges[kept - 1] : NULL;
    if (before != NULL && memcmp(ranges[i].first, before->last, 16) <= 0) {
      if (memcmp(ranges[i].last, before->last, 16) > 0) memcpy(before->last, ranges[i].last, 16);
    } else {
      ranges[kept++] = ranges[i];
    }
  }
  return kept;
}

enum gw_err gw_cidr_set_build(const struct gw_str *texts, uint32_t count, struct gw_arena *arena, struct gw_cidr_set *ret_set,
                              struct gw_str *ret_bad) {
  struct gw_cidr_v4_range *v4 = gw_arena_calloc(arena, count, sizeof *v4);
  struct gw_cidr_v6_range *v6 = gw_arena_calloc(arena, count, sizeof *v6);
  struct gw_cidr_set set = {.v4 = v4, .v6 = v6};
  for (uint32_t i = 0; i < count; i++) {
    struct gw_cidr cidr;
    if (gw_cidr_parse(texts[i], &cidr) != GW_OK) {
      *ret_bad = texts[i];
      return GW_ERR_INVALID;
    }
    if (is_v4(&cidr))
      v4[set.v4_count++] = to_v4(&cidr);
    else
      v6[set.v6_count++] = to_v6(&cidr);
  }
  set.v4_count = merge_v4(v4, set.v4_count);
  set.v6_count = merge_v6(v6, set.v6_count);
  *ret_set = set;
  return GW_OK;
}

static bool has_v4(const struct gw_cidr_set *set, uint32_t address) {
  uint32_t low = 0, high = set->v4_count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (set->v4[middle].last < address)
      low = middle + 1;
    else
      high = middle;
  }
  return low < set->v4_count && set->v4[low].first <= address;
}

static bool has_v6(const struct gw_cidr_set *set, const uint8_t address[16]) {
  uint32_t low = 0, high = set->v6_count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (memcmp(set->v6[middle].last, address, 16) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low < set->v6_count && memcmp(set->v6[low].first, address, 16) <= 0;
}

bool gw_cidr_set_contains(const struct gw_cidr_set *set, const struct gw_address *address) {
  if (address->any.sa_family == AF_INET) return has_v4(set, ntohl(address->v4.sin_addr.s_addr));
  if (address->any.sa_family != AF_INET6) return false;
  const uint8_t *bytes = address->v6.sin6_addr.s6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr)) return has_v4(set, get_u32(bytes + 12));
  return has_v6(set, bytes);
}
