/* gRPC tells of a failed handshake only in its log. What it writes there is read here, put into words and posted to the loop. */
#include <ctype.h>
#include <grpc/support/log.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/rpc/rpc_internal.h"

#define REASON_SIZE 200

/* gRPC's log function has no argument and may still be called by its threads when the runtime is gone, so this outlives all runtimes. */
static struct {
  pthread_mutex_t lock;
  struct gw_rpc *rpc; /* NULL: nobody listens */
  char reason[REASON_SIZE];
  uint64_t count;
  bool is_posted;
  struct rpc_op op;
} failures = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct translation {
  const char *openssl; /* of its reason strings */
  const char *words;
};

static const struct translation translations[] = {
    {"peer did not return a certificate", "the client has shown no certificate"},
    {"certificate verify failed", "the other side's certificate is not signed by a CA of ours, has lapsed, or is not meant for this use"},
    {"wrong version number", "the other side does not speak TLS"},
    {"http request", "the other side does not speak TLS"},
    {"packet length too long", "the other side does not speak TLS"},
    {"unsupported protocol", "the other side speaks no TLS that is new enough: 1.2 is wanted"},
    {"unknown ca", "the other side does not trust the CA of our certificate"},
    {"certificate expired", "the other side says that our certificate has expired"},
    {"bad certificate", "the other side refuses our certificate"},
    {"certificate unknown", "the other side refuses our certificate"},
    {"certificate required", "the other side wants a certificate of ours"},
    {"no shared cipher", "there is no cipher that both sides speak"},
};

static const char *translate(const char *text) {
  for (size_t i = 0; i < GW_ARRAY_LEN(translations); i++) {
    if (strstr(text, translations[i].openssl) != NULL) return translations[i].words;
  }
  return NULL;
}

static void on_failure(struct rpc_op *op, bool is_ok) {
  (void)op, (void)is_ok;
  pthread_mutex_lock(&failures.lock);
  struct gw_rpc *rpc = failures.rpc;
  uint64_t count = failures.count;
  char reason[REASON_SIZE];
  memcpy(reason, failures.reason, sizeof reason);
  failures.count = 0;
  failures.is_posted = false;
  pthread_mutex_unlock(&failures.lock);
  if (rpc != NULL && rpc->handshake_fn != NULL) rpc->handshake_fn(rpc->handshake_arg, reason, count);
}

static void note_failure(const char *message) {
  const char *words = translate(message);
  pthread_mutex_lock(&failures.lock);
  snprintf(failures.reason, sizeof failures.reason, "%s", words != NULL ? words : message);
  failures.count++;
  if (failures.rpc != NULL && !failures.is_posted) {
    failures.is_posted = true;
    gw_rpc_op_start(&failures.op, on_failure);
    gw_mailbox_post(failures.rpc->mailbox, &failures.op.mail);
  }
  pthread_mutex_unlock(&failures.lock);
}

/* gRPC would write to standard error on its own and may name metadata there. What else went wrong reaches us as a status; only the words
 * that come before it aborts are worth keeping. */
static void on_grpc_log(gpr_log_func_args *args) {
  if (args->severity != GPR_LOG_SEVERITY_ERROR) return;
  if (strncmp(args->message, "Handshake failed with", 21) == 0)
    note_failure(args->message);
  else if (strncmp(args->message, "assertion failed", 16) == 0)
    fprintf(stderr, "gRPC: %s:%d: %s\n", args->file, args->line, args->message);
}

void gw_rpc_handshakes_init(struct gw_rpc *rpc) {
  pthread_mutex_lock(&failures.lock);
  failures.rpc = rpc;
  failures.count = 0;
  pthread_mutex_unlock(&failures.lock);
  gpr_set_log_function(on_grpc_log);
}

void gw_rpc_handshakes_done(struct gw_rpc *rpc) {
  pthread_mutex_lock(&failures.lock);
  if (failures.rpc == rpc) failures.rpc = NULL;
  pthread_mutex_unlock(&failures.lock);
}

void gw_rpc_on_handshake_failure(struct gw_rpc *rpc, gw_rpc_handshake_fn fn, void *arg) {
  rpc->handshake_fn = fn;
  rpc->handshake_arg = arg;
}

/* "failed to connect to all addresses; last error: UNKNOWN: ipv4:…: Failed to connect to remote host: Connection refused". */
static char *innermost_cause(const char *reason) {
  const char *last = reason;
  for (const char *at = strstr(reason, ": "); at != NULL; at = strstr(at + 2, ": "))
    last = at + 2;
  char *cause = gw_strdup(last);
  cause[0] = (char)tolower((unsigned char)cause[0]);
  return cause;
}

char *gw_rpc_explain_unavailable(struct gw_str reason, bool has_tls, bool was_answered) {
  GW_CLEANUP(gw_free_ptr) char *text = gw_str_dup(reason);
  const char *words = strstr(text, "Ssl handshake failed") != NULL ? translate(text) : NULL;
  if (words != NULL) return gw_asprintf("TLS handshake failed: %s", words);
  const char *name = strstr(text, "Peer name "), *behind = strstr(text, " is not in peer certificate");
  if (name != NULL && behind > name) {
    name += strlen("Peer name ");
    return gw_asprintf("its certificate is not for %.*s", (int)(behind - name), name);
  }
  char *cause = innermost_cause(text);
  bool is_cut = strcmp(cause, "socket closed") == 0 || strcmp(cause, "connection reset by peer") == 0;
  if (!is_cut) return cause;
  free(cause);
  if (was_answered) return gw_strdup("it closed the connection");
  /* A refused client learns nothing more from gRPC: in TLS 1.3 its own handshake is over before the server has seen its certificate. */
  return gw_strdup(has_tls ? "it closed the connection; when it has refused our certificate, its log says why"
                           : "it closed the connection; it may want TLS");
}
