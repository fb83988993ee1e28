/* Why: what makes the work of many programs for one request one trace: its id, who called, whether it is recorded; and how that travels in
 *   header fields: W3C Trace Context (level 1) and B3.
 * Life: values.
 * Thread: any. */
#ifndef GW_COMMON_OBSERVE_TRACE_H
#define GW_COMMON_OBSERVE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/random.h"
#include "common/base/str.h"

#define GW_TRACE_ID_BYTES 16u
#define GW_SPAN_ID_BYTES 8u

/* What the caller has decided: B3 may leave it to who comes next. */
enum gw_trace_decision { GW_TRACE_UNDECIDED, GW_TRACE_NOT_SAMPLED, GW_TRACE_SAMPLED };

struct gw_trace_context {
  uint8_t trace_id[GW_TRACE_ID_BYTES];
  uint8_t span_id[GW_SPAN_ID_BYTES]; /* of the span that things are done for */
  enum gw_trace_decision decision;
};

/* Never all zero. Unique, not secret. */
void gw_trace_new_id(struct gw_random *random, uint8_t ret_id[GW_TRACE_ID_BYTES]);
void gw_trace_new_span_id(struct gw_random *random, uint8_t ret_id[GW_SPAN_ID_BYTES]);

/* ---- W3C ---- */

/* traceparent, section 3.2. Versions to come are read as far as this one goes. false: as if there were none. */
bool gw_trace_parse_traceparent(struct gw_str value, struct gw_trace_context *ret_context);
#define GW_TRACEPARENT_LEN 55u
/* Not NUL-terminated, here and below. */
void gw_trace_format_traceparent(const struct gw_trace_context *context, char ret_text[GW_TRACEPARENT_LEN]);
/* One tracestate field, section 3.3: false when any member is malformed, or, with those that *members has counted in earlier fields, there
 * are more than 32. */
bool gw_trace_state_is_valid(struct gw_str value, uint32_t *members);

/* ---- B3 ---- */

enum gw_trace_b3 {
  GW_TRACE_B3_NONE,     /* nothing, or nothing that can be read */
  GW_TRACE_B3_DECISION, /* only whether to record: ids are to be made */
  GW_TRACE_B3_CONTEXT,
};
/* "TRACE-SPAN-1-PARENT", "TRACE-SPAN", "0", …. Short trace ids are the right half of a whole one; "d" (debug) is sampled. */
enum gw_trace_b3 gw_trace_parse_b3(struct gw_str value, struct gw_trace_context *ret_context);
/* The same from x-b3-traceid, -spanid, -sampled and -flags; absent ones are empty. */
enum gw_trace_b3 gw_trace_parse_b3_multi(struct gw_str trace_id, struct gw_str span_id, struct gw_str sampled, struct gw_str flags,
                                         struct gw_trace_context *ret_context);
#define GW_TRACE_B3_LEN 51u
void gw_trace_format_b3(const struct gw_trace_context *context, char ret_text[GW_TRACE_B3_LEN]);

/* Lower-case hex: two characters a byte; of a trace or of a span. */
void gw_trace_format_id(const uint8_t *id, size_t bytes, char *ret_text);

#endif
