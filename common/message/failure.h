/* Why: the one record of why a stream failed; retry, access log and local_reply read it, nothing else turns an error into a status.
 * Life: a value; the strings are constants.
 * Thread: any. */
#ifndef GW_COMMON_MESSAGE_FAILURE_H
#define GW_COMMON_MESSAGE_FAILURE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

enum gw_failure_side { GW_FAILURE_CLIENT, GW_FAILURE_GATEWAY, GW_FAILURE_UPSTREAM };
#define GW_FAILURE_SIDE_COUNT 3

/* Envoy's response flags (%RESPONSE_FLAGS%). */
enum gw_response_flag {
  GW_FLAG_NONE = 0,
  GW_FLAG_NO_ROUTE = 1u << 0,                  /* NR */
  GW_FLAG_NO_HEALTHY_UPSTREAM = 1u << 1,       /* UH */
  GW_FLAG_UPSTREAM_CONNECT_FAILURE = 1u << 2,  /* UF */
  GW_FLAG_UPSTREAM_TERMINATION = 1u << 3,      /* UC */
  GW_FLAG_UPSTREAM_TIMEOUT = 1u << 4,          /* UT */
  GW_FLAG_UPSTREAM_OVERFLOW = 1u << 5,         /* UO */
  GW_FLAG_UPSTREAM_PROTOCOL_ERROR = 1u << 6,   /* UPE */
  GW_FLAG_DOWNSTREAM_TERMINATION = 1u << 7,    /* DC */
  GW_FLAG_DOWNSTREAM_PROTOCOL_ERROR = 1u << 8, /* DPE */
  GW_FLAG_STREAM_IDLE_TIMEOUT = 1u << 9,       /* SI */
  GW_FLAG_NO_CLUSTER = 1u << 10,               /* NC */
  GW_FLAG_OVERLOAD = 1u << 11,                 /* OM */
  GW_FLAG_DURATION_TIMEOUT = 1u << 12,         /* DT */
  GW_FLAG_UPSTREAM_REMOTE_RESET = 1u << 13,    /* UR */
  GW_FLAG_UPSTREAM_RETRY_LIMIT = 1u << 14,     /* URX: there would have been another retry, were they not used up */
  GW_FLAG_CIRCUIT_BREAKER = 1u << 15,          /* CB; ours: the service's circuit breaker is open */
  GW_FLAG_UNAUTHORIZED = 1u << 16,             /* UAEX: refused for what it may, or who it is */
  GW_FLAG_RATE_LIMITED = 1u << 17,             /* RL */
};
#define GW_FLAG_BITS 18
/* "UF,UT" of a set of flags, or "-"; written into `ret_text` (at least 64 bytes), returned as a string. */
struct gw_str gw_response_flags_format(uint32_t flags, char ret_text[64]);
/* By its name; GW_FLAG_NONE: there is none of that name. */
enum gw_response_flag gw_response_flag_find(struct gw_str name);

struct gw_failure {
  uint32_t status; /* what the client is told: 502, 503, 504, 408, … */
  enum gw_failure_side side;
  uint32_t flag;         /* one of gw_response_flag */
  uint32_t grpc_status;  /* for gRPC callers; 0: as the status maps */
  bool retry_ok;         /* no byte of the request can have been processed */
  struct gw_str detail;  /* machine word, Envoy's %RESPONSE_CODE_DETAILS%: "upstream_connect_timeout" */
  struct gw_str message; /* sentence for the client, without internals */
};

#endif
