/* Why: what the parts of jwt_authn's codec share.
 * Life: see decode.h and encode.h.
 * Thread: one at a time. */
#ifndef GW_COMMON_XDS_DECODE_JWT_AUTHN_H
#define GW_COMMON_XDS_DECODE_JWT_AUTHN_H

#include "common/xds/filter_codecs.h"
#include "envoy/extensions/filters/http/jwt_authn/v3/config.pb-c.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb-c.h"
#include "gateway/filters/http/v1/jwt_providers.pb-c.h"

ProtobufCMessage *gw_xds_encode_jwt_authn(struct gw_arena *arena, const struct gw_http_filter *filter);

/* gateway.filters.http.v1.JwtProviders is no filter in the model: it adds to the jwt_authn filter behind it. NULL: `any` is something
 * else. */
const Gateway__Filters__Http__V1__JwtProviders *
gw_xds_decode_jwt_providers(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const Google__Protobuf__Any *any);
/* `message` NULL: nothing is added. */
void gw_xds_add_jwt_providers(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                              const Gateway__Filters__Http__V1__JwtProviders *message, struct gw_http_filter *filters, uint32_t count);
/* The filter that stands before `filter`; NULL: it needs none. */
Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpFilter *
gw_xds_encode_jwt_providers(struct gw_arena *arena, const struct gw_http_filter *filter);

#endif
