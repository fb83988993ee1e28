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
/* How much is taken in before a look at the clock (of bodies, which cost little, more), for how long, and how many requests at once; what
 * is left waits for the others. */
#define GW_H2_SLICE_BYTES ((size_t)2 * 1024)
#define GW_H2_CHEAP_SLICE_BYTES ((size_t)16 * 1024)
#define GW_H2_SLICE_US 50u
#define GW_H2_HEADS_MAX 32u
/* How long requests are begun one after the other. */
#define GW_H2_SETTLE_US 250u
/* How many streams end at once when their connection does. */
#define GW_H2_ENDS_MAX 8u
/* A worker with more requests in hand (some milliseconds of work) does those of clients with more than so many streams at leisure. */
#define GW_H2_CALM_REQUESTS 256u
#define GW_H2_CALM_STREAMS 8u
/* How often streams are looked at for those that don't get on, if not four times as often as that may last. */
#define GW_H2_LOOK_MS 5000u
/* Between asking for no more requests and refusing them: those on their way are served (RFC 9113 section 6.8). */
#define GW_H2_GRACE_MS 1000

struct gw_h2_session {
  struct gw_downstream_connection *connection;
  struct gw_h2_codec *codec;
  struct gw_out_queue out;
  struct gw_task pack_task;  /* what this callback's streams have to say becomes frames while it is still there */
  struct gw_task flush_task; /* what all callbacks of the turn have packed leaves in one send */
  struct gw_task rest_task;  /* what would take too long at once, at leisure */
  char *unread;              /* what came and is not taken in yet; NULL: nothing */
  size_t unread_at;
  size_t unread_len;
  struct gw_list exchanges;
  struct gw_list changed; /* exchanges with something to do when this callback has returned */
  uint64_t progress_ms;   /* when bytes left last */
  uint64_t looked_ms;     /* when streams were last looked at for those that don't get on */
  uint64_t head_since_ms; /* a request's head has begun and is not whole; 0: none */
  uint64_t noticed_ms;    /* when the client was asked to send no more requests; 0: it was not */
  uint32_t heads;         /* that came in this callback */
  bool is_final;          /* … and later ones are not looked at */
  bool is_over;           /* closed once what is packed has left */
  bool is_lingering;      /* closed on our side; what comes is thrown away */
  bool is_gone;           /* … and freed with its last stream */
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
  bool is_started;        /* its stream is: when the callback that brought the head returns, unless a reset came with it */
  bool is_aborted;
  bool has_continued;     /* 100 was sent */
  uint64_t sent_at_look;  /* of the answer's body, when it was last looked at: who is slow does not stand still */
  uint64_t stalled_at_ms; /* when it was first seen to stand still; 0: it does not */
};
/* h2_exchange.c */
extern const struct gw_h2_events gw_h2_exchange_events;
/* Does what could not be done inside the callback: begins requests, hands out what was held back, ends what was aborted. false: that takes
 * long, and there is more. */
bool gw_h2_exchange_settle(struct gw_h2_session *session);
/* Ends the streams that have become tunnels. */
void gw_h2_exchange_drop_tunnels(struct gw_h2_session *session);
/* Ends the streams of which an answer waits for the client's window, and has been seen to stand still for so long. */
void gw_h2_exchange_drop_stalled(struct gw_h2_session *session, uint64_t now_ms, uint64_t timeout_ms);
/* The client is asked for no more requests; a while later they are refused. */
void gw_h2_session_begin_drain(struct gw_h2_session *session);
void gw_h2_session_pack_soon(struct gw_h2_session *session);

#endif
