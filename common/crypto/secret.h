/* Why: compares secrets in a time that does not tell where they differ, and makes new ones.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_COMMON_CRYPTO_SECRET_H
#define GW_COMMON_CRYPTO_SECRET_H

#include <stdbool.h>

#include "common/base/str.h"

/* Only the lengths show. Two empty strings are not equal: "no secret" opens nothing. */
bool gw_secret_equal(struct gw_str a, struct gw_str b);
/* Whether the value of an Authorization header or of gRPC's authorization metadata is "Bearer " and `token` (RFC 6750 section 2.1; the
 * scheme's case does not matter). */
bool gw_secret_is_bearer(struct gw_str value, struct gw_str token);
/* 32 random bytes in base64url without padding (RFC 4648 section 5): 43 characters and NUL. */
#define GW_SECRET_TOKEN_SIZE 44
void gw_secret_new_token(char ret_token[GW_SECRET_TOKEN_SIZE]);

#endif
