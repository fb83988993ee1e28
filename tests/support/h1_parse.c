/* Reads byte streams as the two ends of our proxy would, for tests that compare with other parsers.
 * Input: records of a kind ('Q': what a client sends, 'R': what a server sends), the request's method as a number of enum gw_method (of
 * which an answer's body depends), a little-endian 32-bit length, and so many bytes; behind them the connection ends.
 * Output: a line of JSON a record: the messages, and what came behind them. Strings are in hexadecimal. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/http/h1_codec.h"

static const struct gw_h1_limits limits = {.head_bytes = 16384, .header_count = 100};

struct reader {
  struct gw_str bytes;
  size_t at;
  bool is_request;
  enum gw_method method;
  struct gw_arena arena;
  struct gw_json_writer *json;
  const char *end; /* why there are no more messages */
  struct gw_str detail;
};

static void write_hex(struct gw_json_writer *json, const char *key, struct gw_str value) {
  static const char digits[] = "0123456789abcdef";
  struct gw_strbuf hex;
  gw_strbuf_init(&hex);
  for (size_t i = 0; i < value.len; i++) {
    gw_strbuf_append_char(&hex, digits[(unsigned char)value.data[i] >> 4]);
    gw_strbuf_append_char(&hex, digits[value.data[i] & 15]);
  }
  if (key != NULL) gw_json_key(json, key);
  gw_json_string(json, gw_strbuf_str(&hex));
  gw_strbuf_done(&hex);
}

static void write_fields(struct gw_json_writer *json, const char *key, const struct gw_headers *fields) {
  gw_json_key(json, key);
  gw_json_array_begin(json);
  for (uint32_t i = 0; i < fields->count; i++) {
    gw_json_array_begin(json);
    write_hex(json, NULL, fields->items[i].name);
    write_hex(json, NULL, fields->items[i].value);
    gw_json_array_end(json);
  }
  gw_json_array_end(json);
}

/* The body from the reader's place on. False: it is not whole, and the reader knows why. */
static bool read_body(struct reader *reader, struct gw_h1_body *body, struct gw_strbuf *data) {
  gw_h1_body_collect_trailers(body, &reader->arena);
  while (!body->is_complete) {
    struct gw_str piece;
    size_t used;
    if (gw_h1_body_decode(body, gw_str_skip(reader->bytes, reader->at), &piece, &used) != GW_OK) {
      reader->end = "error";
      reader->detail = GW_STR("http1.bad_chunk");
      return false;
    }
    gw_strbuf_append_str(data, piece);
    reader->at += used;
    if (used > 0) continue;
    if (body->kind == GW_H1_BODY_UNTIL_CLOSE) return true;
    reader->end = "more";
    return false;
  }
  return true;
}

/* What would be sent on: the same message, framed by us. */
static void write_forwarded(struct reader *reader, struct gw_str head, bool is_chunked, struct gw_str data,
                            const struct gw_headers *trailers) {
  struct gw_strbuf text;
  char chunk_head[GW_H1_CHUNK_HEAD_MAX];
  gw_strbuf_init(&text);
  gw_strbuf_append_str(&text, head);
  if (is_chunked && data.len > 0) {
    gw_strbuf_append_str(&text, gw_h1_encode_chunk_head(data.len, chunk_head));
    gw_strbuf_append_str(&text, data);
    gw_strbuf_append(&text, "\r\n", 2);
  } else {
    gw_strbuf_append_str(&text, data);
  }
  if (is_chunked) gw_strbuf_append_str(&text, gw_h1_encode_last_chunk(trailers, &reader->arena));
  write_hex(reader->json, "forwarded", gw_strbuf_str(&text));
  gw_strbuf_done(&text);
}

static bool finish_message(struct reader *reader, struct gw_h1_body *body, struct gw_str *ret_data) {
  struct gw_strbuf data;
  gw_strbuf_init(&data);
  bool is_whole = read_body(reader, body, &data);
  write_hex(reader->json, "body", gw_strbuf_str(&data));
  write_fields(reader->json, "trailers", &body->trailers);
  gw_json_key(reader->json, "is_whole");
  gw_json_bool(reader->json, is_whole);
  gw_json_key(reader->json, "end");
  gw_json_u64(reader->json, reader->at);
  *ret_data = gw_arena_copy(&reader->arena, gw_strbuf_str(&data));
  gw_strbuf_done(&data);
  return is_whole;
}

static bool read_request(struct reader *reader, struct gw_str head_bytes) {
  struct gw_request_head head;
  struct gw_h1_body body;
  struct gw_str data;
  bool keep_alive;
  uint32_t status;
  if (gw_h1_parse_request(head_bytes, &limits, &reader->arena, &head, &keep_alive, &status, &reader->detail) != GW_OK) return false;
  struct gw_json_writer *json = reader->json;
  gw_json_object_begin(json);
  write_hex(json, "method", head.method_name);
  write_hex(json, "path", head.path);
  write_hex(json, "authority", head.authority);
  gw_json_key(json, "version");
  gw_json_string(json, gw_http_version_name(head.version));
  write_fields(json, "fields", &head.headers);
  bool is_chunked = head.content_length == GW_LENGTH_UNKNOWN;
  reader->at += head_bytes.len;
  gw_h1_body_init(&body, head.content_length, is_chunked);
  bool is_whole = finish_message(reader, &body, &data);
  if (is_whole && head.path.len > 0 && head.authority.len > 0) {
    gw_headers_remove_hop_by_hop(&head.headers);
    write_forwarded(reader, gw_h1_encode_request(&head, &reader->arena), is_chunked, data, &body.trailers);
  }
  gw_json_object_end(json);
  if (is_whole) reader->end = keep_alive ? NULL : "closed";
  return true;
}

static bool read_response(struct reader *reader, struct gw_str head_bytes) {
  struct gw_response_head head;
  struct gw_h1_body body;
  struct gw_str data;
  bool keep_alive;
  if (gw_h1_parse_response(head_bytes, &limits, reader->method, &reader->arena, &head, &keep_alive, &reader->detail) != GW_OK) return false;
  struct gw_json_writer *json = reader->json;
  gw_json_object_begin(json);
  gw_json_key(json, "status");
  gw_json_u64(json, head.status);
  write_fields(json, "fields", &head.headers);
  reader->at += head_bytes.len;
  gw_h1_body_init(&body, head.content_length, head.is_chunked);
  bool is_whole = finish_message(reader, &body, &data);
  if (is_whole) {
    bool is_chunked = head.content_length == GW_LENGTH_UNKNOWN;
    gw_headers_remove_hop_by_hop(&head.headers);
    write_forwarded(reader, gw_h1_encode_response(&head, true, false, false, &reader->arena), is_chunked, data, &body.trailers);
  }
  gw_json_object_end(json);
  if (is_whole) reader->end = head.status < 200 && head.status != 101 ? NULL : "closed"; /* the one answer */
  return true;
}

static void read_stream(struct reader *reader) {
  while (reader->end == NULL) {
    struct gw_str rest = gw_str_skip(reader->bytes, reader->at);
    size_t scanned = 0;
    size_t head_len = 0;
    enum gw_err err = gw_h1_find_head(rest.data, rest.len, &limits, &scanned, &head_len);
    if (err != GW_OK) {
      reader->end = err == GW_ERR_AGAIN ? "more" : "error";
      if (err != GW_ERR_AGAIN) reader->detail = GW_STR("http1.head_too_large");
    } else if (!(reader->is_request ? read_request : read_response)(reader, (struct gw_str){rest.data, head_len})) {
      reader->end = "error";
    }
  }
}

static void answer(char kind, enum gw_method method, struct gw_str bytes) {
  struct gw_strbuf text;
  struct gw_json_writer json;
  struct reader reader = {.bytes = bytes, .is_request = kind == 'Q', .method = method, .json = &json};
  gw_strbuf_init(&text);
  gw_json_writer_init(&json, &text);
  gw_arena_init(&reader.arena, 4096);
  gw_json_object_begin(&json);
  gw_json_key(&json, "messages");
  gw_json_array_begin(&json);
  read_stream(&reader);
  gw_json_array_end(&json);
  gw_json_key(&json, "end");
  gw_json_string(&json, gw_str_from(reader.end));
  gw_json_key(&json, "detail");
  gw_json_string(&json, reader.detail);
  gw_json_key(&json, "at");
  gw_json_u64(&json, reader.at);
  gw_json_object_end(&json);
  printf("%.*s\n", GW_STR_ARG(gw_strbuf_str(&text)));
  gw_arena_done(&reader.arena);
  gw_strbuf_done(&text);
}

int main(void) {
  unsigned char head[6];
  while (fread(head, 1, sizeof(head), stdin) == sizeof(head)) {
    size_t len = (size_t)head[2] | (size_t)head[3] << 8 | (size_t)head[4] << 16 | (size_t)head[5] << 24;
    char *bytes = gw_malloc(len + 1); /* not NULL for an empty one */
    if (fread(bytes, 1, len, stdin) != len || head[1] >= GW_METHOD_COUNT) return 1;
    answer((char)head[0], (enum gw_method)head[1], (struct gw_str){bytes, len});
    free(bytes);
  }
  return ferror(stdin) || fflush(stdout) != 0;
}
