/* gateway.filters.http.v1.AccessLogPerRoute */
#include "common/xds/access_log_codec.h"
#include "common/xds/encode_route.h"
#include "common/xds/filter_codecs.h"
#include "gateway/filters/http/v1/access_log.pb-c.h"

typedef Gateway__Filters__Http__V1__AccessLogPerRoute PerRoute;

static void decode(struct gw_xds_decoder *d, const struct gw_xds_place *place, const void *message, struct gw_route_filters *ret_filters) {
  const PerRoute *m = message;
  struct gw_access_log_route *route = gw_arena_calloc(d->arena, 1, sizeof *route);
  gw_xds_decode_access_log_filter(d, GW_XDS_FIELD(place, "filter"), m->filter, &route->filter);
  ret_filters->access_log = route;
}

static ProtobufCMessage *encode(struct gw_arena *arena, const struct gw_route_filters *filters) {
  if (filters->access_log == NULL) return NULL;
  PerRoute *m = gw_xds_encode_new(arena, &gateway__filters__http__v1__access_log_per_route__descriptor);
  m->filter = gw_xds_encode_access_log_filter(arena, &filters->access_log->filter);
  return &m->base;
}

static void copy_filter(struct gw_arena *arena, const struct gw_access_log_filter *from, struct gw_access_log_filter *to) {
  *to = *from;
  if (from->header != NULL) {
    struct gw_header_match *header = gw_arena_calloc(arena, 1, sizeof *header);
    gw_xds_copy_header_match(arena, from->header, header);
    to->header = header;
  }
  struct gw_str *flags = gw_arena_calloc(arena, from->flag_count, sizeof *flags);
  for (uint32_t i = 0; i < from->flag_count; i++)
    flags[i] = gw_arena_copy(arena, from->flags[i]);
  to->flags = flags;
  struct gw_access_log_filter *children = gw_arena_calloc(arena, from->child_count, sizeof *children);
  for (uint32_t i = 0; i < from->child_count; i++)
    copy_filter(arena, &from->children[i], &children[i]);
  to->children = children;
}

static void copy(struct gw_arena *arena, const struct gw_route_filters *from, struct gw_route_filters *ret_filters) {
  if (from->access_log == NULL) return;
  struct gw_access_log_route *route = gw_arena_calloc(arena, 1, sizeof *route);
  copy_filter(arena, &from->access_log->filter, &route->filter);
  ret_filters->access_log = route;
}

const struct gw_xds_route_filter_codec gw_xds_route_filter_access_log = {
    .filter_name = "gateway.filters.http.access_log",
    .descriptor = &gateway__filters__http__v1__access_log_per_route__descriptor,
    .is_optional = true,
    .decode = decode,
    .encode = encode,
    .copy = copy,
};
