/* Why: which answers and failures a policy sends a request again for, and after how long: no state, so that it can be read and tested
 * alone. Life: no objects. Thread: any. */
#ifndef GW_DATAPLANE_FILTERS_RETRY_DECISION_H
#define GW_DATAPLANE_FILTERS_RETRY_DECISION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/random.h"
#include "common/message/failure.h"
#include "common/message/message.h"
#include "common/model/retry.h"

/* The answer's head, before any of it went to the client. */
bool gw_retry_wants_answer(const struct gw_retry_policy *policy, const struct gw_response_head *response);
/* A try that brought no head. */
bool gw_retry_wants_failure(const struct gw_retry_policy *policy, const struct gw_failure *failure);
/* Before the `number`-th retry, from 1: uniform below min(base × 2^(number-1), max). */
uint64_t gw_retry_backoff_ms(const struct gw_retry_policy *policy, uint32_t number, struct gw_random *random);

#endif
