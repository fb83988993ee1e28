/* Why: who the client is and how it came, as far as that can be believed: X-Forwarded-For, -Proto, -Host and -Client-Cert, in and out.
 * Life: no objects; what is added lies in the stream's arena. Thread: the worker's. */
#ifndef GW_DATAPLANE_PIPELINE_FORWARDED_H
#define GW_DATAPLANE_PIPELINE_FORWARDED_H

#include "dataplane/pipeline/stream.h"

/* Sets stream->remote, and the fields of stream->request as the listener says: use_remote_address, xff_num_trusted_hops,
 * XffConfig.xff_trusted_cidrs, forward_client_cert_details. */
void gw_forwarded_apply(struct gw_stream *stream);

#endif
