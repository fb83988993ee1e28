/* Why: what became of each try of a request that failed or was retried, for the access log and for whoever asks why.
 * Life: in the stream's arena, with the stream.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_PIPELINE_ATTEMPT_RECORD_H
#define GW_DATAPLANE_PIPELINE_ATTEMPT_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/str.h"

/* How far it came. */
enum gw_attempt_phase {
  GW_ATTEMPT_CONNECT,  /* no connection stood */
  GW_ATTEMPT_REQUEST,  /* the request was on its way */
  GW_ATTEMPT_RESPONSE, /* it was sent: waiting for the answer, or taking it */
};

struct gw_attempt_record {
  uint32_t number;        /* of the try, from 1 */
  struct gw_str endpoint; /* "127.0.0.1:80"; empty: there was none */
  enum gw_attempt_phase phase;
  bool is_reused;       /* the connection had served others before */
  uint64_t idle_ms;     /* … and had been idle for so long */
  uint64_t duration_ms; /* of the try */
  uint32_t status;      /* of the answer; 0: there was none */
  uint32_t flag;        /* gw_response_flag; 0: with an answer */
  struct gw_str detail; /* as %RESPONSE_CODE_DETAILS% */
};

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
