/* Why: HTTP/1.x bytes ⇄ messages (RFC 9112), strict: whatever could make two parsers disagree is refused. No sockets, no state but
 * the caller's.
 * Life: heads point into the bytes given, which the caller keeps (in the stream's arena); bodies are pieces of the input.
 * Thread: any. */
#ifndef GW_COMMON_HTTP_H1_CODEC_H
#define GW_COMMON_HTTP_H1_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/message/message.h"

struct gw_h1_limits {
  size_t head_bytes; /* of the whole head, request or status line included */
  uint32_t header_count;
};

/* Looks for the end of a head in data[0, len). `*scanned` (0 at first) remembers how far earlier calls looked, so that a trickle costs
 * O(n). GW_OK with *ret_head_len (line ends included), GW_ERR_AGAIN, or GW_ERR_LIMIT when no head of limits->head_bytes is complete. A head
 * ends with an empty line; a bare LF is found too, so that parsing can refuse it. Empty lines before a request line are skipped
 * by the parser (at most one CRLF). */
enum gw_err gw_h1_find_head(const char *data, size_t len, const struct gw_h1_limits *limits, size_t *scanned, size_t *ret_head_len);

/* Parses a whole request head, as gw_h1_find_head found it. GW_ERR_INVALID (400), GW_ERR_LIMIT (431), GW_ERR_UNSUPPORTED (505: another
 * version; 501: chunked, but by way of a transfer coding that we don't know): *ret_status is the status to answer, *ret_detail a machine
 * word
 * ("http1.bad_header_name"). The target may be origin-form, absolute-form ("http://host/path"; its authority must equal Host) or "*"; the
 * head's path is the origin-form; CONNECT has none and is, like TRACE, the caller's to refuse. ret_head->scheme is left for the caller.
 * Connection: close and HTTP/1.0 show in *ret_keep_alive. Connection (at most 64 options), TE, Expect and so on stay in the headers. */
enum gw_err gw_h1_parse_request(struct gw_str head_bytes, const struct gw_h1_limits *limits, struct gw_arena *arena,
                                struct gw_request_head *ret_head, bool *ret_keep_alive, uint32_t *ret_status, struct gw_str *ret_detail);
/* Parses a whole response head; the body's length follows from it and the request's method (RFC 9112 section 6.3).
 * Interim answers (1xx, 101 too) are heads of their own, without a body, and may not announce one. GW_ERR_INVALID, GW_ERR_LIMIT, with
 * *ret_detail. */
enum gw_err gw_h1_parse_response(struct gw_str head_bytes, const struct gw_h1_limits *limits, enum gw_method request_method,
                                 struct gw_arena *arena, struct gw_response_head *ret_head, bool *ret_keep_alive,
                                 struct gw_str *ret_detail);

enum gw_h1_body_kind { GW_H1_BODY_NONE, GW_H1_BODY_LENGTH, GW_H1_BODY_CHUNKED, GW_H1_BODY_UNTIL_CLOSE };
struct gw_h1_body {
  enum gw_h1_body_kind kind;
  uint8_t state;       /* of the chunk decoder */
  uint8_t digit_count; /* of the chunk's size */
  uint8_t name_len;    /* of the trailer's name */
  char name[17];       /* its beginning: "Transfer-Encoding" fits */
  bool is_complete;
  uint64_t remaining;  /* of the body or the chunk */
  uint32_t line_bytes; /* of chunk extensions and trailers so far: bounded */

  struct gw_arena *arena; /* of the trailers; NULL: they are not wanted */
  char *trailer_bytes;    /* their lines as they come */
  uint32_t trailer_len;
  uint32_t trailer_cap;
  uint32_t trailer_count;
  struct gw_headers trailers; /* once is_complete */
};
/* is_chunked: for a request, that content_length is GW_LENGTH_UNKNOWN; for a response, its head's is_chunked. */
void gw_h1_body_init(struct gw_h1_body *body, int64_t content_length, bool is_chunked);
/* To be called before decoding: the trailers of a chunked body will stand in body->trailers, in `arena`, once it is complete. Without this
 * they are checked just so, and dropped. Content-Length and Transfer-Encoding are refused there; what else may be no trailer is left out
 * (common/message/trailers.h). */
void gw_h1_body_collect_trailers(struct gw_h1_body *body, struct gw_arena *arena);
/* Takes the next piece: *ret_data is body bytes inside `input` (may be empty), *ret_used how much of input is done with. Call again
 * with the rest until it uses nothing or body->is_complete. GW_ERR_INVALID: bad chunk size, line end or trailer; GW_ERR_LIMIT: extensions
 * and trailers exceed the data by more than 8 KiB, or there are more than 64 trailers. */
enum gw_err gw_h1_body_decode(struct gw_h1_body *body, struct gw_str input, struct gw_str *ret_data, size_t *ret_used);

/* The head as it goes on the wire, in the arena: request line, Host first, the fields, Content-Length or Transfer-Encoding: chunked as
 * content_length says (POST, PUT and PATCH without a body: Content-Length: 0), Connection and Upgrade when head->upgrade says so, empty
 * line. Always HTTP/1.1. */
struct gw_str gw_h1_encode_request(const struct gw_request_head *head, struct gw_arena *arena);
/* `is_chunked`: how the body of unknown length goes (false for an HTTP/1.0 client: until close). `close`: adds Connection: close.
 * Answers without a body (HEAD, 1xx, 204, 304) state declared_length if there is one. 101 says Connection: Upgrade, Upgrade: websocket,
 * and nothing of a length: no other upgrade is ever passed on. */
struct gw_str gw_h1_encode_response(const struct gw_response_head *head, bool is_chunked, bool close, bool keep_alive_1_0,
                                    struct gw_arena *arena);
/* "1f4\r\n"; the caller writes the data and "\r\n", and the last chunk at the end. */
#define GW_H1_CHUNK_HEAD_MAX 18
struct gw_str gw_h1_encode_chunk_head(uint64_t len, char ret_text[GW_H1_CHUNK_HEAD_MAX]);
/* "0\r\n", the fields, "\r\n": in the arena, or constant when there is none. The fields are valid (gw_header_name_is_valid, _value_) and
 * may be trailers. `trailers` may be NULL. */
struct gw_str gw_h1_encode_last_chunk(const struct gw_headers *trailers, struct gw_arena *arena);

#endif
