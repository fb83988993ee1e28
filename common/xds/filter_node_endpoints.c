#include <arpa/inet.h>
#include <string.h>

#include "common/xds/encode.h"
#include "common/xds/filter_codecs.h"
#include "common/xds/wire.h"
#include "gateway/filters/http/v1/node_endpoints.pb-c.h"

static bool is_cidr(const char *text) {
  char address[INET6_ADDRSTRLEN];
  const char *slash = strchr(text, '/');
  if (slash == NULL || (size_t)(slash - text) >= sizeof address) return false;
  memcpy(address, text, (size_t)(slash - text));
  address[slash - text] = '\0';
  uint64_t bits;
  if (gw_str_parse_u64(gw_wire_str(slash + 1), &bits) != GW_OK) return false;
  struct in6_addr parsed;
  if (inet_pton(AF_INET, address, &parsed) == 1) return bits <= 32;
  return inet_pton(AF_INET6, address, &parsed) == 1 && bits <= 128;
}

static void decode(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const void *message,
                   struct gw_http_filter *ret_filter) {
  const Gateway__Filters__Http__V1__NodeEndpoints *m = message;
  struct gw_node_endpoints *out = &ret_filter->settings.node_endpoints;
  out->has_health = m->health;
  out->has_ready = m->ready;
  out->has_metrics = m->metrics;
  struct gw_str *allow = gw_arena_calloc(decoder->arena, m->n_metrics_allow, sizeof *allow);
  for (size_t i = 0; i < m->n_metrics_allow; i++) {
    allow[i] = gw_xds_decode_str(decoder, m->metrics_allow[i]);
    if (!is_cidr(m->metrics_allow[i]))
      gw_xds_refuse(decoder, GW_XDS_ITEM(place, "metrics_allow", i), "\"%s\" is not like 10.0.0.0/8 or 2001:db8::/32", m->metrics_allow[i]);
  }
  out->metrics_allow = allow;
  out->metrics_allow_count = (uint32_t)m->n_metrics_allow;
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
