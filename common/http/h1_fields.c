#include "common/http/h1_fields.h"

#include "common/message/scan.h"

/* A field line is longer than this as a rule; the array grows if not. */
#define LINE_BYTES_USUAL 32
/* Fields that a proxy adds to what it forwards. */
#define SPARE_HEADERS 8
/* Options of all Connection fields: each costs a search through the fields. */
#define OPTIONS_MAX 64

#define BIT(id) GW_HEADER_BIT(id)
#define OURS                                                                                                                               \
  (BIT(GW_HEADER_HOST) | BIT(GW_HEADER_CONNECTION) | BIT(GW_HEADER_CONTENT_LENGTH) | BIT(GW_HEADER_TRANSFER_ENCODING) |                    \
   BIT(GW_HEADER_EXPECT))

bool gw_h1_parser_init(struct gw_h1_parser *parser, struct gw_str bytes, const struct gw_h1_limits *limits, struct gw_arena *arena,
                       bool is_request) {
  *parser = (struct gw_h1_parser){.at = bytes.data,
                                  .end = bytes.data + bytes.len,
                                  .limits = limits,
                                  .arena = arena,
                                  .ours = OURS,
                                  .content_length = GW_LENGTH_NONE,
                                  .is_request = is_request};
  return bytes.len >= 4 && bytes.data[bytes.len - 1] == '\n';
}

bool gw_h1_parser_init_trailers(struct gw_h1_parser *parser, struct gw_str bytes, const struct gw_h1_limits *limits,
                                struct gw_arena *arena) {
  bool may_be = gw_h1_parser_init(parser, bytes, limits, arena, false);
  parser->ours = 0;
  return may_be;
}

static enum gw_err bad(struct gw_h1_parser *parser, struct gw_str detail) {
  return gw_h1_parser_fail(parser, GW_ERR_INVALID, 400, detail);
}

static inline bool is_word(struct gw_str value, struct gw_str lower) {
  return value.len == lower.len && gw_scan_equal_lower(value.data, lower.data, lower.len);
}

/* Optional whitespace may be a tab, but some parsers do not take it off the end, and see no length or no coding then. */
static bool has_tab_behind(struct gw_str value) {
  const char *at = value.data + value.len;
  while (*at == ' ')
    at++;
  return *at == '\t';
}

static enum gw_err take_length(struct gw_h1_parser *parser, struct gw_str value) {
  uint64_t length;
  if (gw_str_parse_u64(value, &length) != GW_OK || length > INT64_MAX || has_tab_behind(value))
    return bad(parser, GW_STR("http1.bad_content_length"));
  /* Two that agree are harmless in an answer; in a request nobody needs them. */
  bool may_repeat = !parser->is_request && parser->content_length == (int64_t)length;
  if (parser->length_count++ > 0 && !may_repeat) return bad(parser, GW_STR("http1.several_content_lengths"));
  parser->content_length = (int64_t)length;
  return GW_OK;
}

/* chunked must be there, once, and last; what stands before it must be names of codings. */
static void take_codings(struct gw_h1_parser *parser, struct gw_str value) {
  if (parser->coding_count++ > 0 || has_tab_behind(value)) parser->has_bad_coding = true;
  if (is_word(value, GW_STR("chunked"))) return;
  struct gw_str coding;
  bool was_chunked = false;
  while (gw_str_split_next(&value, ',', &coding)) {
    coding = gw_str_trim(coding);
    if (was_chunked || !gw_header_name_is_valid(coding)) parser->has_bad_coding = true; /* a token, as names are */
    was_chunked = is_word(coding, GW_STR("chunked"));
    if (!was_chunked) parser->has_other_coding = true;
  }
  if (!was_chunked) parser->has_bad_coding = true;
}

static enum gw_err take_options(struct gw_h1_parser *parser, struct gw_str value) {
  if (is_word(value, GW_STR("keep-alive"))) { /* what most clients and servers say */
    parser->has_keep_alive = true;
    return GW_OK;
  }
  struct gw_str option;
  while (gw_str_split_next(&value, ',', &option)) {
    option = gw_str_trim(option);
    if (is_word(option, GW_STR("close"))) parser->has_close = true;
    if (is_word(option, GW_STR("keep-alive"))) parser->has_keep_alive = true;
    if (++parser->option_count > OPTIONS_MAX) return bad(parser, GW_STR("http1.too_many_connection_options"));
  }
  return GW_OK;
}

/* *ret_is_kept: the field goes to the headers too. */
static enum gw_err take_ours(struct gw_h1_parser *parser, enum gw_header_id id, struct gw_str value, bool *ret_is_kept) {
  *ret_is_kept = false;
  switch (id) {
  case GW_HEADER_CONTENT_LENGTH: return take_length(parser, value);
  case GW_HEADER_TRANSFER_ENCODING: take_codings(parser, value); return GW_OK;
  case GW_HEADER_HOST:
    *ret_is_kept = !parser->is_request;
    parser->host = value;
    parser->host_count++;
    return GW_OK;
  case GW_HEADER_EXPECT: parser->has_expect |= is_word(value, GW_STR("100-continue")); break;
  default: break;
  }
  *ret_is_kept = true;
  return id == GW_HEADER_CONNECTION ? take_options(parser, value) : GW_OK;
}

/* The name up to ':', not checked yet. NULL: there is no ':' before the head's end. */
static inline const char *find_colon(const char *at, const char *end) {
#ifdef __SSE2__
  while (end - at >= 16) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    int found = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(':')));
    if (found != 0) return at + __builtin_ctz((unsigned)found);
    at += 16;
  }
#endif
  return memchr(at, ':', (size_t)(end - at));
}

/* `end`: of all that may be read. */
static inline bool is_token(struct gw_str name, const char *end) {
  const char *name_end = name.data + name.len;
  const char *at = gw_scan_skip_common(name.data, end);
  return name.len > 0 && (at == name_end || gw_scan_find_not(at, name_end, GW_SCAN_TOKEN) == name_end);
}

static inline struct gw_str trim_value(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t'))
    at++;
  while (at < end && (end[-1] == ' ' || end[-1] == '\t'))
    end--;
  return (struct gw_str){at, (size_t)(end - at)};
}

/* One line, line end included. The name is checked last, when it is none of those that we know. */
static inline enum gw_err parse_line(struct gw_h1_parser *parser, struct gw_header *ret_header) {
  const char *colon = find_colon(parser->at, parser->end);
  if (colon == NULL) return bad(parser, GW_STR("http1.bad_header_name"));
  struct gw_str name = {parser->at, (size_t)(colon - parser->at)};
  enum gw_header_id id = gw_header_id_find(name);
  if (id == GW_HEADER_OTHER && !is_token(name, parser->end)) return bad(parser, GW_STR("http1.bad_header_name"));
  const char *value_end = gw_scan_find_not_value(colon + 1, parser->end);
  /* The last byte is LF: where value_end is not LF there is a byte behind it. */
  if (*value_end != '\r' || value_end[1] != '\n') {
    return bad(parser, *value_end == '\r' || *value_end == '\n' ? GW_STR("http1.bad_line_end") : GW_STR("http1.bad_header_value"));
  }
  parser->at = value_end + 2;
  *ret_header = (struct gw_header){name, trim_value(colon + 1, value_end), id, .is_received = true};
  return GW_OK;
}

enum gw_err gw_h1_parse_fields(struct gw_h1_parser *parser, struct gw_headers *ret_headers) {
  struct gw_headers headers;
  uint32_t line_count = 0;
  size_t usual = (size_t)(parser->end - parser->at) / LINE_BYTES_USUAL;
  if (usual > parser->limits->header_count) usual = parser->limits->header_count;
  gw_headers_init(&headers, parser->arena, (uint32_t)usual + SPARE_HEADERS);
  while (parser->at < parser->end && *parser->at != '\r') {
    struct gw_header header;
    if (line_count++ == parser->limits->header_count) return gw_h1_parser_fail(parser, GW_ERR_LIMIT, 431, GW_STR("http1.too_many_headers"));
    enum gw_err err = parse_line(parser, &header);
    if (err != GW_OK) return err;
    if ((BIT(header.id) & parser->ours) != 0) {
      bool is_kept;
      err = take_ours(parser, header.id, header.value, &is_kept);
      if (err != GW_OK) return err;
      if (!is_kept) continue;
    }
    if (headers.count < headers.cap) {
      headers.items[headers.count++] = header;
      headers.ids |= BIT(header.id);
    } else {
      gw_headers_add(&headers, parser->arena, header.id, header.name, header.value);
    }
  }
  if (parser->end - parser->at != 2 || parser->at[1] != '\n') return bad(parser, GW_STR("http1.bad_line_end"));
  *ret_headers = headers;
  return GW_OK;
}
