/* Why: a client's connection: kept small, because most are idle; a session with buffers exists only while there is something to do.
 * Life: gw_downstream_connection_new … gw_downstream_connection_free, when the client is gone or a timeout says so.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_DOWNSTREAM_CONNECTION_H
#define GW_DATAPLANE_DOWNSTREAM_CONNECTION_H

#include "common/event/timer.h"
#include "common/net/address.h"
#include "common/net/transport.h"
#include "dataplane/downstream/listener.h"

/* Who brings more than this in one read is read at leisure next time: a body, or a flood. */
#define GW_DOWNSTREAM_BULK_BYTES 4096u
#define GW_DOWNSTREAM_LIGHT_READ_BYTES ((size_t)8 * 1024)
/* Of who has many requests in hand no more is read at once than can be taken in: the rest would be kept beside. */
#define GW_DOWNSTREAM_BUSY_READ_BYTES ((size_t)16 * 1024)

struct gw_downstream_connection;

/* What is read and thrown away after our side has closed, so that a reset doesn't take down what the client has not got yet; and for how
 * long without a byte. */
#define GW_DOWNSTREAM_LINGER_MAX ((size_t)1024 * 1024)
#define GW_DOWNSTREAM_LINGER_MS 5000

/* What speaks on a connection: one constant table a version of HTTP. */
struct gw_downstream_protocol {
  /* Bytes from the client, borrowed. May free the connection. */
  void (*on_input)(void *session, struct gw_str input);
  /* The socket takes bytes again, or the handshake is through. */
  void (*on_writable)(void *session);
  /* The client has closed or broken the connection: its streams are told. true: the connection is freed next; false: they are many, and the
   * session frees it when it has told the last one. */
  bool (*on_client_gone)(void *session);
  /* When the wait of the connection's timer must end; 0: streams have timers of their own. */
  uint64_t (*deadline_ms)(const void *session);
  /* It has passed. May free the connection. */
  void (*on_deadline)(void *session);
  /* The listener goes or the node drains: comes to an end as soon as is polite; called again every now and then. false: there was nothing
   * to do yet. May free the connection. */
  bool (*drain)(void *session);
  /* Ends the streams too; not the connection. */
  void (*free)(void *session);
};

struct gw_downstream_connection {
  struct gw_downstream_listener *listener;
  struct gw_list node;
  struct gw_io *io;
  const struct gw_downstream_protocol *protocol; /* of the session */
  void *session;                                 /* NULL: idle, or TLS is still being agreed on */
  struct gw_transport transport;
  struct gw_timer timer; /* of what no stream has a timer for; restarted only when it is too late, not at each request */
  uint64_t since_ms;     /* when the wait that the timer is about began */
  uint32_t request_count;
  uint8_t interest;       /* GW_IO_…, as the session wants it */
  uint8_t waiting;        /* of it, what is possible and done at leisure */
  bool is_counted;        /* among its client's connections */
  bool is_bulky;          /* brings much: what comes next is read at leisure */
  bool is_busy;           /* so many requests are in hand that those of others come first */
  struct gw_list patient; /* in the listener's list, while it waits for leisure */
  struct gw_address peer;
};

/* Takes over fd. is_counted: it has entered the client table, and leaves it. */
struct gw_downstream_connection *gw_downstream_connection_new(struct gw_downstream_listener *listener, int fd,
                                                              const struct gw_address *peer, bool is_counted);
/* arg: a listener. Its first patient connection is read and written to. */
void gw_downstream_connection_serve_patient(void *arg);
/* Closes at once, with the session and its streams. */
void gw_downstream_connection_free(struct gw_downstream_connection *connection);
/* The client is gone, or given up: as soon as its streams have been told. */
void gw_downstream_connection_drop(struct gw_downstream_connection *connection);
/* A new wait begins now. */
void gw_downstream_connection_start_wait(struct gw_downstream_connection *connection);
/* The session's deadline may be nearer than it was. */
void gw_downstream_connection_update_timer(struct gw_downstream_connection *connection);
/* How long the client may take nothing of what waits for it; 0: for ever. */
uint64_t gw_downstream_connection_send_timeout_ms(const struct gw_downstream_connection *connection);
/* Watches for what the session wants to read and `out` has to send. */
void gw_downstream_connection_watch(struct gw_downstream_connection *connection, bool wants_input, const struct gw_out_queue *out);
/* The same without a session. */
void gw_downstream_connection_watch_idle(struct gw_downstream_connection *connection);
/* Sends what is queued and counts it. As gw_transport_flush. */
enum gw_err gw_downstream_connection_flush(struct gw_downstream_connection *connection, struct gw_out_queue *out, size_t *ret_sent);
/* Another protocol takes the connection over; the old session is the caller's to free. */
void gw_downstream_connection_set_session(struct gw_downstream_connection *connection, const struct gw_downstream_protocol *protocol,
                                          void *session);
/* No more requests than the listener allows on one connection, and none once it goes. Counts one. */
bool gw_downstream_connection_is_last_request(struct gw_downstream_connection *connection);

static inline struct gw_loop *gw_downstream_connection_loop(const struct gw_downstream_connection *connection) {
  return connection->listener->pipeline->loop;
}
static inline const struct gw_http_connection_manager *gw_downstream_connection_http(const struct gw_downstream_connection *connection) {
  return &connection->listener->settings->http->model->http;
}
static inline bool gw_downstream_connection_is_tls(const struct gw_downstream_connection *connection) {
  return connection->transport.tls != NULL;
}

#endif
