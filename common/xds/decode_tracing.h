/* Why: tracing of an HTTP connection manager comes in two pieces: Envoy's, and what ours has beside it, in an optional filter.
 * Life: no objects.
 * Thread: one at a time. */
#ifndef GW_COMMON_XDS_DECODE_TRACING_H
#define GW_COMMON_XDS_DECODE_TRACING_H

#include "common/xds/decode_hcm.h"
#include "gateway/filters/http/v1/tracing.pb-c.h"

typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager__Tracing HcmTracing;
typedef Gateway__Filters__Http__V1__Tracing Own;

/* NULL: the filter is another one. */
const Own *gw_xds_find_own_tracing(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const Google__Protobuf__Any *any);
/* NULL: nothing is traced. `own` may be NULL. */
const struct gw_tracing *gw_xds_decode_tracing(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const HcmTracing *message,
                                               const struct gw_xds_place *own_place, const Own *own);

#endif
