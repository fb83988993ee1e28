/* Why: TLS for servers and channels out of watched files: new connections use what the files hold now, open ones go on. Files that are
 * half-written, do not belong together or have lapsed are not taken; what was good before stays in use.
 * Life: gw_rpc_credentials_new … gw_rpc_credentials_free, after all servers that use it are freed.
 * Thread: the loop's own; gRPC's threads take material under a lock. */
#ifndef GW_COMMON_RPC_CREDENTIALS_H
#define GW_COMMON_RPC_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/crypto/tls_files.h"
#include "common/event/loop.h"

struct gw_rpc_credentials;

struct gw_rpc_credentials_options {
  struct gw_tls_paths paths; /* borrowed */
  bool is_once;              /* read now and never again: for command-line tools */
  /* The files changed: taken (`problem` NULL), or not, because of `problem`, a sentence; told once a change. May be NULL. */
  void (*on_change)(void *arg, const char *problem);
  void *arg;
};

/* Reads the files for the first time; what has lapsed is taken then, since nothing better is there (status tells). Errors and the sentence
 * as gw_tls_material_read has them; GW_ERR_IO also: the files can't be watched. */
enum gw_err gw_rpc_credentials_new(struct gw_loop *loop, const struct gw_rpc_credentials_options *options,
                                   struct gw_rpc_credentials **ret_credentials, char **ret_reason);
/* For channels, out of PEM that was checked instead of files; `cert` and `key` may be empty. */
struct gw_rpc_credentials *gw_rpc_credentials_new_fixed(struct gw_loop *loop, struct gw_str ca, struct gw_str cert, struct gw_str key);
void gw_rpc_credentials_free(struct gw_rpc_credentials *credentials);
/* Looks at the files now; it is done by itself when they change, and every minute, for file systems that don't tell. */
void gw_rpc_credentials_reload(struct gw_rpc_credentials *credentials);

struct gw_rpc_credentials_status {
  const char *subject; /* of the certificate in use; "" without one */
  int64_t not_after_s; /* Unix time; 0 without one */
  const char *problem; /* why the files as they are now are not in use, or what is wrong with what is; NULL: nothing */
  uint64_t reloads_total;
  uint64_t errors_total;
};
/* The strings are good until the loop's next turn. */
void gw_rpc_credentials_get_status(const struct gw_rpc_credentials *credentials, struct gw_rpc_credentials_status *ret_status);

#endif
