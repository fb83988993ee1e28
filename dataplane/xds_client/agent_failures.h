/* Why: the agent's answer to FindFailures, from records to the wire.
 * Life: one call.
 * Thread: the loop's own.
 * Source: gateway.agent.v1.FoundFailures. */
#ifndef GW_DATAPLANE_XDS_CLIENT_AGENT_FAILURES_H
#define GW_DATAPLANE_XDS_CLIENT_AGENT_FAILURES_H

#include "common/base/bytes.h"
#include "common/model/failure_record.h"

/* The newest ones of so many are told. */
#define GW_AGENT_FAILURES_MAX 64u

/* A whole NodeMessage; the caller unrefs it. `records`: in the order of time. What is not printable ASCII in their texts becomes '?'. */
struct gw_bytes *gw_agent_encode_failures(uint64_t query_id, const struct gw_failure_record *const *records, uint32_t count,
                                          uint32_t silent_workers);

#endif
