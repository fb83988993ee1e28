/* Why: the token that Nacos gives for user and password (POST /v1/auth/login), and when the next one is due.
 * Life: embedded; gw_nacos_token_drop before it goes, which wipes it.
 * Thread: one at a time; the time is handed in. */
#ifndef GW_CONTROLPLANE_DISCOVERY_NACOS_TOKEN_H
#define GW_CONTROLPLANE_DISCOVERY_NACOS_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

#define GW_NACOS_TOKEN_BYTES_MAX 8192u
#define GW_NACOS_TOKEN_TTL_S_DEFAULT 300u
#define GW_NACOS_TOKEN_TTL_S_MAX 86400u

struct gw_nacos_token {
  char *text; /* NULL: there is none */
  uint64_t renew_at_ms;
  uint64_t expires_at_ms;
};

/* Takes what login answered at `now_ms`. GW_ERR_INVALID: no token in it, or none that can stand in a header field; the one before stays. */
enum gw_err gw_nacos_token_take(struct gw_nacos_token *token, struct gw_str answer, uint64_t now_ms);
void gw_nacos_token_drop(struct gw_nacos_token *token);
/* It may be used still. */
bool gw_nacos_token_is_good(const struct gw_nacos_token *token, uint64_t now_ms);
/* Nine tenths of its time are over, or there is none: the next one is to be asked for. */
bool gw_nacos_token_is_due(const struct gw_nacos_token *token, uint64_t now_ms);

#endif
