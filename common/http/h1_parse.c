#include "common/http/h1_fields.h"
#include "common/message/scan.h"
#include "common/message/uri.h"

/* How many bytes from the LF at `at` to the end of the empty line that follows it; 0 when none does. */
static inline size_t empty_line_len(const char *at, const char *end) {
  if (end - at >= 3 && at[1] == '\r' && at[2] == '\n') return 3;
  return end - at >= 2 && at[1] == '\n' ? 2 : 0;
}

/* The position behind the first empty line, or NULL. */
static const char *find_empty_line(const char *at, const char *end) {
#ifdef __SSE2__
  for (; end - at >= 16; at += 16) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    unsigned found = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')));
    for (; found != 0; found &= found - 1) {
      const char *line_feed = at + __builtin_ctz(found);
      size_t len = empty_line_len(line_feed, end);
      if (len > 0) return line_feed + len;
    }
  }
#endif
  for (; at < end; at++) {
    size_t len = *at == '\n' ? empty_line_len(at, end) : 0;
    if (len > 0) return at + len;
  }
  return NULL;
}

enum gw_err gw_h1_find_head(const char *data, size_t len, const struct gw_h1_limits *limits, size_t *scanned, size_t *ret_head_len) {
  /* The last two bytes seen may be the LF and CR of an end that is still to come. */
  size_t from = *scanned > 2 ? *scanned - 2 : 0;
  const char *behind = find_empty_line(data + from, data + len);
  if (behind == NULL) {
    if (len >= limits->head_bytes) return GW_ERR_LIMIT;
    *scanned = len;
    return GW_ERR_AGAIN;
  }
  size_t head_len = (size_t)(behind - data);
  if (head_len > limits->head_bytes) return GW_ERR_LIMIT;
  *scanned = head_len;
  *ret_head_len = head_len;
  return GW_OK;
}

static enum gw_err bad(struct gw_h1_parser *parser, struct gw_str detail) {
  return gw_h1_parser_fail(parser, GW_ERR_INVALID, 400, detail);
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* "HTTP/1.1" CRLF at the end of a request line. */
static enum gw_err parse_request_version(struct gw_h1_parser *parser, enum gw_http_version *ret_version) {
  const char *at = parser->at;
  bool has_form = parser->end - at >= 10 && memcmp(at, "HTTP/", 5) == 0 && is_digit(at[5]) && at[6] == '.' && is_digit(at[7]);
  if (!has_form || at[8] != '\r' || at[9] != '\n') return bad(parser, GW_STR("http1.bad_request_line"));
  if (at[5] != '1' || at[7] > '1') return gw_h1_parser_fail(parser, GW_ERR_UNSUPPORTED, 505, GW_STR("http1.unsupported_version"));
  *ret_version = at[7] == '1' ? GW_HTTP_1_1 : GW_HTTP_1_0;
  parser->at = at + 10;
  return GW_OK;
}

static enum gw_err parse_request_line(struct gw_h1_parser *parser, struct gw_request_head *head, struct gw_str *ret_target) {
  if (parser->at[0] == '\r' && parser->at[1] == '\n') parser->at += 2; /* RFC 9112 section 2.2 */
  const char *method = parser->at;
  const char *at = gw_scan_find_not(method, parser->end, GW_SCAN_TOKEN);
  if (at == method || at == parser->end || *at != ' ') return bad(parser, GW_STR("http1.bad_method"));
  head->method_name = (struct gw_str){method, (size_t)(at - method)};
  head->method = gw_method_find(head->method_name);
  const char *target = ++at;
  at = gw_scan_find_not_target(at, parser->end);
  if (at == target || at == parser->end || *at != ' ') return bad(parser, GW_STR("http1.bad_target"));
  *ret_target = (struct gw_str){target, (size_t)(at - target)};
  parser->at = at + 1;
  return parse_request_version(parser, &head->version);
}

/* The length of "http://" or "https://", or 0. */
static size_t scheme_len(struct gw_str target) {
  if (target.len > 7 && gw_str_equal_nocase((struct gw_str){target.data, 7}, GW_STR("http://"))) return 7;
  return target.len > 8 && gw_str_equal_nocase((struct gw_str){target.data, 8}, GW_STR("https://")) ? 8 : 0;
}

/* RFC 9112 section 3.2.2. */
static bool split_absolute(struct gw_h1_parser *parser, struct gw_str target, struct gw_request_head *head) {
  size_t skipped = scheme_len(target);
  if (skipped == 0) return false;
  struct gw_str rest = gw_str_skip(target, skipped);
  size_t len = 0;
  while (len < rest.len && rest.data[len] != '/' && rest.data[len] != '?')
    len++;
  head->authority = (struct gw_str){rest.data, len};
  head->path = gw_str_skip(rest, len);
  if (head->path.len == 0) {
    head->path = head->method == GW_METHOD_OPTIONS ? GW_STR("*") : GW_STR("/");
  } else if (head->path.data[0] == '?') {
    char *path = gw_arena_alloc_bytes(parser->arena, head->path.len + 1);
    path[0] = '/';
    memcpy(path + 1, head->path.data, head->path.len);
    head->path = (struct gw_str){path, head->path.len + 1};
  }
  return true;
}

/* Path and authority of the four forms of a target (RFC 9112 section 3.2), and whether Host agrees. */
static enum gw_err resolve_target(struct gw_h1_parser *parser, struct gw_str target, struct gw_request_head *head) {
  if (parser->host_count > 1 || (parser->host_count == 0 && head->version != GW_HTTP_1_0)) {
    return bad(parser, parser->host_count == 0 ? GW_STR("http1.no_host") : GW_STR("http1.several_hosts"));
  }
  if (parser->host_count == 1 && !gw_uri_authority_is_valid(parser->host)) return bad(parser, GW_STR("http1.bad_host"));
  head->authority = parser->host;
  head->path = target;
  if (head->method == GW_METHOD_CONNECT) {
    head->authority = target;
    head->path = GW_STR("");
  } else if (target.data[0] == '/' || (gw_str_equal(target, GW_STR("*")) && head->method == GW_METHOD_OPTIONS)) {
    return GW_OK;
  } else if (!split_absolute(parser, target, head)) {
    return bad(parser, GW_STR("http1.bad_target"));
  }
  if (!gw_uri_authority_is_valid(head->authority)) return bad(parser, GW_STR("http1.bad_target"));
  bool is_same = parser->host_count == 0 || gw_str_equal_nocase(head->authority, parser->host);
  return is_same ? GW_OK : bad(parser, GW_STR("http1.host_differs"));
}

/* RFC 9112 section 6.3, for a request. */
static enum gw_err resolve_request_body(struct gw_h1_parser *parser, struct gw_request_head *head) {
  head->content_length = parser->content_length;
  if (parser->coding_count == 0) return GW_OK;
  if (parser->length_count > 0) return bad(parser, GW_STR("http1.content_length_and_transfer_encoding"));
  if (parser->has_bad_coding || head->version == GW_HTTP_1_0) return bad(parser, GW_STR("http1.bad_transfer_encoding"));
  if (parser->has_other_coding) {
    return gw_h1_parser_fail(parser, GW_ERR_UNSUPPORTED, 501, GW_STR("http1.unsupported_transfer_encoding"));
  }
  head->content_length = GW_LENGTH_UNKNOWN;
  return GW_OK;
}

static bool has_keep_alive(const struct gw_h1_parser *parser, enum gw_http_version version) {
  return !parser->has_close && (version != GW_HTTP_1_0 || parser->has_keep_alive);
}

static enum gw_err parse_request(struct gw_h1_parser *parser, struct gw_request_head *head) {
  struct gw_str target;
  enum gw_err err = parse_request_line(parser, head, &target);
  if (err == GW_OK) err = gw_h1_parse_fields(parser, &head->headers);
  if (err == GW_OK) err = resolve_target(parser, target, head);
  if (err == GW_OK) err = resolve_request_body(parser, head);
  head->expects_continue = parser->has_expect && head->version == GW_HTTP_1_1;
  return err;
}

enum gw_err gw_h1_parse_request(struct gw_str head_bytes, const struct gw_h1_limits *limits, struct gw_arena *arena,
                                struct gw_request_head *ret_head, bool *ret_keep_alive, uint32_t *ret_status, struct gw_str *ret_detail) {
  struct gw_h1_parser parser;
  struct gw_request_head head = {0};
  enum gw_err err;
  if (!gw_h1_parser_init(&parser, head_bytes, limits, arena, true)) {
    err = bad(&parser, GW_STR("http1.bad_line_end"));
  } else if (head_bytes.len > limits->head_bytes) {
    err = gw_h1_parser_fail(&parser, GW_ERR_LIMIT, 431, GW_STR("http1.head_too_large"));
  } else {
    err = parse_request(&parser, &head);
  }
  if (err != GW_OK) {
    *ret_status = parser.status;
    *ret_detail = parser.detail;
    return err;
  }
  *ret_head = head;
  *ret_keep_alive = has_keep_alive(&parser, head.version);
  return GW_OK;
}

/* "HTTP/1.1 200 OK" CRLF; the reason phrase, and the space before it, may be missing. */
static enum gw_err parse_status_line(struct gw_h1_parser *parser, struct gw_response_head *head) {
  const char *at = parser->at;
  bool has_form = parser->end - at >= 14 && memcmp(at, "HTTP/1.", 7) == 0 && is_digit(at[7]) && at[8] == ' ' && at[9] >= '1' &&
                  at[9] <= '9' && is_digit(at[10]) && is_digit(at[11]) && (at[12] == ' ' || at[12] == '\r');
  if (!has_form) return bad(parser, GW_STR("http1.bad_status_line"));
  head->version = at[7] == '0' ? GW_HTTP_1_0 : GW_HTTP_1_1;
  head->status = (uint32_t)(at[9] - '0') * 100 + (uint32_t)(at[10] - '0') * 10 + (uint32_t)(at[11] - '0');
  at = gw_scan_find_not_value(at + 12, parser->end);
  if (*at != '\r' || at[1] != '\n') return bad(parser, GW_STR("http1.bad_status_line"));
  parser->at = at + 2;
  return GW_OK;
}

/* RFC 9112 section 6.3, for a response. `*is_delimited`: the next response can follow on this connection. */
static enum gw_err resolve_response_body(struct gw_h1_parser *parser, enum gw_method method, struct gw_response_head *head,
                                         bool *ret_is_delimited) {
  bool has_length = parser->length_count > 0;
  bool is_chunked = parser->coding_count > 0;
  if (has_length && is_chunked) return bad(parser, GW_STR("http1.content_length_and_transfer_encoding"));
  if (is_chunked && (parser->has_bad_coding || parser->has_other_coding || head->version == GW_HTTP_1_0)) {
    return bad(parser, GW_STR("http1.bad_transfer_encoding"));
  }
  /* Its bytes could only be taken for the next answer. */
  if (head->status < 200 && (is_chunked || parser->content_length > 0)) return bad(parser, GW_STR("http1.interim_with_body"));
  head->declared_length = GW_LENGTH_NONE;
  head->content_length = GW_LENGTH_NONE;
  *ret_is_delimited = true;
  if (head->status < 200 || head->status == 204 || method == GW_METHOD_CONNECT) {
    /* They can't announce a body; who does may send one. */
    *ret_is_delimited = !is_chunked && parser->content_length <= 0;
  } else if (method == GW_METHOD_HEAD || head->status == 304) {
    head->declared_length = parser->content_length;
  } else if (has_length) {
    head->content_length = parser->content_length;
  } else {
    head->content_length = GW_LENGTH_UNKNOWN;
    head->is_chunked = is_chunked;
    *ret_is_delimited = is_chunked;
  }
  return GW_OK;
}

enum gw_err gw_h1_parse_response(struct gw_str head_bytes, const struct gw_h1_limits *limits, enum gw_method request_method,
                                 struct gw_arena *arena, struct gw_response_head *ret_head, bool *ret_keep_alive,
                                 struct gw_str *ret_detail) {
  struct gw_h1_parser parser;
  struct gw_response_head head = {0};
  bool is_delimited = false;
  enum gw_err err = GW_OK;
  if (!gw_h1_parser_init(&parser, head_bytes, limits, arena, false)) {
    err = bad(&parser, GW_STR("http1.bad_line_end"));
  } else if (head_bytes.len > limits->head_bytes) {
    err = gw_h1_parser_fail(&parser, GW_ERR_LIMIT, 0, GW_STR("http1.head_too_large"));
  }
  if (err == GW_OK) err = parse_status_line(&parser, &head);
  if (err == GW_OK) err = gw_h1_parse_fields(&parser, &head.headers);
  if (err == GW_OK) err = resolve_response_body(&parser, request_method, &head, &is_delimited);
  if (err != GW_OK) {
    *ret_detail = parser.detail;
    return err;
  }
  *ret_head = head;
  *ret_keep_alive = is_delimited && has_keep_alive(&parser, head.version);
  return GW_OK;
}
