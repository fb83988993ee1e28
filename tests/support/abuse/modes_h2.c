/* Abuse of HTTP/2, with prior knowledge or by ALPN. Frames are made by hand: no library sends these. */
#include "tests/support/abuse/abuse.h"

enum frame_type { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION };
enum flag { END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8 };

#define FRAME_HEAD 9u
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

static void append_u32(struct gw_strbuf *buf, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8)
    gw_strbuf_append_char(buf, (char)(value >> shift));
}

static void frame(struct connection *connection, enum frame_type type, unsigned flags, uint32_t stream_id, struct gw_str payload) {
  struct gw_strbuf *out = &connection->out;
  append_u32(out, (uint32_t)payload.len << 8 | (uint32_t)type);
  gw_strbuf_append_char(out, (char)flags);
  append_u32(out, stream_id);
  gw_strbuf_append_str(out, payload);
}

static void frame_u32(struct connection *connection, enum frame_type type, uint32_t stream_id, uint32_t value) {
  struct gw_strbuf payload = {0};
  append_u32(&payload, value);
  frame(connection, type, 0, stream_id, gw_strbuf_str(&payload));
  gw_strbuf_done(&payload);
}

/* HPACK (RFC 7541): a number with a prefix of 7 bits, a string without Huffman's code. */
static void append_string(struct gw_strbuf *buf, struct gw_str text) {
  if (text.len < 127) {
    gw_strbuf_append_char(buf, (char)text.len);
  } else {
    size_t rest = text.len - 127;
    gw_strbuf_append_char(buf, 127);
    for (; rest >= 128; rest /= 128)
      gw_strbuf_append_char(buf, (char)(rest % 128 | 128));
    gw_strbuf_append_char(buf, (char)rest);
  }
  gw_strbuf_append_str(buf, text);
}

/* Names by the static table: 2 GET, 3 POST, 6 http, 4 :path, 1 :authority. Nothing is indexed, so a block can be sent again. */
static void append_request(struct gw_strbuf *block, unsigned method, const char *length) {
  gw_strbuf_append_char(block, (char)(0x80 | method));
  gw_strbuf_append_char(block, (char)0x86);
  gw_strbuf_append_char(block, 0x04);
  append_string(block, gw_str_from(options.path));
  gw_strbuf_append_char(block, 0x01);
  append_string(block, GW_STR("abuse.test"));
  if (length == NULL) return;
  gw_strbuf_append_char(block, 0x00);
  append_string(block, GW_STR("content-length"));
  append_string(block, gw_str_from(length));
}

void h2_init(void) {
  append_request(&options.h2_request, 2, NULL);
  append_request(&options.h2_upload, 3, "5");
  append_request(&options.h2_post, 3, NULL);
}

static uint32_t next_stream(struct connection *connection) {
  uint32_t id = connection->stream_id == 0 ? 1 : connection->stream_id;
  connection->stream_id = id + 2;
  return id;
}

static uint32_t open_request(struct connection *connection, const struct gw_strbuf *block, unsigned flags) {
  uint32_t id = next_stream(connection);
  frame(connection, HEADERS, END_HEADERS | flags, id, gw_strbuf_str(block));
  return id;
}

static void preface(struct connection *connection) {
  say(connection, GW_STR(PREFACE));
  frame(connection, SETTINGS, 0, 0, GW_STR(""));
}

static void preface_and_stream(struct connection *connection) {
  preface(connection);
  open_request(connection, &options.h2_post, 0);
}

static void preface_without_window(struct connection *connection) {
  say(connection, GW_STR(PREFACE));
  frame(connection, SETTINGS, 0, 0, GW_STR("\0\4\0\0\0\0")); /* SETTINGS_INITIAL_WINDOW_SIZE 0 */
}

/* ---- pieces ---- */

static void reset_own(struct connection *connection) {
  uint32_t id = open_request(connection, &options.h2_request, END_STREAM);
  frame_u32(connection, RST_STREAM, id, 8);
}

static void overflow_window(struct connection *connection) {
  uint32_t id = open_request(connection, &options.h2_request, END_STREAM);
  frame_u32(connection, WINDOW_UPDATE, id, 0x7fffffff);
}

static void zero_increment(struct connection *connection) {
  uint32_t id = open_request(connection, &options.h2_request, END_STREAM);
  frame_u32(connection, WINDOW_UPDATE, id, 0);
}

static void data_after_end(struct connection *connection) {
  uint32_t id = open_request(connection, &options.h2_request, END_STREAM);
  frame(connection, DATA, 0, id, GW_STR("x"));
}

static void wrong_length(struct connection *connection) {
  uint32_t id = open_request(connection, &options.h2_upload, 0);
  frame(connection, DATA, END_STREAM, id, GW_STR("x"));
}

static void bad_fields(struct connection *connection) {
  uint32_t id = next_stream(connection);
  frame(connection, HEADERS, END_HEADERS | END_STREAM, id, GW_STR("\x82\x82\x86\x84\x00\x01 \x00"));
}

static void open_block(struct connection *connection) {
  preface(connection);
  frame(connection, HEADERS, END_STREAM, next_stream(connection), gw_strbuf_str(&options.h2_request));
}

static void continue_block(struct connection *connection) {
  frame(connection, CONTINUATION, 0, connection->stream_id - 2, GW_STR("\x00\x01x\x01y"));
}

static void continue_with_nothing(struct connection *connection) {
  frame(connection, CONTINUATION, 0, connection->stream_id - 2, GW_STR(""));
}

/* A request cut into frames of a byte. */
static void crumbled_block(struct connection *connection) {
  struct gw_str block = gw_strbuf_str(&options.h2_request);
  uint32_t id = next_stream(connection);
  frame(connection, HEADERS, END_STREAM, id, GW_STR(""));
  for (size_t i = 0; i < block.len; i++)
    frame(connection, CONTINUATION, i + 1 == block.len ? END_HEADERS : 0, id, (struct gw_str){block.data + i, 1});
}

static void settings(struct connection *connection) {
  frame(connection, SETTINGS, 0, 0, GW_STR("\0\1\0\0\20\0"));
}

static void ping(struct connection *connection) {
  frame(connection, PING, 0, 0, GW_STR("12345678"));
}

static void priority(struct connection *connection) {
  frame(connection, PRIORITY, 0, 1, GW_STR("\0\0\0\0\1"));
}

static void empty_data(struct connection *connection) {
  frame(connection, DATA, 0, 1, GW_STR(""));
}

/* Not empty, but nothing is in them. */
static void padding(struct connection *connection) {
  frame(connection, DATA, PADDED, 1, GW_STR("\0"));
}

static void empty_headers(struct connection *connection) {
  frame(connection, HEADERS, 0, next_stream(connection), GW_STR(""));
  frame(connection, CONTINUATION, END_HEADERS, connection->stream_id - 2, GW_STR(""));
}

static void window_update(struct connection *connection) {
  frame_u32(connection, WINDOW_UPDATE, 0, 1);
}

static void unknown_frame(struct connection *connection) {
  frame(connection, (enum frame_type)0x42, 0, 0, GW_STR("x"));
}

/* One field of 3,800 bytes goes into the table, then as many references to it as fit in a frame. */
static void hpack_bomb(struct connection *connection) {
  static char value[3800];
  struct gw_strbuf block = {0};
  memset(value, 'v', sizeof(value));
  gw_strbuf_append_str(&block, gw_strbuf_str(&options.h2_request));
  gw_strbuf_append_char(&block, 0x40);
  append_string(&block, GW_STR("x-bomb"));
  append_string(&block, (struct gw_str){value, sizeof(value)});
  while (block.len < 16384)
    gw_strbuf_append_char(&block, (char)0xbe);
  open_request(connection, &block, END_STREAM);
  gw_strbuf_done(&block);
}

/* As many updates of the table's size as fit before the fields (RFC 7541 section 4.2 wants two at most). */
static void table_updates(struct connection *connection) {
  struct gw_strbuf block = {0};
  while (block.len < 8192)
    gw_strbuf_append(&block, "\x20\x3f\x01", 3);
  gw_strbuf_append_str(&block, gw_strbuf_str(&options.h2_request));
  open_request(connection, &block, END_STREAM);
  gw_strbuf_done(&block);
}

static void many_fields(struct connection *connection) {
  struct gw_strbuf block = {0};
  gw_strbuf_append_str(&block, gw_strbuf_str(&options.h2_request));
  while (block.len < 16000)
    gw_strbuf_append(&block, "\x00\x01x\x01y", 5);
  open_request(connection, &block, END_STREAM);
  gw_strbuf_done(&block);
}

static void request(struct connection *connection) {
  open_request(connection, &options.h2_request, END_STREAM);
}

static void held_stream(struct connection *connection) {
  open_request(connection, &options.h2_post, 0);
}

static void unfinished_upload(struct connection *connection) {
  static char bytes[2000];
  uint32_t id = open_request(connection, &options.h2_post, 0);
  frame(connection, DATA, 0, id, (struct gw_str){bytes, sizeof(bytes)});
}

/* ---- what comes back ---- */

static uint32_t read_u32(const char *bytes) {
  const unsigned char *at = (const unsigned char *)bytes;
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

void h2_take(struct connection *connection, struct gw_str bytes) {
  struct gw_strbuf *in = &connection->in;
  while (bytes.len > 0) {
    if (connection->skip > 0) {
      size_t part = connection->skip < bytes.len ? connection->skip : bytes.len;
      connection->skip -= (uint32_t)part;
      bytes = gw_str_skip(bytes, part);
      continue;
    }
    gw_strbuf_append_char(in, bytes.data[0]);
    bytes = gw_str_skip(bytes, 1);
    if (in->len < FRAME_HEAD) continue;
    uint32_t len = read_u32(in->data) >> 8;
    enum frame_type type = (enum frame_type)in->data[3];
    size_t wanted = type == GOAWAY ? 8 : type == RST_STREAM ? 4 : 0;
    if (in->len < FRAME_HEAD + wanted) continue;
    if (type == GOAWAY) count_goaway(read_u32(in->data + FRAME_HEAD + 4));
    if (type == RST_STREAM) count_reset(read_u32(in->data + FRAME_HEAD));
    if (type == HEADERS) count_status(0);
    connection->skip = len - (uint32_t)wanted;
    gw_strbuf_clear(in);
  }
}

#define FLOOD .is_h2 = true, .connections = 32, .reopens = true
#define HOLD .is_h2 = true

const struct mode h2_modes[] = {
    {.name = "h2-rapid-reset", FLOOD, .begin = preface, .more = reset_own},
    {.name = "h2-window-overflow", FLOOD, .begin = preface, .more = overflow_window},
    {.name = "h2-zero-increment", FLOOD, .begin = preface, .more = zero_increment},
    {.name = "h2-data-after-end", FLOOD, .begin = preface, .more = data_after_end},
    {.name = "h2-wrong-length", FLOOD, .begin = preface, .more = wrong_length},
    {.name = "h2-bad-fields", FLOOD, .begin = preface, .more = bad_fields},
    {.name = "h2-continuation", FLOOD, .begin = open_block, .more = continue_block},
    {.name = "h2-continuation-empty", FLOOD, .begin = open_block, .more = continue_with_nothing},
    {.name = "h2-continuation-crumbs", FLOOD, .begin = preface, .more = crumbled_block},
    {.name = "h2-settings", FLOOD, .begin = preface, .more = settings, .is_deaf = true},
    {.name = "h2-settings-read", FLOOD, .begin = preface, .more = settings},
    {.name = "h2-ping", FLOOD, .begin = preface, .more = ping, .is_deaf = true},
    {.name = "h2-ping-read", FLOOD, .begin = preface, .more = ping},
    {.name = "h2-priority", FLOOD, .begin = preface, .more = priority},
    {.name = "h2-empty-data", FLOOD, .begin = preface_and_stream, .more = empty_data},
    {.name = "h2-padding", FLOOD, .begin = preface_and_stream, .more = padding},
    {.name = "h2-empty-headers", FLOOD, .begin = preface, .more = empty_headers},
    {.name = "h2-window-update", FLOOD, .begin = preface, .more = window_update},
    {.name = "h2-unknown-frames", FLOOD, .begin = preface, .more = unknown_frame},
    {.name = "h2-hpack-bomb", FLOOD, .begin = preface, .more = hpack_bomb},
    {.name = "h2-table-updates", FLOOD, .begin = preface, .more = table_updates},
    {.name = "h2-many-fields", FLOOD, .begin = preface, .more = many_fields},
    {.name = "h2-requests", FLOOD, .begin = preface, .more = request},
    {.name = "h2-deaf-requests", FLOOD, .begin = preface, .more = request, .is_deaf = true, .receive_bytes = 4096},
    {.name = "h2-held-streams", HOLD, .connections = 100, .begin = preface, .more = held_stream, .pieces_max = 200},
    {.name = "h2-unfinished-uploads", HOLD, .connections = 100, .begin = preface, .more = unfinished_upload, .pieces_max = 100},
    {.name = "h2-zero-window", HOLD, .connections = 50, .begin = preface_without_window, .more = request, .pieces_max = 100},
    {.name = "h2-deaf-readers",
     HOLD,
     .connections = 50,
     .is_deaf = true,
     .receive_bytes = 4096,
     .begin = preface,
     .more = request,
     .pieces_max = 100},
    {.name = NULL},
};
