/* Judges tokens as the data plane does, for tests with other implementations.
 * Input: a line of JSON each: "token", and its keys: "jwks" (a text), or "pem", or "secret", the last two with "alg"; perhaps "kind": "jws"
 * (any content, only the signature counts), and the checks "now", "issuer", "audience". With "mint" (claims, a text) instead of "token":
 * "key" and "alg", and the answer is a token by libjwt. Output: a line each: "OK", or why not; "keys: …" when the keys are refused. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/crypto/jwt.h"
#include "common/crypto/jwt_mint.h"

#define LINE_BYTES_MAX ((size_t)1024 * 1024)

static struct gw_str text_of(const struct gw_json_value *request, const char *name) {
  const struct gw_json_value *value = gw_json_find(request, gw_str_from(name));
  return value != NULL && value->kind == GW_JSON_STRING ? value->string : (struct gw_str){NULL, 0};
}

/* Without: whatever fits the key. */
static uint32_t algs_of(const struct gw_json_value *request) {
  enum gw_jwt_alg alg;
  return gw_jwt_alg_parse(text_of(request, "alg"), &alg) == GW_OK ? GW_JWK_ALG_BIT(alg) : GW_JWK_ANY_ALG;
}

static bool add_keys(const struct gw_json_value *request, struct gw_jwk_set *set, struct gw_errors *errors) {
  const struct gw_jwk_rules rules = {.algs = algs_of(request), .may_hold_secrets = true};
  struct gw_str jwks = text_of(request, "jwks"), pem = text_of(request, "pem"), secret = text_of(request, "secret");
  enum gw_jwt_alg alg = GW_JWT_HS256;
  if (jwks.data != NULL) return gw_jwk_set_add_jwks(set, jwks, &rules, "keys", errors);
  if (pem.data != NULL) return gw_jwk_set_add_pem(set, pem, GW_STR(""), rules.algs, "keys", errors);
  gw_jwt_alg_parse(text_of(request, "alg"), &alg);
  return gw_jwk_set_add_secret(set, secret, GW_STR(""), alg, "keys", errors);
}

static enum gw_jwt_status judge(const struct gw_json_value *request, const struct gw_jwk_set *set, struct gw_arena *arena) {
  struct gw_jwt jwt;
  struct gw_str token = text_of(request, "token"), audience = text_of(request, "audience");
  bool is_jws = gw_str_equal(text_of(request, "kind"), GW_STR("jws"));
  enum gw_jwt_status status = is_jws ? gw_jwt_parse_jws(token, arena, &jwt) : gw_jwt_parse(token, arena, &jwt);
  if (status == GW_JWT_OK) status = gw_jwt_verify(&jwt, set, NULL);
  if (status != GW_JWT_OK || is_jws) return status;
  struct gw_jwt_checks checks = {.issuer = text_of(request, "issuer"), .audiences = &audience, .audience_count = audience.len > 0};
  double now_s = 0;
  gw_json_number(gw_json_find(request, GW_STR("now")), &now_s);
  return gw_jwt_check(&jwt, &checks, (int64_t)now_s);
}

static void answer_check(const struct gw_json_value *request, struct gw_arena *arena) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_jwk_set *set = gw_jwk_set_new();
  bool has_keys = add_keys(request, set, &errors);
  gw_jwk_set_freeze(set);
  if (has_keys) {
    puts(gw_jwt_status_text(judge(request, set, arena)));
  } else {
    printf("keys: %s\n", errors.items[0].sentence);
  }
  gw_jwk_set_unref(set);
  gw_errors_done(&errors);
}

static void answer_mint(const struct gw_json_value *request) {
  struct gw_jwt_mint mint = {.key = text_of(request, "key"), .kid = text_of(request, "kid"), .claims = text_of(request, "mint")};
  char *text = NULL;
  bool is_known = gw_jwt_alg_parse(text_of(request, "alg"), &mint.alg) == GW_OK;
  if (is_known) gw_jwt_mint(&mint, &text, &text);
  puts(is_known ? text : "unknown algorithm");
  free(text);
}

int main(void) {
  static const struct gw_json_limits limits = {LINE_BYTES_MAX, 16, 1000};
  char *line = NULL;
  size_t size = 0;
  ssize_t len;
  while ((len = getline(&line, &size, stdin)) > 0) {
    struct gw_arena arena;
    const struct gw_json_value *request;
    gw_arena_init(&arena, 4096);
    if (gw_json_parse((struct gw_str){line, (size_t)len}, &limits, &arena, &request) != GW_OK) GW_PANIC("not a line of JSON");
    if (gw_json_find(request, GW_STR("mint")) != NULL) {
      answer_mint(request);
    } else {
      answer_check(request, &arena);
    }
    fflush(stdout);
    gw_arena_done(&arena);
  }
  free(line);
  return 0;
}
