#include "common/xds/encode.h"

#include <string.h>

#include "common/xds/codec.h"
#include "common/xds/wire_walk.h"

#define FETCH_TIMEOUT_MS 15000

void *gw_xds_encode_new(struct gw_arena *arena, const ProtobufCMessageDescriptor *descriptor) {
  void *message = gw_arena_alloc(arena, descriptor->sizeof_message);
  protobuf_c_message_init(descriptor, message);
  return message;
}

void *gw_xds_encode_array(struct gw_arena *arena, size_t count) {
  return gw_arena_calloc(arena, count, sizeof(void *));
}

/* Never protobuf_c_empty_string, which would not be written where it is a oneof's member (`prefix: ""`). */
char *gw_xds_encode_str(struct gw_arena *arena, struct gw_str s) {
  return (char *)gw_arena_copy(arena, s).data;
}

Google__Protobuf__Duration *gw_xds_encode_duration(struct gw_arena *arena, uint64_t ms) {
  Google__Protobuf__Duration *duration = gw_xds_encode_new(arena, &google__protobuf__duration__descriptor);
  duration->seconds = (int64_t)(ms / 1000);
  duration->nanos = (int32_t)(ms % 1000) * 1000000;
  return duration;
}

Google__Protobuf__BoolValue *gw_xds_encode_bool(struct gw_arena *arena, bool value) {
  Google__Protobuf__BoolValue *wrapper = gw_xds_encode_new(arena, &google__protobuf__bool_value__descriptor);
  wrapper->value = value;
  return wrapper;
}

Google__Protobuf__UInt32Value *gw_xds_encode_u32(struct gw_arena *arena, uint32_t value) {
  Google__Protobuf__UInt32Value *wrapper = gw_xds_encode_new(arena, &google__protobuf__uint32_value__descriptor);
  wrapper->value = value;
  return wrapper;
}

Google__Protobuf__Any *gw_xds_encode_any(struct gw_arena *arena, const ProtobufCMessage *message) {
  Google__Protobuf__Any *any = gw_xds_encode_new(arena, &google__protobuf__any__descriptor);
  size_t prefix_len = sizeof GW_XDS_TYPE_URL_PREFIX - 1, name_size = strlen(message->descriptor->name) + 1;
  any->type_url = gw_arena_alloc_bytes(arena, prefix_len + name_size);
  memcpy(any->type_url, GW_XDS_TYPE_URL_PREFIX, prefix_len);
  memcpy(any->type_url + prefix_len, message->descriptor->name, name_size);
  any->value.len = protobuf_c_message_get_packed_size(message);
  any->value.data = gw_arena_alloc(arena, any->value.len);
  protobuf_c_message_pack(message, any->value.data);
  return any;
}

Envoy__Config__Core__V3__Http2ProtocolOptions *gw_xds_encode_http2(struct gw_arena *arena, const struct gw_http2_options *options) {
  Envoy__Config__Core__V3__Http2ProtocolOptions *m = gw_xds_encode_new(arena, &envoy__config__core__v3__http2_protocol_options__descriptor);
  m->allow_connect = options->allows_connect;
  if (!gw_http2_options_are_set(options)) return m;
  m->hpack_table_size = gw_xds_encode_u32(arena, options->hpack_table_size);
  m->max_concurrent_streams = gw_xds_encode_u32(arena, options->max_concurrent_streams);
  m->initial_stream_window_size = gw_xds_encode_u32(arena, options->initial_stream_window);
  m->initial_connection_window_size = gw_xds_encode_u32(arena, options->initial_connection_window);
  m->max_outbound_control_frames = gw_xds_encode_u32(arena, options->max_outbound_control_frames);
  m->max_consecutive_inbound_frames_with_empty_payload = gw_xds_encode_u32(arena, options->max_consecutive_empty_frames);
  m->max_inbound_priority_frames_per_stream = gw_xds_encode_u32(arena, options->max_priority_frames);
  m->max_inbound_window_update_frames_per_data_frame_sent = gw_xds_encode_u32(arena, options->max_window_updates);
  return m;
}

Envoy__Type__Matcher__V3__RegexMatcher *gw_xds_encode_regex(struct gw_arena *arena, struct gw_str regex) {
  Envoy__Type__Matcher__V3__RegexMatcher *matcher = gw_xds_encode_new(arena, &envoy__type__matcher__v3__regex_matcher__descriptor);
  matcher->regex = gw_xds_encode_str(arena, regex);
  return matcher;
}

Envoy__Config__Core__V3__DataSource *gw_xds_encode_data_source(struct gw_arena *arena, struct gw_str content) {
  Envoy__Config__Core__V3__DataSource *source = gw_xds_encode_new(arena, &envoy__config__core__v3__data_source__descriptor);
  if (gw_wire_string_fault(content) == NULL) {
    source->specifier_case = ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_INLINE_STRING;
    source->inline_string = gw_xds_encode_str(arena, content);
  } else {
    source->specifier_case = ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_INLINE_BYTES;
    source->inline_bytes.len = content.len;
    source->inline_bytes.data = (uint8_t *)gw_arena_copy(arena, content).data;
  }
  return source;
}

Envoy__Config__Core__V3__Address *gw_xds_encode_address(struct gw_arena *arena, struct gw_str host, uint16_t port) {
  Envoy__Config__Core__V3__SocketAddress *socket = gw_xds_encode_new(arena, &envoy__config__core__v3__socket_address__descriptor);
  socket->address = gw_xds_encode_str(arena, host);
  socket->port_specifier_case = ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PORT_SPECIFIER_PORT_VALUE;
  socket->port_value = port;
  Envoy__Config__Core__V3__Address *address = gw_xds_encode_new(arena, &envoy__config__core__v3__address__descriptor);
  address->address_case = ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_SOCKET_ADDRESS;
  address->socket_address = socket;
  return address;
}

Envoy__Config__Core__V3__ConfigSource *gw_xds_encode_ads_source(struct gw_arena *arena) {
  Envoy__Config__Core__V3__ConfigSource *source = gw_xds_encode_new(arena, &envoy__config__core__v3__config_source__descriptor);
  source->config_source_specifier_case = ENVOY__CONFIG__CORE__V3__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER_ADS;
  source->ads = gw_xds_encode_new(arena, &envoy__config__core__v3__aggregated_config_source__descriptor);
  source->resource_api_version = ENVOY__CONFIG__CORE__V3__API_VERSION__V3;
  source->initial_fetch_timeout = gw_xds_encode_duration(arena, FETCH_TIMEOUT_MS);
  return source;
}
