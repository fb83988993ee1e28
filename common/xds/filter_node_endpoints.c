#include "common/xds/encode.h"
#include "common/xds/filter_codecs.h"
#include "gateway/filters/http/v1/node_endpoints.pb-c.h"

static void decode(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const void *message,
                   struct gw_http_filter *ret_filter) {
  const Gateway__Filters__Http__V1__NodeEndpoints *m = message;
  struct gw_node_endpoints *out = &ret_filter->settings.node_endpoints;
  out->has_health = m->health;
  out->has_ready = m->ready;
  out->has_metrics = m->metrics;
  gw_xds_decode_cidrs(decoder, place, "metrics_allow", (const char *const *)m->metrics_allow, m->n_metrics_allow, &out->metrics_allow,
                      &out->metrics_allow_count);
}

static ProtobufCMessage *encode(struct gw_arena *arena, const struct gw_http_filter *filter) {
  const struct gw_node_endpoints *settings = &filter->settings.node_endpoints;
  Gateway__Filters__Http__V1__NodeEndpoints *m = gw_xds_encode_new(arena, &gateway__filters__http__v1__node_endpoints__descriptor);
  m->health = settings->has_health;
  m->ready = settings->has_ready;
  m->metrics = settings->has_metrics;
  m->n_metrics_allow = settings->metrics_allow_count;
  m->metrics_allow = gw_xds_encode_array(arena, m->n_metrics_allow);
  for (uint32_t i = 0; i < settings->metrics_allow_count; i++)
    m->metrics_allow[i] = gw_xds_encode_str(arena, settings->metrics_allow[i]);
  return &m->base;
}

const struct gw_xds_filter_codec gw_xds_filter_node_endpoints = {
    .kind = GW_FILTER_NODE_ENDPOINTS,
    .descriptor = &gateway__filters__http__v1__node_endpoints__descriptor,
    .is_optional = true,
    .decode = decode,
    .encode = encode,
};
