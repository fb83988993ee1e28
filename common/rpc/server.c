#include "common/rpc/server.h"

#include <errno.h>
#include <grpc/grpc_security.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/event/timer.h"
#include "common/rpc/rpc_internal.h"

/* Clients take at most 8 KiB of metadata by default, and a byte of the message may take three there. */
#define STATUS_MESSAGE_MAX 2000
#define HANDSHAKE_TIMEOUT_MS 10000u /* of TLS and of HTTP/2's settings; gRPC would wait for two minutes */

struct gw_rpc_server {
  struct gw_rpc *rpc;
  grpc_server *server;
  const struct gw_rpc_method *methods;
  size_t method_count;
  void *arg;
  uint16_t port;
  struct rpc_server_credentials tls;
  bool requires_client_certificate;
  struct gw_list streams;
  uint32_t stream_count;

  struct rpc_op accept_op;
  grpc_call *accepted;
  grpc_call_details details;
  grpc_metadata_array metadata;
  bool is_accepting;

  struct rpc_op shutdown_op;
  bool is_stopping;
  bool is_shut_down;
  bool has_stopped;
  struct gw_timer grace;
  struct gw_task stopped_task;
  void (*stopped_fn)(void *arg);
  void *stopped_arg;
};

static void accept_next(struct gw_rpc_server *server);

/* --- a call --- */

static void on_call_closed(struct rpc_op *op, bool is_ok) {
  (void)is_ok;
  struct gw_rpc_stream *stream = GW_CONTAINER_OF(op, struct gw_rpc_stream, close_op);
  stream->is_call_over = true;
  stream->ops_in_flight--;
  gw_rpc_stream_settle(stream);
}

static const struct gw_rpc_method *find_method(const struct gw_rpc_server *server, grpc_slice path) {
  for (size_t i = 0; i < server->method_count; i++)
    if (grpc_slice_str_cmp(path, server->methods[i].path) == 0) return &server->methods[i];
  return NULL;
}

static void open_stream(struct gw_rpc_server *server, struct gw_rpc_stream *stream, grpc_slice path) {
  if (server->is_stopping) {
    gw_rpc_stream_finish(stream, GW_RPC_UNAVAILABLE, "the server is shutting down");
    return;
  }
  const struct gw_rpc_method *method = find_method(server, path);
  if (method == NULL) {
    gw_rpc_stream_finish(stream, GW_RPC_UNIMPLEMENTED, "no such method here");
    return;
  }
  stream->events = method->events;
  stream->state = method->on_open(method->arg != NULL ? method->arg : server->arg, stream);
  if (stream->state != NULL)
    stream->has_listener = true;
  else if (!stream->is_finishing)
    gw_rpc_stream_finish(stream, GW_RPC_INTERNAL, "the call was refused");
}

static void take_call(struct gw_rpc_server *server) {
  struct gw_rpc_stream *stream = gw_rpc_stream_new(server->rpc, server->accepted, &server->streams);
  server->accepted = NULL;
  server->stream_count++;
  stream->server = server;
  stream->head_metadata = server->metadata; /* handed over with what it holds */
  grpc_metadata_array_init(&server->metadata);
  stream->peer = grpc_call_get_peer(stream->call);
  if (server->tls.credentials != NULL) stream->auth = grpc_call_auth_context(stream->call);

  stream->ops_in_flight++; /* keeps the stream while on_open runs */
  grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER, .data.recv_close_on_server.cancelled = &stream->was_cancelled};
  gw_rpc_stream_start_batch(stream, &op, 1, &stream->close_op, on_call_closed);
  open_stream(server, stream, server->details.method);
  gw_rpc_stream_start_receive(stream);
  stream->ops_in_flight--;
}

static void try_end(struct gw_rpc_server *server);

static void on_accepted(struct rpc_op *op, bool is_ok) {
  struct gw_rpc_server *server = GW_CONTAINER_OF(op, struct gw_rpc_server, accept_op);
  server->is_accepting = false;
  if (is_ok) take_call(server);
  grpc_call_details_destroy(&server->details);
  grpc_metadata_array_destroy(&server->metadata);
  if (is_ok && !server->is_stopping) accept_next(server);
  try_end(server);
}

static void accept_next(struct gw_rpc_server *server) {
  grpc_call_details_init(&server->details);
  grpc_metadata_array_init(&server->metadata);
  gw_rpc_op_start(&server->accept_op, on_accepted);
  grpc_call_error error = grpc_server_request_call(server->server, &server->accepted, &server->details, &server->metadata,
                                                   server->rpc->queue, server->rpc->queue, &server->accept_op);
  GW_ASSERT(error == GRPC_CALL_OK);
  server->is_accepting = true;
}

void gw_rpc_stream_finish(struct gw_rpc_stream *stream, int code, const char *message) {
  if (stream->is_finishing || stream->is_call_over) return;
  struct gw_str text = gw_str_from(message);
  if (text.len > STATUS_MESSAGE_MAX) {
    text.len = STATUS_MESSAGE_MAX;
    while (text.len > 0 && ((unsigned char)text.data[text.len] & 0xc0u) == 0x80u)
      text.len--; /* not inside a UTF-8 sequence */
  }
  stream->code = (grpc_status_code)code;
  stream->details = grpc_slice_from_copied_buffer(text.len > 0 ? text.data : "", text.len);
  stream->is_finishing = true;
  gw_rpc_stream_pump(stream);
}

struct gw_str gw_rpc_stream_metadata(const struct gw_rpc_stream *stream, const char *key) {
  for (size_t i = 0; i < stream->head_metadata.count; i++) {
    const grpc_metadata *item = &stream->head_metadata.metadata[i];
    if (grpc_slice_str_cmp(item->key, key) == 0)
      return (struct gw_str){(const char *)GRPC_SLICE_START_PTR(item->value), GRPC_SLICE_LENGTH(item->value)};
  }
  return GW_STR("");
}

/* --- who calls --- */

enum gw_rpc_security gw_rpc_stream_security(const struct gw_rpc_stream *stream) {
  if (stream->auth == NULL) return GW_RPC_PLAINTEXT;
  return grpc_auth_context_peer_is_authenticated(stream->auth) ? GW_RPC_MUTUAL_TLS : GW_RPC_TLS;
}

bool gw_rpc_stream_peer_uri(const struct gw_rpc_stream *stream, size_t index, struct gw_str *ret_uri) {
  if (gw_rpc_stream_security(stream) != GW_RPC_MUTUAL_TLS) return false;
  grpc_auth_property_iterator iterator = grpc_auth_context_find_properties_by_name(stream->auth, GRPC_PEER_URI_PROPERTY_NAME);
  const grpc_auth_property *property;
  while ((property = grpc_auth_property_iterator_next(&iterator)) != NULL) {
    if (index-- > 0) continue;
    *ret_uri = (struct gw_str){property->value, property->value_length};
    return true;
  }
  return false;
}

/* --- the server --- */

static enum gw_err start_listening(struct gw_rpc_server *server, struct gw_str address) {
  char *text = gw_str_dup(address);
  grpc_server_credentials *credentials = server->tls.credentials != NULL
                                             ? gw_rpc_credentials_for_server(&server->tls, server->requires_client_certificate)
                                             : grpc_insecure_server_credentials_create();
  int port = grpc_server_add_http2_port(server->server, text, credentials);
  grpc_server_credentials_release(credentials);
  free(text);
  if (port <= 0) {
    errno = 0; /* gRPC does not tell it */
    return GW_ERR_IO;
  }
  server->port = (uint16_t)port;
  return GW_OK;
}

static void on_grace_over(struct gw_timer *timer) {
  struct gw_rpc_server *server = GW_CONTAINER_OF(timer, struct gw_rpc_server, grace);
  grpc_server_cancel_all_calls(server->server); /* closes idle connections too */
}

static void on_stopped(void *arg) {
  struct gw_rpc_server *server = arg;
  void (*fn)(void *) = server->stopped_fn;
  if (fn != NULL) fn(server->stopped_arg);
}

/* The end is told from a task of its own, so that the server may be freed in it. */
static void try_end(struct gw_rpc_server *server) {
  if (!server->is_shut_down || server->is_accepting || server->stream_count > 0 || server->has_stopped) return;
  server->has_stopped = true;
  gw_timer_stop(&server->grace);
  gw_loop_at_turn_end(server->rpc->loop, &server->stopped_task);
}

static void on_shut_down(struct rpc_op *op, bool is_ok) {
  (void)is_ok;
  struct gw_rpc_server *server = GW_CONTAINER_OF(op, struct gw_rpc_server, shutdown_op);
  server->is_shut_down = true;
  try_end(server);
}

void gw_rpc_server_on_stream_gone(struct gw_rpc_server *server) {
  server->stream_count--;
  try_end(server);
}

enum gw_err gw_rpc_server_new(struct gw_rpc *rpc, const struct gw_rpc_server_options *options, const struct gw_rpc_method *methods,
                              size_t method_count, void *arg, struct gw_rpc_server **ret_server) {
  struct rpc_args args = {.count = 0};
  gw_rpc_args_add_common(&args, options->max_message_bytes, options->keepalive_ms);
  gw_rpc_args_add(&args, GRPC_ARG_ALLOW_REUSEPORT, 0); /* else two processes could share the port in silence */
  gw_rpc_args_add(&args, GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, HANDSHAKE_TIMEOUT_MS);
  if (options->max_streams_per_connection > 0) gw_rpc_args_add(&args, GRPC_ARG_MAX_CONCURRENT_STREAMS, options->max_streams_per_connection);
  if (options->idle_ms > 0) gw_rpc_args_add(&args, GRPC_ARG_MAX_CONNECTION_IDLE_MS, options->idle_ms);
  grpc_channel_args grpc_args = {args.count, args.items};

  struct gw_rpc_server *server = gw_calloc(1, sizeof *server);
  server->rpc = rpc;
  server->methods = methods;
  server->method_count = method_count;
  server->arg = arg;
  server->tls.credentials = options->credentials;
  server->requires_client_certificate = options->requires_client_certificate;
  gw_list_init(&server->streams);
  gw_timer_init(&server->grace, on_grace_over);
  gw_task_init(&server->stopped_task, on_stopped, server);
  server->server = grpc_server_create(&grpc_args, NULL);
  grpc_server_register_completion_queue(server->server, rpc->queue, NULL);
  rpc->server_count++;
  enum gw_err err = start_listening(server, options->listen);
  if (err != GW_OK) {
    server->has_stopped = true; /* it never listened, so there is nothing to wait for */
    gw_rpc_server_free(server);
    return err;
  }
  grpc_server_start(server->server);
  accept_next(server);
  *ret_server = server;
  return GW_OK;
}

uint16_t gw_rpc_server_port(const struct gw_rpc_server *server) {
  return server->port;
}

void gw_rpc_server_stop(struct gw_rpc_server *server, uint64_t grace_ms, void (*fn)(void *arg), void *arg) {
  if (server->is_stopping) return;
  server->is_stopping = true;
  server->stopped_fn = fn;
  server->stopped_arg = arg;
  gw_rpc_op_start(&server->shutdown_op, on_shut_down);
  grpc_server_shutdown_and_notify(server->server, server->rpc->queue, &server->shutdown_op);
  if (grace_ms > 0)
    gw_timer_start(server->rpc->loop, &server->grace, grace_ms);
  else
    on_grace_over(&server->grace);
}

void gw_rpc_server_free(struct gw_rpc_server *server) {
  if (server == NULL) return;
  GW_ASSERT(server->has_stopped);
  gw_task_cancel(&server->stopped_task);
  grpc_server_destroy(server->server);
  server->rpc->server_count--;
  free(server);
}
