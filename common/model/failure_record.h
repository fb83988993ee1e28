/* Why: what is remembered of a request that failed or was retried: by the worker that had it, for the access log and whoever asks why.
 * Life: a value; the texts live with their holder.
 * Thread: the holder's.
 * Source: gateway.agent.v1.Failure and Attempt. */
#ifndef GW_COMMON_MODEL_FAILURE_RECORD_H
#define GW_COMMON_MODEL_FAILURE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

/* How far a try came. */
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

struct gw_failure_record {
  struct gw_str request_id;
  uint64_t wall_us; /* when the request came */
  uint64_t duration_ms;
  struct gw_str method;
  struct gw_str authority;
  struct gw_str path;
  struct gw_str client;  /* address, as far as it can be trusted */
  struct gw_str route;   /* empty: none matched */
  struct gw_str service; /* empty: none */
  uint32_t status;       /* told to the client; 0: nothing was */
  uint32_t flags;        /* gw_response_flag */
  struct gw_str detail;
  struct gw_str snapshot_version; /* of the configuration that it went by */
  uint32_t attempt_count;         /* tries on a service, of which `attempts` has the first ones and the last */
  const struct gw_attempt_record *attempts;
  uint32_t record_count; /* of attempts */
};

#endif
