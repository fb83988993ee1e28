#include "common/model/api_key_auth.h"
#include "common/xds/encode.h"
#include "common/xds/filter_codecs.h"
#include "gateway/filters/http/v1/api_key_auth.pb-c.h"

typedef Gateway__Filters__Http__V1__ApiKeyAuth ApiKeyAuth;
typedef Gateway__Filters__Http__V1__ApiKeyAuthPerRoute ApiKeyAuthPerRoute;

static void decode(struct gw_xds_decoder *d, const struct gw_xds_place *place, const void *message, struct gw_http_filter *ret_filter) {
  const ApiKeyAuth *m = message;
  struct gw_api_key_auth *auth = gw_arena_calloc(d->arena, 1, sizeof *auth);
  auth->header = gw_xds_decode_header_name(d, GW_XDS_FIELD(place, "header"), m->header, false);
  auth->is_forwarded = m->forward;
  ret_filter->settings.api_key = auth;
}

static ProtobufCMessage *encode(struct gw_arena *arena, const struct gw_http_filter *filter) {
  ApiKeyAuth *m = gw_xds_encode_new(arena, &gateway__filters__http__v1__api_key_auth__descriptor);
  m->header = gw_xds_encode_str(arena, filter->settings.api_key->header);
  m->forward = filter->settings.api_key->is_forwarded;
  return &m->base;
}

/* Never optional: without it everybody would be let in. */
const struct gw_xds_filter_codec gw_xds_filter_api_key = {
    .kind = GW_FILTER_API_KEY,
    .descriptor = &gateway__filters__http__v1__api_key_auth__descriptor,
    .decode = decode,
    .encode = encode,
};

static void decode_route(struct gw_xds_decoder *d, const struct gw_xds_place *place, const void *message,
                         struct gw_route_filters *ret_filters) {
  (void)place;
  const ApiKeyAuthPerRoute *m = message;
  struct gw_api_key_route *route = gw_arena_calloc(d->arena, 1, sizeof *route);
  *route = (struct gw_api_key_route){.is_required = m->required, .accepts_jwt = m->accepts_jwt};
  ret_filters->api_key = route;
}

static ProtobufCMessage *encode_route(struct gw_arena *arena, const struct gw_route_filters *filters) {
  if (filters->api_key == NULL) return NULL;
  ApiKeyAuthPerRoute *m = gw_xds_encode_new(arena, &gateway__filters__http__v1__api_key_auth_per_route__descriptor);
  m->required = filters->api_key->is_required;
  m->accepts_jwt = filters->api_key->accepts_jwt;
  return &m->base;
}

static void copy_route(struct gw_arena *arena, const struct gw_route_filters *from, struct gw_route_filters *ret_filters) {
  if (from->api_key == NULL) return;
  struct gw_api_key_route *route = gw_arena_alloc(arena, sizeof *route);
  *route = *from->api_key;
  ret_filters->api_key = route;
}

const struct gw_xds_route_filter_codec gw_xds_route_filter_api_key = {
    .filter_name = "gateway.filters.http.api_key",
    .descriptor = &gateway__filters__http__v1__api_key_auth_per_route__descriptor,
    .decode = decode_route,
    .encode = encode_route,
    .copy = copy_route,
};
