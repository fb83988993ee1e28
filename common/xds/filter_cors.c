#include "common/base/mem.h"
#include "common/model/access.h"
#include "common/xds/decode_route.h"
#include "common/xds/encode_route.h"
#include "common/xds/filter_codecs.h"
#include "envoy/extensions/filters/http/cors/v3/cors.pb-c.h"

typedef Envoy__Extensions__Filters__Http__Cors__V3__CorsPolicy Policy;
#define POLICY_DESCRIPTOR &envoy__extensions__filters__http__cors__v3__cors_policy__descriptor

static void decode(struct gw_xds_decoder *d, const struct gw_xds_place *place, const void *message, struct gw_http_filter *ret_filter) {
  (void)d, (void)place, (void)message, (void)ret_filter;
}

static ProtobufCMessage *encode(struct gw_arena *arena, const struct gw_http_filter *filter) {
  (void)filter;
  return gw_xds_encode_new(arena, &envoy__extensions__filters__http__cors__v3__cors__descriptor);
}

/* All or none: a part of the requests would be left to chance. */
static bool decode_enabled(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                           const Envoy__Config__Core__V3__RuntimeFractionalPercent *m) {
  if (m == NULL || m->default_value == NULL) return true;
  uint32_t denominator = gw_xds_decode_denominator(d, GW_XDS_FIELD(place, "default_value"), m->default_value);
  uint32_t numerator = m->default_value->numerator;
  if (numerator != 0 && numerator < denominator) gw_xds_refuse(d, place, "must be 0 or 100 percent");
  return numerator != 0;
}

/* What becomes a field's value. */
static struct gw_str decode_value(struct gw_xds_decoder *d, const struct gw_xds_place *place, const char *text) {
  for (const char *c = text; *c != '\0'; c++) {
    if ((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7f) continue;
    gw_xds_refuse(d, place, "holds a control character, or one that is not ASCII");
    break;
  }
  return gw_xds_decode_str(d, text);
}

static void decode_policy(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Policy *m, struct gw_cors_route *route) {
  struct gw_string_match *origins = gw_arena_calloc(d->arena, m->n_allow_origin_string_match, sizeof *origins);
  for (size_t i = 0; i < m->n_allow_origin_string_match; i++)
    gw_xds_decode_string_match(d, GW_XDS_ITEM(place, "allow_origin_string_match", i), m->allow_origin_string_match[i], &origins[i]);
  route->origins = origins;
  route->origin_count = (uint32_t)m->n_allow_origin_string_match;
  route->is_disabled = !decode_enabled(d, GW_XDS_FIELD(place, "filter_enabled"), m->filter_enabled);
  route->allows_credentials = gw_xds_decode_bool(m->allow_credentials, false);
  route->refuses_other_preflights = !gw_xds_decode_bool(m->forward_not_matching_preflights, true);
  route->allow_methods = decode_value(d, GW_XDS_FIELD(place, "allow_methods"), m->allow_methods);
  route->allow_headers = decode_value(d, GW_XDS_FIELD(place, "allow_headers"), m->allow_headers);
  route->expose_headers = decode_value(d, GW_XDS_FIELD(place, "expose_headers"), m->expose_headers);
  route->max_age = decode_value(d, GW_XDS_FIELD(place, "max_age"), m->max_age);
}

static void decode_route(struct gw_xds_decoder *d, const struct gw_xds_place *place, const void *message,
                         struct gw_route_filters *ret_filters) {
  struct gw_cors_route *route = gw_arena_calloc(d->arena, 1, sizeof *route);
  decode_policy(d, place, message, route);
  ret_filters->cors = route;
}

static ProtobufCMessage *encode_route(struct gw_arena *arena, const struct gw_route_filters *filters) {
  const struct gw_cors_route *route = filters->cors;
  if (route == NULL) return NULL;
  Policy *m = gw_xds_encode_new(arena, POLICY_DESCRIPTOR);
  m->n_allow_origin_string_match = route->origin_count;
  m->allow_origin_string_match = gw_xds_encode_array(arena, route->origin_count);
  for (uint32_t i = 0; i < route->origin_count; i++)
    m->allow_origin_string_match[i] = gw_xds_encode_string_match(arena, &route->origins[i]);
  if (route->is_disabled) {
    m->filter_enabled = gw_xds_encode_new(arena, &envoy__config__core__v3__runtime_fractional_percent__descriptor);
    m->filter_enabled->default_value = gw_xds_encode_new(arena, &envoy__type__v3__fractional_percent__descriptor);
  }
  m->allow_credentials = gw_xds_encode_bool(arena, route->allows_credentials);
  m->forward_not_matching_preflights = gw_xds_encode_bool(arena, !route->refuses_other_preflights);
  m->allow_methods = gw_xds_encode_str(arena, route->allow_methods);
  m->allow_headers = gw_xds_encode_str(arena, route->allow_headers);
  m->expose_headers = gw_xds_encode_str(arena, route->expose_headers);
  m->max_age = gw_xds_encode_str(arena, route->max_age);
  return &m->base;
}

static struct gw_str copy_str(struct gw_arena *arena, struct gw_str s) {
  return s.len > 0 ? gw_arena_copy(arena, s) : GW_STR("");
}

static void copy_route(struct gw_arena *arena, const struct gw_route_filters *from, struct gw_route_filters *ret_filters) {
  if (from->cors == NULL) return;
  struct gw_cors_route *route = gw_arena_alloc(arena, sizeof *route);
  *route = *from->cors;
  struct gw_string_match *origins = gw_arena_calloc(arena, route->origin_count, sizeof *origins);
  for (uint32_t i = 0; i < route->origin_count; i++) {
    origins[i] = from->cors->origins[i];
    origins[i].value = copy_str(arena, origins[i].value);
    origins[i].ignore_case = origins[i].ignore_case && origins[i].kind != GW_STRING_MATCH_REGEX;
  }
  route->origins = origins;
  route->allow_methods = copy_str(arena, route->allow_methods);
  route->allow_headers = copy_str(arena, route->allow_headers);
  route->expose_headers = copy_str(arena, route->expose_headers);
  route->max_age = copy_str(arena, route->max_age);
  ret_filters->cors = route;
}

const struct gw_xds_filter_codec gw_xds_filter_cors = {
    .kind = GW_FILTER_CORS,
    .descriptor = &envoy__extensions__filters__http__cors__v3__cors__descriptor,
    .decode = decode,
    .encode = encode,
};

const struct gw_xds_route_filter_codec gw_xds_route_filter_cors = {
    .filter_name = "envoy.filters.http.cors",
    .descriptor = POLICY_DESCRIPTOR,
    .decode = decode_route,
    .encode = encode_route,
    .copy = copy_route,
};
