/* Why: XXH64, the hash by which Envoy spreads keys over endpoints: with the same one, both kinds of node send a key to the same endpoint.
 * Anybody can compute it, so it is nothing for hash tables of what strangers send (common/base/siphash.h).
 * Life: no objects.
 * Thread: any. */
#ifndef GW_COMMON_BASE_XXH64_H
#define GW_COMMON_BASE_XXH64_H

#include <stdint.h>

#include "common/base/str.h"

/* XXH64 (Collet), the same on every machine. */
uint64_t gw_xxh64(struct gw_str data, uint64_t seed);

#endif
