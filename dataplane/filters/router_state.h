/* Why: what the router keeps of a request, and what its two files do for each other: router.c sends and answers, router_retry.c decides
 * whether it is sent again.
 * Life: in the stream's arena, from the router's on_request to its on_end.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_FILTERS_ROUTER_STATE_H
#define GW_DATAPLANE_FILTERS_ROUTER_STATE_H

#include "dataplane/filters/circuit_guard.h"
#include "dataplane/filters/replay_buffer.h"
#include "dataplane/filters/retry_decision.h"
#include "dataplane/pipeline/stream.h"
#include "dataplane/upstream/attempt.h"

struct gw_trace_step;

struct router {
  struct gw_stream *stream;
  bool has_raced; /* was sent once more because the connection was dead already */
  bool has_invited_body;
  bool has_body;                   /* of the answer */
  bool has_grpc_timeout;           /* the caller's deadline, or none, instead of the route's */
  bool is_answering;               /* the answer, the service's or ours, is on its way to the client: no try follows */
  bool is_waiting;                 /* for the time of the next try; of the last one nothing is wanted any more */
  bool owes_body;                  /* the attempt gets what is kept of it once it is connected */
  bool has_sent_body;              /* some of it, on any try */
  struct gw_request_head head;     /* as it goes to the service */
  struct gw_balancer_key key;      /* where it wants to go */
  struct gw_headers cookies;       /* Set-Cookie of the answer, for what a hash policy made up */
  struct gw_circuit_guard circuit; /* of the attempt */
  struct gw_attempt attempt;
  struct gw_host *host; /* who is to be told how the attempt ends, or NULL: nobody, or it was told */
  uint64_t try_started_ms;
  struct gw_trace_step *span; /* of the attempt; NULL: it has none */
  uint32_t count_header;      /* behind the field that tells the number of the try; 0: there is none yet */

  /* All below only with a policy. */
  const struct gw_retry_policy *policy; /* the route's; NULL: none */
  bool holds_retry;                     /* of the cluster's budget */
  uint32_t retry_count;
  uint64_t clock_ms;     /* what a try may take counts from here */
  uint64_t try_moved_ms; /* when something of the answer, or of the request, moved */
  struct gw_timer timer; /* while is_waiting, of the next try; else of what the try may take */
  struct gw_replay_buffer replay;
};

/* ---- router.c ---- */
/* Picks an endpoint and sends the request to it. */
void gw_router_start_attempt(struct router *router, bool is_new);
/* Body bytes of the client can be taken again. */
void gw_router_resume_request(struct router *router);
/* It is over and brought no answer: another try, or an answer of our own. */
void gw_router_on_failure(struct router *router, const struct gw_failure *failure);

/* ---- router_retry.c ---- */
void gw_router_retry_init(struct router *router, const struct gw_retry_policy *policy);
/* Lets go of everything; harmless without init, and twice. */
void gw_router_retry_done(struct router *router);
/* The request is complete, or needs nobody to complete it: what a try may take counts from here. */
void gw_router_retry_start_clock(struct router *router);
/* The answer's head goes to the client. */
void gw_router_retry_settle(struct router *router);
/* The last try failed, or its answer's head came: true when another one follows, of which it takes care. */
bool gw_router_retry_after_failure(struct router *router, const struct gw_failure *failure);
bool gw_router_retry_after_head(struct router *router);
/* Leaves a record of the try in the stream; `failure` NULL: it was answered. */
void gw_router_record(struct router *router, const struct gw_failure *failure);
/* … of a try that is given up because the whole is: out of time, or left by the client. Harmless when there is none. */
void gw_router_record_end(struct router *router);
/* Endpoints that were tried. */
struct gw_tried_endpoints gw_router_tried(const struct router *router);
/* What was sent can be sent again. */
static inline bool gw_router_may_replay(const struct router *router) {
  return !router->has_sent_body || (router->policy != NULL && !router->replay.is_incomplete);
}

#endif
