#include "dataplane/filters/retry_decision.h"

#define GRPC_STATUS_MAX 16u

/* grpc-status of an answer without messages stands in its head ("trailers-only"). */
static uint32_t grpc_bit(const struct gw_response_head *response) {
  const struct gw_header *header = gw_headers_find(&response->headers, GW_HEADER_GRPC_STATUS);
  uint64_t code;
  if (header == NULL || gw_str_parse_u64(header->value, &code) != GW_OK || code > GRPC_STATUS_MAX) return 0;
  switch (code) {
  case 1: return GW_RETRY_GRPC_CANCELLED;
  case 4: return GW_RETRY_GRPC_DEADLINE_EXCEEDED;
  case 8: return GW_RETRY_GRPC_RESOURCE_EXHAUSTED;
  case 13: return GW_RETRY_GRPC_INTERNAL;
  case 14: return GW_RETRY_GRPC_UNAVAILABLE;
  default: return 0;
  }
}

#define GRPC_BITS                                                                                                                          \
  (GW_RETRY_GRPC_CANCELLED | GW_RETRY_GRPC_DEADLINE_EXCEEDED | GW_RETRY_GRPC_RESOURCE_EXHAUSTED | GW_RETRY_GRPC_INTERNAL |                 \
   GW_RETRY_GRPC_UNAVAILABLE)

bool gw_retry_wants_answer(const struct gw_retry_policy *policy, const struct gw_response_head *response) {
  uint32_t status = response->status;
  if ((policy->on & GW_RETRY_5XX) != 0 && status >= 500 && status <= 599) return true;
  if ((policy->on & GW_RETRY_GATEWAY_ERROR) != 0 && status >= 502 && status <= 504) return true;
  if ((policy->on & GW_RETRY_RETRIABLE_4XX) != 0 && status == 409) return true;
  for (uint32_t i = 0; (policy->on & GW_RETRY_RETRIABLE_STATUS_CODES) != 0 && i < policy->status_code_count; i++)
    if (policy->status_codes[i] == status) return true;
  return (policy->on & GRPC_BITS) != 0 && (policy->on & grpc_bit(response)) != 0;
}

bool gw_retry_wants_failure(const struct gw_retry_policy *policy, const struct gw_failure *failure) {
  if (failure->side != GW_FAILURE_UPSTREAM) return false;
  if ((policy->on & (GW_RETRY_5XX | GW_RETRY_GATEWAY_ERROR | GW_RETRY_RESET)) != 0) return true;
  if (failure->flag == GW_FLAG_UPSTREAM_CONNECT_FAILURE && (policy->on & GW_RETRY_CONNECT_FAILURE) != 0) return true;
  if (!failure->retry_ok) return false;
  if (failure->flag == GW_FLAG_UPSTREAM_REMOTE_RESET && (policy->on & GW_RETRY_REFUSED_STREAM) != 0) return true;
  return (policy->on & GW_RETRY_RESET_BEFORE_REQUEST) != 0;
}

uint64_t gw_retry_backoff_ms(const struct gw_retry_policy *policy, uint32_t number, struct gw_random *random) {
  uint64_t most_ms = policy->backoff_base_ms;
  while (--number > 0 && most_ms < policy->backoff_max_ms)
    most_ms *= 2;
  if (most_ms > policy->backoff_max_ms) most_ms = policy->backoff_max_ms;
  return most_ms > 0 ? gw_random_below(random, most_ms) : 0;
}
