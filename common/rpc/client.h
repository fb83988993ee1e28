/* Why: a gRPC client channel to one target; calls become loop callbacks.
 * Life: gw_rpc_channel_new … gw_rpc_channel_free (open streams are cancelled; their on_closed comes before gw_rpc_free returns).
 * Thread: the loop's own. */
#ifndef GW_COMMON_RPC_CLIENT_H
#define GW_COMMON_RPC_CLIENT_H

#include "common/rpc/rpc.h"

struct gw_rpc_channel;
struct gw_rpc_credentials;

struct gw_rpc_channel_options {
  struct gw_str target; /* "HOST:PORT" */
  struct gw_rpc_credentials
      *credentials;           /* TLS with what the files hold now, and HOST must be a name of the server's certificate; NULL: plaintext */
  struct gw_str tls_host;     /* what the certificate must be for instead of HOST; empty: HOST */
  uint32_t max_message_bytes; /* of a received message; 0: no limit */
  uint32_t keepalive_ms;      /* finds a frozen server; 0: none */
};
struct gw_rpc_channel *gw_rpc_channel_new(struct gw_rpc *rpc, const struct gw_rpc_channel_options *options);
void gw_rpc_channel_free(struct gw_rpc_channel *channel);

struct gw_rpc_metadata {
  const char *key; /* lower case */
  const char *value;
};
/* Opens a call. deadline_ms 0: none. Fails fast with UNAVAILABLE when the channel is not connected, unless `waits_for_ready`. `state` goes
 * to events. Metadata that HTTP can't carry (control characters, upper-case or "-bin" keys) closes the call with INVALID_ARGUMENT. */
struct gw_rpc_stream *gw_rpc_channel_open(struct gw_rpc_channel *channel, const char *method, uint64_t deadline_ms, bool waits_for_ready,
                                          const struct gw_rpc_metadata *metadata, size_t metadata_count, const struct gw_rpc_events *events,
                                          void *state);

/* One message there, one back, without a loop of the caller's: for command-line tools. Runs `rpc`'s loop until done.
 * *ret_reply (on GW_RPC_OK) has one reference; *ret_reason is freed by the caller. */
int gw_rpc_call(struct gw_rpc *rpc, struct gw_rpc_channel *channel, const char *method, uint64_t deadline_ms,
                const struct gw_rpc_metadata *metadata, size_t metadata_count, struct gw_bytes *request, struct gw_bytes **ret_reply,
                char **ret_reason);

#endif
