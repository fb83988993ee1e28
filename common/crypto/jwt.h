/* Why: reads, verifies and checks signed tokens (compact JWS, RFC 7515; JWT, RFC 7519; RFC 8725's advice) in steps: parse, verify, check.
 * Life: a gw_jwt is in the caller's arena and points into the token's text; both outlive it.
 * Thread: any; key sets are shared, nothing else is. */
#ifndef GW_COMMON_CRYPTO_JWT_H
#define GW_COMMON_CRYPTO_JWT_H

#include "common/base/arena.h"
#include "common/base/json_value.h"
#include "common/crypto/jwk.h"

/* Why a token is refused. */
enum gw_jwt_status {
  GW_JWT_OK,
  GW_JWT_MISSING, /* for who looks for tokens */
  GW_JWT_TOO_LARGE,
  GW_JWT_BAD_FORMAT,
  GW_JWT_HEADER_BAD_BASE64,
  GW_JWT_HEADER_BAD_JSON,
  GW_JWT_HEADER_BAD_ALG,
  GW_JWT_HEADER_UNSUPPORTED_ALG,
  GW_JWT_HEADER_BAD_KID,
  GW_JWT_HEADER_BAD_TYP,
  GW_JWT_HEADER_CRITICAL, /* `crit` of whatever content: we know no extension */
  GW_JWT_HEADER_B64,      /* RFC 7797: the payload would not be what is signed */
  GW_JWT_PAYLOAD_BAD_BASE64,
  GW_JWT_PAYLOAD_BAD_JSON,
  GW_JWT_ISS_NOT_STRING,
  GW_JWT_SUB_NOT_STRING,
  GW_JWT_JTI_NOT_STRING,
  GW_JWT_AUD_NOT_STRING,
  GW_JWT_IAT_NOT_NUMBER,
  GW_JWT_IAT_OUT_OF_RANGE,
  GW_JWT_NBF_NOT_NUMBER,
  GW_JWT_NBF_OUT_OF_RANGE,
  GW_JWT_EXP_NOT_NUMBER,
  GW_JWT_EXP_OUT_OF_RANGE,
  GW_JWT_SIGNATURE_BAD_BASE64,
  GW_JWT_SIGNATURE_BAD_LENGTH,
  GW_JWT_NO_KEY, /* none has this kid and algorithm: perhaps newer keys have */
  GW_JWT_VERIFICATION_FAILED,
  GW_JWT_NOT_YET_VALID,
  GW_JWT_EXPIRED,
  GW_JWT_NO_EXPIRATION,
  GW_JWT_LIFETIME_TOO_LONG,
  GW_JWT_UNKNOWN_ISSUER,
  GW_JWT_AUDIENCE_NOT_ALLOWED,
  GW_JWT_REQUIRED_CLAIM,
};
#define GW_JWT_STATUS_COUNT 35u
/* A sentence, Envoy's where it has one: "Jwt is expired". Without '"' and '\': fits WWW-Authenticate's error_description. */
const char *gw_jwt_status_text(enum gw_jwt_status status);

#define GW_JWT_BYTES_MAX (16u * 1024)
#define GW_JWT_DEPTH_MAX 16u
#define GW_JWT_VALUES_MAX 4096u

struct gw_jwt_time {
  bool is_present;
  int64_t s; /* Unix time, rounded down; never negative */
};

struct gw_jwt {
  enum gw_jwt_alg alg; /* what the token claims: the key decides */
  bool has_kid;
  struct gw_str kid;
  struct gw_str typ;           /* as it is written; empty: none */
  struct gw_str signing_input; /* the token up to its second dot */
  struct gw_str payload;       /* base64url, as in the token: what forward_payload_header sends */
  struct gw_str content;       /* the payload, decoded: the claims' JSON text */
  struct gw_str signature;     /* decoded */
  const struct gw_json_value *header;
  const struct gw_json_value *claims; /* an object */
  bool has_issuer;
  struct gw_str issuer; /* `iss` */
  struct gw_str subject;
  struct gw_jwt_time issued_at;  /* `iat`: no bound, as in Envoy */
  struct gw_jwt_time not_before; /* `nbf` */
  struct gw_jwt_time expires_at; /* `exp` */
};

/* Takes a token apart; nothing in it is to be believed yet. Keys that it brings along or points to (jwk, jku, x5u, x5c) are never looked
 * at. Costs no cryptography. */
enum gw_jwt_status gw_jwt_parse(struct gw_str token, struct gw_arena *arena, struct gw_jwt *ret_jwt);
/* The same for what need not be a token: any content, also none, no claims (NULL). */
enum gw_jwt_status gw_jwt_parse_jws(struct gw_str token, struct gw_arena *arena, struct gw_jwt *ret_jwt);

/* How many keys are tried when several fit a token (it or they have no kid). */
#define GW_JWT_TRIES_MAX 8u
/* GW_JWT_OK: the signature is of a key in the set that may be used with the token's algorithm; else GW_JWT_NO_KEY,
 * GW_JWT_SIGNATURE_BAD_LENGTH or GW_JWT_VERIFICATION_FAILED. `ret_key` may be NULL. */
enum gw_jwt_status gw_jwt_verify(const struct gw_jwt *jwt, const struct gw_jwk_set *keys, const struct gw_jwk **ret_key);

/* A claim that must be there. */
struct gw_jwt_claim_rule {
  struct gw_json_path path;
  const struct gw_str *values; /* it is one of these, or an array that has one; none: whatever it is, but null */
  uint32_t value_count;
};

struct gw_jwt_checks {
  struct gw_str issuer; /* `iss` is this; empty: not looked at */
  const struct gw_str *audiences;
  uint32_t audience_count; /* `aud` is, or has, one of these; 0: not looked at */
  const struct gw_jwt_claim_rule *claims;
  uint32_t claim_count;
  uint32_t leeway_s;
  bool requires_exp;
  int64_t lifetime_max_s; /* of what is left until `exp`, which must be there then; 0: unbounded */
};

/* After gw_jwt_verify. `now_s`: Unix time. Valid from nbf - leeway, until before exp + leeway. */
enum gw_jwt_status gw_jwt_check(const struct gw_jwt *jwt, const struct gw_jwt_checks *checks, int64_t now_s);
/* The time part of it alone: for tokens whose rest was checked before. */
enum gw_jwt_status gw_jwt_check_times(const struct gw_jwt *jwt, const struct gw_jwt_checks *checks, int64_t now_s);
/* From when on the checked token is expired: INT64_MAX without `exp`. */
int64_t gw_jwt_valid_until_s(const struct gw_jwt *jwt, const struct gw_jwt_checks *checks);

#endif
