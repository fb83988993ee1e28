/* Frame by frame, before nghttp2 sees them: what costs us more than the peer, and what nghttp2 lets pass since it has forgotten the stream.
 */
#include "common/http/h2_internal.h"

#define FRAME_HEAD 9
#define PRIORITY_BYTES 4 /* of a PRIORITY frame's payload: the stream it depends on */
/* A head of 128 KiB, in frames of the size that everybody sends. */
#define CONTINUATIONS_MAX 8u
#define SETTINGS_PERIOD_MS 60000u
#define PREFACE_BYTES (sizeof(GW_H2_PREFACE) - 1)

static bool fail(struct gw_h2_codec *codec, enum gw_h2_error error, struct gw_str detail) {
  codec->fatal = error;
  codec->detail = detail;
  return false;
}

/* Refilled over a minute, so that many at once are as good as many in a row. */
bool gw_h2_guard_on_reset(struct gw_h2_codec *codec, bool is_forced) {
  struct gw_h2_guard *guard = &codec->guard;
  uint64_t per_minute = codec->options.max_resets_per_minute;
  if (per_minute == 0) return true;
  if (guard->credited_ms == 0) {
    guard->reset_credits = per_minute * 1000;
  } else {
    guard->reset_credits += (codec->now_ms - guard->credited_ms) * per_minute / 60;
    if (guard->reset_credits > per_minute * 1000) guard->reset_credits = per_minute * 1000;
  }
  guard->credited_ms = codec->now_ms;
  if (guard->reset_credits < 1000) {
    return fail(codec, GW_H2_ENHANCE_YOUR_CALM, is_forced ? GW_STR("http2.forced_resets") : GW_STR("http2.rapid_reset"));
  }
  guard->reset_credits -= 1000;
  return true;
}

/* ---- which streams the client has opened and ended ---- */

/* Streams of clients have odd numbers. */
static uint32_t slot_of(uint32_t id) {
  return id / 2 % GW_H2_STREAMS_KEPT;
}
static bool has_bit(const uint64_t *bits, uint32_t id) {
  return (bits[slot_of(id) / 64] >> slot_of(id) % 64 & 1) != 0;
}
static void set_bit(uint64_t *bits, uint32_t id, bool is_set) {
  uint64_t bit = UINT64_C(1) << slot_of(id) % 64;
  bits[slot_of(id) / 64] = is_set ? bits[slot_of(id) / 64] | bit : bits[slot_of(id) / 64] & ~bit;
}

static void open_stream(struct gw_h2_guard *guard, uint32_t id) {
  uint32_t from = id - guard->last_id > 2 * GW_H2_STREAMS_KEPT ? id - 2 * GW_H2_STREAMS_KEPT : guard->last_id;
  for (uint32_t passed = from + 1; passed <= id; passed++) {
    if (passed % 2 == 0) continue;
    set_bit(guard->opened, passed, passed == id);
    set_bit(guard->ended, passed, false);
  }
  guard->last_id = id;
  guard->opened_streams++;
}

/* RFC 9113 section 5.1: after its end, by END_STREAM or RST_STREAM, nothing more comes on a stream; section 5.1.1: numbers only grow. */
static bool check_stream(struct gw_h2_codec *codec, uint8_t type, uint8_t flags, uint32_t id) {
  struct gw_h2_guard *guard = &codec->guard;
  if (id % 2 == 0) return true;
  if (id > guard->last_id && type == NGHTTP2_HEADERS) open_stream(guard, id);
  if (id > guard->last_id || (guard->last_id - id) / 2 >= GW_H2_STREAMS_KEPT) return true;
  if (!has_bit(guard->opened, id) && type == NGHTTP2_HEADERS) return fail(codec, GW_H2_PROTOCOL_ERROR, GW_STR("http2.stream_passed_over"));
  if (has_bit(guard->ended, id) && type != NGHTTP2_RST_STREAM) return fail(codec, GW_H2_STREAM_CLOSED, GW_STR("http2.closed_stream"));
  if (type == NGHTTP2_RST_STREAM || (flags & NGHTTP2_FLAG_END_STREAM) != 0) set_bit(guard->ended, id, true);
  return true;
}

/* ---- what there is too much of ---- */

static bool is_below(struct gw_h2_codec *codec, uint64_t count, uint64_t allowed, struct gw_str detail) {
  return count <= allowed || fail(codec, GW_H2_ENHANCE_YOUR_CALM, detail);
}

static bool count_empty(struct gw_h2_codec *codec, bool is_empty) {
  struct gw_h2_guard *guard = &codec->guard;
  guard->empty_frames = is_empty ? guard->empty_frames + 1 : 0;
  if (codec->options.max_consecutive_empty_frames == 0) return true;
  return is_below(codec, guard->empty_frames, codec->options.max_consecutive_empty_frames, GW_STR("http2.too_many_empty_frames"));
}

static bool check_empty(struct gw_h2_codec *codec, uint8_t type, uint8_t flags, uint32_t len) {
  bool is_end = (flags & NGHTTP2_FLAG_END_STREAM) != 0;
  /* How much of it is padding only its first byte says. */
  if (type == NGHTTP2_DATA && (flags & NGHTTP2_FLAG_PADDED) != 0 && !is_end) return true;
  return count_empty(codec, len == 0 && !is_end);
}

bool gw_h2_guard_on_padded(struct gw_h2_codec *codec, bool is_empty) {
  return count_empty(codec, is_empty);
}

static bool check_continuation(struct gw_h2_codec *codec) {
  return is_below(codec, ++codec->guard.continuations, CONTINUATIONS_MAX, GW_STR("http2.too_many_continuations"));
}

static bool check_window_updates(struct gw_h2_codec *codec) {
  struct gw_h2_guard *guard = &codec->guard;
  uint64_t per_data_frame = codec->options.max_window_updates;
  if (per_data_frame == 0) return true;
  return is_below(codec, ++guard->window_updates, 5 + 2 * (guard->opened_streams + per_data_frame * guard->sent_data_frames),
                  GW_STR("http2.too_many_window_updates"));
}

static bool check_priority(struct gw_h2_codec *codec, uint32_t id) {
  struct gw_h2_guard *guard = &codec->guard;
  if (id == 0) return fail(codec, GW_H2_PROTOCOL_ERROR, GW_STR("http2.bad_priority"));
  if (codec->options.max_priority_frames == 0) return true;
  return is_below(codec, ++guard->priority_frames, codec->options.max_priority_frames * (1 + guard->opened_streams),
                  GW_STR("http2.too_many_priority_frames"));
}

/* Each costs an answer, and may change the window of every stream; who reads the answers makes none wait. */
static bool check_settings(struct gw_h2_codec *codec, uint8_t flags) {
  struct gw_h2_guard *guard = &codec->guard;
  uint32_t allowed = codec->options.max_outbound_control_frames;
  if (allowed == 0 || (flags & NGHTTP2_FLAG_ACK) != 0) return true;
  if (codec->now_ms - guard->settings_since_ms >= SETTINGS_PERIOD_MS) {
    guard->settings_since_ms = codec->now_ms;
    guard->settings_frames = 0;
  }
  return is_below(codec, ++guard->settings_frames, allowed, GW_STR("http2.too_many_control_frames"));
}

static uint32_t read_u32(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool check_frame(struct gw_h2_codec *codec, const uint8_t *head, uint32_t len) {
  uint8_t type = head[3];
  uint8_t flags = head[4];
  uint32_t id = read_u32(head + 5) & 0x7fffffff;
  switch (type) {
  case NGHTTP2_DATA: return check_stream(codec, type, flags, id) && check_empty(codec, type, flags, len);
  case NGHTTP2_HEADERS: codec->guard.continuations = 0; return check_stream(codec, type, flags, id) && check_empty(codec, type, flags, len);
  case NGHTTP2_CONTINUATION: return check_continuation(codec);
  case NGHTTP2_RST_STREAM: return check_stream(codec, type, flags, id);
  case NGHTTP2_PRIORITY: return check_priority(codec, id);
  case NGHTTP2_SETTINGS: return check_settings(codec, flags);
  case NGHTTP2_WINDOW_UPDATE: return check_window_updates(codec);
  default: return true;
  }
}

/* RFC 7540 section 5.3.1, which clients of that time may still be held to. */
static bool check_dependency(struct gw_h2_codec *codec, const uint8_t *head) {
  uint32_t id = read_u32(head + 5) & 0x7fffffff;
  uint32_t parent = read_u32(head + FRAME_HEAD) & 0x7fffffff;
  return id != parent || fail(codec, GW_H2_PROTOCOL_ERROR, GW_STR("http2.bad_priority"));
}

/* The frame's first bytes may have come with an earlier input. */
static size_t before(size_t at, size_t len) {
  return at > len ? at - len : 0;
}

/* Passes over what the input has of the next `left` bytes; how many. */
static uint32_t pass(struct gw_str input, size_t left, size_t *at) {
  size_t part = left < input.len - *at ? left : input.len - *at;
  *at += part;
  return (uint32_t)part;
}

/* How many of the input's bytes may go on: all, or what comes before the frame for which the connection must go. */
size_t gw_h2_guard_check(struct gw_h2_codec *codec, struct gw_str input) {
  struct gw_h2_guard *guard = &codec->guard;
  size_t at = 0;
  guard->preface_len += pass(input, PREFACE_BYTES - guard->preface_len, &at);
  while (at < input.len) {
    if (guard->skip > 0) {
      guard->skip -= pass(input, guard->skip, &at);
      continue;
    }
    guard->head[guard->head_len++] = (uint8_t)input.data[at++];
    if (guard->head_len < FRAME_HEAD) continue;
    uint32_t len = read_u32(guard->head) >> 8;
    bool is_priority = guard->head[3] == NGHTTP2_PRIORITY && len >= PRIORITY_BYTES;
    if (guard->head_len == FRAME_HEAD && !check_frame(codec, guard->head, len)) return before(at, FRAME_HEAD);
    if (is_priority && guard->head_len < FRAME_HEAD + PRIORITY_BYTES) continue;
    if (is_priority && !check_dependency(codec, guard->head)) return before(at, FRAME_HEAD + PRIORITY_BYTES);
    guard->skip = is_priority ? len - PRIORITY_BYTES : len;
    guard->head_len = 0;
  }
  return input.len;
}
