/* Why: HTTP/2 on one client connection: many streams, one codec, one send a turn.
 * Life: made when HTTP/2 is agreed on (ALPN, preface, or by the listener), freed with the connection.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_DOWNSTREAM_H2_SESSION_H
#define GW_DATAPLANE_DOWNSTREAM_H2_SESSION_H

#include "common/http/h2_codec.h"
#include "dataplane/downstream/connection.h"
#include "dataplane/pipeline/stream.h"

/* Frames are packed while less than this waits for the socket. */
#define GW_H2_OUT_MAX ((size_t)256 * 1024)
/* Between asking for no more requests and refusing them: those on their way are served (RFC 9113 section 6.8). */
#define GW_H2_GRACE_MS 1000

struct gw_h2_session {
  struct gw_downstream_connection *connection;
  struct gw_h2_codec *codec;
  struct gw_out_queue out;
  struct gw_task pack_task;  /* what this callback's streams have to say becomes frames while it is still there */
  struct gw_task flush_task; /* what all callbacks of the turn have packed leaves in one send */
  struct gw_list exchanges;
  struct gw_list changed; /* exchanges with something to do when this callback has returned */
  uint64_t progress_ms;   /* when bytes left last */
  uint64_t looked_ms;     /* when streams were last looked at for those that don't get on */
  uint64_t head_since_ms; /* a request's head has begun and is not whole; 0: none */
  uint64_t noticed_ms;    /* when the client was asked to send no more requests; 0: it was not */
  bool is_final;          /* … and later ones are not looked at */
  bool is_over;           /* closed once what is packed has left */
  bool is_lingering;      /* closed on our side; what comes is thrown away */
  size_t discarded;       /* of that */
};

extern const struct gw_downstream_protocol gw_h2_protocol;

struct gw_h2_session *gw_h2_session_new(struct gw_downstream_connection *connection);

/* ---- between the files of this folder ---- */
/* A stream of both layers; in the arena of the pipeline's. */
struct gw_h2_exchange {
  struct gw_h2_stream h2;
  struct gw_stream *stream;
  struct gw_h2_session *session;
  struct gw_list node;    /* in the session's exchanges */
  struct gw_list changed; /* in the session's changed */
  bool is_aborted;
  bool has_continued;  /* 100 was sent */
  size_t left_at_look; /* of a whole answer, when it was last looked at */
};
/* h2_exchange.c */
extern const struct gw_h2_events gw_h2_exchange_events;
/* Does what could not be done inside the callback: hands out what was held back, ends what was aborted. */
void gw_h2_exchange_settle(struct gw_h2_session *session);
/* Ends the streams that have become tunnels. */
void gw_h2_exchange_drop_tunnels(struct gw_h2_session *session);
/* Ends the streams of which a whole answer waits for the client's window, and nothing has left since the last call. */
void gw_h2_exchange_drop_stalled(struct gw_h2_session *session);
/* The client is asked for no more requests; a while later they are refused. */
void gw_h2_session_begin_drain(struct gw_h2_session *session);
void gw_h2_session_pack_soon(struct gw_h2_session *session);

#endif
