/* A stranger's bytes for an HTTP/2 codec, whose owner answers, waits, resets and lets go as bytes of the input say. Byte 0: which side.
 * No event comes for a stream that was let go or closed, nor data while it is paused or after its end; streams are counted right. */
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/http/h2_codec.h"
#include "tests/fuzz/fuzz_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STREAMS_MAX 64
#define FEED_MS 700

/* Of a size of its own, so that the sanitizer sees who comes back after its end. */
struct exchange {
  struct gw_h2_stream h2;
  struct gw_arena arena;
  struct gw_headers trailers;
  bool is_over; /* closed, or let go of */
  bool has_ended;
  bool is_answered;
};

struct owner {
  struct gw_h2_codec *codec;
  struct gw_out_queue out;
  struct gw_fuzz_input input;
  struct exchange *exchanges[STREAMS_MAX]; /* open ones, and those that are freed when the call has returned */
  uint32_t count;
  uint32_t open_count;
  bool is_client;
  uint64_t now_ms;
};

static struct owner *owner; /* of the run: events of streams have no argument */

static struct exchange *exchange_of(struct gw_h2_stream *stream) {
  struct exchange *exchange = GW_CONTAINER_OF(stream, struct exchange, h2);
  GW_ASSERT(!exchange->is_over);
  return exchange;
}

static struct exchange *new_exchange(void) {
  if (owner->count == STREAMS_MAX) return NULL;
  struct exchange *exchange = gw_calloc(1, sizeof(*exchange));
  gw_arena_init(&exchange->arena, 512);
  gw_h2_stream_init(&exchange->h2, &exchange->arena);
  gw_headers_init(&exchange->trailers, &exchange->arena, 1);
  owner->exchanges[owner->count++] = exchange;
  return exchange;
}

static void free_exchange(struct exchange *exchange) {
  gw_arena_done(&exchange->arena);
  free(exchange);
}

/* Memory may go inside on_close and on_end, which are the last events. */
static void drop(struct exchange *exchange) {
  for (uint32_t i = 0; i < owner->count; i++) {
    if (owner->exchanges[i] != exchange) continue;
    owner->exchanges[i] = owner->exchanges[--owner->count];
    free_exchange(exchange);
    return;
  }
  GW_PANIC("a stream that is not there");
}

static void let_go(struct exchange *exchange, bool is_last_event) {
  gw_h2_stream_detach(&exchange->h2, (enum gw_h2_error)(gw_fuzz_take_byte(&owner->input) % 14));
  exchange->is_over = true;
  owner->open_count--;
  if (is_last_event) drop(exchange);
}

static void sweep(void) {
  for (uint32_t i = 0; i < owner->count;) {
    if (owner->exchanges[i]->is_over) {
      drop(owner->exchanges[i]);
    } else {
      i++;
    }
  }
}

static void answer(struct exchange *exchange, unsigned how) {
  if (owner->is_client || exchange->is_answered || !exchange->h2.is_head_done) return;
  bool is_interim = how % 4 == 3;
  bool has_body = how % 4 < 2;
  struct gw_response_head head = {.status = is_interim ? 103 : 200,
                                  .content_length = has_body ? GW_LENGTH_UNKNOWN : GW_LENGTH_NONE,
                                  .declared_length = GW_LENGTH_NONE};
  gw_headers_init(&head.headers, &exchange->arena, 2);
  gw_headers_add(&head.headers, &exchange->arena, GW_HEADER_OTHER, GW_STR("X-Kept"), GW_STR("1"));
  gw_headers_add(&head.headers, &exchange->arena, GW_HEADER_CONNECTION, GW_STR("connection"), GW_STR("close"));
  exchange->is_answered = !is_interim;
  gw_h2_stream_respond(&exchange->h2, &head, !is_interim && has_body);
}

static void say_more(struct exchange *exchange, unsigned how) {
  if (!owner->is_client && !exchange->is_answered) return;
  if (exchange->h2.is_ended) return;
  gw_h2_stream_send_body(&exchange->h2, gw_fuzz_take_str(&owner->input));
  if (how % 4 == 0) gw_headers_add(&exchange->trailers, &exchange->arena, GW_HEADER_GRPC_STATUS, GW_STR("grpc-status"), GW_STR("0"));
  if (how % 4 < 2) gw_h2_stream_send_end(&exchange->h2, how % 2 == 0 ? &exchange->trailers : NULL);
}

/* What an owner does inside an event. */
static void react(struct exchange *exchange, bool is_last_event) {
  unsigned how = gw_fuzz_take_byte(&owner->input);
  switch (how % 8) {
  case 1: let_go(exchange, is_last_event); break;
  case 2: gw_h2_stream_set_paused(&exchange->h2, true); break;
  case 3: answer(exchange, how / 8); break;
  case 4:
    answer(exchange, how / 8);
    say_more(exchange, how / 8);
    break;
  default: break;
  }
}

static struct gw_h2_stream *on_open(void *arg) {
  (void)arg;
  GW_ASSERT(!owner->is_client);
  if (gw_fuzz_take_byte(&owner->input) % 8 == 7) return NULL;
  struct exchange *exchange = new_exchange();
  if (exchange == NULL) return NULL;
  owner->open_count++;
  return &exchange->h2;
}

static void on_head(struct gw_h2_stream *stream) {
  struct exchange *exchange = exchange_of(stream);
  GW_ASSERT(!exchange->has_ended);
  if (owner->is_client) {
    GW_ASSERT(stream->response.status >= 100 && stream->response.status <= 999);
  } else if (stream->refusal == 0) {
    GW_ASSERT(stream->request.authority.len > 0 && stream->request.method_name.len > 0);
  }
  react(exchange, false);
}

static void on_data(struct gw_h2_stream *stream, struct gw_str bytes) {
  struct exchange *exchange = exchange_of(stream);
  GW_ASSERT(bytes.len > 0 && (!stream->is_paused || stream->is_closed) && !exchange->has_ended);
  react(exchange, false);
}

static void on_end(struct gw_h2_stream *stream) {
  struct exchange *exchange = exchange_of(stream);
  GW_ASSERT(!exchange->has_ended && (!stream->is_paused || stream->is_closed));
  exchange->has_ended = true;
  react(exchange, true);
}

static void on_pressure(struct gw_h2_stream *stream, bool is_high) {
  exchange_of(stream);
  GW_ASSERT(is_high == stream->is_above_watermark);
}

static void on_close(struct gw_h2_stream *stream, uint32_t error, bool is_by_peer) {
  (void)error, (void)is_by_peer;
  struct exchange *exchange = exchange_of(stream);
  exchange->is_over = true;
  owner->open_count--;
  drop(exchange);
}

static void on_output(void *arg) {
  (void)arg;
}

static void on_spent(void *arg, char *bytes) {
  (void)arg;
  free(bytes);
}

static const struct gw_h2_events events = {.on_open = on_open,
                                           .on_head = on_head,
                                           .on_data = on_data,
                                           .on_end = on_end,
                                           .on_pressure = on_pressure,
                                           .on_close = on_close,
                                           .on_output = on_output,
                                           .on_spent = on_spent};

static void request(unsigned how) {
  if (!owner->is_client || !gw_h2_codec_may_request(owner->codec)) return;
  struct exchange *exchange = new_exchange();
  if (exchange == NULL) return;
  struct gw_request_head head = {.method = GW_METHOD_POST,
                                 .method_name = how % 2 == 0 ? GW_STR("POST") : GW_STR("HEAD"),
                                 .path = GW_STR("/x"),
                                 .authority = GW_STR("a"),
                                 .scheme = GW_STR("http"),
                                 .content_length = how % 4 < 2 ? GW_LENGTH_UNKNOWN : GW_LENGTH_NONE};
  owner->open_count++;
  GW_ASSERT(gw_h2_stream_request(owner->codec, &exchange->h2, &head, how % 4 < 2) == GW_OK);
}

static enum gw_err feed(struct gw_str bytes) {
  owner->now_ms += FEED_MS;
  return gw_h2_codec_feed(owner->codec, bytes, owner->now_ms);
}

/* A frame with a whole head, so that mutations get deeper than that. */
static enum gw_err feed_frame(void) {
  struct gw_fuzz_input *input = &owner->input;
  unsigned type = gw_fuzz_take_byte(input);
  unsigned flags = gw_fuzz_take_byte(input);
  unsigned id = gw_fuzz_take_byte(input);
  struct gw_str payload = gw_fuzz_take_str(input);
  char frame[9 + 255] = {0, (char)(payload.len >> 8), (char)payload.len, (char)(type % 11), (char)flags, 0, 0, 0, (char)id};
  memcpy(frame + 9, payload.data, payload.len);
  return feed((struct gw_str){frame, 9 + payload.len});
}

static void pack(unsigned how) {
  size_t limit = how % 2 == 0 ? SIZE_MAX : how;
  gw_h2_codec_pack(owner->codec, &owner->out, limit);
  if (how % 4 < 3) gw_out_queue_drop(&owner->out, owner->out.len);
}

/* false: the connection is at its end. */
static bool step(void) {
  unsigned what = gw_fuzz_take_byte(&owner->input);
  unsigned how = gw_fuzz_take_byte(&owner->input);
  struct exchange *exchange = owner->count > 0 ? owner->exchanges[how % owner->count] : NULL;
  switch (what % 12) {
  case 0: return feed(gw_fuzz_take_str(&owner->input)) == GW_OK;
  case 1:
  case 2: return feed_frame() == GW_OK;
  case 3: pack(how); break;
  case 4: request(how); break;
  case 5:
    if (exchange != NULL) answer(exchange, how / 8);
    break;
  case 6:
    if (exchange != NULL) say_more(exchange, how / 8);
    break;
  case 7:
    if (exchange != NULL) gw_h2_stream_set_paused(&exchange->h2, what % 24 >= 12);
    break;
  case 8:
    if (exchange != NULL) let_go(exchange, false);
    break;
  case 9:
    if (!owner->is_client) gw_h2_codec_start_drain(owner->codec, how % 2 == 0);
    break;
  case 10: gw_h2_codec_close_streams(owner->codec, (enum gw_h2_error)(how % 14)); break;
  default: gw_h2_codec_is_stalled(owner->codec); break;
  }
  return true;
}

/* What a peer must have said before anything else is taken. */
static void greet(void) {
  static const char settings[9] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
  if (!owner->is_client) feed(GW_STR(GW_H2_PREFACE));
  feed((struct gw_str){settings, sizeof(settings)});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct owner it = {.input = {data, data + size}, .now_ms = 1000};
  unsigned first = gw_fuzz_take_byte(&it.input);
  it.is_client = first % 2 != 0;
  struct gw_h2_options options = {.is_client = it.is_client,
                                  .allows_connect = first % 4 < 2,
                                  .hpack_table_size = 4096,
                                  .max_concurrent_streams = 20,
                                  .initial_stream_window = 65535,
                                  .initial_connection_window = 65535 * 2,
                                  .head_bytes = 256,
                                  .header_count = 8,
                                  .max_outbound_control_frames = 100,
                                  .max_consecutive_empty_frames = 4,
                                  .max_priority_frames = 10,
                                  .max_window_updates = 10,
                                  .max_resets_per_minute = 60};
  owner = &it;
  gw_out_queue_init(&it.out);
  it.codec = gw_h2_codec_new(&options, &events, &it);
  if (first % 8 < 7) greet();
  while (it.input.at < it.input.end && step()) {
    sweep();
    GW_ASSERT(gw_h2_codec_stream_count(it.codec) == it.open_count);
  }
  sweep();
  pack(0);
  pack(0);
  GW_ASSERT(gw_h2_codec_stream_count(it.codec) == it.open_count);
  gw_h2_codec_free(it.codec);
  while (it.count > 0)
    free_exchange(it.exchanges[--it.count]);
  gw_out_queue_done(&it.out);
  owner = NULL;
  return 0;
}
