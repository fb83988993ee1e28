/* Why: the parts of a route's encoder, one file a part.
 * Life: none of their own; see encode.h.
 * Thread: one at a time. */
#ifndef GW_COMMON_XDS_ENCODE_ROUTE_H
#define GW_COMMON_XDS_ENCODE_ROUTE_H

#include "common/xds/encode.h"

/* A text's (not PRESENT) and a field's condition. */
Envoy__Type__Matcher__V3__StringMatcher *gw_xds_encode_string_match(struct gw_arena *arena, const struct gw_string_match *match);
Envoy__Config__Route__V3__HeaderMatcher *gw_xds_encode_header_match(struct gw_arena *arena, const struct gw_header_match *header);
Envoy__Config__Route__V3__RouteMatch *gw_xds_encode_route_match(struct gw_arena *arena, const struct gw_route_match *match);
/* headers and query_parameters. */
void gw_xds_encode_matchers(struct gw_arena *arena, const struct gw_route_match *match, Envoy__Config__Route__V3__RouteMatch *message);
/* request_headers_to_add and …_to_remove, response_headers_to_add and …_to_remove. */
void gw_xds_encode_header_changes(struct gw_arena *arena, const struct gw_route *route, Envoy__Config__Route__V3__Route *message);
/* As decoding its wire form would give it. */
void gw_xds_copy_header_match(struct gw_arena *arena, const struct gw_header_match *from, struct gw_header_match *to);
/* Repeated HeaderValueOption. */
Envoy__Config__Core__V3__HeaderValueOption **gw_xds_encode_header_options(struct gw_arena *arena, const struct gw_header_option *options,
                                                                          uint32_t count);
Envoy__Config__Route__V3__WeightedCluster *gw_xds_encode_split(struct gw_arena *arena, const struct gw_route_split *split);
/* typed_per_filter_config. */
void gw_xds_encode_route_filters(struct gw_arena *arena, const struct gw_route *route, Envoy__Config__Route__V3__Route *message);

#endif
