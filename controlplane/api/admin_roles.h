/* Why: who calls the admin API, and what it may: by token or by client certificate.
 * Life: gw_admin_tokens_new … free; identities borrow from tokens, or from the call's certificate.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_API_ADMIN_ROLES_H
#define GW_CONTROLPLANE_API_ADMIN_ROLES_H

#include <stdbool.h>

#include "common/base/err.h"
#include "common/rpc/server.h"

/* Each may what the ones behind it may. A method that says nothing is for administrators. */
enum gw_admin_role {
  GW_ADMIN_ROLE_ADMIN,    /* all: also who may what, such as API keys */
  GW_ADMIN_ROLE_OPERATOR, /* changes what is served */
  GW_ADMIN_ROLE_VIEWER,   /* looks */
};
#define GW_ADMIN_ROLE_COUNT 3

struct gw_admin_identity {
  enum gw_admin_role role;
  struct gw_str name;
  bool has_certificate; /* else it came with a token */
};

const char *gw_admin_role_name(enum gw_admin_role role);
/* Whether a client certificate with that URI name (SAN) is for the admin API: spiffe://DOMAIN/gateway-ROLE/NAME, with any DOMAIN and NAME.
 * Nodes' certificates, which the same CA may have signed, are none. */
bool gw_admin_role_of_uri(struct gw_str uri, enum gw_admin_role *ret_role, struct gw_str *ret_name);

#define GW_ADMIN_TOKENS_MAX 1000u
#define GW_ADMIN_TOKEN_MIN 32u
struct gw_admin_tokens;

#define GW_ADMIN_TOKEN_NAME "token"
/* `token`: the administrator's, called GW_ADMIN_TOKEN_NAME (copied). `path` (may be NULL): a file of lines "NAME ROLE TOKEN", which others
 * may not read; empty ones and those that begin with # are passed over. *ret_reason: a sentence, freed by the caller. */
enum gw_err gw_admin_tokens_new(struct gw_str token, const char *path, struct gw_admin_tokens **ret_tokens, char **ret_reason);
void gw_admin_tokens_free(struct gw_admin_tokens *tokens);
/* Who has the better role of token and certificate; false: nobody that is known. */
bool gw_admin_identify(const struct gw_admin_tokens *tokens, const struct gw_rpc_stream *stream, struct gw_admin_identity *ret_identity);

#endif
