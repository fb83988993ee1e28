/* What a verified token says is checked here, and each refusal has its words. */
#include "common/crypto/jwt.h"

#include "common/base/mem.h"

const char *gw_jwt_status_text(enum gw_jwt_status status) {
  static const char *const texts[GW_JWT_STATUS_COUNT] = {
      [GW_JWT_OK] = "OK",
      [GW_JWT_MISSING] = "Jwt is missing",
      [GW_JWT_TOO_LARGE] = "Jwt is larger than 16 KiB",
      [GW_JWT_BAD_FORMAT] = "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections",
      [GW_JWT_HEADER_BAD_BASE64] = "Jwt header is an invalid Base64url encoded",
      [GW_JWT_HEADER_BAD_JSON] = "Jwt header is an invalid JSON",
      [GW_JWT_HEADER_BAD_ALG] = "Jwt header [alg] field is required and must be a string",
      [GW_JWT_HEADER_UNSUPPORTED_ALG] = "Jwt header [alg] is not supported",
      [GW_JWT_HEADER_BAD_KID] = "Jwt header [kid] field is not a string",
      [GW_JWT_HEADER_BAD_TYP] = "Jwt header [typ] field is not a string",
      [GW_JWT_HEADER_CRITICAL] = "Jwt header [crit] names extensions that are not supported",
      [GW_JWT_HEADER_B64] = "Jwt header [b64] is not supported",
      [GW_JWT_PAYLOAD_BAD_BASE64] = "Jwt payload is an invalid Base64url encoded",
      [GW_JWT_PAYLOAD_BAD_JSON] = "Jwt payload is an invalid JSON",
      [GW_JWT_ISS_NOT_STRING] = "Jwt payload [iss] field is not a string",
      [GW_JWT_SUB_NOT_STRING] = "Jwt payload [sub] field is not a string",
      [GW_JWT_JTI_NOT_STRING] = "Jwt payload [jti] field is not a string",
      [GW_JWT_AUD_NOT_STRING] = "Jwt payload [aud] field is not a string or string list",
      [GW_JWT_IAT_NOT_NUMBER] = "Jwt payload [iat] field is not an integer",
      [GW_JWT_IAT_OUT_OF_RANGE] = "Jwt payload [iat] field is not a positive 64 bit integer",
      [GW_JWT_NBF_NOT_NUMBER] = "Jwt payload [nbf] field is not an integer",
      [GW_JWT_NBF_OUT_OF_RANGE] = "Jwt payload [nbf] field is not a positive 64 bit integer",
      [GW_JWT_EXP_NOT_NUMBER] = "Jwt payload [exp] field is not an integer",
      [GW_JWT_EXP_OUT_OF_RANGE] = "Jwt payload [exp] field is not a positive 64 bit integer",
      [GW_JWT_SIGNATURE_BAD_BASE64] = "Jwt signature is an invalid Base64url encoded",
      [GW_JWT_SIGNATURE_BAD_LENGTH] = "Jwt signature is wrong length",
      [GW_JWT_NO_KEY] = "Jwks doesn't have key to match kid or alg from Jwt",
      [GW_JWT_VERIFICATION_FAILED] = "Jwt verification fails",
      [GW_JWT_NOT_YET_VALID] = "Jwt not yet valid",
      [GW_JWT_EXPIRED] = "Jwt is expired",
      [GW_JWT_NO_EXPIRATION] = "Jwt payload [exp] field is required",
      [GW_JWT_LIFETIME_TOO_LONG] = "Jwt lifetime is too long",
      [GW_JWT_UNKNOWN_ISSUER] = "Jwt issuer is not configured",
      [GW_JWT_AUDIENCE_NOT_ALLOWED] = "Audiences in Jwt are not allowed",
      [GW_JWT_REQUIRED_CLAIM] = "Jwt payload does not have a required claim",
  };
  return texts[status];
}

/* ---- times ---- */

/* Nothing here can overflow: times are not negative, and the leeway is small beside 2^63. */
enum gw_jwt_status gw_jwt_check_times(const struct gw_jwt *jwt, const struct gw_jwt_checks *checks, int64_t now_s) {
  int64_t leeway_s = (int64_t)checks->leeway_s;
  const struct gw_jwt_time *expires_at = &jwt->expires_at;
  if (jwt->not_before.is_present && jwt->not_before.s - leeway_s > now_s) return GW_JWT_NOT_YET_VALID;
  if (expires_at->is_present && expires_at->s <= now_s - leeway_s) return GW_JWT_EXPIRED;
  bool is_bounded = checks->lifetime_max_s > 0;
  if (!expires_at->is_present && (checks->requires_exp || is_bounded)) return GW_JWT_NO_EXPIRATION;
  if (is_bounded && expires_at->s - now_s > checks->lifetime_max_s) return GW_JWT_LIFETIME_TOO_LONG;
  return GW_JWT_OK;
}

int64_t gw_jwt_valid_until_s(const struct gw_jwt *jwt, const struct gw_jwt_checks *checks) {
  int64_t until_s;
  if (!jwt->expires_at.is_present || __builtin_add_overflow(jwt->expires_at.s, (int64_t)checks->leeway_s, &until_s)) return INT64_MAX;
  return until_s;
}

/* ---- claims ---- */

/* Whether the value, or one of an array's items, is one of `wanted`. */
static bool has_one_of(const struct gw_json_value *value, const struct gw_str *wanted, uint32_t wanted_count) {
  bool is_array = value->kind == GW_JSON_ARRAY;
  uint32_t count = is_array ? value->count : 1;
  for (uint32_t i = 0; i < count; i++) {
    for (uint32_t j = 0; j < wanted_count; j++) {
      if (gw_json_is_scalar(is_array ? &value->items[i] : value, wanted[j])) return true;
    }
  }
  return false;
}

static bool meets(const struct gw_json_value *claims, const struct gw_jwt_claim_rule *rule) {
  const struct gw_json_value *value = gw_json_walk(claims, &rule->path);
  if (value == NULL || value->kind == GW_JSON_NULL) return false;
  return rule->value_count == 0 || has_one_of(value, rule->values, rule->value_count);
}

enum gw_jwt_status gw_jwt_check(const struct gw_jwt *jwt, const struct gw_jwt_checks *checks, int64_t now_s) {
  if (checks->issuer.len > 0 && !(jwt->has_issuer && gw_str_equal(jwt->issuer, checks->issuer))) return GW_JWT_UNKNOWN_ISSUER;
  enum gw_jwt_status status = gw_jwt_check_times(jwt, checks, now_s);
  if (status != GW_JWT_OK) return status;
  if (checks->audience_count > 0) {
    const struct gw_json_value *audience = gw_json_find(jwt->claims, GW_STR("aud"));
    if (audience == NULL || !has_one_of(audience, checks->audiences, checks->audience_count)) return GW_JWT_AUDIENCE_NOT_ALLOWED;
  }
  for (uint32_t i = 0; i < checks->claim_count; i++) {
    if (!meets(jwt->claims, &checks->claims[i])) return GW_JWT_REQUIRED_CLAIM;
  }
  return GW_JWT_OK;
}
