#include "common/rpc/rpc.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/sanitizers.h"
#include "common/crypto/exit.h"
#include "common/rpc/rpc_internal.h"

/* gRPC itself is not built with the thread sanitizer, so it must be told that an operation's fields pass through the queue. */
#if GW_HAS_TSAN
#include <sanitizer/tsan_interface.h>
#define HAND_OVER(op) __tsan_release(op)
#define TAKE_OVER(op) __tsan_acquire(op)
#else
#define HAND_OVER(op) ((void)(op))
#define TAKE_OVER(op) ((void)(op))
#endif

/* Keepalive pings of clients closer together than this are refused by the server (three times, then the connection). */
#define PING_INTERVAL_MIN_MS 500u
#define KEEPALIVE_TIMEOUT_MAX_MS 10000u
#define WINDOW_BYTES ((uint64_t)512 * 1024)

void gw_rpc_op_start(struct rpc_op *op, rpc_op_fn fn) {
  op->fn = fn;
  HAND_OVER(op);
}

static void on_mail(void *arg, struct gw_mail *mail) {
  (void)arg;
  struct rpc_op *op = GW_CONTAINER_OF(mail, struct rpc_op, mail);
  op->fn(op, op->is_ok);
}

static void *run_poller(void *arg) {
  struct gw_rpc *rpc = arg;
  for (;;) {
    grpc_event event = grpc_completion_queue_next(rpc->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    if (event.type == GRPC_QUEUE_SHUTDOWN) return NULL;
    if (event.type != GRPC_OP_COMPLETE) continue;
    struct rpc_op *op = event.tag;
    TAKE_OVER(op);
    op->is_ok = event.success != 0;
    gw_mailbox_post(rpc->mailbox, &op->mail);
  }
}

/* gRPC ends in its own time: one of its threads may be in the middle of a handshake when main returns. So OpenSSL must not clean up at
 * exit, which can only be said before anybody has used it. */
__attribute__((constructor)) static void keep_openssl(void) {
  gw_crypto_outlive_exit();
}

struct gw_rpc *gw_rpc_new(struct gw_loop *loop) {
  struct gw_rpc *rpc = gw_calloc(1, sizeof *rpc);
  rpc->loop = loop;
  gw_list_init(&rpc->streams);
  rpc->mailbox = gw_mailbox_new(loop, on_mail, rpc);

  /* Threads inherit the mask: signals are for the loop that asked for them. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  gw_rpc_handshakes_init(rpc);
  setenv("GRPC_DNS_RESOLVER", "native", 0); /* getaddrinfo, as for all other names; its own resolver also leaks a little each time */
  grpc_init();
  rpc->queue = grpc_completion_queue_create_for_next(NULL);
  int failed = pthread_create(&rpc->poller, NULL, run_poller, rpc);
  GW_ASSERT(failed == 0);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return rpc;
}

void gw_rpc_free(struct gw_rpc *rpc) {
  if (rpc == NULL) return;
  GW_ASSERT(rpc->server_count == 0 && rpc->channel_count == 0);
  rpc->is_stopping = true;
  GW_LIST_FOR_EACH(node, &rpc->streams) {
    struct gw_rpc_stream *stream = GW_LIST_ITEM(node, struct gw_rpc_stream, node);
    gw_rpc_stream_cancel(stream);
    gw_rpc_stream_settle(stream);
  }
  grpc_completion_queue_shutdown(rpc->queue);
  pthread_join(rpc->poller, NULL);
  gw_rpc_handshakes_done(rpc);
  gw_mailbox_free(rpc->mailbox); /* what came back meanwhile is handled here: on_closed of the last streams */
  GW_ASSERT(gw_list_is_empty(&rpc->streams));
  grpc_completion_queue_destroy(rpc->queue);
  grpc_shutdown();
  free(rpc);
}

const char *gw_rpc_code_name(int code) {
  static const char *const names[] = {"OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
                                      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
                                      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
                                      "DATA_LOSS", "UNAUTHENTICATED"};
  return code >= 0 && (size_t)code < GW_ARRAY_LEN(names) ? names[code] : "UNKNOWN";
}

void gw_rpc_args_add(struct rpc_args *args, const char *key, uint64_t value) {
  GW_ASSERT(args->count < GW_RPC_ARGS_MAX);
  grpc_arg *arg = &args->items[args->count++];
  arg->type = GRPC_ARG_INTEGER;
  arg->key = (char *)(uintptr_t)key; /* gRPC's struct lacks a const */
  arg->value.integer = value > INT_MAX ? INT_MAX : (int)value;
}

void gw_rpc_args_add_text(struct rpc_args *args, const char *key, char *value) {
  GW_ASSERT(args->count < GW_RPC_ARGS_MAX);
  grpc_arg *arg = &args->items[args->count++];
  arg->type = GRPC_ARG_STRING;
  arg->key = (char *)(uintptr_t)key;
  arg->value.string = value;
}

void gw_rpc_args_add_common(struct rpc_args *args, uint32_t max_message_bytes, uint32_t keepalive_ms) {
  gw_rpc_args_add(args, GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, max_message_bytes > 0 ? max_message_bytes : INT_MAX);
  gw_rpc_args_add(args, GRPC_ARG_ENABLE_CHANNELZ, 0);
  gw_rpc_args_add(args, GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  gw_rpc_args_add(args, GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, PING_INTERVAL_MIN_MS);
  gw_rpc_args_add(args, GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  /* Identity only: a compressed message could be far larger than the limit above once it is unpacked. */
  gw_rpc_args_add(args, GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1);
  /* gRPC keeps room for as much as came at once in the past, for each connection and for good: so no more may come at once than this. */
  gw_rpc_args_add(args, GRPC_ARG_HTTP2_BDP_PROBE, 0);
  gw_rpc_args_add(args, GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, WINDOW_BYTES);
  if (keepalive_ms > 0) {
    gw_rpc_args_add(args, GRPC_ARG_KEEPALIVE_TIME_MS, keepalive_ms);
    gw_rpc_args_add(args, GRPC_ARG_KEEPALIVE_TIMEOUT_MS, keepalive_ms < KEEPALIVE_TIMEOUT_MAX_MS ? keepalive_ms : KEEPALIVE_TIMEOUT_MAX_MS);
  }
}
