/* gatewayctl token: issues tokens, for operators who try their routes and services that have no issuer of their own. Keys come out of a
 * file or the environment: what stands on a command line can be seen by everybody on the machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/json_value.h"
#include "common/base/mem.h"
#include "common/crypto/jwt_mint.h"
#include "common/crypto/keys.h"
#include "controlplane/ctl/ctl.h"
#include "controlplane/ctl/key_file.h"

#define TTL_MS ((uint64_t)3600 * 1000)

static const char *env_or(const char *name, const char *fallback) {
  const char *value = getenv(name);
  return value != NULL && value[0] != '\0' ? value : fallback;
}

static int pick_alg(const struct gw_ctl *ctl, enum gw_jwt_alg *ret_alg) {
  const char *name = ctl->token.alg != NULL ? ctl->token.alg : env_or("JWT_ALGORITHM", "HS256");
  if (gw_jwt_alg_parse(gw_str_from(name), ret_alg) == GW_OK) return GW_CTL_OK;
  return gw_ctl_fail_usage("--alg %s: HS256, RS256, ES256 are allowed, and these with 384 and 512", name);
}

/* A secret is a line: editors and echo end it with a newline that is not meant. */
static void cut_line_end(char *text) {
  size_t len = strlen(text);
  while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
    text[--len] = '\0';
}

static int read_key(const struct gw_ctl *ctl, enum gw_jwt_alg alg, char **ret_key) {
  if (ctl->token.key == NULL) {
    const char *secret = env_or("JWT_SECRET_KEY", NULL);
    if (secret == NULL || !gw_jwt_alg_is_hmac(alg))
      return gw_ctl_fail_usage("--key is wanted%s", gw_jwt_alg_is_hmac(alg) ? ", or JWT_SECRET_KEY in the environment" : "");
    *ret_key = gw_strdup(secret);
    return GW_CTL_OK;
  }
  int exit_code = gw_ctl_read_file(ctl->token.key, ret_key);
  if (exit_code == GW_CTL_OK && gw_jwt_alg_is_hmac(alg)) cut_line_end(*ret_key);
  return exit_code;
}

/* ---- claims ---- */

static void add_audience(struct gw_json_writer *json, const struct gw_ctl_token *token) {
  if (token->aud_count == 0) return;
  gw_json_key(json, "aud");
  if (token->aud_count > 1) gw_json_array_begin(json);
  for (uint32_t i = 0; i < token->aud_count; i++)
    gw_json_string(json, gw_str_from(token->auds[i]));
  if (token->aud_count > 1) gw_json_array_end(json);
}

static void add_text(struct gw_json_writer *json, const char *name, const char *value) {
  if (value == NULL) return;
  gw_json_key(json, name);
  gw_json_string(json, gw_str_from(value));
}

static bool is_json(struct gw_str text) {
  static const struct gw_json_limits limits = {(size_t)64 * 1024, 16, 4096};
  struct gw_arena arena;
  const struct gw_json_value *value;
  gw_arena_init(&arena, 1024);
  bool is_json = gw_json_parse(text, &limits, &arena, &value) == GW_OK;
  gw_arena_done(&arena);
  return is_json;
}

/* "NAME=VALUE": true, 7, ["a"] are what they are, everything else is a text. */
static int add_claim(struct gw_json_writer *json, const char *claim) {
  struct gw_str value = gw_str_from(claim), piece;
  gw_str_split_next(&value, '=', &piece);
  if (value.data == NULL || piece.len == 0) return gw_ctl_fail_usage("--claim %s: NAME=VALUE is wanted", claim);
  GW_CLEANUP(gw_free_ptr) char *name = gw_str_dup(piece);
  gw_json_key(json, name);
  if (is_json(value)) {
    gw_strbuf_append_str(json->buf, value);
    json->needs_comma = true;
  } else {
    gw_json_string(json, value);
  }
  return GW_CTL_OK;
}

static int write_claims(const struct gw_ctl *ctl, struct gw_strbuf *buf) {
  const struct gw_ctl_token *token = &ctl->token;
  uint64_t now_s = gw_clock_wall_us() / 1000000;
  struct gw_json_writer json;
  gw_json_writer_init(&json, buf);
  gw_json_object_begin(&json);
  add_text(&json, "iss", token->iss);
  add_text(&json, "sub", token->sub);
  add_audience(&json, token);
  gw_json_key(&json, "iat");
  gw_json_u64(&json, now_s);
  gw_json_key(&json, "exp");
  gw_json_u64(&json, now_s + (token->ttl_ms != 0 ? token->ttl_ms : TTL_MS) / 1000);
  for (uint32_t i = 0; i < token->claim_count; i++) {
    int exit_code = add_claim(&json, token->claims[i]);
    if (exit_code != GW_CTL_OK) return exit_code;
  }
  gw_json_object_end(&json);
  return GW_CTL_OK;
}

/* ---- the token ---- */

static int mint(const struct gw_ctl *ctl, enum gw_jwt_alg alg, const char *key, struct gw_str claims) {
  struct gw_jwt_mint wanted = {alg, gw_str_from(key), gw_str_from(ctl->token.kid), claims};
  char *token, *reason;
  enum gw_err err = gw_jwt_mint(&wanted, &token, &reason);
  if (err != GW_OK) {
    gw_ctl_fail(GW_CTL_INVALID, "%s", reason);
    free(reason);
    return err == GW_ERR_UNSUPPORTED ? GW_CTL_USAGE : GW_CTL_INVALID;
  }
  puts(token);
  free(token);
  return GW_CTL_OK;
}

int gw_ctl_token(const struct gw_ctl *ctl) {
  if (strcmp(ctl->words[0], "mint") != 0) return gw_ctl_fail_usage("token %s: mint is allowed", ctl->words[0]);
  enum gw_jwt_alg alg;
  char *key = NULL;
  struct gw_strbuf claims;
  gw_strbuf_init(&claims);
  int exit_code = pick_alg(ctl, &alg);
  if (exit_code == GW_CTL_OK) exit_code = write_claims(ctl, &claims);
  if (exit_code == GW_CTL_OK) exit_code = read_key(ctl, alg, &key);
  if (exit_code == GW_CTL_OK) exit_code = mint(ctl, alg, key, gw_strbuf_str(&claims));
  gw_keys_free_secret(key);
  gw_strbuf_done(&claims);
  return exit_code;
}
