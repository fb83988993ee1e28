#include "common/base/mem.h"
#include "common/xds/filter_codecs.h"
#include "common/xds/rbac_codec.h"

typedef Envoy__Extensions__Filters__Http__Rbac__V3__RBAC Filter;
typedef Envoy__Extensions__Filters__Http__Rbac__V3__RBACPerRoute PerRoute;
#define FILTER_DESCRIPTOR &envoy__extensions__filters__http__rbac__v3__rbac__descriptor
#define PER_ROUTE_DESCRIPTOR &envoy__extensions__filters__http__rbac__v3__rbacper_route__descriptor

static struct gw_rbac_rules decode_rules(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Filter *m) {
  return (struct gw_rbac_rules){.rules = gw_xds_decode_rbac(d, GW_XDS_FIELD(place, "rules"), m->rules),
                                .shadow = gw_xds_decode_rbac(d, GW_XDS_FIELD(place, "shadow_rules"), m->shadow_rules)};
}

static Filter *encode_rules(struct gw_arena *arena, const struct gw_rbac_rules *rules) {
  Filter *m = gw_xds_encode_new(arena, FILTER_DESCRIPTOR);
  if (rules->rules != NULL) m->rules = gw_xds_encode_rbac(arena, rules->rules);
  if (rules->shadow != NULL) m->shadow_rules = gw_xds_encode_rbac(arena, rules->shadow);
  return m;
}

static void decode(struct gw_xds_decoder *d, const struct gw_xds_place *place, const void *message, struct gw_http_filter *ret_filter) {
  ret_filter->settings.rbac = decode_rules(d, place, message);
}

static ProtobufCMessage *encode(struct gw_arena *arena, const struct gw_http_filter *filter) {
  return &encode_rules(arena, &filter->settings.rbac)->base;
}

static void decode_route(struct gw_xds_decoder *d, const struct gw_xds_place *place, const PerRoute *m,
                         const struct gw_rbac_route **ret_route) {
  if (*ret_route != NULL) gw_xds_refuse(d, place, "is there twice");
  struct gw_rbac_route *route = gw_arena_calloc(d->arena, 1, sizeof *route);
  if (m->rbac != NULL) route->rules = decode_rules(d, GW_XDS_FIELD(place, "rbac"), m->rbac);
  *ret_route = route;
}

/* Without any rules the filter is off for the route, which is said by leaving `rbac` out. */
static PerRoute *encode_route(struct gw_arena *arena, const struct gw_rbac_route *route) {
  if (route == NULL) return NULL;
  PerRoute *m = gw_xds_encode_new(arena, PER_ROUTE_DESCRIPTOR);
  if (route->rules.rules != NULL || route->rules.shadow != NULL) m->rbac = encode_rules(arena, &route->rules);
  return m;
}

static const struct gw_rbac_route *copy_route(struct gw_arena *arena, const struct gw_rbac_route *from) {
  if (from == NULL) return NULL;
  struct gw_arena scratch;
  struct gw_errors errors;
  const struct gw_rbac_route *to = NULL;
  gw_arena_init(&scratch, 4096);
  gw_errors_init(&errors);
  struct gw_xds_decoder decoder = {.arena = arena, .scratch = &scratch, .errors = &errors};
  decode_route(&decoder, NULL, encode_route(&scratch, from), &to);
  gw_errors_done(&errors);
  gw_arena_done(&scratch);
  return to;
}

#define ROUTE_CODEC(member)                                                                                                                \
  static void decode_##member(struct gw_xds_decoder *d, const struct gw_xds_place *place, const void *message,                             \
                              struct gw_route_filters *ret_filters) {                                                                      \
    decode_route(d, place, message, &ret_filters->member);                                                                                 \
  }                                                                                                                                        \
  static ProtobufCMessage *encode_##member(struct gw_arena *arena, const struct gw_route_filters *filters) {                               \
    return (ProtobufCMessage *)encode_route(arena, filters->member);                                                                       \
  }                                                                                                                                        \
  static void copy_##member(struct gw_arena *arena, const struct gw_route_filters *from, struct gw_route_filters *ret_filters) {           \
    ret_filters->member = copy_route(arena, from->member);                                                                                 \
  }
ROUTE_CODEC(rbac)
ROUTE_CODEC(rbac_deny)

const struct gw_xds_filter_codec gw_xds_filter_rbac = {
    .kind = GW_FILTER_RBAC,
    .descriptor = FILTER_DESCRIPTOR,
    .decode = decode,
    .encode = encode,
};

const struct gw_xds_filter_codec gw_xds_filter_rbac_deny = {
    .kind = GW_FILTER_RBAC_DENY,
    .name = GW_RBAC_DENY_FILTER,
    .descriptor = FILTER_DESCRIPTOR,
    .decode = decode,
    .encode = encode,
};

const struct gw_xds_route_filter_codec gw_xds_route_filter_rbac = {
    .filter_name = GW_RBAC_FILTER,
    .descriptor = PER_ROUTE_DESCRIPTOR,
    .decode = decode_rbac,
    .encode = encode_rbac,
    .copy = copy_rbac,
};

const struct gw_xds_route_filter_codec gw_xds_route_filter_rbac_deny = {
    .filter_name = GW_RBAC_DENY_FILTER,
    .descriptor = PER_ROUTE_DESCRIPTOR,
    .decode = decode_rbac_deny,
    .encode = encode_rbac_deny,
    .copy = copy_rbac_deny,
};
