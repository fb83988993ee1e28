#include "controlplane/ctl/admin_client.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/crypto/token_file.h"
#include "common/net/address.h"
#include "common/rpc/client.h"
#include "common/xds/wire.h"

#define DEADLINE_MS 10000

static int read_token(const struct gw_ctl *ctl, char **ret_token, char **ret_problem) {
  GW_CLEANUP(gw_free_ptr) char *standard = ctl->token_file == NULL ? gw_token_file_default_path() : NULL;
  const char *path = ctl->token_file != NULL ? ctl->token_file : standard;
  char *reason;
  enum gw_err err = gw_token_file_read(path, ret_token, &reason);
  if (err == GW_OK) return GW_CTL_OK;
  *ret_problem = gw_asprintf("%s%s", reason,
                             err == GW_ERR_NOT_FOUND ? " (the control plane makes it at its first start; --token-file names another)" : "");
  free(reason);
  return GW_CTL_DENIED;
}

/* gRPC nests its causes: "failed to connect to all addresses; last error: UNKNOWN: ipv4:…: Failed to connect to remote host: Connection
 * refused". The innermost says it. */
static char *innermost_cause(const char *reason) {
  const char *last = reason;
  for (const char *at = strstr(reason, ": "); at != NULL; at = strstr(at + 2, ": "))
    last = at + 2;
  char *cause = gw_strdup(last);
  cause[0] = (char)tolower((unsigned char)cause[0]);
  return cause;
}

static int explain(const struct gw_ctl *ctl, int code, const char *reason, char **ret_problem) {
  if (code == GW_RPC_UNAVAILABLE) {
    GW_CLEANUP(gw_free_ptr) char *cause = innermost_cause(reason);
    *ret_problem = gw_asprintf("control plane not reached at %s: %s", ctl->admin, cause);
    return GW_CTL_UNREACHED;
  }
  if (code == GW_RPC_DEADLINE_EXCEEDED) {
    *ret_problem = gw_asprintf("the control plane at %s did not answer in time", ctl->admin);
    return GW_CTL_TIMEOUT;
  }
  if (code == GW_RPC_UNAUTHENTICATED || code == GW_RPC_PERMISSION_DENIED) {
    *ret_problem = gw_asprintf("the control plane at %s refused the token: %s", ctl->admin, reason);
    return GW_CTL_DENIED;
  }
  *ret_problem = gw_asprintf("the control plane at %s answered %s: %s", ctl->admin, gw_rpc_code_name(code), reason);
  return GW_CTL_FAILED;
}

static int call_with_token(const struct gw_ctl *ctl, const char *token, const char *path, uint64_t deadline_ms, struct gw_bytes *request,
                           struct gw_bytes **ret_reply, char **ret_problem) {
  GW_CLEANUP(gw_free_ptr) char *bearer = gw_asprintf("Bearer %s", token);
  struct gw_rpc_metadata metadata = {.key = "authorization", .value = bearer};
  struct gw_loop *loop = gw_loop_new();
  struct gw_rpc *rpc = gw_rpc_new(loop);
  struct gw_rpc_channel_options options = {.target = gw_str_from(ctl->admin)};
  struct gw_rpc_channel *channel = gw_rpc_channel_new(rpc, &options);
  char *reason = NULL;
  int code = gw_rpc_call(rpc, channel, path, deadline_ms, &metadata, 1, request, ret_reply, &reason);
  int exit_code = code == GW_RPC_OK ? GW_CTL_OK : explain(ctl, code, reason != NULL ? reason : "", ret_problem);
  free(reason);
  gw_rpc_channel_free(channel);
  gw_rpc_free(rpc);
  gw_loop_free(loop);
  return exit_code;
}

int gw_admin_client_call(const struct gw_ctl *ctl, const char *method, uint64_t deadline_ms, const ProtobufCMessage *request,
                         const ProtobufCMessageDescriptor *reply, struct gw_arena *arena, ProtobufCMessage **ret_reply,
                         char **ret_problem) {
  struct gw_str host;
  uint16_t port;
  if (gw_address_split(gw_str_from(ctl->admin), &host, &port) != GW_OK) {
    *ret_problem = gw_asprintf("--admin %s: HOST:PORT is wanted", ctl->admin);
    return GW_CTL_USAGE;
  }
  char *token = NULL;
  int exit_code = read_token(ctl, &token, ret_problem);
  if (exit_code != GW_CTL_OK) return exit_code;
  GW_CLEANUP(gw_free_ptr) char *path = gw_asprintf("/gateway.admin.v1.Admin/%s", method);
  struct gw_bytes *packed = gw_wire_pack(request);
  struct gw_bytes *bytes = NULL;
  exit_code = call_with_token(ctl, token, path, deadline_ms, packed, &bytes, ret_problem);
  if (exit_code == GW_CTL_OK && gw_wire_unpack(reply, gw_bytes_str(bytes), arena, ret_reply) != GW_OK) {
    *ret_problem = gw_asprintf("what answers at %s is no control plane of ours", ctl->admin);
    exit_code = GW_CTL_FAILED;
  }
  gw_bytes_unref(bytes);
  gw_bytes_unref(packed);
  free(token);
  return exit_code;
}

int gw_admin_client_ask(const struct gw_ctl *ctl, const char *method, const ProtobufCMessage *request,
                        const ProtobufCMessageDescriptor *reply, struct gw_arena *arena, ProtobufCMessage **ret_reply) {
  char *problem = NULL;
  int exit_code = gw_admin_client_call(ctl, method, DEADLINE_MS, request, reply, arena, ret_reply, &problem);
  if (exit_code != GW_CTL_OK) fprintf(stderr, "gatewayctl: %s\n", problem);
  free(problem);
  return exit_code;
}
