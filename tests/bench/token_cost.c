/* What a token costs that no cache knows: parsed, verified and checked, beside OpenSSL's bare verification by the same key (what `openssl
 * speed` measures), in turns. CPU time; the least of all rounds. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/mem.h"
#include "common/crypto/jwt.h"
#include "common/crypto/jwt_mint.h"
#include "common/crypto/keys.h"

#define ROUNDS 9
#define NOW_S 1700000100
#define CLAIMS                                                                                                                             \
  "{\"iss\":\"https://issuer.example\",\"sub\":\"auth0|5f7c8ec7c33c6c004bbafe82\",\"aud\":[\"gateway\",\"https://other.example\"],"        \
  "\"iat\":1700000000,\"exp\":1700003600,\"nbf\":1700000000,\"jti\":\"a8f5f167f44f4964e6c998dee827110c\",\"name\":\"Jane Doe\","           \
  "\"email\":\"jane@example.com\",\"roles\":[\"admin\",\"operator\"],\"permissions\":[\"projects:read\",\"projects:write\"]}"
#define SECRET "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void check(bool is_good) {
  if (!is_good) abort();
}

static double cpu_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void judge(const char *token, const struct gw_jwk_set *set) {
  struct gw_str audience = GW_STR("gateway");
  const struct gw_jwt_checks checks = {.issuer = GW_STR("https://issuer.example"),
                                       .audiences = &audience,
                                       .audience_count = 1,
                                       .leeway_s = 60,
                                       .requires_exp = true};
  struct gw_arena arena;
  struct gw_jwt jwt;
  gw_arena_init(&arena, 8192);
  check(gw_jwt_parse(gw_str_from(token), &arena, &jwt) == GW_JWT_OK && gw_jwt_verify(&jwt, set, NULL) == GW_JWT_OK &&
        gw_jwt_check(&jwt, &checks, NOW_S) == GW_JWT_OK);
  gw_arena_done(&arena);
}

static void keep_least(double *least, double begin_us, int count) {
  double one = (cpu_us() - begin_us) / count;
  if (one < *least) *least = one;
}

/* `key` NULL: there is nothing to compare with. */
static void measure(const char *name, const char *token, const struct gw_jwk_set *set, EVP_PKEY *key, int count) {
  unsigned char digest[32] = {1}, signature[1024];
  size_t len = sizeof(signature);
  double own = 1e9, bare = 1e9;
  EVP_PKEY_CTX *sign = key != NULL ? EVP_PKEY_CTX_new(key, NULL) : NULL, *verify = key != NULL ? EVP_PKEY_CTX_new(key, NULL) : NULL;
  if (key != NULL) {
    check(EVP_PKEY_sign_init(sign) == 1 && EVP_PKEY_CTX_set_signature_md(sign, EVP_sha256()) == 1);
    check(EVP_PKEY_sign(sign, signature, &len, digest, sizeof(digest)) == 1);
    check(EVP_PKEY_verify_init(verify) == 1 && EVP_PKEY_CTX_set_signature_md(verify, EVP_sha256()) == 1);
  }
  for (int round = 0; round < ROUNDS; round++) {
    double begin_us = cpu_us();
    for (int i = 0; i < count; i++)
      judge(token, set);
    keep_least(&own, begin_us, count);
    begin_us = cpu_us();
    for (int i = 0; key != NULL && i < count; i++)
      check(EVP_PKEY_verify(verify, signature, len, digest, sizeof(digest)) == 1);
    if (key != NULL) keep_least(&bare, begin_us, count);
  }
  printf("%s: %.2f us a token", name, own);
  if (key != NULL) printf("; bare verification %.2f us, ratio %.2f", bare, own / bare);
  printf("\n");
  EVP_PKEY_CTX_free(sign);
  EVP_PKEY_CTX_free(verify);
}

static char *mint(enum gw_jwt_alg alg, struct gw_str key) {
  const struct gw_jwt_mint wanted = {.alg = alg, .key = key, .kid = GW_STR("k"), .claims = GW_STR(CLAIMS)};
  char *token, *problem;
  check(gw_jwt_mint(&wanted, &token, &problem) == GW_OK);
  return token;
}

static void measure_pair(const char *name, enum gw_jwt_alg alg, struct gw_key_pair *pair, int count) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_jwk_set *set = gw_jwk_set_new();
  check(gw_jwk_set_add_pem(set, gw_str_from(pair->public_pem), GW_STR("k"), GW_JWK_ANY_ALG, "key", &errors));
  gw_jwk_set_freeze(set);
  char *token = mint(alg, gw_str_from(pair->private_pem));
  EVP_PKEY *key;
  check(gw_keys_load_private_key(gw_str_from(pair->private_pem), &key) == GW_OK);
  measure(name, token, set, key, count);
  EVP_PKEY_free(key);
  free(token);
  gw_jwk_set_unref(set);
  gw_key_pair_done(pair);
  gw_errors_done(&errors);
}

int main(void) {
  struct gw_key_pair pair;
  check(gw_keys_generate_rsa_pair(2048, &pair) == GW_OK);
  measure_pair("RS256, 2048 bits", GW_JWT_RS256, &pair, 3000);
  check(gw_keys_generate_ec_pair("P-256", &pair) == GW_OK);
  measure_pair("ES256", GW_JWT_ES256, &pair, 1000);

  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_jwk_set *set = gw_jwk_set_new();
  check(gw_jwk_set_add_secret(set, GW_STR(SECRET), GW_STR("k"), GW_JWT_HS256, "key", &errors));
  gw_jwk_set_freeze(set);
  char *token = mint(GW_JWT_HS256, GW_STR(SECRET));
  measure("HS256", token, set, NULL, 30000);
  free(token);
  gw_jwk_set_unref(set);
  gw_errors_done(&errors);
  return 0;
}
