#include "common/xds/encode.h"
#include "common/xds/filter_codecs.h"
#include "gateway/filters/http/v1/limits.pb-c.h"

static uint32_t decode_percent(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, uint32_t value) {
  if (value > 100) gw_xds_refuse(decoder, place, "is %u; allowed is 0 to 100", value);
  return value;
}

static void decode(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const void *message,
                   struct gw_http_filter *ret_filter) {
  const Gateway__Filters__Http__V1__Limits *m = message;
  ret_filter->settings.limits = (struct gw_limits){
      .max_request_body_bytes = m->max_request_body_bytes,
      .send_timeout_ms = gw_xds_decode_duration(decoder, GW_XDS_FIELD(place, "send_timeout"), m->send_timeout, 0),
      .max_uri_bytes = m->max_uri_bytes,
      .body_timeout_ms = gw_xds_decode_duration(decoder, GW_XDS_FIELD(place, "body_timeout"), m->body_timeout, 0),
      .max_connections_per_worker = m->max_connections_per_worker,
      .max_connections_per_client = m->max_connections_per_client,
      .max_stream_resets_per_minute = m->max_stream_resets_per_minute,
      .overload_memory_percent = decode_percent(decoder, GW_XDS_FIELD(place, "overload_memory_percent"), m->overload_memory_percent),
      .overload_descriptors_percent =
          decode_percent(decoder, GW_XDS_FIELD(place, "overload_descriptors_percent"), m->overload_descriptors_percent),
      .max_metric_series = m->max_metric_series,
  };
}

static ProtobufCMessage *encode(struct gw_arena *arena, const struct gw_http_filter *filter) {
  const struct gw_limits *limits = &filter->settings.limits;
  Gateway__Filters__Http__V1__Limits *m = gw_xds_encode_new(arena, &gateway__filters__http__v1__limits__descriptor);
  m->max_request_body_bytes = limits->max_request_body_bytes;
  m->send_timeout = gw_xds_encode_duration(arena, limits->send_timeout_ms);
  m->max_uri_bytes = limits->max_uri_bytes;
  m->body_timeout = gw_xds_encode_duration(arena, limits->body_timeout_ms);
  m->max_connections_per_worker = limits->max_connections_per_worker;
  m->max_connections_per_client = limits->max_connections_per_client;
  m->max_stream_resets_per_minute = limits->max_stream_resets_per_minute;
  m->overload_memory_percent = limits->overload_memory_percent;
  m->overload_descriptors_percent = limits->overload_descriptors_percent;
  m->max_metric_series = limits->max_metric_series;
  return &m->base;
}

/* Optional: stock Envoy has limits of its own, by its bootstrap. */
const struct gw_xds_filter_codec gw_xds_filter_limits = {
    .kind = GW_FILTER_LIMITS,
    .descriptor = &gateway__filters__http__v1__limits__descriptor,
    .is_optional = true,
    .decode = decode,
    .encode = encode,
};
