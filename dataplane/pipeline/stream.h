/* Why: one request and its answer on their way through the filters, whatever protocol brought it.
 * Life: gw_stream_new … gw_stream_free by the downstream session, within a turn after the answer is complete or the client is gone. Heads
 * and all that filters allocate live in its arena. Recycled by the pipeline. Thread: the worker's. */
#ifndef GW_DATAPLANE_PIPELINE_STREAM_H
#define GW_DATAPLANE_PIPELINE_STREAM_H

#include "common/message/failure.h"
#include "common/message/message.h"
#include "common/net/transport.h"
#include "dataplane/pipeline/attempt_record.h"
#include "dataplane/pipeline/identity.h"
#include "dataplane/pipeline/limit_text.h"
#include "dataplane/pipeline/pipeline.h"
#include "dataplane/pipeline/rbac_outcome.h"

struct gw_limit_report;
struct gw_stream_trace;
struct gw_stream;

/* What the session does for its stream. None of these ends the stream before the loop's callback has returned. */
struct gw_stream_calls {
  void (*send_head)(struct gw_stream *stream, bool has_body);
  void (*send_body)(struct gw_stream *stream, struct gw_str data); /* borrowed until the callback's end */
  void (*send_end)(struct gw_stream *stream);
  void (*send_continue)(struct gw_stream *stream);  /* 100, once */
  void (*abort)(struct gw_stream *stream);          /* the answer has begun and can't be completed */
  void (*update_reading)(struct gw_stream *stream); /* request_pauses changed */
};

/* Why request bytes are held back. */
#define GW_PAUSE_FILTER 1u   /* a filter waits, and takes nothing meanwhile */
#define GW_PAUSE_UPSTREAM 2u /* the service takes them too slowly */

#define GW_STREAM_FIRST_BLOCK 4096

struct gw_stream {
  const struct gw_stream_calls *calls;
  void *session;
  struct gw_pipeline *pipeline;
  struct gw_view *view;
  const struct gw_frozen_listener *listener;
  const struct gw_address *peer;        /* the connection's */
  const struct gw_transport *transport; /* the connection's: what TLS knows of the client */
  struct gw_arena arena;

  struct gw_request_head request; /* of the client, after the entry's rules */
  struct gw_response_head response;
  const struct gw_headers *request_trailers;           /* NULL: none; there once the request is complete */
  const struct gw_headers *response_trailers;          /* NULL: none; there when the answer ends */
  const struct gw_identity *identity;                  /* NULL: nobody is known */
  const struct gw_plan *plan;                          /* NULL: no API key */
  const struct gw_rate_limit_rate *failed_credentials; /* how many an address may show; NULL: any number */
  struct gw_rbac_outcome *rbac;                        /* NULL: no rules were asked */
  struct gw_limit_report *limit_report;                /* what the client is told of limits; NULL: none counted it */
  struct gw_limit_words limit;                         /* which limit counted it */
  struct gw_stream_trace *trace;                       /* NULL: it is not traced */
  struct gw_str request_id;
  struct gw_address remote; /* the client as far as it can be trusted: peer, or by X-Forwarded-For */
  bool is_remote_forwarded; /* remote came by X-Forwarded-For: it has no port */

  bool is_route_known;                /* the three below were looked up */
  bool is_route_undecided;            /* a regular expression gave up before any route was found */
  const struct gw_route *route;       /* NULL: none */
  struct gw_worker_cluster *cluster;  /* NULL: none, a direct response, or a split of which none was chosen */
  uint32_t split_choice;              /* of the route's split, counted from 1; 0: it has none, or none was chosen */
  struct gw_str upstream_host;        /* of the last attempt */
  uint32_t attempt_count;             /* tries on a service, the one under way too */
  struct gw_attempt_records attempts; /* once one has failed */

  uint64_t started_us;
  uint64_t wall_us;
  uint64_t answered_us;          /* when a service's answer began that the client got; 0: none has */
  uint64_t active_ms;            /* when a byte moved last */
  uint64_t received_ms;          /* when one of the request came, or could come again */
  uint64_t idle_timeout_ms;      /* 0: none */
  uint64_t route_deadline_ms;    /* 0: none; set once the request is complete */
  uint64_t request_deadline_ms;  /* 0: none */
  uint64_t duration_deadline_ms; /* 0: none; of the whole stream */
  struct gw_timer timer;

  uint64_t max_request_body_bytes; /* the listener's, or the route's once that is known; 0: no limit */
  uint64_t bytes_received;         /* body */
  uint64_t bytes_sent;             /* body */
  uint32_t flags;                  /* gw_response_flag */
  struct gw_str detail;            /* %RESPONSE_CODE_DETAILS% */
  uint32_t status;                 /* told to the client; 0: nothing was */

  unsigned request_pauses;                       /* GW_PAUSE_… */
  bool takes_trailers;                           /* the client does */
  bool is_connection_reused, is_upstream_reused; /* the client's has had requests before; that of the last try */
  bool can_wait;                                 /* the client has many in hand: what others asked for comes first */
  bool is_tunnel;                                /* the answer was a switch of protocols: bytes pass until one side closes */
  bool is_request_complete;
  bool is_response_started;
  bool is_response_complete;
  bool is_aborted;
  bool does_work;   /* the filter that was asked had something to do: a span of the trace */
  bool is_in_chain; /* the chain was entered: filters get on_end */
  uint32_t next_filter;
  unsigned char *states; /* of the filters */

  struct gw_list free_node;
  _Alignas(16) unsigned char first_block[GW_STREAM_FIRST_BLOCK];
};

/* ---- for the downstream session ---- */
/* With an empty request; takes its own reference on `view`. */
struct gw_stream *gw_stream_new(struct gw_view *view, const struct gw_frozen_listener *listener, const struct gw_address *peer,
                                const struct gw_transport *transport, const struct gw_stream_calls *calls, void *session);
/* Counts, logs, tells the filters, recycles. */
void gw_stream_free(struct gw_stream *stream);
/* stream->request is there: applies the entry's rules and enters the filters. */
void gw_stream_start(struct gw_stream *stream);
/* A piece of the body; not while request_pauses is set. */
void gw_stream_on_request_body(struct gw_stream *stream, struct gw_str data);
/* `trailers` live as long as the stream; may be empty. */
void gw_stream_on_request_end(struct gw_stream *stream, const struct gw_headers *trailers);
/* The client can't take more of the answer now, or can again. */
void gw_stream_set_response_paused(struct gw_stream *stream, bool is_paused);
/* The client is gone; gw_stream_free follows. */
void gw_stream_on_client_gone(struct gw_stream *stream);
static inline bool gw_stream_has_request_body(const struct gw_stream *stream) {
  return stream->request.content_length != GW_LENGTH_NONE && stream->request.content_length != 0;
}

/* ---- for filters ---- */
/* Its content type says that it is gRPC's. */
bool gw_stream_is_grpc(const struct gw_stream *stream);
/* The request's route, matched on first use; NULL: none. */
const struct gw_route *gw_stream_get_route(struct gw_stream *stream);
/* Of a route with a split: that one of its clusters, counted from 1. */
void gw_stream_choose_cluster(struct gw_stream *stream, uint32_t choice);
/* The cluster that the route forwards to; empty: none, or none was chosen. */
struct gw_str gw_stream_cluster_name(const struct gw_stream *stream);
/* The length that the request's body says it has, against the route's limit; false: it was answered with 413. Where routes have limits of
 * their own, nobody has looked at it before. */
bool gw_stream_check_length(struct gw_stream *stream);
/* What the request's route has of that filter (its build_route); NULL: nothing, or there is no route. */
const void *gw_stream_route_settings(struct gw_stream *stream, enum gw_filter_kind kind);
/* The listener's routes; NULL: they are missing. */
const struct gw_frozen_routes *gw_stream_find_routes(const struct gw_stream *stream);
/* After GW_VERDICT_WAIT: goes on with the next filter, or, with REPLIED, no further. */
void gw_stream_resume(struct gw_stream *stream, enum gw_verdict verdict);
/* Sets or clears one reason to hold request bytes back. */
void gw_stream_set_request_paused(struct gw_stream *stream, unsigned reason, bool is_paused);
/* The answer in stream->response goes out through the filters; then its body, then its end (not after has_body == false), with
 * response_trailers. Status 101: bytes pass both ways from here on. */
void gw_stream_respond(struct gw_stream *stream, bool has_body);
void gw_stream_respond_body(struct gw_stream *stream, struct gw_str data);
void gw_stream_respond_end(struct gw_stream *stream);
/* Answers with a local reply, or, when the answer has begun, cuts it off. Records flag and detail. */
void gw_stream_fail(struct gw_stream *stream, const struct gw_failure *failure);

#endif
