/* A token is taken apart: form, header, claims' types. Strict, since what one parser forgives another one reads differently. */
#include <math.h>

#include "common/base/base64url.h"
#include "common/base/mem.h"
#include "common/crypto/jwt.h"

/* Seconds that a double holds exactly: 285 million years. */
#define REAL_SECONDS_MAX 9007199254740992.0

/* "a.b.c": exactly two dots, and something before and behind them. */
static bool split(struct gw_str token, struct gw_str *ret_header, struct gw_str *ret_payload, struct gw_str *ret_signature) {
  struct gw_str rest = token, surplus;
  return gw_str_split_next(&rest, '.', ret_header) && gw_str_split_next(&rest, '.', ret_payload) &&
         gw_str_split_next(&rest, '.', ret_signature) && !gw_str_split_next(&rest, '.', &surplus) && ret_header->len > 0 &&
         ret_signature->len > 0;
}

/* NULL: no JSON object within the limits. */
static const struct gw_json_value *parse_object(struct gw_str text, struct gw_arena *arena) {
  static const struct gw_json_limits limits = {GW_JWT_BYTES_MAX, GW_JWT_DEPTH_MAX, GW_JWT_VALUES_MAX};
  const struct gw_json_value *value;
  if (gw_json_parse(text, &limits, arena, &value) != GW_OK || value->kind != GW_JSON_OBJECT) return NULL;
  return value;
}

/* ---- header ---- */

static enum gw_jwt_status read_header(struct gw_jwt *jwt) {
  const struct gw_json_value *alg = gw_json_find(jwt->header, GW_STR("alg")), *kid = gw_json_find(jwt->header, GW_STR("kid"));
  const struct gw_json_value *typ = gw_json_find(jwt->header, GW_STR("typ")), *b64 = gw_json_find(jwt->header, GW_STR("b64"));
  if (alg == NULL || alg->kind != GW_JSON_STRING) return GW_JWT_HEADER_BAD_ALG;
  if (gw_jwt_alg_parse(alg->string, &jwt->alg) != GW_OK) return GW_JWT_HEADER_UNSUPPORTED_ALG;
  if (kid != NULL && kid->kind != GW_JSON_STRING) return GW_JWT_HEADER_BAD_KID;
  if (typ != NULL && typ->kind != GW_JSON_STRING) return GW_JWT_HEADER_BAD_TYP;
  /* RFC 7515 section 4.1.11: what is named there must be understood, and the list is never empty. */
  if (gw_json_find(jwt->header, GW_STR("crit")) != NULL) return GW_JWT_HEADER_CRITICAL;
  if (b64 != NULL && !(b64->kind == GW_JSON_BOOL && b64->boolean)) return GW_JWT_HEADER_B64;
  jwt->has_kid = kid != NULL;
  if (kid != NULL) jwt->kid = kid->string;
  if (typ != NULL) jwt->typ = typ->string;
  return GW_JWT_OK;
}

/* ---- claims ---- */

/* NumericDate (RFC 7519 section 2) may have a fraction: `rounds_up` for a beginning, down for an end, so that no second is won. */
static enum gw_jwt_status read_time(const struct gw_json_value *claims, const char *name, bool rounds_up, enum gw_jwt_status not_number,
                                    struct gw_jwt_time *ret_time) {
  enum gw_jwt_status out_of_range = not_number + 1;
  const struct gw_json_value *value = gw_json_find(claims, gw_str_from(name));
  if (value == NULL) return GW_JWT_OK;
  if (value->kind == GW_JSON_INTEGER) {
    if (value->integer < 0) return out_of_range;
    *ret_time = (struct gw_jwt_time){true, value->integer};
    return GW_JWT_OK;
  }
  if (value->kind != GW_JSON_REAL) return not_number;
  if (!(value->real >= 0 && value->real <= REAL_SECONDS_MAX)) return out_of_range;
  *ret_time = (struct gw_jwt_time){true, (int64_t)(rounds_up ? ceil(value->real) : floor(value->real))};
  return GW_JWT_OK;
}
_Static_assert(GW_JWT_IAT_OUT_OF_RANGE == GW_JWT_IAT_NOT_NUMBER + 1 && GW_JWT_NBF_OUT_OF_RANGE == GW_JWT_NBF_NOT_NUMBER + 1 &&
                   GW_JWT_EXP_OUT_OF_RANGE == GW_JWT_EXP_NOT_NUMBER + 1,
               "read_time counts on their order");

/* False: there, but no string. */
static bool read_string(const struct gw_json_value *claims, struct gw_str name, bool *ret_is_present, struct gw_str *ret_text) {
  const struct gw_json_value *value = gw_json_find(claims, name);
  *ret_is_present = value != NULL;
  if (value == NULL) return true;
  if (value->kind != GW_JSON_STRING) return false;
  *ret_text = value->string;
  return true;
}

static bool is_string_or_strings(const struct gw_json_value *value) {
  if (value == NULL || value->kind == GW_JSON_STRING) return true;
  if (value->kind != GW_JSON_ARRAY) return false;
  for (uint32_t i = 0; i < value->count; i++) {
    if (value->items[i].kind != GW_JSON_STRING) return false;
  }
  return true;
}

static enum gw_jwt_status read_claims(struct gw_jwt *jwt) {
  bool is_present;
  struct gw_str jti;
  if (!read_string(jwt->claims, GW_STR("iss"), &jwt->has_issuer, &jwt->issuer)) return GW_JWT_ISS_NOT_STRING;
  if (!read_string(jwt->claims, GW_STR("sub"), &is_present, &jwt->subject)) return GW_JWT_SUB_NOT_STRING;
  if (!read_string(jwt->claims, GW_STR("jti"), &is_present, &jti)) return GW_JWT_JTI_NOT_STRING;
  if (!is_string_or_strings(gw_json_find(jwt->claims, GW_STR("aud")))) return GW_JWT_AUD_NOT_STRING;
  enum gw_jwt_status status = read_time(jwt->claims, "iat", false, GW_JWT_IAT_NOT_NUMBER, &jwt->issued_at);
  if (status == GW_JWT_OK) status = read_time(jwt->claims, "nbf", true, GW_JWT_NBF_NOT_NUMBER, &jwt->not_before);
  if (status == GW_JWT_OK) status = read_time(jwt->claims, "exp", false, GW_JWT_EXP_NOT_NUMBER, &jwt->expires_at);
  return status;
}

/* ---- the whole ---- */

static enum gw_jwt_status parse(struct gw_str token, bool may_be_empty, struct gw_arena *arena, struct gw_jwt *ret_jwt) {
  struct gw_jwt jwt = {0};
  struct gw_str header, signature, text;
  if (token.len > GW_JWT_BYTES_MAX) return GW_JWT_TOO_LARGE;
  if (!split(token, &header, &jwt.payload, &signature) || (jwt.payload.len == 0 && !may_be_empty)) return GW_JWT_BAD_FORMAT;
  if (gw_base64url_decode(header, arena, &text) != GW_OK) return GW_JWT_HEADER_BAD_BASE64;
  if ((jwt.header = parse_object(text, arena)) == NULL) return GW_JWT_HEADER_BAD_JSON;
  enum gw_jwt_status status = read_header(&jwt);
  if (status != GW_JWT_OK) return status;
  if (gw_base64url_decode(jwt.payload, arena, &jwt.content) != GW_OK) return GW_JWT_PAYLOAD_BAD_BASE64;
  if (gw_base64url_decode(signature, arena, &jwt.signature) != GW_OK) return GW_JWT_SIGNATURE_BAD_BASE64;
  jwt.signing_input = (struct gw_str){token.data, header.len + 1 + jwt.payload.len};
  *ret_jwt = jwt;
  return GW_JWT_OK;
}

enum gw_jwt_status gw_jwt_parse_jws(struct gw_str token, struct gw_arena *arena, struct gw_jwt *ret_jwt) {
  return parse(token, true, arena, ret_jwt);
}

enum gw_jwt_status gw_jwt_parse(struct gw_str token, struct gw_arena *arena, struct gw_jwt *ret_jwt) {
  struct gw_jwt jwt;
  enum gw_jwt_status status = parse(token, false, arena, &jwt);
  if (status != GW_JWT_OK) return status;
  if ((jwt.claims = parse_object(jwt.content, arena)) == NULL) return GW_JWT_PAYLOAD_BAD_JSON;
  status = read_claims(&jwt);
  if (status == GW_JWT_OK) *ret_jwt = jwt;
  return status;
}
