/* Why: whether an address is in any of many CIDR ranges, by as few comparisons as their number has binary digits.
 * Life: in the arena given.
 * Thread: frozen once built. */
#ifndef GW_COMMON_NET_CIDR_SET_H
#define GW_COMMON_NET_CIDR_SET_H

#include "common/base/arena.h"
#include "common/net/address.h"

struct gw_cidr_v4_range {
  uint32_t first; /* host order */
  uint32_t last;
};
struct gw_cidr_v6_range {
  uint8_t first[16];
  uint8_t last[16];
};
struct gw_cidr_set {
  const struct gw_cidr_v4_range *v4; /* ascending, apart from each other */
  const struct gw_cidr_v6_range *v6;
  uint32_t v4_count;
  uint32_t v6_count;
};

/* "10.0.0.0/8" and such. GW_ERR_INVALID: *ret_bad is the first that is none, and nothing is made. */
enum gw_err gw_cidr_set_build(const struct gw_str *texts, uint32_t count, struct gw_arena *arena, struct gw_cidr_set *ret_set,
                              struct gw_str *ret_bad);
/* As gw_cidr_contains: a mapped IPv4 address is the IPv4 one, and an IPv6 range holds none of those. */
bool gw_cidr_set_contains(const struct gw_cidr_set *set, const struct gw_address *address);

#endif
