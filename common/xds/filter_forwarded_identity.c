#include "common/base/mem.h"
#include "common/model/forwarded_identity.h"
#include "common/xds/encode.h"
#include "common/xds/filter_codecs.h"
#include "gateway/filters/http/v1/forwarded_identity.pb-c.h"

typedef Gateway__Filters__Http__V1__ForwardedIdentity ForwardedIdentity;

/* What the message calls a field's name, and where it stands in both. */
static const struct {
  const char *field;
  size_t in_message;
  size_t in_model;
} names[] = {
#define NAME(field, member)                                                                                                                \
  { #field, offsetof(ForwardedIdentity, field), offsetof(struct gw_forwarded_identity, member) }
    NAME(user_id_header, user_id),
    NAME(user_name_header, user_name),
    NAME(roles_header, roles),
    NAME(permissions_header, permissions),
    NAME(method_header, method),
    NAME(request_id_header, request_id),
    NAME(trace_id_header, trace_id),
    NAME(span_id_header, span_id),
    NAME(client_address_header, client_address),
    NAME(route_header, route),
    NAME(path_parameter_prefix, path_parameter_prefix),
#undef NAME
};

static void decode(struct gw_xds_decoder *d, const struct gw_xds_place *place, const void *message, struct gw_http_filter *ret_filter) {
  const ForwardedIdentity *m = message;
  struct gw_forwarded_identity *identity = gw_arena_calloc(d->arena, 1, sizeof *identity);
  for (size_t i = 0; i < GW_ARRAY_LEN(names); i++) {
    const char *text = *(const char *const *)(const void *)((const char *)m + names[i].in_message);
    struct gw_str *name = (struct gw_str *)(void *)((char *)identity + names[i].in_model);
    if (text[0] != '\0') *name = gw_xds_decode_header_name(d, GW_XDS_FIELD(place, names[i].field), text, false);
  }
  ret_filter->settings.forwarded_identity = identity;
}

static ProtobufCMessage *encode(struct gw_arena *arena, const struct gw_http_filter *filter) {
  const struct gw_forwarded_identity *identity = filter->settings.forwarded_identity;
  ForwardedIdentity *m = gw_xds_encode_new(arena, &gateway__filters__http__v1__forwarded_identity__descriptor);
  for (size_t i = 0; i < GW_ARRAY_LEN(names); i++) {
    const struct gw_str *name = (const struct gw_str *)(const void *)((const char *)identity + names[i].in_model);
    *(char **)(void *)((char *)m + names[i].in_message) = gw_xds_encode_str(arena, *name);
  }
  return &m->base;
}

/* Never optional: a service that believes these fields would believe whoever sends them. */
const struct gw_xds_filter_codec gw_xds_filter_forwarded_identity = {
    .kind = GW_FILTER_IDENTITY,
    .descriptor = &gateway__filters__http__v1__forwarded_identity__descriptor,
    .decode = decode,
    .encode = encode,
};
