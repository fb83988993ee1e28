#include "controlplane/ctl/explain_question.h"

#include "common/base/json.h"
#include "common/base/json_value.h"
#include "common/crypto/jwt.h"

#define HOST_DEFAULT "localhost"
#define HIDDEN "(not told)"

typedef Gateway__Dataplane__V1__ExplainRequest Request;
typedef Gateway__Dataplane__V1__Field Field;

static char *text(struct gw_arena *arena, struct gw_str from) {
  return (char *)(uintptr_t)gw_arena_copy(arena, from).data;
}

/* ---- METHOD URL ---- */

static int take_url(const char *word, struct gw_arena *arena, Request *request) {
  struct gw_str url = gw_str_from(word), scheme = GW_STR("http"), authority = GW_STR(HOST_DEFAULT);
  struct gw_str separator = GW_STR("://");
  if (url.len == 0) return gw_ctl_fail_usage("explain wants METHOD URL");
  if (word[0] != '/' && word[0] != '*') {
    const char *found = strstr(word, separator.data);
    if (found == NULL)
      return gw_ctl_fail_usage("%s: a URL such as http://shop.example/orders/7, or a path such as /orders/7, is wanted", word);
    scheme = (struct gw_str){word, (size_t)(found - word)};
    url = gw_str_from(found + separator.len);
    size_t len = strcspn(url.data, "/?#");
    authority = (struct gw_str){url.data, len};
    url = gw_str_skip(url, len);
  }
  ptrdiff_t fragment = gw_str_find_char(url, '#'); /* clients keep it to themselves */
  if (fragment >= 0) url.len = (size_t)fragment;
  bool has_slash = url.len > 0 && url.data[0] != '?';
  request->scheme = text(arena, scheme);
  request->authority = text(arena, authority);
  request->path = gw_arena_printf(arena, "%s%.*s", has_slash ? "" : "/", GW_STR_ARG(url));
  return GW_CTL_OK;
}

/* ---- headers ---- */

/* What credentials a request shows. */
struct shown {
  struct gw_str token;
  bool has_api_key;
};

static struct gw_str hide(struct gw_str name, struct gw_str value, struct shown *shown, struct gw_arena *arena) {
  struct gw_str scheme, rest = value;
  if (gw_str_equal_nocase(name, GW_STR("x-api-key"))) {
    shown->has_api_key = true;
    return GW_STR(HIDDEN);
  }
  if (!gw_str_equal_nocase(name, GW_STR("authorization")) || !gw_str_split_next(&rest, ' ', &scheme)) return value;
  if (gw_str_equal_nocase(scheme, GW_STR("bearer"))) shown->token = gw_str_trim(rest);
  if (gw_str_equal_nocase(scheme, GW_STR("apikey"))) shown->has_api_key = true;
  return gw_str_from(gw_arena_printf(arena, "%.*s " HIDDEN, GW_STR_ARG(scheme)));
}

static int take_headers(const struct gw_ctl *ctl, struct gw_arena *arena, Request *request, struct shown *shown) {
  request->headers = gw_arena_calloc(arena, ctl->explain.header_count, sizeof(void *));
  for (uint32_t i = 0; i < ctl->explain.header_count; i++) {
    struct gw_str rest = gw_str_from(ctl->explain.headers[i]), name;
    if (gw_str_find_char(rest, ':') <= 0) return gw_ctl_fail_usage("-H: NAME: VALUE is wanted");
    gw_str_split_next(&rest, ':', &name);
    struct gw_str value = hide(name, gw_str_trim(rest), shown, arena);
    if (gw_str_equal_nocase(name, GW_STR("host"))) {
      request->authority = text(arena, value);
      continue;
    }
    Field *field = request->headers[request->n_headers++] = gw_arena_alloc(arena, sizeof(*field));
    gateway__dataplane__v1__field__init(field);
    field->name = text(arena, name);
    field->value = text(arena, value);
  }
  return GW_CTL_OK;
}

/* ---- who asks ---- */

static void write_words(struct gw_json_writer *writer, const char *key, const char *const *words, uint32_t count) {
  if (count == 0) return;
  gw_json_key(writer, key);
  gw_json_array_begin(writer);
  for (uint32_t i = 0; i < count; i++)
    gw_json_string(writer, gw_str_from(words[i]));
  gw_json_array_end(writer);
}

/* NAME alone is who a token is for. */
static char *make_claims(const struct gw_ctl *ctl, struct gw_arena *arena) {
  struct gw_strbuf buf = {0};
  struct gw_json_writer writer;
  gw_json_writer_init(&writer, &buf);
  gw_json_object_begin(&writer);
  if (ctl->explain.identity != NULL) {
    gw_json_key(&writer, "sub");
    gw_json_string(&writer, gw_str_from(ctl->explain.identity));
  }
  write_words(&writer, "roles", ctl->keys.roles, ctl->keys.role_count);
  write_words(&writer, "permissions", ctl->keys.permissions, ctl->keys.permission_count);
  gw_json_object_end(&writer);
  char *claims = text(arena, gw_strbuf_str(&buf));
  gw_strbuf_done(&buf);
  return claims;
}

static int take_claims(const struct gw_ctl *ctl, struct gw_arena *arena, const struct shown *shown, char **ret_claims) {
  const char *identity = ctl->explain.identity;
  bool has_words = ctl->keys.role_count + ctl->keys.permission_count > 0;
  if (identity != NULL && identity[0] == '{') {
    if (has_words) return gw_ctl_fail_usage("--role and --permission don't go with an --identity in JSON, which can say them");
    *ret_claims = gw_arena_strdup(arena, identity);
  } else if (identity != NULL || has_words) {
    *ret_claims = make_claims(ctl, arena);
  } else if (shown->token.len > 0) {
    struct gw_jwt jwt;
    enum gw_jwt_status status = gw_jwt_parse(shown->token, arena, &jwt);
    if (status != GW_JWT_OK) return gw_ctl_fail_usage("the token in -H can't be read: %s", gw_jwt_status_text(status));
    *ret_claims = text(arena, jwt.content);
  } else if (shown->has_api_key || ctl->explain.is_api_key) {
    *ret_claims = gw_arena_strdup(arena, "{}");
  }
  return GW_CTL_OK;
}

int gw_ctl_explain_question(const struct gw_ctl *ctl, struct gw_arena *arena, Request **ret_question) {
  Request *request = gw_arena_alloc(arena, sizeof(*request));
  struct shown shown = {.has_api_key = false};
  char *claims = NULL;
  gateway__dataplane__v1__explain_request__init(request);
  request->method = gw_arena_strdup(arena, ctl->words[0]);
  int exit_code = take_url(ctl->words[1], arena, request);
  if (exit_code == GW_CTL_OK) exit_code = take_headers(ctl, arena, request, &shown);
  if (exit_code == GW_CTL_OK) exit_code = take_claims(ctl, arena, &shown, &claims);
  if (exit_code != GW_CTL_OK) return exit_code;
  if (ctl->explain.client != NULL) request->client = gw_arena_strdup(arena, ctl->explain.client);
  if (ctl->explain.listener != NULL) request->listener = gw_arena_strdup(arena, ctl->explain.listener);
  if (ctl->explain.node_cluster != NULL) request->node_cluster = gw_arena_strdup(arena, ctl->explain.node_cluster);
  if (claims != NULL) {
    request->identity = gw_arena_alloc(arena, sizeof(*request->identity));
    gateway__dataplane__v1__identity__init(request->identity);
    request->identity->claims = claims;
    request->identity->api_key = ctl->explain.is_api_key || (shown.has_api_key && shown.token.len == 0);
    if (ctl->keys.plan != NULL) request->identity->plan = gw_arena_strdup(arena, ctl->keys.plan);
  }
  *ret_question = request;
  return GW_CTL_OK;
}
