#include "controlplane/discovery/nacos_token.h"

#include <stdlib.h>

#include "common/base/json_value.h"
#include "common/base/mem.h"

static bool is_token(const struct gw_json_value *value) {
  if (value == NULL || value->kind != GW_JSON_STRING || value->string.len == 0 || value->string.len > GW_NACOS_TOKEN_BYTES_MAX)
    return false;
  for (size_t i = 0; i < value->string.len; i++)
    if (value->string.data[i] <= ' ' || value->string.data[i] >= 127) return false;
  return true;
}

static uint64_t read_ttl_s(const struct gw_json_value *value) {
  if (value == NULL || value->kind != GW_JSON_INTEGER || value->integer <= 0) return GW_NACOS_TOKEN_TTL_S_DEFAULT;
  return value->integer > GW_NACOS_TOKEN_TTL_S_MAX ? GW_NACOS_TOKEN_TTL_S_MAX : (uint64_t)value->integer;
}

enum gw_err gw_nacos_token_take(struct gw_nacos_token *token, struct gw_str answer, uint64_t now_ms) {
  const struct gw_json_limits limits = {.bytes_max = 65536, .depth_max = 8, .values_max = 256};
  const struct gw_json_value *root;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  enum gw_err err = gw_json_parse(answer, &limits, &arena, &root) == GW_OK ? GW_OK : GW_ERR_INVALID;
  const struct gw_json_value *text = err == GW_OK ? gw_json_find(root, GW_STR("accessToken")) : NULL;
  if (is_token(text)) {
    uint64_t ttl_ms = read_ttl_s(gw_json_find(root, GW_STR("tokenTtl"))) * 1000;
    gw_nacos_token_drop(token);
    *token = (struct gw_nacos_token){.text = gw_str_dup(text->string),
                                     .renew_at_ms = now_ms + ttl_ms / 10 * 9,
                                     .expires_at_ms = now_ms + ttl_ms};
  } else {
    err = GW_ERR_INVALID;
  }
  gw_arena_wipe(&arena);
  gw_arena_done(&arena);
  return err;
}

void gw_nacos_token_drop(struct gw_nacos_token *token) {
  if (token->text != NULL) explicit_bzero(token->text, strlen(token->text));
  free(token->text);
  *token = (struct gw_nacos_token){0};
}

bool gw_nacos_token_is_good(const struct gw_nacos_token *token, uint64_t now_ms) {
  return token->text != NULL && now_ms < token->expires_at_ms;
}

bool gw_nacos_token_is_due(const struct gw_nacos_token *token, uint64_t now_ms) {
  return token->text == NULL || now_ms >= token->renew_at_ms;
}
