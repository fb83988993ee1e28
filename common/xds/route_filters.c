/* What filters are told of a route: its typed_per_filter_config. */
#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/xds/decode_route.h"
#include "common/xds/encode_route.h"
#include "common/xds/filter_codecs.h"
#include "gateway/filters/http/v1/limits.pb-c.h"

/* The name that the listener has the filter under. */
#define LIMITS_FILTER "gateway.filters.http.limits"

typedef Envoy__Config__Route__V3__Route Route;
typedef Envoy__Config__Route__V3__Route__TypedPerFilterConfigEntry Entry;

/* Of that name, or else the first of that message. NULL: none of ours. */
static const struct gw_xds_route_filter_codec *find_codec(const char *message, const char *name) {
  const struct gw_xds_route_filter_codec *found = NULL;
  for (const struct gw_xds_route_filter_codec *const *codec = gw_xds_route_filter_codecs; *codec != NULL; codec++) {
    if (strcmp((*codec)->descriptor->name, message) != 0) continue;
    if (strcmp((*codec)->filter_name, name) == 0) return *codec;
    if (found == NULL) found = *codec;
  }
  return found;
}

static void decode_limits(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Google__Protobuf__Any *any,
                          struct gw_route *out) {
  const Gateway__Filters__Http__V1__LimitsPerRoute *m =
      gw_xds_decode_any(d, place, any, &gateway__filters__http__v1__limits_per_route__descriptor);
  if (m == NULL || m->max_request_body_bytes == NULL) return;
  if (out->has_body_limit) gw_xds_refuse(d, place, "is there twice");
  out->has_body_limit = true;
  out->max_request_body_bytes = m->max_request_body_bytes->value;
}

/* The settings themselves, out of the hull that says whether they may be passed over. NULL after a mistake. */
static const Google__Protobuf__Any *unwrap(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Google__Protobuf__Any *any,
                                           bool *ret_is_optional, bool *ret_is_wrapped) {
  const ProtobufCMessageDescriptor *hull = &envoy__config__route__v3__filter_config__descriptor;
  *ret_is_optional = *ret_is_wrapped = false;
  if (strcmp(gw_xds_any_message(any), hull->name) != 0) return any;
  const Envoy__Config__Route__V3__FilterConfig *config = gw_xds_decode_any(d, place, any, hull);
  if (config == NULL) return NULL;
  *ret_is_optional = config->is_optional;
  *ret_is_wrapped = true;
  if (config->config == NULL) gw_xds_refuse(d, GW_XDS_FIELD(place, "config"), "is missing");
  return config->config;
}

/* Settings of a filter that we don't have are passed over when they say that this is right. */
static void decode_entry(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Entry *entry, struct gw_route_filters *filters,
                         bool *ret_is_set, struct gw_route *out) {
  bool is_optional, is_wrapped;
  const Google__Protobuf__Any *any = unwrap(d, place, entry->value, &is_optional, &is_wrapped);
  if (any == NULL) return;
  const struct gw_xds_place *inside = GW_XDS_FIELD(place, "config"), *at = is_wrapped ? inside : place;
  const struct gw_xds_route_filter_codec *codec = find_codec(gw_xds_any_message(any), entry->key);
  if (codec != NULL) {
    const void *message = gw_xds_decode_any(d, at, any, codec->descriptor);
    if (message == NULL) return;
    codec->decode(d, at, message, filters);
    *ret_is_set = true;
  } else if (strcmp(gw_xds_any_message(any), gateway__filters__http__v1__limits_per_route__descriptor.name) == 0) {
    decode_limits(d, at, any, out);
  } else if (!is_optional) {
    gw_xds_refuse(d, at, "type \"%s\" is not supported here", any->type_url);
  }
}

/* Equal settings have equal bytes: of 10,000 routes they are decoded, and held, once. */
static struct gw_str format_key(struct gw_xds_decoder *d, const Route *m) {
  struct gw_strbuf key;
  gw_strbuf_init(&key);
  for (size_t i = 0; i < m->n_typed_per_filter_config; i++) {
    const Google__Protobuf__Any *any = m->typed_per_filter_config[i]->value;
    if (any == NULL) continue;
    gw_strbuf_printf(&key, "%s %s %zu ", m->typed_per_filter_config[i]->key, any->type_url, any->value.len);
    gw_strbuf_append(&key, any->value.data, any->value.len);
  }
  struct gw_str copy = gw_arena_copy(d->scratch, gw_strbuf_str(&key));
  gw_strbuf_done(&key);
  return copy;
}

void gw_xds_decode_route_filters(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Route *m, struct gw_route *out) {
  if (m->n_typed_per_filter_config == 0) return;
  struct gw_str key = d->filters_seen != NULL ? format_key(d, m) : (struct gw_str){NULL, 0};
  const struct gw_route *same = d->filters_seen != NULL ? gw_map_find(d->filters_seen, key) : NULL;
  if (same != NULL) {
    out->filters = same->filters;
    out->has_body_limit = same->has_body_limit;
    out->max_request_body_bytes = same->max_request_body_bytes;
    return;
  }
  size_t errors_before = d->errors->error_count;
  struct gw_route_filters filters = {0};
  bool is_set = false;
  for (size_t i = 0; i < m->n_typed_per_filter_config; i++) {
    const struct gw_xds_place *at = GW_XDS_ITEM(place, "typed_per_filter_config", i);
    decode_entry(d, at, m->typed_per_filter_config[i], &filters, &is_set, out);
  }
  if (is_set) {
    struct gw_route_filters *own = gw_arena_calloc(d->arena, 1, sizeof *own);
    *own = filters;
    out->filters = own;
  }
  if (d->filters_seen != NULL && d->errors->error_count == errors_before) gw_map_put(d->filters_seen, key, out);
}

static void add_entry(struct gw_arena *arena, const char *name, ProtobufCMessage *message, bool is_optional, Route *m) {
  Entry *entry = gw_xds_encode_new(arena, &envoy__config__route__v3__route__typed_per_filter_config_entry__descriptor);
  entry->key = gw_xds_encode_str(arena, gw_str_from(name));
  entry->value = gw_xds_encode_any(arena, message);
  if (is_optional) {
    Envoy__Config__Route__V3__FilterConfig *config = gw_xds_encode_new(arena, &envoy__config__route__v3__filter_config__descriptor);
    config->config = entry->value;
    config->is_optional = true;
    entry->value = gw_xds_encode_any(arena, &config->base);
  }
  m->typed_per_filter_config[m->n_typed_per_filter_config++] = entry;
}

static size_t count_codecs(void) {
  size_t count = 0;
  while (gw_xds_route_filter_codecs[count] != NULL)
    count++;
  return count;
}

/* Limits are optional, as the filter itself is: stock Envoy has limits of its own, by its bootstrap. */
void gw_xds_encode_route_filters(struct gw_arena *arena, const struct gw_route *route, Route *m) {
  if (route->filters == NULL && !route->has_body_limit) return;
  m->typed_per_filter_config = gw_xds_encode_array(arena, count_codecs() + 1);
  for (const struct gw_xds_route_filter_codec *const *codec = gw_xds_route_filter_codecs; *codec != NULL; codec++) {
    ProtobufCMessage *message = route->filters != NULL ? (*codec)->encode(arena, route->filters) : NULL;
    if (message != NULL) add_entry(arena, (*codec)->filter_name, message, (*codec)->is_optional, m);
  }
  if (!route->has_body_limit) return;
  Gateway__Filters__Http__V1__LimitsPerRoute *limits = gw_xds_encode_new(arena, &gateway__filters__http__v1__limits_per_route__descriptor);
  limits->max_request_body_bytes = gw_xds_encode_new(arena, &google__protobuf__uint64_value__descriptor);
  limits->max_request_body_bytes->value = route->max_request_body_bytes;
  add_entry(arena, LIMITS_FILTER, &limits->base, true, m);
}

const struct gw_route_filters *gw_xds_copy_route_filters(struct gw_arena *arena, const struct gw_route_filters *from,
                                                         struct gw_map *copies) {
  if (from == NULL) return NULL;
  struct gw_str key = {(const char *)&from, sizeof(const struct gw_route_filters *)};
  struct gw_route_filters *to = gw_map_find(copies, key);
  if (to != NULL) return to;
  to = gw_arena_calloc(arena, 1, sizeof *to);
  for (const struct gw_xds_route_filter_codec *const *codec = gw_xds_route_filter_codecs; *codec != NULL; codec++)
    (*codec)->copy(arena, from, to);
  gw_map_put(copies, key, to);
  return to;
}
