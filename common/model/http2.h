/* Why: what an HTTP/2 connection may do, as a plain value (envoy.config.core.v3.Http2ProtocolOptions).
 * Life: a value in its owner.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_HTTP2_H
#define GW_COMMON_MODEL_HTTP2_H

#include <stdbool.h>
#include <stdint.h>

/* Envoy's defaults fill what a foreign server leaves out. Zeroed it is not set, and has them all. */
struct gw_http2_options {
  uint32_t hpack_table_size; /* bytes; of our decoder, and the most that our encoder uses */
  uint32_t max_concurrent_streams;
  uint32_t initial_stream_window;       /* bytes */
  uint32_t initial_connection_window;   /* bytes */
  bool allows_connect;                  /* extended CONNECT (RFC 8441) */
  uint32_t max_outbound_control_frames; /* answers to SETTINGS, PING and RST_STREAM that wait to be sent; a client's SETTINGS in a minute */
  uint32_t max_consecutive_empty_frames; /* max_consecutive_inbound_frames_with_empty_payload */
  uint32_t max_priority_frames;          /* max_inbound_priority_frames_per_stream */
  uint32_t max_window_updates;           /* max_inbound_window_update_frames_per_data_frame_sent */
};

static inline bool gw_http2_options_are_set(const struct gw_http2_options *options) {
  return options->max_concurrent_streams > 0;
}
static inline bool gw_http2_options_equal(const struct gw_http2_options *a, const struct gw_http2_options *b) {
  return a->hpack_table_size == b->hpack_table_size && a->max_concurrent_streams == b->max_concurrent_streams &&
         a->initial_stream_window == b->initial_stream_window && a->initial_connection_window == b->initial_connection_window &&
         a->allows_connect == b->allows_connect && a->max_outbound_control_frames == b->max_outbound_control_frames &&
         a->max_consecutive_empty_frames == b->max_consecutive_empty_frames && a->max_priority_frames == b->max_priority_frames &&
         a->max_window_updates == b->max_window_updates;
}

#endif
