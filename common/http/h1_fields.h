/* Why: the field lines of a head, and what they say about the message's framing: the same for requests and responses.
 * Life: a parser lives during one gw_h1_parse_… call.
 * Thread: any. */
#ifndef GW_COMMON_HTTP_H1_FIELDS_H
#define GW_COMMON_HTTP_H1_FIELDS_H

#include "common/http/h1_codec.h"

struct gw_h1_parser {
  const char *at;
  const char *end; /* the byte before is LF, which no class of bytes contains */
  const struct gw_h1_limits *limits;
  struct gw_arena *arena;
  uint64_t ours;        /* set of ids that say something about the message as a whole */
  struct gw_str detail; /* of a failure */
  uint32_t status;      /* of a failure, for the client */

  /* What the field lines said. */
  int64_t content_length; /* or GW_LENGTH_NONE */
  struct gw_str host;
  uint32_t host_count;
  uint32_t length_count;
  uint32_t coding_count; /* Transfer-Encoding lines */
  uint32_t option_count; /* of Connection */
  bool is_request;
  bool has_other_coding; /* before chunked */
  bool has_bad_coding;   /* chunked is not there, twice or not last, or something is no coding at all */
  bool has_close;
  bool has_keep_alive;
  bool has_expect;
};

/* False: `bytes` can't be a head (too short or not ended by a line end). */
bool gw_h1_parser_init(struct gw_h1_parser *parser, struct gw_str bytes, const struct gw_h1_limits *limits, struct gw_arena *arena,
                       bool is_request);
/* For the lines after a chunked body and the empty line behind them: they say nothing about the message, whatever their names. */
bool gw_h1_parser_init_trailers(struct gw_h1_parser *parser, struct gw_str bytes, const struct gw_h1_limits *limits,
                                struct gw_arena *arena);
/* Returns err and keeps the rest for the caller's report. */
static inline enum gw_err gw_h1_parser_fail(struct gw_h1_parser *parser, enum gw_err err, uint32_t status, struct gw_str detail) {
  parser->status = status;
  parser->detail = detail;
  return err;
}
/* From the first field line to the end of the head. Host, Content-Length and Transfer-Encoding stay out of *ret_headers
 * (but not of trailers). */
enum gw_err gw_h1_parse_fields(struct gw_h1_parser *parser, struct gw_headers *ret_headers);

#endif
