#include "common/xds/decode.h"

/* Envoy's defaults and limits (since 1.36). */
#define HPACK_TABLE_SIZE 4096
#define CONCURRENT_STREAMS 1024
#define STREAM_WINDOW (16u << 20)
#define CONNECTION_WINDOW (24u << 20)
#define WINDOW_MIN 65535
#define OUTBOUND_CONTROL_FRAMES 1000
#define EMPTY_FRAMES 1
#define PRIORITY_FRAMES 100
#define WINDOW_UPDATES 10

struct gw_http2_options gw_xds_decode_http2(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                                            const Envoy__Config__Core__V3__Http2ProtocolOptions *m) {
  static const Envoy__Config__Core__V3__Http2ProtocolOptions absent = ENVOY__CONFIG__CORE__V3__HTTP2_PROTOCOL_OPTIONS__INIT;
  if (m == NULL) m = &absent;
  return (struct gw_http2_options){
      .hpack_table_size =
          gw_xds_decode_u32(d, GW_XDS_FIELD(place, "hpack_table_size"), m->hpack_table_size, HPACK_TABLE_SIZE, 0, UINT32_MAX),
      .max_concurrent_streams =
          gw_xds_decode_u32(d, GW_XDS_FIELD(place, "max_concurrent_streams"), m->max_concurrent_streams, CONCURRENT_STREAMS, 1, INT32_MAX),
      .initial_stream_window = gw_xds_decode_u32(d, GW_XDS_FIELD(place, "initial_stream_window_size"), m->initial_stream_window_size,
                                                 STREAM_WINDOW, WINDOW_MIN, INT32_MAX),
      .initial_connection_window = gw_xds_decode_u32(d, GW_XDS_FIELD(place, "initial_connection_window_size"),
                                                     m->initial_connection_window_size, CONNECTION_WINDOW, WINDOW_MIN, INT32_MAX),
      .allows_connect = m->allow_connect,
      .max_outbound_control_frames = gw_xds_decode_u32(d, GW_XDS_FIELD(place, "max_outbound_control_frames"),
                                                       m->max_outbound_control_frames, OUTBOUND_CONTROL_FRAMES, 1, UINT32_MAX),
      .max_consecutive_empty_frames = gw_xds_decode_u32(d, GW_XDS_FIELD(place, "max_consecutive_inbound_frames_with_empty_payload"),
                                                        m->max_consecutive_inbound_frames_with_empty_payload, EMPTY_FRAMES, 0, UINT32_MAX),
      .max_priority_frames = gw_xds_decode_u32(d, GW_XDS_FIELD(place, "max_inbound_priority_frames_per_stream"),
                                               m->max_inbound_priority_frames_per_stream, PRIORITY_FRAMES, 0, UINT32_MAX),
      .max_window_updates = gw_xds_decode_u32(d, GW_XDS_FIELD(place, "max_inbound_window_update_frames_per_data_frame_sent"),
                                              m->max_inbound_window_update_frames_per_data_frame_sent, WINDOW_UPDATES, 1, UINT32_MAX),
  };
}
