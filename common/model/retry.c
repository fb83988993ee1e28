#include "common/model/retry.h"

#include "common/base/mem.h"

/* By bit. */
static const char *const names[] = {"5xx",
                                    "gateway-error",
                                    "connect-failure",
                                    "reset",
                                    "reset-before-request",
                                    "refused-stream",
                                    "retriable-4xx",
                                    "retriable-status-codes",
                                    "cancelled",
                                    "deadline-exceeded",
                                    "resource-exhausted",
                                    "internal",
                                    "unavailable"};
_Static_assert(GW_ARRAY_LEN(names) == GW_RETRY_ON_COUNT && GW_RETRY_GRPC_UNAVAILABLE == 1u << (GW_RETRY_ON_COUNT - 1), "a name for each");

uint32_t gw_retry_on_find(struct gw_str word) {
  for (uint32_t i = 0; i < GW_RETRY_ON_COUNT; i++)
    if (gw_str_equal(word, gw_str_from(names[i]))) return 1u << i;
  return 0;
}

const char *gw_retry_on_name(uint32_t bit) {
  return names[__builtin_ctz(bit)];
}
