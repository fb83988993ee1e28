/* Why: the parts of an HTTP connection manager's decoding share its types, whose protoc-c names are too long to be repeated.
 * Life: no objects.
 * Thread: one at a time. */
#ifndef GW_COMMON_XDS_DECODE_HCM_H
#define GW_COMMON_XDS_DECODE_HCM_H

#include "common/xds/decode.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb-c.h"

typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager Hcm;
#define HCM_PREFIX(name) envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager__##name

/* Who is believed about the client: hops and proxies (decode_forwarding.c). After the filters, since one of them may name the proxies. */
void gw_xds_decode_forwarding(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const Hcm *message,
                              struct gw_http_connection_manager *out);
/* What is told of clients' certificates, and which upgrades there are (decode_forwarding.c). */
void gw_xds_decode_client_certificates(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const Hcm *message,
                                       struct gw_http_connection_manager *out);
void gw_xds_decode_upgrades(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const Hcm *message,
                            struct gw_http_connection_manager *out);

#endif
