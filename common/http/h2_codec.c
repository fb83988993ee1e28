#include <stdlib.h>

#include "common/base/mem.h"
#include "common/http/h2_internal.h"
#include "common/message/trailers.h"

_Static_assert((int)GW_H2_ENHANCE_YOUR_CALM == (int)NGHTTP2_ENHANCE_YOUR_CALM, "the error codes are the RFC's");

static struct gw_h2_stream *find_stream(const struct gw_h2_codec *codec, int32_t id) {
  return nghttp2_session_get_stream_user_data(codec->ng, id);
}

static void want_output(struct gw_h2_codec *codec) {
  codec->events->on_output(codec->arg);
}

static void open_stream(struct gw_h2_codec *codec, struct gw_h2_stream *stream, int32_t id) {
  stream->codec = codec;
  stream->id = id;
  gw_list_add_last(&codec->streams, &stream->node);
  codec->stream_count++;
}

static void forget(struct gw_h2_stream *stream) {
  struct gw_h2_codec *codec = stream->codec;
  stream->codec = NULL;
  gw_list_remove(&stream->node);
  gw_list_remove(&stream->borrower);
  codec->queued -= stream->body.len;
  gw_out_queue_done(&stream->body);
  gw_strbuf_done(&stream->held);
  if (codec->receiving == stream) codec->receiving = NULL;
  if (--codec->stream_count == 0) gw_h2_memory_trim(&codec->memory);
}

/* ---- the peer's frames ---- */

static bool is_new_request(const struct gw_h2_codec *codec, const nghttp2_frame *frame) {
  return !codec->options.is_client && frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *arg) {
  struct gw_h2_codec *codec = arg;
  struct gw_h2_stream *stream;
  codec->receiving = NULL;
  if (is_new_request(codec, frame)) {
    stream = codec->is_draining ? NULL : codec->events->on_open(codec->arg);
    if (stream == NULL) return nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
    open_stream(codec, stream, frame->hd.stream_id);
    codec->receiving = stream;
    return nghttp2_session_set_stream_user_data(ng, frame->hd.stream_id, stream);
  }
  stream = find_stream(codec, frame->hd.stream_id);
  if (stream == NULL) return 0;
  codec->receiving = stream;
  stream->field_bytes = stream->field_count = 0;
  if (codec->options.is_client && !stream->is_head_done) stream->response = (struct gw_response_head){0};
  return 0;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, nghttp2_rcbuf *name, nghttp2_rcbuf *value, uint8_t flags, void *arg) {
  (void)ng, (void)frame, (void)flags;
  struct gw_h2_codec *codec = arg;
  struct gw_h2_stream *stream = codec->receiving;
  if (stream == NULL) return 0;
  nghttp2_vec name_bytes = nghttp2_rcbuf_get_buf(name);
  nghttp2_vec value_bytes = nghttp2_rcbuf_get_buf(value);
  if (gw_h2_take_field(codec, stream, (struct gw_str){(const char *)name_bytes.base, name_bytes.len},
                       (struct gw_str){(const char *)value_bytes.base, value_bytes.len})) {
    return 0;
  }
  codec->fatal = GW_H2_ENHANCE_YOUR_CALM;
  return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static void tell_end(struct gw_h2_stream *stream) {
  if (!stream->is_peer_ended || stream->is_paused || stream->is_end_told) return;
  stream->is_end_told = true;
  stream->codec->events->on_end(stream);
}

/* false: trailers beyond the limits, which are not to be had in part: the stream is broken. */
static bool take_block(struct gw_h2_codec *codec, struct gw_h2_stream *stream, bool is_end) {
  if (stream->is_head_done && gw_h2_has_excess_fields(codec, stream)) {
    nghttp2_submit_rst_stream(codec->ng, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_ENHANCE_YOUR_CALM);
    return false;
  }
  if (stream->is_head_done) {
    gw_trailers_remove_forbidden(&stream->trailers);
  } else if (codec->options.is_client) {
    gw_h2_finish_response(stream, !is_end);
    stream->is_head_done = stream->response.status >= 200;
    codec->events->on_head(stream);
  } else {
    gw_h2_finish_request(stream, !is_end);
    stream->is_head_done = true;
    codec->events->on_head(stream);
  }
  return true;
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *arg) {
  (void)ng;
  struct gw_h2_codec *codec = arg;
  if (frame->hd.type == NGHTTP2_RST_STREAM && !gw_h2_guard_on_reset(codec, false)) return NGHTTP2_ERR_CALLBACK_FAILURE;
  if (frame->hd.type == NGHTTP2_GOAWAY && codec->options.is_client) codec->is_draining = true;
  if (frame->hd.type == NGHTTP2_GOAWAY) codec->is_peer_leaving = true;
  struct gw_h2_stream *stream = find_stream(codec, frame->hd.stream_id);
  if (stream != NULL && frame->hd.type == NGHTTP2_RST_STREAM) stream->is_reset_by_peer = true;
  if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
  bool is_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  bool is_padded = frame->hd.type == NGHTTP2_DATA && (frame->hd.flags & NGHTTP2_FLAG_PADDED) != 0;
  if (is_padded && !is_end && !gw_h2_guard_on_padded(codec, frame->hd.length <= frame->data.padlen)) return NGHTTP2_ERR_CALLBACK_FAILURE;
  if (stream != NULL && frame->hd.type == NGHTTP2_HEADERS && !take_block(codec, stream, is_end)) return 0;
  /* The owner may have let go of it. */
  if (stream == NULL || !is_end || find_stream(codec, frame->hd.stream_id) == NULL) return 0;
  stream->is_peer_ended = true;
  tell_end(stream);
  return 0;
}

/* More streams at once than we allow: refused while the client can't know better, later the end of the connection. */
static void count_excess(struct gw_h2_codec *codec, int error) {
  if (error != NGHTTP2_ERR_REFUSED_STREAM && codec->stream_count < codec->options.max_concurrent_streams) return;
  if (error != NGHTTP2_ERR_REFUSED_STREAM) {
    codec->fatal = GW_H2_PROTOCOL_ERROR;
    codec->detail = GW_STR("http2.too_many_streams");
  }
  if (codec->events->on_excess != NULL) codec->events->on_excess(codec->arg);
}

/* What makes us reset a stream is as dear as the peer's resets. */
static int on_invalid_frame(nghttp2_session *ng, const nghttp2_frame *frame, int error, void *arg) {
  (void)ng;
  struct gw_h2_codec *codec = arg;
  struct gw_h2_stream *stream = find_stream(codec, frame->hd.stream_id);
  if (stream != NULL) stream->is_broken = true;
  if (is_new_request(codec, frame) && stream == NULL) count_excess(codec, error);
  return gw_h2_guard_on_reset(codec, true) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int give_back(struct gw_h2_stream *stream, size_t len) {
  struct gw_h2_codec *codec = stream->codec;
  /* A stream that is held back must not hold back the others of a connection that many clients share. */
  int failure = codec->options.is_client ? nghttp2_session_consume_stream(codec->ng, stream->id, len)
                                         : nghttp2_session_consume(codec->ng, stream->id, len);
  if (nghttp2_session_want_write(codec->ng)) want_output(codec);
  return nghttp2_is_fatal(failure) ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *arg) {
  (void)flags;
  struct gw_h2_codec *codec = arg;
  struct gw_h2_stream *stream = find_stream(codec, id);
  if (codec->options.is_client && nghttp2_session_consume_connection(ng, len) != 0) return NGHTTP2_ERR_CALLBACK_FAILURE;
  if (stream == NULL) return codec->options.is_client ? 0 : nghttp2_session_consume_connection(ng, len);
  if (stream->is_paused) {
    gw_strbuf_append(&stream->held, data, len);
    return 0;
  }
  int failure = give_back(stream, len);
  codec->events->on_data(stream, (struct gw_str){(const char *)data, len});
  return failure;
}

/* What was held back. */
static void hand_out(struct gw_h2_stream *stream) {
  struct gw_h2_codec *codec = stream->codec;
  if (stream->held.len == 0) return;
  struct gw_str data = gw_strbuf_str(&stream->held);
  gw_strbuf_init(&stream->held);
  give_back(stream, data.len);
  codec->events->on_data(stream, data);
  codec->events->on_spent(codec->arg, (char *)(uintptr_t)data.data);
}

/* An answer is whole, and its stream is over: the rest, a window's worth at most, is handed out though it was to wait. false: no answer is,
 * or its owner still wants to be told that the stream is closed. */
static bool end_whole_answer(struct gw_h2_codec *codec, struct gw_h2_stream *stream) {
  int32_t id = stream->id;
  if (!codec->options.is_client || !stream->is_peer_ended || stream->is_end_told) return false;
  stream->is_closed = stream->is_end_told = true;
  hand_out(stream);
  if (find_stream(codec, id) != NULL) codec->events->on_end(stream);
  return find_stream(codec, id) == NULL;
}

static int on_close(nghttp2_session *ng, int32_t id, uint32_t error, void *arg) {
  (void)ng;
  struct gw_h2_codec *codec = arg;
  struct gw_h2_stream *stream = find_stream(codec, id);
  if (stream == NULL || end_whole_answer(codec, stream)) return 0;
  if (!codec->options.is_client && stream->held.len > 0) nghttp2_session_consume_connection(ng, stream->held.len);
  /* By a GOAWAY too; else nghttp2 has reset it, which it tells for fields only, and not when a body is of another length than announced. */
  bool is_by_peer = stream->is_reset_by_peer || error == NGHTTP2_NO_ERROR || error == NGHTTP2_REFUSED_STREAM;
  if (!is_by_peer && !stream->is_broken) gw_h2_guard_on_reset(codec, true);
  forget(stream);
  codec->events->on_close(stream, error, is_by_peer);
  return 0;
}

/* ---- our bodies ---- */

/* What nghttp2 takes for an error of the connection it tells the peer alone. */
static void give_up(struct gw_h2_codec *codec, uint32_t error) {
  if (error == NGHTTP2_NO_ERROR || codec->fatal != GW_H2_NO_ERROR || codec->is_terminated) return;
  codec->fatal = (enum gw_h2_error)error;
  codec->detail = GW_STR("http2.protocol_error");
}

/* Our end has left. A request that is still coming then is not wanted any more (RFC 9113 section 8.1); said earlier, it would take down
 * what waits to be sent. */
static int on_frame_sent(nghttp2_session *ng, const nghttp2_frame *frame, void *arg) {
  struct gw_h2_codec *codec = arg;
  if (frame->hd.type == NGHTTP2_GOAWAY) give_up(codec, frame->goaway.error_code);
  if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
  struct gw_h2_stream *stream = find_stream(codec, frame->hd.stream_id);
  if (stream == NULL) return 0;
  stream->is_end_sent = true;
  if (codec->options.is_client || stream->is_peer_ended) return 0;
  return nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
}

static ssize_t on_read_body(nghttp2_session *ng, int32_t id, uint8_t *buffer, size_t len, uint32_t *flags, nghttp2_data_source *source,
                            void *arg) {
  (void)buffer, (void)source;
  struct gw_h2_stream *stream = find_stream(arg, id);
  if (stream == NULL) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* its owner has let go of it */
  if (stream->body.len == 0 && !stream->is_ended) {
    stream->is_deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (len > stream->body.len) len = stream->body.len;
  if (len < stream->body.len || !stream->is_ended) return (ssize_t)len;
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (stream->trailers_to_send != NULL && stream->trailers_to_send->count > 0) {
    struct gw_h2_block block = gw_h2_trailer_block(stream->trailers_to_send, stream->arena);
    if (nghttp2_submit_trailer(ng, id, block.items, block.count) == 0) *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  }
  return (ssize_t)len;
}

static int on_send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *head, size_t len, nghttp2_data_source *source,
                        void *arg) {
  (void)ng, (void)source;
  struct gw_h2_codec *codec = arg;
  struct gw_h2_stream *stream = find_stream(codec, frame->hd.stream_id);
  if (stream == NULL) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* let go of while the frame waited for room */
  if (codec->out->len >= codec->out_limit) return NGHTTP2_ERR_WOULDBLOCK;
  char *at = gw_out_queue_reserve(codec->out, 9 + len);
  memcpy(at, head, 9);
  gw_out_queue_take(&stream->body, at + 9, len);
  gw_out_queue_commit(codec->out, 9 + len);
  codec->guard.sent_data_frames++;
  codec->queued -= len;
  stream->sent_bytes += len;
  if (stream->is_above_watermark && stream->body.len < GW_H2_STREAM_LOW_WATERMARK) {
    stream->is_above_watermark = false;
    codec->events->on_pressure(stream, false);
  }
  return 0;
}

/* ---- life ---- */

static nghttp2_session *new_ng(struct gw_h2_codec *codec) {
  nghttp2_session_callbacks *callbacks;
  nghttp2_option *option;
  nghttp2_session *ng = NULL;
  if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0) GW_PANIC("out of memory");
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, on_send_data);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_deflate_dynamic_table_size(option, codec->options.hpack_table_size);
  nghttp2_option_set_stream_reset_rate_limit(option, UINT64_MAX, UINT64_MAX); /* ours is by setting, and told as what it is */
  if (codec->options.max_outbound_control_frames > 0) {
    nghttp2_option_set_max_outbound_ack(option, codec->options.max_outbound_control_frames);
  }
  nghttp2_mem memory = gw_h2_memory_calls(&codec->memory);
  int failure = codec->options.is_client ? nghttp2_session_client_new3(&ng, callbacks, codec, option, &memory)
                                         : nghttp2_session_server_new3(&ng, callbacks, codec, option, &memory);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  if (failure != 0) GW_PANIC("out of memory");
  return ng;
}

static void submit_settings(struct gw_h2_codec *codec) {
  const struct gw_h2_options *options = &codec->options;
  nghttp2_settings_entry entries[8];
  size_t count = 0;
  entries[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, options->hpack_table_size};
  entries[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options->initial_stream_window};
  entries[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)options->head_bytes};
  if (options->is_client) {
    entries[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
  } else {
    entries[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options->max_concurrent_streams};
    if (options->allows_connect) entries[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1};
    entries[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1};
  }
  int failure = nghttp2_submit_settings(codec->ng, NGHTTP2_FLAG_NONE, entries, count);
  if (failure == 0 && options->initial_connection_window > NGHTTP2_INITIAL_CONNECTION_WINDOW_SIZE) {
    failure = nghttp2_session_set_local_window_size(codec->ng, NGHTTP2_FLAG_NONE, 0, (int32_t)options->initial_connection_window);
  }
  if (failure != 0) GW_PANIC("HTTP/2 settings are refused: %s", nghttp2_strerror(failure));
}

struct gw_h2_codec *gw_h2_codec_new(const struct gw_h2_options *options, const struct gw_h2_events *events, void *arg) {
  struct gw_h2_codec *codec = gw_calloc(1, sizeof(*codec));
  codec->options = *options;
  codec->events = events;
  codec->arg = arg;
  gw_list_init(&codec->streams);
  gw_list_init(&codec->borrowers);
  codec->ng = new_ng(codec);
  submit_settings(codec);
  return codec;
}

void gw_h2_codec_free(struct gw_h2_codec *codec) {
  if (codec == NULL) return;
  GW_LIST_FOR_EACH(node, &codec->streams) forget(GW_LIST_ITEM(node, struct gw_h2_stream, node));
  nghttp2_session_del(codec->ng);
  gw_h2_memory_done(&codec->memory);
  free(codec);
}

static enum gw_err fatal_err(const struct gw_h2_codec *codec) {
  return codec->fatal == GW_H2_ENHANCE_YOUR_CALM ? GW_ERR_LIMIT : GW_ERR_INVALID;
}

enum gw_err gw_h2_codec_feed(struct gw_h2_codec *codec, struct gw_str input, uint64_t now_ms) {
  if (codec->fatal != GW_H2_NO_ERROR) {
    gw_h2_codec_terminate(codec, codec->fatal);
    return fatal_err(codec);
  }
  codec->now_ms = now_ms;
  if (!codec->options.is_client) input.len = gw_h2_guard_check(codec, input);
  ssize_t used = nghttp2_session_mem_recv(codec->ng, (const uint8_t *)input.data, input.len);
  if (nghttp2_session_want_write(codec->ng)) want_output(codec);
  if (used == NGHTTP2_ERR_FLOODED && codec->fatal == GW_H2_NO_ERROR) {
    codec->fatal = GW_H2_ENHANCE_YOUR_CALM;
    codec->detail = GW_STR("http2.too_many_control_frames");
  }
  if (codec->fatal != GW_H2_NO_ERROR) {
    gw_h2_codec_terminate(codec, codec->fatal);
    return fatal_err(codec);
  }
  if (used < 0 || !nghttp2_session_want_read(codec->ng)) {
    /* A connection that is being given up in order has nothing more to read either. */
    if (used >= 0 && (codec->is_draining || codec->is_peer_leaving || codec->is_terminated)) return GW_OK;
    codec->fatal = GW_H2_PROTOCOL_ERROR;
    codec->detail = used == NGHTTP2_ERR_BAD_CLIENT_MAGIC ? GW_STR("http2.bad_preface") : GW_STR("http2.protocol_error");
    return GW_ERR_INVALID;
  }
  return GW_OK;
}

enum gw_err gw_h2_codec_failure(const struct gw_h2_codec *codec) {
  return codec->fatal == GW_H2_NO_ERROR ? GW_OK : fatal_err(codec);
}

struct gw_str gw_h2_codec_detail(const struct gw_h2_codec *codec) {
  return codec->detail;
}

static void keep_borrowed(struct gw_h2_codec *codec) {
  GW_LIST_FOR_EACH(node, &codec->borrowers) {
    struct gw_h2_stream *stream = GW_LIST_ITEM(node, struct gw_h2_stream, borrower);
    gw_list_remove(node);
    gw_out_queue_keep(&stream->body);
    /* Many streams together may not hold what each of them may. */
    size_t allowed = codec->queued > GW_H2_CONNECTION_WATERMARK ? GW_H2_STREAM_LOW_WATERMARK : GW_H2_STREAM_HIGH_WATERMARK;
    if (stream->is_above_watermark || stream->body.len <= allowed) continue;
    stream->is_above_watermark = true;
    codec->events->on_pressure(stream, true);
  }
}

enum gw_err gw_h2_codec_pack(struct gw_h2_codec *codec, struct gw_out_queue *out, size_t limit) {
  enum gw_err err = GW_OK;
  codec->out = out;
  codec->out_limit = limit;
  while (out->len < limit) {
    const uint8_t *data;
    ssize_t len = nghttp2_session_mem_send(codec->ng, &data);
    if (len < 0) err = GW_ERR_INVALID;
    if (len == 0 && codec->fatal != GW_H2_NO_ERROR && !codec->is_terminated) {
      gw_h2_codec_terminate(codec, codec->fatal); /* what was packed has shown that it must */
      continue;
    }
    if (len <= 0) break;
    memcpy(gw_out_queue_reserve(out, (size_t)len), data, (size_t)len);
    gw_out_queue_commit(out, (size_t)len);
  }
  codec->out = NULL;
  keep_borrowed(codec);
  return err;
}

bool gw_h2_codec_is_over(const struct gw_h2_codec *codec) {
  return !nghttp2_session_want_read(codec->ng) && !nghttp2_session_want_write(codec->ng);
}

void gw_h2_codec_start_drain(struct gw_h2_codec *codec, bool is_final) {
  if (is_final) {
    codec->is_draining = true;
    int32_t last = nghttp2_session_get_last_proc_stream_id(codec->ng);
    nghttp2_submit_goaway(codec->ng, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
  } else {
    nghttp2_submit_shutdown_notice(codec->ng);
  }
  want_output(codec);
}

void gw_h2_codec_terminate(struct gw_h2_codec *codec, enum gw_h2_error error) {
  codec->is_terminated = true;
  nghttp2_session_terminate_session(codec->ng, error);
  want_output(codec);
}

bool gw_h2_codec_is_draining(const struct gw_h2_codec *codec) {
  return codec->is_draining;
}

bool gw_h2_codec_has_output(const struct gw_h2_codec *codec) {
  return nghttp2_session_want_write(codec->ng) != 0;
}

uint32_t gw_h2_codec_stream_count(const struct gw_h2_codec *codec) {
  return codec->stream_count;
}

bool gw_h2_codec_is_stalled(const struct gw_h2_codec *codec) {
  return codec->queued > 0;
}

bool gw_h2_codec_may_request(const struct gw_h2_codec *codec) {
  uint32_t allowed = nghttp2_session_get_remote_settings(codec->ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  if (allowed > codec->options.max_concurrent_streams) allowed = codec->options.max_concurrent_streams;
  return !codec->is_draining && codec->stream_count < allowed && nghttp2_session_check_request_allowed(codec->ng) != 0;
}

bool gw_h2_codec_may_connect(const struct gw_h2_codec *codec) {
  return nghttp2_session_get_remote_settings(codec->ng, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

bool gw_h2_codec_close_some(struct gw_h2_codec *codec, enum gw_h2_error error, uint32_t max) {
  for (; max > 0 && !gw_list_is_empty(&codec->streams); max--) {
    struct gw_h2_stream *stream = GW_LIST_ITEM(codec->streams.next, struct gw_h2_stream, node);
    if (end_whole_answer(codec, stream)) continue;
    nghttp2_session_set_stream_user_data(codec->ng, stream->id, NULL);
    forget(stream);
    codec->events->on_close(stream, error, false);
  }
  return gw_list_is_empty(&codec->streams);
}

void gw_h2_codec_close_streams(struct gw_h2_codec *codec, enum gw_h2_error error) {
  gw_h2_codec_close_some(codec, error, UINT32_MAX);
}

/* ---- streams ---- */

void gw_h2_stream_init(struct gw_h2_stream *stream, struct gw_arena *arena) {
  *stream = (struct gw_h2_stream){.arena = arena};
  stream->request.content_length = stream->response.content_length = GW_LENGTH_NONE;
  gw_out_queue_init(&stream->body);
}

enum gw_err gw_h2_stream_request(struct gw_h2_codec *codec, struct gw_h2_stream *stream, const struct gw_request_head *head,
                                 bool has_body) {
  struct gw_h2_block block = gw_h2_request_block(head, stream->arena);
  nghttp2_data_provider body = {.read_callback = on_read_body};
  int32_t id = nghttp2_submit_request(codec->ng, NULL, block.items, block.count, has_body ? &body : NULL, stream);
  if (id < 0) return GW_ERR_LIMIT;
  open_stream(codec, stream, id);
  stream->is_ended = !has_body;
  want_output(codec);
  return GW_OK;
}

void gw_h2_stream_respond(struct gw_h2_stream *stream, const struct gw_response_head *head, bool has_body) {
  struct gw_h2_codec *codec = stream->codec;
  if (codec == NULL) return;
  struct gw_h2_block block = gw_h2_response_block(head, stream->arena);
  nghttp2_data_provider body = {.read_callback = on_read_body};
  if (head->status < 200) {
    nghttp2_submit_headers(codec->ng, NGHTTP2_FLAG_NONE, stream->id, NULL, block.items, block.count, NULL);
  } else {
    nghttp2_submit_response(codec->ng, stream->id, block.items, block.count, has_body ? &body : NULL);
    stream->is_ended = !has_body;
  }
  want_output(codec);
}

static void resume_body(struct gw_h2_stream *stream) {
  if (stream->is_deferred) {
    stream->is_deferred = false;
    nghttp2_session_resume_data(stream->codec->ng, stream->id);
  }
  want_output(stream->codec);
}

void gw_h2_stream_send_body(struct gw_h2_stream *stream, struct gw_str data) {
  if (stream->codec == NULL || data.len == 0) return;
  gw_out_queue_add(&stream->body, data);
  stream->codec->queued += data.len;
  if (!gw_list_is_linked(&stream->borrower)) gw_list_add_last(&stream->codec->borrowers, &stream->borrower);
  resume_body(stream);
}

void gw_h2_stream_send_end(struct gw_h2_stream *stream, const struct gw_headers *trailers) {
  if (stream->codec == NULL || stream->is_ended) return;
  stream->is_ended = true;
  stream->trailers_to_send = trailers;
  resume_body(stream);
}

void gw_h2_stream_set_paused(struct gw_h2_stream *stream, bool is_paused) {
  if (stream->is_paused == is_paused) return;
  stream->is_paused = is_paused;
  if (is_paused || stream->codec == NULL) return;
  hand_out(stream);
  if (stream->codec != NULL) tell_end(stream);
}

void gw_h2_stream_detach(struct gw_h2_stream *stream, enum gw_h2_error error) {
  struct gw_h2_codec *codec = stream->codec;
  if (codec == NULL) return;
  nghttp2_session_set_stream_user_data(codec->ng, stream->id, NULL);
  if (!codec->options.is_client && stream->held.len > 0) nghttp2_session_consume_connection(codec->ng, stream->held.len);
  bool is_complete = stream->is_closed || (stream->is_end_sent && stream->is_peer_ended);
  if (!is_complete) nghttp2_submit_rst_stream(codec->ng, NGHTTP2_FLAG_NONE, stream->id, error);
  forget(stream);
  want_output(codec);
}
