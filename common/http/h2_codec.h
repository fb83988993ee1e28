/* Why: HTTP/2 on one connection, either side (RFC 9113, over nghttp2): bytes ⇄ messages, flow control, and the counting of what abuses it.
 * No sockets: output goes into the caller's queue, input and time are arguments.
 * Life: gw_h2_codec_new … gw_h2_codec_free, which ends what is open without a word. A stream is embedded in its owner and open from
 * on_open (server) or gw_h2_request (client) until on_close or gw_h2_stream_detach.
 * Thread: one at a time. */
#ifndef GW_COMMON_HTTP_H2_CODEC_H
#define GW_COMMON_HTTP_H2_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/list.h"
#include "common/message/message.h"
#include "common/net/out_queue.h"

#define GW_H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" /* RFC 9113 section 3.4 */

/* RFC 9113 section 7. */
enum gw_h2_error {
  GW_H2_NO_ERROR = 0x0,
  GW_H2_PROTOCOL_ERROR = 0x1,
  GW_H2_INTERNAL_ERROR = 0x2,
  GW_H2_FLOW_CONTROL_ERROR = 0x3,
  GW_H2_STREAM_CLOSED = 0x5,
  GW_H2_REFUSED_STREAM = 0x7,
  GW_H2_CANCEL = 0x8,
  GW_H2_ENHANCE_YOUR_CALM = 0xb,
};

/* What waits for a stream's window: above the first, stop sending; below the second, go on. */
#define GW_H2_STREAM_HIGH_WATERMARK ((size_t)64 * 1024)
#define GW_H2_STREAM_LOW_WATERMARK ((size_t)16 * 1024)
/* Of all streams of a connection together: above it the low watermark is the high one. */
#define GW_H2_CONNECTION_WATERMARK ((size_t)1024 * 1024)

struct gw_h2_codec;

struct gw_h2_stream {
  struct gw_list node;       /* in the codec's streams */
  struct gw_list borrower;   /* in the codec's list of those with borrowed pieces */
  struct gw_h2_codec *codec; /* NULL: not open */
  struct gw_arena *arena;    /* the owner's: heads and trailers */
  int32_t id;
  bool is_head_done;  /* the peer's */
  bool is_peer_ended; /* END_STREAM came */
  bool is_end_told;   /* … and the owner knows */
  bool is_paused;     /* data is held back, and the peer's window with it */
  bool is_broken;     /* the peer broke the protocol on it */
  bool is_reset_by_peer;
  bool is_closed;   /* nothing more goes either way */
  bool is_ended;    /* our end is queued */
  bool is_end_sent; /* … and packed */
  bool is_deferred; /* nghttp2 waits for more of our body */
  bool is_above_watermark;
  uint32_t refusal;     /* the request is answered with this status instead: 400, 431; 0: fine */
  struct gw_str detail; /* of the refusal */
  size_t field_bytes;   /* of the block being received */
  uint32_t field_count;
  struct gw_request_head request;   /* server */
  struct gw_response_head response; /* client */
  struct gw_str protocol;           /* :protocol (RFC 8441) */
  struct gw_headers trailers;       /* the peer's; count 0: none */
  const struct gw_headers *trailers_to_send;
  uint64_t sent_bytes;      /* of our body */
  struct gw_out_queue body; /* ours, waiting for the window */
  struct gw_strbuf held;    /* the peer's, while paused */
};

/* 0: no limit. */
struct gw_h2_options {
  bool is_client;
  bool allows_connect; /* server: extended CONNECT (RFC 8441) */
  uint32_t hpack_table_size;
  uint32_t max_concurrent_streams; /* of the peer's; client: none, since we take no pushes */
  uint32_t initial_stream_window;
  uint32_t initial_connection_window;
  size_t head_bytes;
  uint32_t header_count;
  uint32_t max_outbound_control_frames; /* towards clients also: SETTINGS in a minute */
  uint32_t max_consecutive_empty_frames;
  uint32_t max_priority_frames; /* a stream that was opened */
  uint32_t max_window_updates;  /* a DATA frame that was sent, with a start of its own */
  uint32_t max_resets_per_minute;
};

/* None of these may free the codec, nor feed or pack it. */
struct gw_h2_events {
  /* Server: a request begins. A stream initialised by gw_h2_stream_init, or NULL: refused, and safe to send again. */
  struct gw_h2_stream *(*on_open)(void *arg);
  /* The head is there: stream->request, or what it is refused with in stream->refusal; stream->response (1xx too, several times). Whether a
   * body follows shows in content_length. */
  void (*on_head)(struct gw_h2_stream *stream);
  /* Borrowed. Not while paused, but for the rest of a whole answer whose stream is over. The same holds for its end. */
  void (*on_data)(struct gw_h2_stream *stream, struct gw_str data);
  void (*on_end)(struct gw_h2_stream *stream); /* the peer's last byte came; stream->trailers */
  /* What waits for the stream's window is above the high watermark, or below the low one again. */
  void (*on_pressure)(struct gw_h2_stream *stream, bool is_high);
  /* Over: complete on both sides (GW_H2_NO_ERROR), reset by the peer, or for what the peer did wrong (is_by_peer false). Detached. */
  void (*on_close)(struct gw_h2_stream *stream, uint32_t error, bool is_by_peer);
  /* Server, may be NULL: a request beyond max_concurrent_streams was not let in. */
  void (*on_excess)(void *arg);
  /* There is something to pack. */
  void (*on_output)(void *arg);
  /* Bytes that on_data has handed out and nobody else owns: free() them when nobody borrows them any more. */
  void (*on_spent)(void *arg, char *bytes);
};

struct gw_h2_codec *gw_h2_codec_new(const struct gw_h2_options *options, const struct gw_h2_events *events, void *arg);
void gw_h2_codec_free(struct gw_h2_codec *codec);

/* Takes bytes from the peer. GW_ERR_INVALID: it broke the protocol; GW_ERR_LIMIT: it abuses it (gw_h2_codec_detail says how): pack once
 * more, which tells it so, and close. */
enum gw_err gw_h2_codec_feed(struct gw_h2_codec *codec, struct gw_str input, uint64_t now_ms);
/* What feed said last, or would say now: some mistakes of the peer's are known only when the next bytes are packed. */
enum gw_err gw_h2_codec_failure(const struct gw_h2_codec *codec);
/* A machine word for what was refused: "http2.rapid_reset". */
struct gw_str gw_h2_codec_detail(const struct gw_h2_codec *codec);
/* Appends frames to `out` while it has less than `limit` bytes; then makes the streams' own what they borrowed. */
enum gw_err gw_h2_codec_pack(struct gw_h2_codec *codec, struct gw_out_queue *out, size_t limit);
/* Nothing more can come of the connection: GOAWAY was exchanged, no stream is open and nothing waits to be packed. */
bool gw_h2_codec_is_over(const struct gw_h2_codec *codec);
/* Server: says that no more requests are wanted (GOAWAY without a last stream), and, `is_final`, that later ones are not looked at. */
void gw_h2_codec_start_drain(struct gw_h2_codec *codec, bool is_final);
/* GOAWAY with an error; open streams end with the connection. */
void gw_h2_codec_terminate(struct gw_h2_codec *codec, enum gw_h2_error error);
/* GOAWAY was said or heard: no new streams. */
bool gw_h2_codec_is_draining(const struct gw_h2_codec *codec);
/* There is something to pack, as far as windows allow. */
bool gw_h2_codec_has_output(const struct gw_h2_codec *codec);
uint32_t gw_h2_codec_stream_count(const struct gw_h2_codec *codec);
/* Any stream has body bytes that wait for the peer's window. */
bool gw_h2_codec_is_stalled(const struct gw_h2_codec *codec);
/* Client: one more request may be sent now. */
bool gw_h2_codec_may_request(const struct gw_h2_codec *codec);
/* Client: the server takes extended CONNECT. */
bool gw_h2_codec_may_connect(const struct gw_h2_codec *codec);
/* All open streams as closed by `error`, each told by on_close. */
void gw_h2_codec_close_streams(struct gw_h2_codec *codec, enum gw_h2_error error);
/* The same of at most so many; true: none is left. */
bool gw_h2_codec_close_some(struct gw_h2_codec *codec, enum gw_h2_error error, uint32_t max);

void gw_h2_stream_init(struct gw_h2_stream *stream, struct gw_arena *arena);
/* Client: opens `stream` with a request. has_body: gw_h2_stream_send_body and …_end follow. GW_ERR_LIMIT: stream ids are used up. */
enum gw_err gw_h2_stream_request(struct gw_h2_codec *codec, struct gw_h2_stream *stream, const struct gw_request_head *head, bool has_body);
/* Server: an interim answer has no body and is not the last. */
void gw_h2_stream_respond(struct gw_h2_stream *stream, const struct gw_response_head *head, bool has_body);
/* Borrowed until the next pack. */
void gw_h2_stream_send_body(struct gw_h2_stream *stream, struct gw_str data);
/* `trailers` (may be NULL) live as long as the stream. */
void gw_h2_stream_send_end(struct gw_h2_stream *stream, const struct gw_headers *trailers);
/* While paused, data is held back up to the stream's window, as long as the stream is open. Unpausing hands out what was held, and the end,
 * before it returns. */
void gw_h2_stream_set_paused(struct gw_h2_stream *stream, bool is_paused);
/* Resets it, unless it is complete on both sides, and forgets it: no event follows. Harmless on a stream that is not open. */
void gw_h2_stream_detach(struct gw_h2_stream *stream, enum gw_h2_error error);

#endif
