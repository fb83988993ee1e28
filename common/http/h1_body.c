#include "common/http/h1_fields.h"
#include "common/message/scan.h"
#include "common/message/trailers.h"

/* Chunk extensions, leading zeros and trailers of one body may exceed its data by this much. */
#define LINE_BYTES_MAX 8192
#define SIZE_DIGITS_MAX 16
#define TRAILER_COUNT_MAX 64
#define TRAILER_BYTES_USUAL 128

/* RFC 9112 section 7.1. No state takes "bad whitespace": senders may not make it, and parsers disagree about it. */
enum state {
  SIZE_FIRST, /* at least one digit is wanted */
  SIZE,
  EXTENSION_FIRST, /* behind ';' */
  EXTENSION_NAME,
  EXTENSION_VALUE_FIRST, /* behind '=' */
  EXTENSION_VALUE,
  EXTENSION_QUOTED,
  EXTENSION_ESCAPED,
  EXTENSION_END, /* behind the closing quote */
  SIZE_LF,
  DATA,
  DATA_CR,
  DATA_LF,
  TRAILER_START,
  TRAILER_NAME,
  TRAILER_VALUE,
  TRAILER_LF,
  END_LF,
};

void gw_h1_body_init(struct gw_h1_body *body, int64_t content_length, bool is_chunked) {
  *body = (struct gw_h1_body){.kind = GW_H1_BODY_NONE};
  if (is_chunked) {
    body->kind = GW_H1_BODY_CHUNKED;
  } else if (content_length == GW_LENGTH_UNKNOWN) {
    body->kind = GW_H1_BODY_UNTIL_CLOSE;
  } else if (content_length > 0) {
    body->kind = GW_H1_BODY_LENGTH;
    body->remaining = (uint64_t)content_length;
  } else {
    body->is_complete = true;
  }
}

void gw_h1_body_collect_trailers(struct gw_h1_body *body, struct gw_arena *arena) {
  body->arena = arena;
}

static bool add_size_digit(struct gw_h1_body *body, char c) {
  int digit = gw_scan_hex(c);
  if (digit < 0 || body->digit_count++ == SIZE_DIGITS_MAX || body->remaining >> 59 != 0) return false; /* stays within int64_t */
  body->remaining = body->remaining << 4 | (unsigned)digit;
  body->state = SIZE;
  return true;
}

static bool end_size_line(struct gw_h1_body *body) {
  body->digit_count = 0;
  if (body->remaining == 0) {
    body->state = TRAILER_START;
  } else {
    body->state = DATA;
    /* What came as data pays for the lines: small extensions may go with every chunk of a long body, more than that may not. */
    body->line_bytes -= body->remaining < body->line_bytes ? (uint32_t)body->remaining : body->line_bytes;
  }
  return true;
}

static bool next_if(struct gw_h1_body *body, bool is_expected, enum state state) {
  body->state = (uint8_t)state;
  return is_expected;
}

static bool step_size(struct gw_h1_body *body, char c) {
  body->line_bytes++;
  if (body->state == SIZE && c == '\r') return next_if(body, true, SIZE_LF);
  if (body->state == SIZE && c == ';') return next_if(body, true, EXTENSION_FIRST);
  return add_size_digit(body, c);
}

/* Behind what may be the end of an extension. */
static bool next_extension(struct gw_h1_body *body, char c) {
  return next_if(body, c == '\r' || c == ';', c == '\r' ? SIZE_LF : EXTENSION_FIRST);
}

static bool step_extension(struct gw_h1_body *body, char c) {
  bool is_token = gw_scan_is(c, GW_SCAN_TOKEN);
  body->line_bytes++;
  switch ((enum state)body->state) {
  case EXTENSION_FIRST: return next_if(body, is_token, EXTENSION_NAME);
  case EXTENSION_NAME:
    if (c == '=') return next_if(body, true, EXTENSION_VALUE_FIRST);
    return is_token || next_extension(body, c);
  case EXTENSION_VALUE_FIRST: return next_if(body, is_token || c == '"', is_token ? EXTENSION_VALUE : EXTENSION_QUOTED);
  case EXTENSION_VALUE: return is_token || next_extension(body, c);
  case EXTENSION_QUOTED:
    if (c == '"' || c == '\\') return next_if(body, true, c == '"' ? EXTENSION_END : EXTENSION_ESCAPED);
    return gw_scan_is(c, GW_SCAN_VALUE);
  case EXTENSION_ESCAPED: return next_if(body, gw_scan_is(c, GW_SCAN_VALUE), EXTENSION_QUOTED);
  default: return next_extension(body, c);
  }
}

/* The first byte of the lines makes their buffer: bodies without trailers, which nearly all are, have none. */
static void keep_trailer_byte(struct gw_h1_body *body, char c) {
  if (body->arena == NULL) return;
  if (body->trailer_len == body->trailer_cap) {
    uint32_t cap = body->trailer_cap == 0 ? TRAILER_BYTES_USUAL : body->trailer_cap * 2;
    char *bytes = gw_arena_alloc_bytes(body->arena, cap);
    if (body->trailer_len > 0) memcpy(bytes, body->trailer_bytes, body->trailer_len);
    body->trailer_bytes = bytes;
    body->trailer_cap = cap;
  }
  body->trailer_bytes[body->trailer_len++] = c;
}

/* The lines by the parser of heads; what may not be a trailer is left out. */
static bool end_trailers(struct gw_h1_body *body) {
  body->is_complete = true;
  if (body->trailer_len == 0) return true;
  keep_trailer_byte(body, '\r');
  keep_trailer_byte(body, '\n');
  const struct gw_h1_limits limits = {.head_bytes = body->trailer_len, .header_count = TRAILER_COUNT_MAX};
  struct gw_str bytes = {body->trailer_bytes, body->trailer_len};
  struct gw_h1_parser parser;
  if (!gw_h1_parser_init_trailers(&parser, bytes, &limits, body->arena)) return false;
  if (gw_h1_parse_fields(&parser, &body->trailers) != GW_OK) return false;
  gw_trailers_remove_forbidden(&body->trailers);
  return true;
}

/* Whether the name so far is of a field that frames a message. Some parsers let it do so even here, others refuse it. */
static bool is_framing_name(const struct gw_h1_body *body) {
  if (body->name_len > sizeof(body->name)) return false;
  enum gw_header_id id = gw_header_id_find((struct gw_str){body->name, body->name_len});
  return id == GW_HEADER_CONTENT_LENGTH || id == GW_HEADER_TRANSFER_ENCODING;
}

/* Longer names are only known to be longer. */
static void keep_name_byte(struct gw_h1_body *body, char c) {
  if (body->name_len < sizeof(body->name)) body->name[body->name_len] = c;
  if (body->name_len <= sizeof(body->name)) body->name_len++;
}

static bool step_trailer(struct gw_h1_body *body, char c) {
  body->line_bytes++;
  if (body->state == TRAILER_START && c == '\r') return next_if(body, true, END_LF);
  keep_trailer_byte(body, c);
  if (body->state == TRAILER_START) {
    if (++body->trailer_count > TRAILER_COUNT_MAX) body->line_bytes = LINE_BYTES_MAX; /* the next byte is one too many */
    body->name_len = 0;
  }
  if (body->state == TRAILER_LF) return next_if(body, c == '\n', TRAILER_START);
  if (body->state == TRAILER_VALUE) return c == '\r' ? next_if(body, true, TRAILER_LF) : gw_scan_is(c, GW_SCAN_VALUE);
  if (body->state == TRAILER_NAME && c == ':') return next_if(body, !is_framing_name(body), TRAILER_VALUE);
  keep_name_byte(body, c);
  return next_if(body, gw_scan_is(c, GW_SCAN_TOKEN), TRAILER_NAME);
}

/* One byte that is not data. */
static bool step(struct gw_h1_body *body, char c) {
  switch ((enum state)body->state) {
  case SIZE_FIRST:
  case SIZE: return step_size(body, c);
  case EXTENSION_FIRST:
  case EXTENSION_NAME:
  case EXTENSION_VALUE_FIRST:
  case EXTENSION_VALUE:
  case EXTENSION_QUOTED:
  case EXTENSION_ESCAPED:
  case EXTENSION_END: return step_extension(body, c);
  case SIZE_LF: return c == '\n' && end_size_line(body);
  case DATA_CR: return next_if(body, c == '\r', DATA_LF);
  case DATA_LF: return next_if(body, c == '\n', SIZE_FIRST);
  case TRAILER_START:
  case TRAILER_NAME:
  case TRAILER_VALUE:
  case TRAILER_LF: return step_trailer(body, c);
  case END_LF: return c == '\n' && end_trailers(body);
  case DATA: break;
  }
  return false;
}

static enum gw_err decode_chunked(struct gw_h1_body *body, struct gw_str input, struct gw_str *ret_data, size_t *ret_used) {
  size_t at = 0;
  while (at < input.len && body->state != DATA && !body->is_complete) {
    if (!step(body, input.data[at++])) return GW_ERR_INVALID;
    if (body->line_bytes > LINE_BYTES_MAX) return GW_ERR_LIMIT;
  }
  struct gw_str data = gw_str_skip(input, at);
  if (body->state != DATA) {
    data.len = 0;
  } else if (body->remaining <= data.len) {
    data.len = (size_t)body->remaining;
    body->state = DATA_CR;
  }
  body->remaining -= data.len;
  *ret_data = data;
  *ret_used = at + data.len;
  return GW_OK;
}

enum gw_err gw_h1_body_decode(struct gw_h1_body *body, struct gw_str input, struct gw_str *ret_data, size_t *ret_used) {
  struct gw_str data = {input.data, 0};
  switch (body->kind) {
  case GW_H1_BODY_NONE: break;
  case GW_H1_BODY_CHUNKED: return decode_chunked(body, input, ret_data, ret_used);
  case GW_H1_BODY_UNTIL_CLOSE: data = input; break;
  case GW_H1_BODY_LENGTH:
    data.len = input.len < body->remaining ? input.len : (size_t)body->remaining;
    body->remaining -= data.len;
    body->is_complete = body->remaining == 0;
    break;
  }
  *ret_data = data;
  *ret_used = data.len;
  return GW_OK;
}
