#include "common/http/h2_internal.h"

/* Refilled over a minute, so that many at once are as good as many in a row. */
bool gw_h2_guard_on_reset(struct gw_h2_codec *codec) {
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
    codec->detail = GW_STR("http2.rapid_reset");
    return false;
  }
  guard->reset_credits -= 1000;
  return true;
}

static bool is_below(struct gw_h2_codec *codec, uint64_t count, uint64_t allowed, struct gw_str detail) {
  if (count <= allowed) return true;
  codec->detail = detail;
  return false;
}

bool gw_h2_guard_on_frame(struct gw_h2_codec *codec, const nghttp2_frame_hd *hd) {
  struct gw_h2_guard *guard = &codec->guard;
  const struct gw_h2_options *options = &codec->options;
  bool may_be_empty = (hd->flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (hd->type) {
  case NGHTTP2_DATA:
  case NGHTTP2_HEADERS:
    guard->empty_frames = hd->length > 0 || may_be_empty ? 0 : guard->empty_frames + 1;
    if (options->max_consecutive_empty_frames == 0) return true;
    return is_below(codec, guard->empty_frames, options->max_consecutive_empty_frames, GW_STR("http2.too_many_empty_frames"));
  case NGHTTP2_PRIORITY:
    if (options->max_priority_frames == 0) return true;
    return is_below(codec, ++guard->priority_frames, options->max_priority_frames * (1 + guard->opened_streams),
                    GW_STR("http2.too_many_priority_frames"));
  case NGHTTP2_WINDOW_UPDATE:
    if (options->max_window_updates == 0) return true;
    return is_below(codec, ++guard->window_updates, 5 + 2 * (guard->opened_streams + options->max_window_updates * guard->sent_data_frames),
                    GW_STR("http2.too_many_window_updates"));
  default: return true;
  }
}
