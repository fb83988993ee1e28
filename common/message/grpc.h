/* Why: the little of gRPC's protocol that a proxy reads (gRPC over HTTP/2).
 * Life: no objects.
 * Thread: any. */
#ifndef GW_COMMON_MESSAGE_GRPC_H
#define GW_COMMON_MESSAGE_GRPC_H

#include "common/base/err.h"
#include "common/base/str.h"

/* grpc-timeout: one to eight digits and a unit of H, M, S, m, u, n; milliseconds, rounded up. GW_ERR_INVALID. */
enum gw_err gw_grpc_timeout_parse(struct gw_str value, uint64_t *ret_ms);

#endif
