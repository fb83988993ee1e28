#include "common/base/mem.h"
#include "common/model/access.h"
#include "common/xds/encode.h"
#include "common/xds/filter_codecs.h"
#include "gateway/filters/http/v1/access.pb-c.h"

typedef Gateway__Filters__Http__V1__Access Access;
typedef Gateway__Filters__Http__V1__AccessPerRoute PerRoute;

static void decode(struct gw_xds_decoder *d, const struct gw_xds_place *place, const void *message, struct gw_http_filter *ret_filter) {
  (void)d, (void)place;
  const Access *m = message;
  ret_filter->settings.access = (struct gw_access_limits){.max_failed_credentials_per_minute = m->max_failed_credentials_per_minute};
}

static ProtobufCMessage *encode(struct gw_arena *arena, const struct gw_http_filter *filter) {
  Access *m = gw_xds_encode_new(arena, &gateway__filters__http__v1__access__descriptor);
  m->max_failed_credentials_per_minute = filter->settings.access.max_failed_credentials_per_minute;
  return &m->base;
}

static void decode_route(struct gw_xds_decoder *d, const struct gw_xds_place *place, const void *message,
                         struct gw_route_filters *ret_filters) {
  const PerRoute *m = message;
  struct gw_access_route *route = gw_arena_calloc(d->arena, 1, sizeof *route);
  gw_xds_decode_cidrs(d, place, "allow", (const char *const *)m->allow, m->n_allow, &route->allow, &route->allow_count);
  gw_xds_decode_cidrs(d, place, "deny", (const char *const *)m->deny, m->n_deny, &route->deny, &route->deny_count);
  ret_filters->access = route;
}

static char **encode_ranges(struct gw_arena *arena, const struct gw_str *ranges, uint32_t count) {
  char **items = gw_xds_encode_array(arena, count);
  for (uint32_t i = 0; i < count; i++)
    items[i] = gw_xds_encode_str(arena, ranges[i]);
  return items;
}

static ProtobufCMessage *encode_route(struct gw_arena *arena, const struct gw_route_filters *filters) {
  const struct gw_access_route *route = filters->access;
  if (route == NULL) return NULL;
  PerRoute *m = gw_xds_encode_new(arena, &gateway__filters__http__v1__access_per_route__descriptor);
  m->n_allow = route->allow_count;
  m->allow = encode_ranges(arena, route->allow, route->allow_count);
  m->n_deny = route->deny_count;
  m->deny = encode_ranges(arena, route->deny, route->deny_count);
  return &m->base;
}

static const struct gw_str *copy_ranges(struct gw_arena *arena, const struct gw_str *from, uint32_t count) {
  struct gw_str *to = gw_arena_calloc(arena, count, sizeof *to);
  for (uint32_t i = 0; i < count; i++)
    to[i] = gw_arena_copy(arena, from[i]);
  return to;
}

static void copy_route(struct gw_arena *arena, const struct gw_route_filters *from, struct gw_route_filters *ret_filters) {
  if (from->access == NULL) return;
  struct gw_access_route *route = gw_arena_alloc(arena, sizeof *route);
  *route = *from->access;
  route->allow = copy_ranges(arena, from->access->allow, route->allow_count);
  route->deny = copy_ranges(arena, from->access->deny, route->deny_count);
  ret_filters->access = route;
}

const struct gw_xds_filter_codec gw_xds_filter_access = {
    .kind = GW_FILTER_ACCESS,
    .descriptor = &gateway__filters__http__v1__access__descriptor,
    .decode = decode,
    .encode = encode,
};

const struct gw_xds_route_filter_codec gw_xds_route_filter_access = {
    .filter_name = "gateway.filters.http.access",
    .descriptor = &gateway__filters__http__v1__access_per_route__descriptor,
    .decode = decode_route,
    .encode = encode_route,
    .copy = copy_route,
};
