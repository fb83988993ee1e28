/* Why: what a rate limit of ours counted a request by, as the access log says it.
 * Life: a limit's reference is its filter's settings'; texts are appended to the caller's builder.
 * Thread: the stream's worker's. */
#ifndef GW_DATAPLANE_PIPELINE_LIMIT_TEXT_H
#define GW_DATAPLANE_PIPELINE_LIMIT_TEXT_H

#include <stdbool.h>

#include "common/base/str.h"

struct gw_json_path;
struct gw_rate_limit;
struct gw_stream;

/* A limit as its filter has compiled it. */
struct gw_limit_ref {
  const struct gw_rate_limit *model;
  const struct gw_json_path *claims; /* of keys that are claims, by the key's index */
  bool has_claims;                   /* which are there only while the filters are */
};

/* Appends "user=alice" or "client=10.0.0.1,header:x-tenant=a". */
void gw_limit_text_append(struct gw_strbuf *out, const struct gw_stream *stream, const struct gw_limit_ref *limit);

#endif
