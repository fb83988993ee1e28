/* Why: HTTP/1.x on one client connection while there is something to do: heads, bodies, answers, one request after the other.
 * Life: made by the first byte of a request, freed when the connection is idle again.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_DOWNSTREAM_H1_SESSION_H
#define GW_DATAPLANE_DOWNSTREAM_H1_SESSION_H

#include "common/http/h1_codec.h"
#include "common/net/out_queue.h"
#include "dataplane/downstream/connection.h"
#include "dataplane/pipeline/stream.h"

/* Bytes that wait for a slow client: above the first, the service is not read; below the second, it is again. */
#define GW_H1_HIGH_WATERMARK ((size_t)256 * 1024)
#define GW_H1_LOW_WATERMARK ((size_t)64 * 1024)
/* Requests that a client may send ahead, in bytes. */
#define GW_H1_PIPELINE_MAX ((size_t)16 * 1024)
/* Chunks that are taken in one after the other; who sends smaller ones by the thousand waits for the others in between. */
#define GW_H1_PIECES_MAX 64u
/* What is read of a request's body only to throw it away, so that the connection can go on after an early answer. */
#define GW_H1_DRAIN_MAX ((size_t)64 * 1024)

enum gw_h1_phase {
  GW_H1_HEAD,   /* a request's head is coming */
  GW_H1_BODY,   /* its body is */
  GW_H1_ANSWER, /* the request is complete, the answer is not */
  GW_H1_TUNNEL, /* it has become something else: bytes pass both ways */
  GW_H1_DRAIN,  /* answered; the rest of the body is thrown away */
  GW_H1_LINGER, /* closed on our side; what comes is thrown away */
};

struct gw_h1_session {
  struct gw_downstream_connection *connection;
  struct gw_stream *stream; /* NULL between requests */
  enum gw_h1_phase phase;
  bool may_keep; /* the connection, after this answer */
  bool is_answer_chunked;
  bool is_until_close;    /* the answer's end is the connection's */
  bool has_continued;     /* 100 was sent */
  bool has_body_begun;    /* a byte of the request's body came */
  bool is_h2;             /* the first bytes were HTTP/2's preface */
  bool is_out_waiting;    /* the socket was full when it was last written to */
  bool is_paused;         /* the stream was told that the client is slow */
  bool is_over;           /* nothing more is worth reading: the connection is closed when this callback has returned */
  size_t discarded;       /* in DRAIN or LINGER */
  struct gw_h1_body body; /* of the request */
  struct gw_task flush_task;
  struct gw_task next_task; /* the next of several requests that came at once */
  char *pending;            /* bytes that came and can't be used yet: a part of a head, or the next requests */
  size_t pending_at;
  size_t pending_len;
  size_t pending_cap;
  size_t head_scanned;
  struct gw_out_queue out;
};

extern const struct gw_downstream_protocol gw_h1_protocol;

struct gw_h1_session *gw_h1_session_new(struct gw_downstream_connection *connection);
/* Sends what is queued as soon as the callback has returned. */
void gw_h1_session_flush_soon(struct gw_h1_session *session);

/* ---- between the files of this folder ---- */
/* h1_answer.c: what the session does for its stream. */
extern const struct gw_stream_calls gw_h1_stream_calls;
/* h1_request.c: bytes from the client, borrowed. */
void gw_h1_session_on_input(void *session, struct gw_str input);
/* Uses the bytes at hand until they are used up or must wait. */
void gw_h1_session_consume_pending(struct gw_h1_session *session);
void gw_h1_session_drop_pending(struct gw_h1_session *session);
static inline bool gw_h1_session_has_output(const struct gw_h1_session *session) {
  return gw_transport_has_output(&session->connection->transport, &session->out);
}
/* Which directions are worth waking up for. */
void gw_h1_session_update_interest(struct gw_h1_session *session);
/* Ends the stream too; not the connection. */
void gw_h1_session_free(void *session);

#endif
