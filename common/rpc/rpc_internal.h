/* Why: what the files of this folder share: operations, the runtime and the stream, which both sides build on.
 * Life: a stream ends once gRPC has closed its call and every operation has come back; then it frees itself.
 * Thread: the loop's own; the poller thread touches nothing but a completed operation, before it posts it. */
#ifndef GW_COMMON_RPC_RPC_INTERNAL_H
#define GW_COMMON_RPC_RPC_INTERNAL_H

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <pthread.h>

#include "common/base/list.h"
#include "common/event/mailbox.h"
#include "common/rpc/client.h"
#include "common/rpc/credentials.h"
#include "common/rpc/server.h"

/* A tag of gRPC's completion queue: embedded in what waits for it, in flight once at a time. */
struct rpc_op;
typedef void (*rpc_op_fn)(struct rpc_op *op, bool is_ok);
struct rpc_op {
  struct gw_mail mail;
  rpc_op_fn fn;
  bool is_ok;
};

struct gw_rpc {
  struct gw_loop *loop;
  struct gw_mailbox *mailbox;
  grpc_completion_queue *queue;
  pthread_t poller;
  bool is_stopping; /* the queue takes no more operations */
  uint32_t server_count;
  uint32_t channel_count;
  struct gw_list streams;
  gw_rpc_handshake_fn handshake_fn;
  void *handshake_arg;
};

/* handshake.c. What gRPC logs goes there from now on; of `rpc` until done. */
void gw_rpc_handshakes_init(struct gw_rpc *rpc);
void gw_rpc_handshakes_done(struct gw_rpc *rpc);

/* Before an operation is handed to gRPC: sets what runs on the loop when it comes back. */
void gw_rpc_op_start(struct rpc_op *op, rpc_op_fn fn);

/* A message that waits for its turn. */
struct rpc_outgoing {
  struct gw_list node;
  grpc_byte_buffer *buffer;
};

struct gw_rpc_stream {
  struct gw_list node;       /* in rpc->streams */
  struct gw_list owner_node; /* in the server's or channel's list */
  struct gw_rpc *rpc;
  struct gw_rpc_server *server; /* NULL on the client side */
  grpc_call *call;              /* NULL: the call could not be made (client side) */
  struct gw_rpc_events events;
  void *state;

  uint32_t ops_in_flight;
  bool has_listener;   /* events may be called */
  bool is_cancelled;   /* by this side */
  bool is_finishing;   /* no more from here: gw_rpc_stream_finish or half_close was called */
  bool is_end_started; /* … and that has been handed to gRPC */
  bool is_end_sent;    /* server side: the status went out */
  bool has_sent_head;  /* initial metadata */
  bool is_sending;
  bool is_call_over; /* gRPC has said how it ended */
  struct rpc_op head_op;
  struct rpc_op receive_op;
  struct rpc_op send_op;
  struct rpc_op end_op; /* status (server) or half close (client) */
  struct rpc_op close_op;
  struct gw_list outgoing;
  size_t pending; /* messages in outgoing and the one that is being sent */
  grpc_byte_buffer *sending;
  grpc_byte_buffer *received;

  grpc_status_code code; /* server: to send; client: received */
  grpc_slice details;
  int was_cancelled;                     /* server side, as gRPC says it */
  grpc_metadata_array head_metadata;     /* request's on the server, response's on the client */
  grpc_metadata_array trailing_metadata; /* client side */
  char *peer;
  grpc_auth_context *auth;  /* who the client is; NULL: on plaintext, and on the client side */
  struct gw_task fail_task; /* client side: tells of a call that could not be made */
};

struct gw_rpc_stream *gw_rpc_stream_new(struct gw_rpc *rpc, grpc_call *call, struct gw_list *owner_list);
/* Hands a batch to gRPC; `op` comes back on the loop. Nothing happens when the runtime is stopping. */
void gw_rpc_stream_start_batch(struct gw_rpc_stream *stream, const grpc_op *ops, size_t op_count, struct rpc_op *op, rpc_op_fn fn);
void gw_rpc_stream_start_receive(struct gw_rpc_stream *stream);
/* Sends the next queued message, or the end when there is none and it is wanted. */
void gw_rpc_stream_pump(struct gw_rpc_stream *stream);
/* After each operation: tells on_closed and frees the stream when nothing is in flight any more. */
void gw_rpc_stream_settle(struct gw_rpc_stream *stream);

/* Tells the server that one of its streams is gone. */
void gw_rpc_server_on_stream_gone(struct gw_rpc_server *server);

/* What a server has of its credentials; embedded in it. */
struct rpc_server_credentials {
  struct gw_rpc_credentials *credentials; /* NULL: plaintext */
  uint64_t generation;                    /* that gRPC has; 0: none yet */
};
/* As gRPC takes them; released by the caller. */
grpc_channel_credentials *gw_rpc_credentials_for_channel(struct gw_rpc_credentials *credentials);
grpc_server_credentials *gw_rpc_credentials_for_server(struct rpc_server_credentials *server, bool requires_certificate);

/* Arguments common to both sides; gRPC copies them. */
#define GW_RPC_ARGS_MAX 20
struct rpc_args {
  grpc_arg items[GW_RPC_ARGS_MAX];
  size_t count;
};
void gw_rpc_args_add(struct rpc_args *args, const char *key, uint64_t value);
/* `value` is borrowed. */
void gw_rpc_args_add_text(struct rpc_args *args, const char *key, char *value);
void gw_rpc_args_add_common(struct rpc_args *args, uint32_t max_message_bytes, uint32_t keepalive_ms);

#endif
