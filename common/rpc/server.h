/* Why: a gRPC server whose calls become loop callbacks; unknown methods get UNIMPLEMENTED.
 * Life: gw_rpc_server_new … gw_rpc_server_stop (asynchronous) … gw_rpc_server_free.
 * Thread: the loop's own. */
#ifndef GW_COMMON_RPC_SERVER_H
#define GW_COMMON_RPC_SERVER_H

#include "common/rpc/rpc.h"

struct gw_rpc_server;
struct gw_rpc_credentials;

/* Answers one path. */
struct gw_rpc_method {
  const char *path; /* "/package.Service/Method" */
  struct gw_rpc_events events;
  /* A new call: returns the state that events get, or NULL after gw_rpc_stream_finish to refuse it. */
  void *(*on_open)(void *arg, struct gw_rpc_stream *stream);
  void *arg; /* to this method's on_open instead of the server's; NULL: the server's */
};

struct gw_rpc_server_options {
  struct gw_str listen;       /* "127.0.0.1:0", "[::1]:18000" */
  uint32_t max_message_bytes; /* of a received message */
  uint32_t max_streams_per_connection;
  uint32_t keepalive_ms;                  /* ping after that much silence; 0: none */
  uint32_t idle_ms;                       /* a connection without a call ends after that long; 0: it never does */
  struct gw_rpc_credentials *credentials; /* TLS 1.2 or newer; NULL: plaintext. Borrowed */
  bool requires_client_certificate;       /* with credentials: else a client may come without; one that is shown is always verified */
};

/* `methods` is an array of `count` that outlives the server; `arg` goes to on_open. GW_ERR_IO: the address can't be bound (another process
 * holds it); errno is 0, since gRPC does not tell it. */
enum gw_err gw_rpc_server_new(struct gw_rpc *rpc, const struct gw_rpc_server_options *options, const struct gw_rpc_method *methods,
                              size_t method_count, void *arg, struct gw_rpc_server **ret_server);
uint16_t gw_rpc_server_port(const struct gw_rpc_server *server);
/* Refuses new calls, gives open ones `grace_ms`, cancels the rest, then calls fn (may be NULL). */
void gw_rpc_server_stop(struct gw_rpc_server *server, uint64_t grace_ms, void (*fn)(void *arg), void *arg);
/* After stop has called back. */
void gw_rpc_server_free(struct gw_rpc_server *server);

/* Ends a call: what is queued is sent first, then the status. `message` is copied, at most 2,000 bytes of it (it travels as a header). */
void gw_rpc_stream_finish(struct gw_rpc_stream *stream, int code, const char *message);
/* The first request metadata value of that lower-case key, or an empty string. */
struct gw_str gw_rpc_stream_metadata(const struct gw_rpc_stream *stream, const char *key);

enum gw_rpc_security {
  GW_RPC_PLAINTEXT,
  GW_RPC_TLS,        /* the client has shown no certificate */
  GW_RPC_MUTUAL_TLS, /* the client's certificate was verified */
};
enum gw_rpc_security gw_rpc_stream_security(const struct gw_rpc_stream *stream);
/* The URIs among the subject alternative names of the client's verified certificate: index 0, 1, … until false. */
bool gw_rpc_stream_peer_uri(const struct gw_rpc_stream *stream, size_t index, struct gw_str *ret_uri);

#endif
