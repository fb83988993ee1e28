/* Why: who shows many credentials that are no good is guessing, and may not go on as fast as it can: failures are counted by address, an
 * IPv4 one or the /64 of an IPv6 one, over all workers.
 * Life: in the process's table of rate limits.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_PIPELINE_FAILED_CREDENTIALS_H
#define GW_DATAPLANE_PIPELINE_FAILED_CREDENTIALS_H

#include "dataplane/pipeline/stream.h"

/* The request's credentials (there were some) are no good. By whoever refuses them; without a limit (stream->failed_credentials) nothing
 * happens. */
void gw_failed_credentials_note(struct gw_stream *stream);
/* Whether the client's address has used up its failures, so that its credentials are not to be looked at; then *ret_wait_s is how long
 * until it has one again, at least 1. */
bool gw_failed_credentials_are_used_up(const struct gw_stream *stream, uint32_t *ret_wait_s);

#endif
