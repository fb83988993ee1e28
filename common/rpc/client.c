#include "common/rpc/client.h"

#include <grpc/support/time.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/rpc/rpc_internal.h"

/* gRPC's own waits between attempts to connect are short: who opens calls decides how long to wait. */
#define RECONNECT_INITIAL_MS 100u
#define RECONNECT_MAX_MS 1000u
#define CONNECT_TIMEOUT_MS 5000u

struct gw_rpc_channel {
  struct gw_rpc *rpc;
  grpc_channel *channel;
  struct gw_list streams;
};

/* By name resolution always, with what a URI's path can't hold escaped ("[::1]:1"): "unix:80" must not become a scheme. */
static char *format_target(struct gw_str target) {
  struct gw_strbuf uri;
  gw_strbuf_init(&uri);
  gw_strbuf_append_str(&uri, GW_STR("dns:///"));
  for (size_t i = 0; i < target.len; i++) {
    char c = target.data[i];
    bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~:", c) != NULL;
    if (is_plain && c != '\0')
      gw_strbuf_append_char(&uri, c);
    else
      gw_strbuf_printf(&uri, "%%%02X", (unsigned)(unsigned char)c);
  }
  return gw_strbuf_take(&uri);
}

struct gw_rpc_channel *gw_rpc_channel_new(struct gw_rpc *rpc, const struct gw_rpc_channel_options *options) {
  struct rpc_args args = {.count = 0};
  gw_rpc_args_add_common(&args, options->max_message_bytes, options->keepalive_ms);
  gw_rpc_args_add(&args, GRPC_ARG_ENABLE_RETRIES, 0);
  gw_rpc_args_add(&args, GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  gw_rpc_args_add(&args, GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1); /* a channel to the same target gets its own connection and settings */
  gw_rpc_args_add(&args, GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  gw_rpc_args_add(&args, GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, RECONNECT_MAX_MS);
  gw_rpc_args_add(&args, GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, RECONNECT_INITIAL_MS);
  gw_rpc_args_add(&args, GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, RECONNECT_MAX_MS);
  gw_rpc_args_add(&args, GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, CONNECT_TIMEOUT_MS); /* despite its name: how long one attempt may take */
  GW_CLEANUP(gw_free_ptr) char *tls_host = gw_str_dup(options->tls_host);
  if (options->tls_host.len > 0) gw_rpc_args_add_text(&args, GRPC_SSL_TARGET_NAME_OVERRIDE_ARG, tls_host);
  grpc_channel_args grpc_args = {args.count, args.items};

  struct gw_rpc_channel *channel = gw_calloc(1, sizeof *channel);
  channel->rpc = rpc;
  gw_list_init(&channel->streams);
  char *target = format_target(options->target);
  grpc_channel_credentials *credentials =
      options->credentials != NULL ? gw_rpc_credentials_for_channel(options->credentials) : grpc_insecure_credentials_create();
  channel->channel = grpc_channel_create(target, credentials, &grpc_args);
  grpc_channel_credentials_release(credentials);
  free(target);
  rpc->channel_count++;
  return channel;
}

void gw_rpc_channel_free(struct gw_rpc_channel *channel) {
  if (channel == NULL) return;
  GW_LIST_FOR_EACH(node, &channel->streams) {
    gw_list_remove(node);
    gw_rpc_stream_cancel(GW_LIST_ITEM(node, struct gw_rpc_stream, owner_node));
  }
  grpc_channel_destroy(channel->channel);
  channel->rpc->channel_count--;
  free(channel);
}

/* --- a call --- */

static void on_head(struct rpc_op *op, bool is_ok) {
  (void)is_ok; /* the status says what failed */
  struct gw_rpc_stream *stream = GW_CONTAINER_OF(op, struct gw_rpc_stream, head_op);
  stream->ops_in_flight--;
  gw_rpc_stream_settle(stream);
}

static void on_status(struct rpc_op *op, bool is_ok) {
  (void)is_ok;
  struct gw_rpc_stream *stream = GW_CONTAINER_OF(op, struct gw_rpc_stream, close_op);
  stream->is_call_over = true;
  stream->ops_in_flight--;
  gw_rpc_stream_settle(stream);
}

static void start_call(struct gw_rpc_stream *stream, bool waits_for_ready, grpc_metadata *metadata, size_t metadata_count) {
  stream->has_sent_head = true;
  grpc_op head[2] = {
      {.op = GRPC_OP_SEND_INITIAL_METADATA,
       .flags = waits_for_ready ? GRPC_INITIAL_METADATA_WAIT_FOR_READY | GRPC_INITIAL_METADATA_WAIT_FOR_READY_EXPLICITLY_SET : 0,
       .data.send_initial_metadata = {.count = metadata_count, .metadata = metadata}},
      {.op = GRPC_OP_RECV_INITIAL_METADATA, .data.recv_initial_metadata.recv_initial_metadata = &stream->head_metadata},
  };
  gw_rpc_stream_start_batch(stream, head, 2, &stream->head_op, on_head);
  grpc_op status = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
                    .data.recv_status_on_client = {.trailing_metadata = &stream->trailing_metadata,
                                                   .status = &stream->code,
                                                   .status_details = &stream->details}};
  gw_rpc_stream_start_batch(stream, &status, 1, &stream->close_op, on_status);
  gw_rpc_stream_start_receive(stream);
}

static void on_failed(void *arg) {
  gw_rpc_stream_settle(arg);
}

static void fail_call(struct gw_rpc_stream *stream, const char *reason) {
  stream->is_call_over = true;
  stream->code = GRPC_STATUS_INVALID_ARGUMENT;
  stream->details = grpc_slice_from_static_string(reason);
  gw_task_init(&stream->fail_task, on_failed, stream);
  gw_loop_at_turn_end(stream->rpc->loop, &stream->fail_task);
}

static bool is_legal(const struct gw_rpc_metadata *metadata) {
  grpc_slice key = grpc_slice_from_static_string(metadata->key), value = grpc_slice_from_static_string(metadata->value);
  return grpc_header_key_is_legal(key) && !grpc_is_binary_header(key) && grpc_header_nonbin_value_is_legal(value);
}

static bool are_legal(const struct gw_rpc_metadata *metadata, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!is_legal(&metadata[i])) return false;
  return true;
}

struct gw_rpc_stream *gw_rpc_channel_open(struct gw_rpc_channel *channel, const char *method, uint64_t deadline_ms, bool waits_for_ready,
                                          const struct gw_rpc_metadata *metadata, size_t metadata_count, const struct gw_rpc_events *events,
                                          void *state) {
  bool can_start = are_legal(metadata, metadata_count);
  grpc_call *call = NULL;
  if (can_start) {
    gpr_timespec deadline = gpr_inf_future(GPR_CLOCK_MONOTONIC);
    if (deadline_ms > 0) deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis((int64_t)deadline_ms, GPR_TIMESPAN));
    grpc_slice path = grpc_slice_from_copied_string(method);
    call = grpc_channel_create_call(channel->channel, NULL, GRPC_PROPAGATE_DEFAULTS, channel->rpc->queue, path, NULL, deadline, NULL);
    grpc_slice_unref(path);
  }
  struct gw_rpc_stream *stream = gw_rpc_stream_new(channel->rpc, call, &channel->streams);
  stream->events = *events;
  stream->state = state;
  stream->has_listener = true;
  if (!can_start) {
    fail_call(stream, "metadata has characters that are not allowed in HTTP headers");
    return stream;
  }
  grpc_metadata *items = gw_calloc(metadata_count > 0 ? metadata_count : 1, sizeof *items);
  for (size_t i = 0; i < metadata_count; i++)
    items[i] =
        (grpc_metadata){.key = grpc_slice_from_copied_string(metadata[i].key), .value = grpc_slice_from_copied_string(metadata[i].value)};
  start_call(stream, waits_for_ready, items, metadata_count);
  for (size_t i = 0; i < metadata_count; i++) {
    grpc_slice_unref(items[i].key); /* start_batch took its own references */
    grpc_slice_unref(items[i].value);
  }
  free(items);
  return stream;
}

/* --- one message there and one back --- */

struct unary_call {
  bool is_done;
  int code;
  char *reason;
  struct gw_bytes *reply;
};

static void on_reply(void *state, struct gw_rpc_stream *stream, struct gw_str message) {
  (void)stream;
  struct unary_call *call = state;
  if (call->reply == NULL) call->reply = gw_bytes_new(message.data, message.len);
}

static void on_unary_closed(void *state, struct gw_rpc_stream *stream, int code, struct gw_str reason) {
  (void)stream;
  struct unary_call *call = state;
  call->is_done = true;
  call->code = code;
  call->reason = gw_str_dup(reason);
}

int gw_rpc_call(struct gw_rpc *rpc, struct gw_rpc_channel *channel, const char *method, uint64_t deadline_ms,
                const struct gw_rpc_metadata *metadata, size_t metadata_count, struct gw_bytes *request, struct gw_bytes **ret_reply,
                char **ret_reason) {
  static const struct gw_rpc_events events = {.on_message = on_reply, .on_closed = on_unary_closed};
  struct unary_call call = {0};
  struct gw_rpc_stream *stream = gw_rpc_channel_open(channel, method, deadline_ms, false, metadata, metadata_count, &events, &call);
  gw_rpc_stream_send(stream, &request, 1);
  gw_rpc_stream_half_close(stream);
  while (!call.is_done)
    gw_loop_run_once(rpc->loop, 1000);
  if (call.code == GW_RPC_OK && call.reply == NULL) {
    call.code = GW_RPC_INTERNAL;
    free(call.reason);
    call.reason = gw_strdup("the server answered without a message");
  }
  if (call.code == GW_RPC_OK) {
    *ret_reply = call.reply;
    call.reply = NULL;
  }
  gw_bytes_unref(call.reply);
  *ret_reason = call.reason;
  return call.code;
}
