/* Why: access logs on the wire, for the codecs of listeners and of what routes have of them.
 * Life: see decode.h and encode.h.
 * Thread: one at a time. */
#ifndef GW_COMMON_XDS_ACCESS_LOG_CODEC_H
#define GW_COMMON_XDS_ACCESS_LOG_CODEC_H

#include "common/xds/decode.h"
#include "envoy/config/accesslog/v3/accesslog.pb-c.h"

void gw_xds_decode_access_log(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                              const Envoy__Config__Accesslog__V3__AccessLog *message, struct gw_access_log *out);
/* NULL is a mistake. */
void gw_xds_decode_access_log_filter(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                     const Envoy__Config__Accesslog__V3__AccessLogFilter *message, struct gw_access_log_filter *out);
Envoy__Config__Accesslog__V3__AccessLog *gw_xds_encode_access_log(struct gw_arena *arena, const struct gw_access_log *log);
Envoy__Config__Accesslog__V3__AccessLogFilter *gw_xds_encode_access_log_filter(struct gw_arena *arena,
                                                                               const struct gw_access_log_filter *filter);

#endif
