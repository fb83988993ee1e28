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

struct gw_h2_session {
  struct gw_downstream_connection *connection;
  struct gw_h2_codec *codec;
  struct gw_out_queue out;
  struct gw_task pack_task;  /* what this callback's streams have to say becomes frames while it is still there */
  struct gw_task flush_task; /* what all callbacks of the turn have packed leaves in one send */
  struct gw_list exchanges;
  struct gw_list changed; /* exchanges with something to do when this callback has returned */
  uint64_t progress_ms;   /* when bytes left last */
  uint64_t head_since_ms; /* a request's head has begun and is not whole; 0: none */
  uint32_t drain_calls;
  bool is_over; /* closed once what is packed has left */
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
};
/* h2_exchange.c */
extern const struct gw_h2_events gw_h2_exchange_events;
/* Does what could not be done inside the callback: hands out what was held back, ends what was aborted. */
void gw_h2_exchange_settle(struct gw_h2_session *session);
/* Ends the streams that have become tunnels. */
void gw_h2_exchange_drop_tunnels(struct gw_h2_session *session);
void gw_h2_session_pack_soon(struct gw_h2_session *session);

#endif
