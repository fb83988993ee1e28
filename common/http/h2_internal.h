/* Why: what the files of the HTTP/2 codec share.
 * Life: see h2_codec.h.
 * Thread: see h2_codec.h. */
#ifndef GW_COMMON_HTTP_H2_INTERNAL_H
#define GW_COMMON_HTTP_H2_INTERNAL_H

#include <nghttp2/nghttp2.h>

#include "common/http/h2_codec.h"
#include "common/http/h2_memory.h"

/* Of so many streams, the newest, it is known whether the client has opened and ended them. */
#define GW_H2_STREAMS_KEPT 1024u

/* Looks at a client's frames (h2_guard.c). */
struct gw_h2_guard {
  uint32_t preface_len; /* seen of it */
  uint32_t skip;        /* bytes of a payload to come */
  uint8_t head[13];     /* of the frame that comes, and of PRIORITY's payload */
  uint8_t head_len;
  uint32_t last_id; /* of the client's streams */
  uint64_t opened[GW_H2_STREAMS_KEPT / 64];
  uint64_t ended[GW_H2_STREAMS_KEPT / 64];
  uint64_t opened_streams;
  uint64_t sent_data_frames;
  uint64_t priority_frames;
  uint64_t window_updates;
  uint64_t settings_since_ms;
  uint32_t settings_frames; /* since then */
  uint32_t empty_frames;    /* in a row */
  uint32_t continuations;   /* of one block */
  uint64_t reset_credits;   /* thousandths of a reset */
  uint64_t credited_ms;
};

struct gw_h2_codec {
  nghttp2_session *ng;
  struct gw_h2_options options;
  const struct gw_h2_events *events;
  void *arg;
  struct gw_h2_memory memory;
  struct gw_h2_stream *receiving; /* the stream whose fields come; NULL: none of ours */
  struct gw_list streams;
  struct gw_list borrowers;
  uint32_t stream_count;
  size_t queued;   /* bytes of our bodies that wait for the peer's windows */
  uint64_t now_ms; /* of the feed that runs */
  struct gw_h2_guard guard;
  struct gw_str detail;
  enum gw_h2_error fatal;   /* what the peer is told when no more is taken from it */
  bool is_draining;         /* no new requests */
  bool is_terminated;       /* GOAWAY was said for good */
  bool is_peer_leaving;     /* it has said GOAWAY */
  struct gw_out_queue *out; /* while packing */
  size_t out_limit;
};

/* The bytes of the input that may be taken in; less than all: the connection must go, codec->detail says for what, codec->fatal what the
 * peer is told. */
size_t gw_h2_guard_check(struct gw_h2_codec *codec, struct gw_str input);
/* A stream was reset by the client, or had to be (is_forced). false: the connection must go. */
bool gw_h2_guard_on_reset(struct gw_h2_codec *codec, bool is_forced);
/* A DATA frame with padding has come, which may be all that was in it. */
bool gw_h2_guard_on_padded(struct gw_h2_codec *codec, bool is_empty);

/* One field of the block that `stream` receives; the bytes are copied. false: the block is so large that the connection must go. */
bool gw_h2_take_field(struct gw_h2_codec *codec, struct gw_h2_stream *stream, struct gw_str name, struct gw_str value);
/* The block that `stream` receives is beyond the limits. */
bool gw_h2_has_excess_fields(const struct gw_h2_codec *codec, const struct gw_h2_stream *stream);
/* The block of fields is whole: fills stream->request, or stream->refusal. */
void gw_h2_finish_request(struct gw_h2_stream *stream, bool has_body);
/* The same for a response. */
void gw_h2_finish_response(struct gw_h2_stream *stream, bool has_body);

/* Field lists as nghttp2 takes them, in the stream's arena; the strings are not copied. */
struct gw_h2_block {
  nghttp2_nv *items;
  size_t count;
};
struct gw_h2_block gw_h2_request_block(const struct gw_request_head *head, struct gw_arena *arena);
struct gw_h2_block gw_h2_response_block(const struct gw_response_head *head, struct gw_arena *arena);
struct gw_h2_block gw_h2_trailer_block(const struct gw_headers *trailers, struct gw_arena *arena);

#endif
