/* Why: what became of each try of a request that failed or was retried, for the access log and for whoever asks why.
 * Life: in the stream's arena, with the stream.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_PIPELINE_ATTEMPT_RECORD_H
#define GW_DATAPLANE_PIPELINE_ATTEMPT_RECORD_H

#include "common/base/arena.h"
#include "common/model/failure_record.h"

/* Of more the first ones are kept, and the last. A second record of a try takes the first one's place. */
#define GW_ATTEMPT_RECORDS_MAX 8
struct gw_attempt_records {
  struct gw_attempt_record *items; /* NULL: none; oldest first */
  uint32_t count;
};

void gw_attempt_records_add(struct gw_attempt_records *records, struct gw_arena *arena, const struct gw_attempt_record *record);
/* "10.0.0.1:80 connect UF DETAIL; 10.0.0.2:80 response reused,idle_ms=12 200 via_upstream" */
void gw_attempt_records_format(const struct gw_attempt_records *records, struct gw_strbuf *out);

#endif
