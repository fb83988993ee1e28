/* Why: status codes' reason phrases and the mapping to gRPC status codes.
 * Life: constant strings.
 * Thread: any. */
#ifndef GW_COMMON_MESSAGE_STATUS_H
#define GW_COMMON_MESSAGE_STATUS_H

#include <stdint.h>

#include "common/base/str.h"

/* "Not Found"; empty when the code has none (RFC 9110 section 15). */
struct gw_str gw_status_reason(uint32_t status);
/* HTTP → gRPC (doc/http-grpc-status-mapping.md of gRPC): 401 → 16, 403 → 7, 404 → 12, 429/502/503/504 → 14, 400 → 13, else 2. */
uint32_t gw_status_to_grpc(uint32_t status);
/* gRPC → HTTP, as Envoy counts a grpc-status for outlier detection: "0" → 200, "14" → 503, "4" → 504 …; what is none → 500. */
uint32_t gw_status_from_grpc(struct gw_str code);

#endif
