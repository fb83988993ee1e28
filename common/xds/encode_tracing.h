/* Why: the two pieces of tracing on the wire, see decode_tracing.h.
 * Life: in the arena.
 * Thread: one at a time. */
#ifndef GW_COMMON_XDS_ENCODE_TRACING_H
#define GW_COMMON_XDS_ENCODE_TRACING_H

#include "common/base/arena.h"
#include "common/model/tracing.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb-c.h"

typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager__Tracing HcmTracing;

HcmTracing *gw_xds_encode_tracing(struct gw_arena *arena, const struct gw_tracing *tracing);
/* What goes into a filter of its own. */
const ProtobufCMessage *gw_xds_encode_own_tracing(struct gw_arena *arena, const struct gw_tracing *tracing);

#endif
