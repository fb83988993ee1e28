/* Why: one table of HTTP filters that can be decoded and encoded; a new filter is one file and one line in it.
 * Life: constant.
 * Thread: any. */
#ifndef GW_COMMON_XDS_FILTER_CODECS_H
#define GW_COMMON_XDS_FILTER_CODECS_H

#include "common/xds/decode.h"

/* Fills the settings in `ret_filter`, whose name and kind are set. */
typedef void (*gw_xds_filter_decode_fn)(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const void *message,
                                        struct gw_http_filter *ret_filter);
/* The filter's message, in the arena. */
typedef ProtobufCMessage *(*gw_xds_filter_encode_fn)(struct gw_arena *arena, const struct gw_http_filter *filter);

struct gw_xds_filter_codec {
  enum gw_filter_kind kind;
  const char *name; /* HttpFilter.name, where that makes the difference between filters of one message; NULL: any */
  const ProtobufCMessageDescriptor *descriptor;
  bool is_optional; /* written as HttpFilter.is_optional: other proxies may leave it out, as that loosens nothing */
  gw_xds_filter_decode_fn decode;
  gw_xds_filter_encode_fn encode;
};

/* What a route may have of a filter: one member of gw_route_filters. */
struct gw_xds_route_filter_codec {
  const char *filter_name; /* the key of typed_per_filter_config; read, it makes the difference between filters of one message */
  const ProtobufCMessageDescriptor *descriptor;
  bool is_optional; /* written as FilterConfig.is_optional: other proxies may pass over it, as that loosens nothing */
  void (*decode)(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const void *message,
                 struct gw_route_filters *ret_filters);
  /* The member's message, in the arena; NULL: the route has none. */
  ProtobufCMessage *(*encode)(struct gw_arena *arena, const struct gw_route_filters *filters);
  /* The member as decoding what `encode` made of it would give it. */
  void (*copy)(struct gw_arena *arena, const struct gw_route_filters *from, struct gw_route_filters *ret_filters);
};

/* NULL-terminated, in the order of names. */
extern const struct gw_xds_route_filter_codec *const gw_xds_route_filter_codecs[];

extern const struct gw_xds_filter_codec gw_xds_filter_router;
extern const struct gw_xds_filter_codec gw_xds_filter_node_endpoints;
extern const struct gw_xds_filter_codec gw_xds_filter_limits;
extern const struct gw_xds_filter_codec gw_xds_filter_access;
extern const struct gw_xds_filter_codec gw_xds_filter_cors;
extern const struct gw_xds_filter_codec gw_xds_filter_rbac;
extern const struct gw_xds_filter_codec gw_xds_filter_rbac_deny;
extern const struct gw_xds_filter_codec gw_xds_filter_api_key;
extern const struct gw_xds_route_filter_codec gw_xds_route_filter_api_key;
extern const struct gw_xds_filter_codec gw_xds_filter_local_limit;
extern const struct gw_xds_filter_codec gw_xds_filter_shared_limit;
extern const struct gw_xds_filter_codec gw_xds_filter_jwt_authn;
extern const struct gw_xds_filter_codec gw_xds_filter_forwarded_identity;

extern const struct gw_xds_route_filter_codec gw_xds_route_filter_jwt_authn;
extern const struct gw_xds_route_filter_codec gw_xds_route_filter_local_limit;
extern const struct gw_xds_route_filter_codec gw_xds_route_filter_shared_limit;

extern const struct gw_xds_route_filter_codec gw_xds_route_filter_access;
extern const struct gw_xds_route_filter_codec gw_xds_route_filter_access_log;
extern const struct gw_xds_route_filter_codec gw_xds_route_filter_cors;
extern const struct gw_xds_route_filter_codec gw_xds_route_filter_rbac;
extern const struct gw_xds_route_filter_codec gw_xds_route_filter_rbac_deny;

/* `message`: full name; `name`: the filter's. NULL: a filter that we don't have. */
const struct gw_xds_filter_codec *gw_xds_filter_codec_find(const char *message, const char *name);
const struct gw_xds_filter_codec *gw_xds_filter_codec_get(enum gw_filter_kind kind);

#endif
