/* Why: which rate limit counted a request, and by what, as the access log says it.
 * Life: values; what they point to is in the stream's arena, or in its filters' settings.
 * Thread: the stream's worker's. */
#ifndef GW_DATAPLANE_PIPELINE_LIMIT_TEXT_H
#define GW_DATAPLANE_PIPELINE_LIMIT_TEXT_H

#include <stdint.h>

#include "common/base/str.h"

struct gw_rate_limit_entry;
struct gw_stream;

#define GW_LIMIT_CLIENT_KEY "client"  /* an entry of that key has no value: it is the stream's client */
#define GW_LIMIT_HEADER_KEY "header " /* … then its name: it may be hidden */

#define GW_LIMIT_REDACTED "[redacted]"

/* Of the limit that refused a request, or has least left for it. */
struct gw_limit_words {
  struct gw_str name; /* empty: none counted it */
  const struct gw_rate_limit_entry *entries;
  uint32_t count;
};

/* Appends "user=alice" or "client=10.0.0.1,header x-tenant=a". `hidden`: header names with commas of which, as of credentials, only is told
 * that they were there. */
void gw_limit_text_append(struct gw_strbuf *out, const struct gw_stream *stream, struct gw_str hidden);

#endif
