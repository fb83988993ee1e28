/* Why: the parts of a route's decoder, one file a part.
 * Life: none of their own; see decode.h.
 * Thread: one at a time. */
#ifndef GW_COMMON_XDS_DECODE_ROUTE_H
#define GW_COMMON_XDS_DECODE_ROUTE_H

#include "common/xds/decode.h"

/* A text's and a field's condition; never NULL. */
void gw_xds_decode_string_match(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                const Envoy__Type__Matcher__V3__StringMatcher *message, struct gw_string_match *out);
void gw_xds_decode_header_match(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                const Envoy__Config__Route__V3__HeaderMatcher *message, struct gw_header_match *out);
/* NULL is a mistake. */
void gw_xds_decode_route_match(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                               const Envoy__Config__Route__V3__RouteMatch *message, struct gw_route_match *out);
/* headers and query_parameters of `place`. */
void gw_xds_decode_matchers(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                            const Envoy__Config__Route__V3__RouteMatch *message, struct gw_route_match *out);
/* request_headers_to_add and …_to_remove, response_headers_to_add and …_to_remove of `place`. */
void gw_xds_decode_header_changes(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                  const Envoy__Config__Route__V3__Route *message, struct gw_route *out);
/* Repeated HeaderValueOption: `field` of `place`. */
const struct gw_header_option *gw_xds_decode_header_options(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                                            const char *field, Envoy__Config__Core__V3__HeaderValueOption *const *items,
                                                            size_t count, bool is_response);
/* weighted_clusters of `place`. */
const struct gw_route_split *gw_xds_decode_split(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                                 const Envoy__Config__Route__V3__WeightedCluster *message);
/* typed_per_filter_config of `place`. */
void gw_xds_decode_route_filters(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                 const Envoy__Config__Route__V3__Route *message, struct gw_route *out);
/* A pattern and its substitution. */
void gw_xds_decode_substitution(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                const Envoy__Type__Matcher__V3__RegexMatchAndSubstitute *message, struct gw_str *ret_pattern,
                                struct gw_str *ret_substitution);

#endif
