/* Tokens: parsed, tried with keys of each type, checked. Nothing verifies that the keys have not signed, and what is taken is within its
 * bounds. */
#include <stdlib.h>

#include "common/base/base64url.h"
#include "common/base/mem.h"
#include "common/crypto/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The corpus has tokens by some of these. */
static const char keys_text[] =
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},"
    "{\"kty\":\"RSA\",\"kid\":\"bilbo.baggins@hobbiton.example\",\"e\":\"AQAB\",\"n\":\""
    "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2l"
    "bzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3"
    "-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw\"}]}";

static struct gw_jwk_set *make_keys(void) {
  static const struct gw_jwk_rules rules = {.may_hold_secrets = false};
  struct gw_jwk_set *set = gw_jwk_set_new();
  struct gw_errors errors;
  gw_errors_init(&errors);
  GW_ASSERT(gw_jwk_set_add_jwks(set, gw_str_from(keys_text), &rules, "keys", &errors));
  GW_ASSERT(gw_jwk_set_add_secret(set, GW_STR("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"), GW_STR(""), GW_JWT_HS256,
                                  "secret", &errors));
  gw_errors_done(&errors);
  gw_jwk_set_freeze(set);
  return set;
}

/* A token has one spelling: what was decoded encodes to the same characters. */
static void check_spelling(struct gw_str token, const struct gw_jwt *jwt) {
  struct gw_strbuf again;
  gw_strbuf_init(&again);
  gw_strbuf_append_str(&again, jwt->signing_input);
  gw_strbuf_append_char(&again, '.');
  gw_base64url_append(&again, jwt->signature);
  GW_ASSERT(gw_str_equal(gw_strbuf_str(&again), token));
  gw_strbuf_clear(&again);
  gw_base64url_append(&again, jwt->content);
  GW_ASSERT(gw_str_equal(gw_strbuf_str(&again), jwt->payload));
  gw_strbuf_done(&again);
}

static void check_jwt(struct gw_str token, const struct gw_jwt *jwt) {
  static const struct gw_str audience = {"gateway", 7};
  static const struct gw_jwt_checks checks = {.audiences = &audience, .audience_count = 1, .leeway_s = 60};
  GW_ASSERT(jwt->claims->kind == GW_JSON_OBJECT && jwt->header->kind == GW_JSON_OBJECT);
  GW_ASSERT(gw_json_find(jwt->header, GW_STR("crit")) == NULL);
  GW_ASSERT(jwt->expires_at.s >= 0 && jwt->not_before.s >= 0 && jwt->issued_at.s >= 0);
  enum gw_jwt_status status = gw_jwt_check(jwt, &checks, 1700000000);
  if (status == GW_JWT_OK) GW_ASSERT(gw_jwt_valid_until_s(jwt, &checks) > 1700000000);
  check_spelling(token, jwt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct gw_str token = {(const char *)data, size};
  struct gw_arena arena;
  struct gw_jwt jwt;
  gw_arena_init(&arena, 1024);
  if (gw_jwt_parse(token, &arena, &jwt) == GW_JWT_OK) check_jwt(token, &jwt);
  if (gw_jwt_parse_jws(token, &arena, &jwt) == GW_JWT_OK) {
    struct gw_jwk_set *keys = make_keys();
    gw_jwt_verify(&jwt, keys, NULL);
    gw_jwk_set_unref(keys);
  }
  gw_arena_done(&arena);
  return 0;
}
