#include "controlplane/ctl/admin_client.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/crypto/token_file.h"
#include "common/net/address.h"
#include "common/rpc/client.h"
#include "common/rpc/credentials.h"
#include "common/xds/wire.h"
#include "controlplane/ctl/terminal_text.h"

#define DEADLINE_MS 10000

/* *ret_token NULL: there is none, and a certificate stands for it. */
static int read_token(const struct gw_ctl *ctl, char **ret_token, char **ret_problem) {
  GW_CLEANUP(gw_free_ptr) char *standard = ctl->token_file == NULL ? gw_token_file_default_path() : NULL;
  const char *path = ctl->token_file != NULL ? ctl->token_file : standard;
  char *reason;
  enum gw_err err = gw_token_file_read(path, ret_token, &reason);
  if (err == GW_OK) return GW_CTL_OK;
  if (err == GW_ERR_NOT_FOUND && ctl->token_file == NULL && ctl->tls.cert != NULL) {
    free(reason);
    return GW_CTL_OK;
  }
  *ret_problem = gw_asprintf("%s%s", reason,
                             err == GW_ERR_NOT_FOUND ? " (the control plane makes it at its first start; --token-file names another)" : "");
  free(reason);
  return GW_CTL_DENIED;
}

static int explain(const struct gw_ctl *ctl, int code, const char *reason, char **ret_problem) {
  bool is_others =
      strncmp(reason, "the database", 12) == 0 || strncmp(reason, "the registry", 12) == 0 || strncmp(reason, "the cloud", 9) == 0;
  if (code == GW_RPC_UNAVAILABLE && is_others) { /* the control plane was reached, and says so */
    *ret_problem = gw_asprintf("the control plane at %s can't do that now: %s", ctl->admin, reason);
    return GW_CTL_FAILED;
  }
  if (code == GW_RPC_NOT_FOUND) {
    *ret_problem = gw_asprintf("%s", reason);
    return GW_CTL_NOT_FOUND;
  }
  if (code == GW_RPC_FAILED_PRECONDITION && strncmp(reason, "GATEWAY_CONFIG_SOURCE", 21) == 0) { /* it is the wrong thing to ask here */
    *ret_problem = gw_strdup(reason);
    return GW_CTL_USAGE;
  }
  if (code == GW_RPC_UNAVAILABLE) {
    GW_CLEANUP(gw_free_ptr) char *cause = gw_rpc_explain_unavailable(gw_str_from(reason), ctl->tls.ca != NULL, false);
    *ret_problem = gw_asprintf("control plane not reached at %s: %s", ctl->admin, cause);
    return GW_CTL_UNREACHED;
  }
  if (code == GW_RPC_DEADLINE_EXCEEDED) {
    *ret_problem = gw_asprintf("the control plane at %s did not answer in time", ctl->admin);
    return GW_CTL_TIMEOUT;
  }
  if (code == GW_RPC_UNAUTHENTICATED || code == GW_RPC_PERMISSION_DENIED) {
    *ret_problem = gw_asprintf("the control plane at %s refused %s: %s", ctl->admin,
                               ctl->tls.cert == NULL ? "the token" : "token and certificate", reason);
    return GW_CTL_DENIED;
  }
  *ret_problem = gw_asprintf("the control plane at %s answered %s: %s", ctl->admin, gw_rpc_code_name(code), reason);
  return GW_CTL_FAILED;
}

/* One call over one connection. */
struct call {
  const struct gw_ctl *ctl;
  const char *path;
  const char *token; /* NULL: none */
  const char *node;  /* whom it is for, over there; NULL: the control plane itself */
  uint64_t deadline_ms;
  struct gw_bytes *request;
};

static int run_call(const struct call *call, struct gw_loop *loop, struct gw_rpc_credentials *credentials, struct gw_bytes **ret_reply,
                    char **ret_problem) {
  GW_CLEANUP(gw_free_ptr) char *bearer = gw_asprintf("Bearer %s", call->token != NULL ? call->token : "");
  struct gw_rpc_metadata metadata[2];
  size_t metadata_count = 0;
  if (call->token != NULL) metadata[metadata_count++] = (struct gw_rpc_metadata){.key = "authorization", .value = bearer};
  if (call->node != NULL) metadata[metadata_count++] = (struct gw_rpc_metadata){.key = "gateway-node", .value = call->node};
  struct gw_rpc *rpc = gw_rpc_new(loop);
  struct gw_rpc_channel_options options = {.target = gw_str_from(call->ctl->admin), .credentials = credentials};
  struct gw_rpc_channel *channel = gw_rpc_channel_new(rpc, &options);
  char *reason = NULL;
  int code = gw_rpc_call(rpc, channel, call->path, call->deadline_ms, metadata, metadata_count, call->request, ret_reply, &reason);
  int exit_code = code == GW_RPC_OK ? GW_CTL_OK : explain(call->ctl, code, reason != NULL ? reason : "", ret_problem);
  free(reason);
  gw_rpc_channel_free(channel);
  gw_rpc_free(rpc);
  return exit_code;
}

/* What a server that refuses us does not say. */
static void add_lapse(const struct gw_rpc_credentials *credentials, char **problem) {
  struct gw_rpc_credentials_status status;
  gw_rpc_credentials_get_status(credentials, &status);
  if (status.problem == NULL) return;
  char *both = gw_asprintf("%s (%s)", *problem, status.problem);
  free(*problem);
  *problem = both;
}

static int connect_and_call(const struct call *call, struct gw_bytes **ret_reply, char **ret_problem) {
  struct gw_loop *loop = gw_loop_new();
  struct gw_rpc_credentials *credentials = NULL;
  struct gw_rpc_credentials_options options = {.paths = call->ctl->tls, .is_once = true};
  int exit_code = GW_CTL_OK;
  if (options.paths.ca != NULL && gw_rpc_credentials_new(loop, &options, &credentials, ret_problem) != GW_OK) exit_code = GW_CTL_INVALID;
  if (exit_code == GW_CTL_OK) exit_code = run_call(call, loop, credentials, ret_reply, ret_problem);
  if (exit_code == GW_CTL_UNREACHED && credentials != NULL) add_lapse(credentials, ret_problem);
  gw_rpc_credentials_free(credentials);
  gw_loop_free(loop);
  return exit_code;
}

/* `path`: of the method. */
static int call_path(const struct gw_ctl *ctl, const char *path, const char *node, uint64_t deadline_ms, const ProtobufCMessage *request,
                     const ProtobufCMessageDescriptor *reply, struct gw_arena *arena, ProtobufCMessage **ret_reply, char **ret_problem) {
  struct gw_str host;
  uint16_t port;
  if (gw_address_split(gw_str_from(ctl->admin), &host, &port) != GW_OK) {
    *ret_problem = gw_asprintf("--admin %s: HOST:PORT is wanted", ctl->admin);
    return GW_CTL_USAGE;
  }
  if (ctl->tls.ca == NULL && !ctl->is_insecure && !gw_address_is_loopback_target(gw_str_from(ctl->admin))) {
    *ret_problem =
        gw_asprintf("--admin %s: the token would go there in plaintext; beyond loopback --tls-ca is wanted, or --insecure", ctl->admin);
    return GW_CTL_USAGE;
  }
  char *token = NULL;
  int exit_code = read_token(ctl, &token, ret_problem);
  if (exit_code != GW_CTL_OK) return exit_code;
  struct gw_bytes *packed = gw_wire_pack(request);
  struct gw_bytes *bytes = NULL;
  struct call call = {.ctl = ctl, .path = path, .token = token, .node = node, .deadline_ms = deadline_ms, .request = packed};
  exit_code = connect_and_call(&call, &bytes, ret_problem);
  if (exit_code == GW_CTL_OK && gw_wire_unpack(reply, gw_bytes_str(bytes), arena, ret_reply) != GW_OK) {
    *ret_problem = gw_asprintf("what answers at %s is no control plane of ours", ctl->admin);
    exit_code = GW_CTL_FAILED;
  }
  gw_bytes_unref(bytes);
  gw_bytes_unref(packed);
  free(token);
  return exit_code;
}

int gw_admin_client_call(const struct gw_ctl *ctl, const char *method, uint64_t deadline_ms, const ProtobufCMessage *request,
                         const ProtobufCMessageDescriptor *reply, struct gw_arena *arena, ProtobufCMessage **ret_reply,
                         char **ret_problem) {
  GW_CLEANUP(gw_free_ptr) char *path = gw_asprintf("/gateway.admin.v1.Admin/%s", method);
  return call_path(ctl, path, NULL, deadline_ms, request, reply, arena, ret_reply, ret_problem);
}

int gw_admin_client_ask_node(const struct gw_ctl *ctl, const char *node_id, const char *method, const ProtobufCMessage *request,
                             const ProtobufCMessageDescriptor *reply, struct gw_arena *arena, ProtobufCMessage **ret_reply) {
  GW_CLEANUP(gw_free_ptr) char *path = gw_asprintf("/gateway.dataplane.v1.DataPlane/%s", method);
  char *problem = NULL;
  int exit_code = call_path(ctl, path, node_id, DEADLINE_MS, request, reply, arena, ret_reply, &problem);
  if (exit_code != GW_CTL_OK) {
    struct gw_strbuf clean = {0}; /* a node's words, perhaps */
    gw_terminal_text_append(&clean, gw_str_from(problem));
    fprintf(stderr, "gatewayctl: %.*s\n", GW_STR_ARG(gw_strbuf_str(&clean)));
    gw_strbuf_done(&clean);
  }
  free(problem);
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
