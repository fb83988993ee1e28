#include <grpc/byte_buffer_reader.h>
#include <grpc/support/alloc.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/rpc/rpc_internal.h"

struct gw_rpc_stream *gw_rpc_stream_new(struct gw_rpc *rpc, grpc_call *call, struct gw_list *owner_list) {
  struct gw_rpc_stream *stream = gw_calloc(1, sizeof *stream);
  stream->rpc = rpc;
  stream->call = call;
  stream->details = grpc_empty_slice();
  grpc_metadata_array_init(&stream->head_metadata);
  grpc_metadata_array_init(&stream->trailing_metadata);
  gw_list_init(&stream->outgoing);
  gw_list_add_last(&rpc->streams, &stream->node);
  gw_list_add_last(owner_list, &stream->owner_node);
  return stream;
}

static void stream_free(struct gw_rpc_stream *stream) {
  gw_list_remove(&stream->node);
  gw_list_remove(&stream->owner_node);
  grpc_auth_context_release(stream->auth);
  if (stream->call != NULL) grpc_call_unref(stream->call);
  grpc_slice_unref(stream->details);
  grpc_metadata_array_destroy(&stream->head_metadata);
  grpc_metadata_array_destroy(&stream->trailing_metadata);
  gpr_free(stream->peer);
  struct gw_rpc_server *server = stream->server;
  free(stream);
  if (server != NULL) gw_rpc_server_on_stream_gone(server);
}

static void clear_outgoing(struct gw_rpc_stream *stream) {
  GW_LIST_FOR_EACH(node, &stream->outgoing) {
    struct rpc_outgoing *message = GW_LIST_ITEM(node, struct rpc_outgoing, node);
    gw_list_remove(node);
    grpc_byte_buffer_destroy(message->buffer);
    free(message);
    stream->pending--;
  }
}

void gw_rpc_stream_settle(struct gw_rpc_stream *stream) {
  if (!stream->is_call_over || stream->ops_in_flight > 0) return;
  gw_task_cancel(&stream->fail_task);
  clear_outgoing(stream);
  if (stream->has_listener) {
    stream->has_listener = false;
    int code = (int)stream->code;
    struct gw_str reason = {(const char *)GRPC_SLICE_START_PTR(stream->details), GRPC_SLICE_LENGTH(stream->details)};
    if (stream->server != NULL) {
      code = stream->is_end_sent && !stream->was_cancelled ? GW_RPC_OK : GW_RPC_CANCELLED;
      reason = code == GW_RPC_OK ? GW_STR("") : GW_STR("the call was cancelled or its connection was lost");
    }
    stream->events.on_closed(stream->state, stream, code, reason);
  }
  stream_free(stream);
}

void gw_rpc_stream_start_batch(struct gw_rpc_stream *stream, const grpc_op *ops, size_t op_count, struct rpc_op *op, rpc_op_fn fn) {
  if (stream->rpc->is_stopping) return;
  gw_rpc_op_start(op, fn);
  grpc_call_error error = grpc_call_start_batch(stream->call, ops, op_count, op, NULL);
  GW_ASSERT(error == GRPC_CALL_OK);
  stream->ops_in_flight++;
}

/* --- receiving --- */

static bool wants_messages(const struct gw_rpc_stream *stream) {
  bool has_ended = stream->server != NULL && stream->is_finishing;
  return stream->has_listener && !stream->is_cancelled && !has_ended;
}

static void deliver(struct gw_rpc_stream *stream, grpc_byte_buffer *buffer) {
  grpc_byte_buffer_reader reader;
  if (!grpc_byte_buffer_reader_init(&reader, buffer)) {
    gw_rpc_stream_cancel(stream);
    return;
  }
  /* Most messages are one slice, which is read where it lies. */
  grpc_slice *first = NULL;
  bool is_whole = grpc_byte_buffer_reader_peek(&reader, &first) && GRPC_SLICE_LENGTH(*first) == grpc_byte_buffer_length(buffer);
  if (is_whole || grpc_byte_buffer_length(buffer) == 0) {
    struct gw_str message =
        first != NULL ? (struct gw_str){(const char *)GRPC_SLICE_START_PTR(*first), GRPC_SLICE_LENGTH(*first)} : GW_STR("");
    stream->events.on_message(stream->state, stream, message);
  } else {
    grpc_byte_buffer_reader_destroy(&reader);
    grpc_byte_buffer_reader_init(&reader, buffer);
    grpc_slice all = grpc_byte_buffer_reader_readall(&reader);
    struct gw_str message = {(const char *)GRPC_SLICE_START_PTR(all), GRPC_SLICE_LENGTH(all)};
    stream->events.on_message(stream->state, stream, message);
    grpc_slice_unref(all);
  }
  grpc_byte_buffer_reader_destroy(&reader);
}

static void tell_half_close(struct gw_rpc_stream *stream) {
  if (stream->server == NULL || !wants_messages(stream) || stream->is_call_over) return;
  if (stream->events.on_half_close != NULL)
    stream->events.on_half_close(stream->state, stream);
  else
    gw_rpc_stream_finish(stream, GW_RPC_OK, "");
}

static void on_received(struct rpc_op *op, bool is_ok) {
  struct gw_rpc_stream *stream = GW_CONTAINER_OF(op, struct gw_rpc_stream, receive_op);
  grpc_byte_buffer *buffer = stream->received;
  stream->received = NULL;
  if (is_ok && buffer != NULL) {
    if (wants_messages(stream)) deliver(stream, buffer);
    gw_rpc_stream_start_receive(stream); /* until gRPC says that there is no more: only then is the call's end final */
  } else {
    tell_half_close(stream);
  }
  if (buffer != NULL) grpc_byte_buffer_destroy(buffer);
  stream->ops_in_flight--;
  gw_rpc_stream_settle(stream);
}

void gw_rpc_stream_start_receive(struct gw_rpc_stream *stream) {
  grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &stream->received};
  gw_rpc_stream_start_batch(stream, &op, 1, &stream->receive_op, on_received);
}

/* --- sending --- */

static void on_sent(struct rpc_op *op, bool is_ok) {
  struct gw_rpc_stream *stream = GW_CONTAINER_OF(op, struct gw_rpc_stream, send_op);
  grpc_byte_buffer_destroy(stream->sending);
  stream->sending = NULL;
  stream->is_sending = false;
  stream->pending--;
  if (!is_ok) clear_outgoing(stream);
  gw_rpc_stream_pump(stream);
  bool is_drained = is_ok && stream->pending == 0 && !stream->is_finishing && !stream->is_cancelled && !stream->is_call_over;
  if (is_drained && stream->has_listener && stream->events.on_drained != NULL) stream->events.on_drained(stream->state, stream);
  stream->ops_in_flight--;
  gw_rpc_stream_settle(stream);
}

static void on_end_sent(struct rpc_op *op, bool is_ok) {
  struct gw_rpc_stream *stream = GW_CONTAINER_OF(op, struct gw_rpc_stream, end_op);
  stream->is_end_sent = is_ok;
  stream->ops_in_flight--;
  gw_rpc_stream_settle(stream);
}

/* The server's initial metadata goes with whatever is sent first. */
static size_t begin_batch(struct gw_rpc_stream *stream, grpc_op *ops) {
  memset(ops, 0, 2 * sizeof *ops);
  if (stream->has_sent_head) return 0;
  stream->has_sent_head = true;
  ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
  return 1;
}

static void send_next(struct gw_rpc_stream *stream) {
  struct rpc_outgoing *message = GW_LIST_ITEM(stream->outgoing.next, struct rpc_outgoing, node);
  gw_list_remove(&message->node);
  stream->sending = message->buffer;
  free(message);
  grpc_op ops[2];
  size_t count = begin_batch(stream, ops);
  ops[count].op = GRPC_OP_SEND_MESSAGE;
  ops[count++].data.send_message.send_message = stream->sending;
  stream->is_sending = true;
  gw_rpc_stream_start_batch(stream, ops, count, &stream->send_op, on_sent);
}

static void send_end(struct gw_rpc_stream *stream) {
  stream->is_end_started = true;
  grpc_op ops[2];
  size_t count = begin_batch(stream, ops);
  if (stream->server != NULL) {
    ops[count].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    ops[count].data.send_status_from_server.status = stream->code;
    ops[count].data.send_status_from_server.status_details = &stream->details;
  } else {
    ops[count].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
  }
  gw_rpc_stream_start_batch(stream, ops, count + 1, &stream->end_op, on_end_sent);
}

void gw_rpc_stream_pump(struct gw_rpc_stream *stream) {
  if (stream->is_sending || stream->is_call_over || stream->call == NULL || stream->rpc->is_stopping) return;
  if (!gw_list_is_empty(&stream->outgoing))
    send_next(stream);
  else if (stream->is_finishing && !stream->is_end_started)
    send_end(stream);
}

static void release_part(void *bytes) {
  gw_bytes_unref(bytes);
}

void gw_rpc_stream_send(struct gw_rpc_stream *stream, struct gw_bytes *const *parts, size_t part_count) {
  if (stream->is_finishing || stream->is_cancelled || stream->is_call_over || stream->call == NULL) return;
  grpc_slice *slices = gw_calloc(part_count > 0 ? part_count : 1, sizeof *slices);
  for (size_t i = 0; i < part_count; i++)
    slices[i] = grpc_slice_new_with_user_data(parts[i]->data, parts[i]->len, release_part, gw_bytes_ref(parts[i]));
  struct rpc_outgoing *message = gw_calloc(1, sizeof *message);
  message->buffer = grpc_raw_byte_buffer_create(slices, part_count);
  for (size_t i = 0; i < part_count; i++)
    grpc_slice_unref(slices[i]);
  free(slices);
  gw_list_add_last(&stream->outgoing, &message->node);
  stream->pending++;
  gw_rpc_stream_pump(stream);
}

size_t gw_rpc_stream_pending(const struct gw_rpc_stream *stream) {
  return stream->pending;
}

void gw_rpc_stream_half_close(struct gw_rpc_stream *stream) {
  stream->is_finishing = true;
  gw_rpc_stream_pump(stream);
}

void gw_rpc_stream_cancel(struct gw_rpc_stream *stream) {
  if (stream->is_cancelled) return;
  stream->is_cancelled = true;
  clear_outgoing(stream);
  if (stream->call != NULL) grpc_call_cancel(stream->call, NULL);
}

void gw_rpc_stream_abandon(struct gw_rpc_stream *stream) {
  stream->has_listener = false;
  gw_rpc_stream_cancel(stream);
}

struct gw_str gw_rpc_stream_peer(const struct gw_rpc_stream *stream) {
  return gw_str_from(stream->peer != NULL ? stream->peer : "");
}
