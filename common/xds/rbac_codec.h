/* Why: the parts of RBAC's codec, one file a direction.
 * Life: none of their own; see decode.h and encode.h.
 * Thread: one at a time. */
#ifndef GW_COMMON_XDS_RBAC_CODEC_H
#define GW_COMMON_XDS_RBAC_CODEC_H

#include "common/model/rbac.h"
#include "common/xds/decode_route.h"
#include "common/xds/encode_route.h"
#include "envoy/config/rbac/v3/rbac.pb-c.h"
#include "envoy/extensions/filters/http/rbac/v3/rbac.pb-c.h"

/* NULL gives NULL. */
const struct gw_rbac *gw_xds_decode_rbac(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                         const Envoy__Config__Rbac__V3__RBAC *message);
Envoy__Config__Rbac__V3__RBAC *gw_xds_encode_rbac(struct gw_arena *arena, const struct gw_rbac *rbac);

/* `value` of `place` and below. */
void gw_xds_decode_claim(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                         const Envoy__Type__Matcher__V3__MetadataMatcher *message, struct gw_claim_match *out);
Envoy__Type__Matcher__V3__MetadataMatcher *gw_xds_encode_claim(struct gw_arena *arena, const struct gw_claim_match *claim);

#endif
