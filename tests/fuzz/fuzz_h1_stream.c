/* A connection's bytes, messages with their bodies one behind the other: byte 0 says whose (a client's, or a server's and to what method).
 * However they are cut into two, and one by one, the messages are those of all at once. */
#include "common/base/mem.h"
#include "common/http/h1_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CUTS_MAX 200
static const struct gw_h1_limits limits = {.head_bytes = 1024, .header_count = 20};

/* Reads as a session does: a head once it is whole, then the body piece by piece. */
struct reader {
  bool is_request;
  enum gw_method method;
  struct gw_strbuf pending; /* of a head that is not whole */
  size_t scanned;
  bool is_in_body;
  bool has_ended;
  struct gw_h1_body body;
  struct gw_arena arena;
  struct gw_strbuf story; /* all that was understood */
};

static void tell_fields(struct reader *reader, const struct gw_headers *fields) {
  for (uint32_t i = 0; i < fields->count; i++)
    gw_strbuf_printf(&reader->story, "%.*s=%.*s;", GW_STR_ARG(fields->items[i].name), GW_STR_ARG(fields->items[i].value));
}

static void end(struct reader *reader, struct gw_str why) {
  gw_strbuf_append_str(&reader->story, why);
  reader->has_ended = true;
}

static void take_request(struct reader *reader, struct gw_str head_bytes) {
  struct gw_request_head head;
  bool keep_alive;
  uint32_t status;
  struct gw_str detail;
  if (gw_h1_parse_request(head_bytes, &limits, &reader->arena, &head, &keep_alive, &status, &detail) != GW_OK) {
    end(reader, detail);
    return;
  }
  gw_strbuf_printf(&reader->story, "%.*s %.*s %d:", GW_STR_ARG(head.method_name), GW_STR_ARG(head.path), keep_alive);
  tell_fields(reader, &head.headers);
  gw_h1_body_init(&reader->body, head.content_length, head.content_length == GW_LENGTH_UNKNOWN);
}

static void take_response(struct reader *reader, struct gw_str head_bytes) {
  struct gw_response_head head;
  bool keep_alive;
  struct gw_str detail;
  if (gw_h1_parse_response(head_bytes, &limits, reader->method, &reader->arena, &head, &keep_alive, &detail) != GW_OK) {
    end(reader, detail);
    return;
  }
  gw_strbuf_printf(&reader->story, "%u %d:", head.status, keep_alive);
  tell_fields(reader, &head.headers);
  gw_h1_body_init(&reader->body, head.content_length, head.is_chunked);
}

/* false: more bytes are wanted. */
static bool take_head(struct reader *reader) {
  size_t head_len;
  enum gw_err err = gw_h1_find_head(reader->pending.data, reader->pending.len, &limits, &reader->scanned, &head_len);
  if (err == GW_ERR_AGAIN) return false;
  if (err != GW_OK) {
    end(reader, GW_STR("too large"));
    return false;
  }
  reader->scanned = 0;
  struct gw_str head_bytes = gw_arena_copy(&reader->arena, (struct gw_str){reader->pending.data, head_len});
  memmove(reader->pending.data, reader->pending.data + head_len, reader->pending.len - head_len);
  reader->pending.len -= head_len;
  (reader->is_request ? take_request : take_response)(reader, head_bytes);
  if (reader->has_ended) return false;
  gw_h1_body_collect_trailers(&reader->body, &reader->arena);
  reader->is_in_body = true;
  return true;
}

static bool take_body(struct reader *reader) {
  size_t at = 0;
  while (!reader->body.is_complete) {
    struct gw_str data;
    size_t used;
    if (gw_h1_body_decode(&reader->body, (struct gw_str){reader->pending.data + at, reader->pending.len - at}, &data, &used) != GW_OK) {
      end(reader, GW_STR("bad chunk"));
      return false;
    }
    gw_strbuf_append_str(&reader->story, data);
    at += used;
    if (used == 0) break;
  }
  memmove(reader->pending.data, reader->pending.data + at, reader->pending.len - at);
  reader->pending.len -= at;
  if (!reader->body.is_complete) return false;
  tell_fields(reader, &reader->body.trailers);
  gw_strbuf_append_char(&reader->story, '\n');
  reader->is_in_body = false;
  return true;
}

static void take(struct reader *reader, struct gw_str bytes) {
  if (reader->has_ended || bytes.len == 0) return;
  gw_strbuf_append_str(&reader->pending, bytes);
  while (reader->is_in_body ? take_body(reader) : take_head(reader))
    continue;
}

/* `first`: the length of the first piece; then pieces of `next` bytes. */
static struct gw_strbuf read_stream(struct gw_str bytes, unsigned kind, size_t first, size_t next) {
  struct reader reader = {.is_request = kind % 2 == 0, .method = (enum gw_method)(kind / 2 % GW_METHOD_COUNT)};
  gw_strbuf_init(&reader.pending);
  gw_strbuf_init(&reader.story);
  gw_arena_init(&reader.arena, 4096);
  for (size_t len = first; bytes.len > 0; len = next) {
    if (len > bytes.len) len = bytes.len;
    take(&reader, (struct gw_str){bytes.data, len});
    bytes = gw_str_skip(bytes, len);
  }
  gw_strbuf_done(&reader.pending);
  gw_arena_done(&reader.arena);
  return reader.story;
}

static void check_cut(struct gw_str bytes, unsigned kind, size_t first, size_t next, const struct gw_strbuf *whole) {
  struct gw_strbuf pieces = read_stream(bytes, kind, first, next);
  GW_ASSERT(gw_str_equal(gw_strbuf_str(whole), gw_strbuf_str(&pieces)));
  gw_strbuf_done(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  struct gw_str bytes = {(const char *)data + 1, size - 1};
  struct gw_strbuf whole = read_stream(bytes, data[0], bytes.len, bytes.len);
  check_cut(bytes, data[0], 1, 1, &whole);
  for (size_t cut = 1; cut < bytes.len; cut += 1 + bytes.len / CUTS_MAX)
    check_cut(bytes, data[0], cut, bytes.len, &whole);
  gw_strbuf_done(&whole);
  return 0;
}
