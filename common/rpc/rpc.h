/* Why: gRPC C core's runtime for one loop: one poller thread, whose events reach the loop in batches.
 * Life: gw_rpc_new before any server or channel, gw_rpc_free after all of them are freed. One a process (grpc_init; do not fork after;
 * main blocks the signals that it handles before, since gRPC's threads inherit the mask).
 * Thread: the loop's own. All callbacks of common/rpc run on that loop. */
#ifndef GW_COMMON_RPC_RPC_H
#define GW_COMMON_RPC_RPC_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/event/loop.h"

struct gw_rpc;
struct gw_rpc *gw_rpc_new(struct gw_loop *loop);
void gw_rpc_free(struct gw_rpc *rpc);

/* TLS handshakes failed, of clients of ours or of channels of ours: `count` of them since the last call, the newest because of `reason`, a
 * sentence. gRPC does not say with whom. */
typedef void (*gw_rpc_handshake_fn)(void *arg, const char *reason, uint64_t count);
void gw_rpc_on_handshake_failure(struct gw_rpc *rpc, gw_rpc_handshake_fn fn, void *arg);
/* Why a call ended with GW_RPC_UNAVAILABLE, in words: the innermost of the causes that gRPC nests in `reason`, and what may be behind it
 * when the server has never answered. Freed by the caller. */
char *gw_rpc_explain_unavailable(struct gw_str reason, bool has_tls, bool was_answered);

/* google.rpc.Code */
enum gw_rpc_code {
  GW_RPC_OK = 0,
  GW_RPC_CANCELLED = 1,
  GW_RPC_UNKNOWN = 2,
  GW_RPC_INVALID_ARGUMENT = 3,
  GW_RPC_DEADLINE_EXCEEDED = 4,
  GW_RPC_NOT_FOUND = 5,
  GW_RPC_PERMISSION_DENIED = 7,
  GW_RPC_RESOURCE_EXHAUSTED = 8,
  GW_RPC_FAILED_PRECONDITION = 9,
  GW_RPC_ABORTED = 10,
  GW_RPC_OUT_OF_RANGE = 11,
  GW_RPC_UNIMPLEMENTED = 12,
  GW_RPC_INTERNAL = 13,
  GW_RPC_UNAVAILABLE = 14,
  GW_RPC_DATA_LOSS = 15,
  GW_RPC_UNAUTHENTICATED = 16,
};
const char *gw_rpc_code_name(int code);

/* A call, on either side: both are bidirectional streams of messages; a unary call is one message each way. */
struct gw_rpc_stream;

struct gw_rpc_events {
  /* One whole message; the bytes are gone after the call. The next one is read once this returns. */
  void (*on_message)(void *state, struct gw_rpc_stream *stream, struct gw_str message);
  /* The other side will send no more (server side only). May be NULL: then the stream is finished with OK. */
  void (*on_half_close)(void *state, struct gw_rpc_stream *stream);
  /* Everything queued was taken by flow control: a slow reader is coalesced by sending only now. May be NULL. */
  void (*on_drained)(void *state, struct gw_rpc_stream *stream);
  /* Last event; the stream is gone after the call. Client side: the status the server gave. Server side: GW_RPC_OK after a finish that was
   * delivered, else GW_RPC_CANCELLED. */
  void (*on_closed)(void *state, struct gw_rpc_stream *stream, int code, struct gw_str reason);
};

/* Queues one message, the concatenation of the parts (each is referenced, not copied). Ignored once the stream is closing. */
void gw_rpc_stream_send(struct gw_rpc_stream *stream, struct gw_bytes *const *parts, size_t part_count);
/* Messages queued that flow control has not taken yet. */
size_t gw_rpc_stream_pending(const struct gw_rpc_stream *stream);
/* Client side: no more messages from here. */
void gw_rpc_stream_half_close(struct gw_rpc_stream *stream);
/* Aborts; on_closed still comes. */
void gw_rpc_stream_cancel(struct gw_rpc_stream *stream);
/* Aborts, and no event comes any more: for an owner that goes before its call. */
void gw_rpc_stream_abandon(struct gw_rpc_stream *stream);
/* Server side: "ipv4:127.0.0.1:5000" as gRPC says it. Client side: "". */
struct gw_str gw_rpc_stream_peer(const struct gw_rpc_stream *stream);

#endif
