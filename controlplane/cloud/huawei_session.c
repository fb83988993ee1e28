/* The token of a user with a password, and the project of the region: had once, by whoever comes first, and shared by all calls. */
#include <stdlib.h>
#include <time.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "controlplane/cloud/huawei_internal.h"

#define TOKEN_DEFAULT_S 86400u
#define TOKEN_MIN_S 1u
/* A renewal that failed is tried again after that, while the token still holds. */
#define RENEW_AGAIN_MS 30000u
/* The cloud locks out users after a few wrong passwords in a quarter of an hour. */
#define REFUSED_MS 600000u
#define PROJECT_ID_MAX 64u

static bool is_user(const struct gw_huawei *huawei) {
  return huawei->config.credentials.signing_key == NULL;
}

const char *gw_huawei_session_project(const struct gw_huawei *huawei) {
  return huawei->config.project_id.len > 0 ? huawei->config.project_id.data : huawei->project_id;
}

static void wipe_token(struct gw_huawei *huawei) {
  if (huawei->token != NULL) explicit_bzero(huawei->token, strlen(huawei->token));
  free(huawei->token);
  huawei->token = NULL;
}

void gw_huawei_session_forget_token(struct gw_huawei *huawei) {
  wipe_token(huawei);
}

/* On with all that waited; or, when what they waited for can't be had, an end to those who need it. */
static void wake(struct gw_huawei *huawei, const struct gw_huawei_answer *failure) {
  struct gw_list woken;
  gw_list_init(&woken);
  GW_LIST_FOR_EACH(node, &huawei->calls) {
    struct gw_huawei_call *call = GW_LIST_ITEM(node, struct gw_huawei_call, node);
    if (!call->is_waiting) continue;
    gw_list_remove(node);
    gw_list_add_last(&woken, node);
  }
  if (huawei->project_call != NULL && huawei->project_call->is_waiting) {
    if (failure != NULL)
      gw_huawei_call_finish(huawei->project_call, failure);
    else
      gw_huawei_call_advance(huawei->project_call);
  }
  /* A callback may cancel any of them: the list is looked at anew each time. */
  while (!gw_list_is_empty(&woken)) {
    struct gw_huawei_call *call = GW_LIST_ITEM(woken.next, struct gw_huawei_call, node);
    gw_list_remove(&call->node);
    gw_list_add_last(&huawei->calls, &call->node);
    if (failure != NULL)
      gw_huawei_call_finish(call, failure);
    else
      gw_huawei_call_advance(call);
  }
}

void gw_huawei_session_reset(struct gw_huawei *huawei) {
  gw_huawei_call_cancel(huawei->token_call);
  gw_huawei_call_cancel(huawei->project_call);
  huawei->token_call = huawei->project_call = NULL;
  wipe_token(huawei);
  free(huawei->project_id);
  huawei->project_id = NULL;
  free(huawei->refusal);
  huawei->refusal = NULL;
}

void gw_huawei_session_restart(struct gw_huawei *huawei) {
  gw_huawei_session_reset(huawei);
  wake(huawei, NULL);
}

/* ---- the token ---- */

static bool parse_time(const struct gw_json_value *value, int64_t *ret_s) {
  struct tm tm = {0};
  if (value == NULL || value->kind != GW_JSON_STRING || value->string.len >= 40) return false;
  char text[40] = "";
  memcpy(text, value->string.data, value->string.len);
  if (strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) == NULL) return false;
  *ret_s = (int64_t)timegm(&tm);
  return true;
}

/* By the cloud's clock alone: ours may be wrong. */
static uint64_t token_life_s(const struct gw_json_value *token) {
  int64_t issued_s, expires_s;
  if (!parse_time(gw_json_find(token, GW_STR("issued_at")), &issued_s) ||
      !parse_time(gw_json_find(token, GW_STR("expires_at")), &expires_s))
    return TOKEN_DEFAULT_S;
  return expires_s > issued_s ? (uint64_t)(expires_s - issued_s) : TOKEN_MIN_S;
}

static void take_token(struct gw_huawei *huawei, const struct gw_huawei_answer *answer) {
  const struct gw_json_value *token = answer->json != NULL ? gw_json_find(answer->json, GW_STR("token")) : NULL;
  uint64_t life_ms = token_life_s(token) * 1000, now_ms = gw_loop_now_ms(huawei->loop);
  wipe_token(huawei);
  huawei->token = gw_str_dup(answer->token);
  huawei->token_ends_ms = now_ms + life_ms;
  huawei->token_renew_ms = now_ms + life_ms / 10 * 9;
}

static bool has_live_token(const struct gw_huawei *huawei) {
  return huawei->token != NULL && gw_loop_now_ms(huawei->loop) < huawei->token_ends_ms;
}

static void keep_refusal(struct gw_huawei *huawei, const char *words) {
  free(huawei->refusal);
  huawei->refusal = gw_asprintf("%s; it is tried again after %u minutes, or with other credentials", words, REFUSED_MS / 60000);
  huawei->refused_until_ms = gw_loop_now_ms(huawei->loop) + REFUSED_MS;
}

const char *gw_huawei_session_refusal(const struct gw_huawei *huawei, enum gw_huawei_need need) {
  if (need == GW_HUAWEI_NEED_NOTHING || !is_user(huawei) || has_live_token(huawei)) return NULL;
  return gw_loop_now_ms(huawei->loop) < huawei->refused_until_ms ? huawei->refusal : NULL;
}

static void on_token(void *arg, const struct gw_huawei_answer *answer) {
  struct gw_huawei *huawei = arg;
  huawei->token_call = NULL;
  if (answer->err == GW_ERR_DENIED) keep_refusal(huawei, answer->words);
  if (answer->err == GW_OK && answer->token.len > 0) {
    take_token(huawei, answer);
    wake(huawei, NULL);
  } else if (has_live_token(huawei)) {
    huawei->token_renew_ms = gw_loop_now_ms(huawei->loop) + (answer->err == GW_ERR_DENIED ? REFUSED_MS : RENEW_AGAIN_MS);
    wake(huawei, NULL);
  } else if (answer->err == GW_OK) {
    wake(huawei, &(struct gw_huawei_answer){.err = GW_ERR_CLOSED, .words = "the cloud's IAM answers a login without a token"});
  } else {
    wake(huawei, answer);
  }
}

/* Keystone's form. */
static void write_login(struct gw_strbuf *body, const struct gw_huawei_config *config) {
  struct gw_json_writer writer;
  gw_json_writer_init(&writer, body);
  gw_json_object_begin(&writer);
  gw_json_key(&writer, "auth");
  gw_json_object_begin(&writer);
  gw_json_key(&writer, "identity");
  gw_json_object_begin(&writer);
  gw_json_key(&writer, "methods");
  gw_json_array_begin(&writer);
  gw_json_string(&writer, GW_STR("password"));
  gw_json_array_end(&writer);
  gw_json_key(&writer, "password");
  gw_json_object_begin(&writer);
  gw_json_key(&writer, "user");
  gw_json_object_begin(&writer);
  gw_json_key(&writer, "name");
  gw_json_string(&writer, config->credentials.user);
  gw_json_key(&writer, "password");
  gw_json_string(&writer, config->credentials.password);
  gw_json_key(&writer, "domain");
  gw_json_object_begin(&writer);
  gw_json_key(&writer, "name");
  gw_json_string(&writer, config->credentials.domain);
  for (int i = 0; i < 4; i++)
    gw_json_object_end(&writer);
  gw_json_key(&writer, "scope");
  gw_json_object_begin(&writer);
  gw_json_key(&writer, "project");
  gw_json_object_begin(&writer);
  gw_json_key(&writer, config->project_id.len > 0 ? "id" : "name");
  gw_json_string(&writer, config->project_id.len > 0 ? config->project_id : config->region);
  for (int i = 0; i < 4; i++)
    gw_json_object_end(&writer);
}

static void start_token(struct gw_huawei *huawei) {
  struct gw_strbuf body;
  gw_strbuf_init(&body);
  gw_strbuf_reserve(&body, 1024 + 6 * (huawei->config.credentials.password.len + huawei->config.credentials.user.len));
  write_login(&body, &huawei->config);
  const struct gw_huawei_ask ask = {.service = GW_HUAWEI_IAM, .path = "/v3/auth/tokens", .body = gw_strbuf_str(&body)};
  huawei->token_call = gw_huawei_call_new(huawei, &ask, GW_HUAWEI_NEED_NOTHING, on_token, huawei);
  gw_strbuf_wipe(&body);
  gw_timer_start(huawei->loop, &huawei->token_call->timer, 0);
}

/* ---- the project ---- */

/* It goes into a path. */
static bool is_project_id(const struct gw_json_value *value) {
  if (value == NULL || value->kind != GW_JSON_STRING || value->string.len == 0 || value->string.len > PROJECT_ID_MAX) return false;
  for (size_t i = 0; i < value->string.len; i++) {
    char c = value->string.data[i];
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_')) return false;
  }
  return true;
}

static void on_project(void *arg, const struct gw_huawei_answer *answer) {
  struct gw_huawei *huawei = arg;
  huawei->project_call = NULL;
  if (answer->err != GW_OK) {
    wake(huawei, answer);
    return;
  }
  const struct gw_json_value *projects = answer->json != NULL ? gw_json_find(answer->json, GW_STR("projects")) : NULL;
  uint32_t count = projects != NULL && projects->kind == GW_JSON_ARRAY ? projects->count : 0;
  const struct gw_json_value *id = count == 1 ? gw_json_find(&projects->items[0], GW_STR("id")) : NULL;
  if (is_project_id(id)) {
    huawei->project_id = gw_str_dup(id->string);
    wake(huawei, NULL);
    return;
  }
  GW_CLEANUP(gw_free_ptr)
  char *words = gw_asprintf("the cloud has %u projects for the region %.*s, and one is wanted: GATEWAY_HUAWEI_PROJECT_ID names it", count,
                            GW_STR_ARG(huawei->config.region));
  wake(huawei, &(struct gw_huawei_answer){.err = GW_ERR_INVALID, .words = words});
}

static void start_project(struct gw_huawei *huawei) {
  const struct gw_huawei_pair name = {GW_STR("name"), huawei->config.region};
  const struct gw_huawei_ask ask = {.service = GW_HUAWEI_IAM, .path = "/v3/projects", .query = &name, .query_count = 1};
  huawei->project_call = gw_huawei_call_new(huawei, &ask, GW_HUAWEI_NEED_TOKEN, on_project, huawei);
  gw_timer_start(huawei->loop, &huawei->project_call->timer, 0);
}

bool gw_huawei_session_is_ready(struct gw_huawei *huawei, enum gw_huawei_need need) {
  if (need == GW_HUAWEI_NEED_NOTHING) return true;
  if (is_user(huawei)) {
    /* Renewed ahead of its end, while calls go on with the one that holds. */
    bool is_due = huawei->token == NULL || gw_loop_now_ms(huawei->loop) >= huawei->token_renew_ms;
    if (is_due && huawei->token_call == NULL) start_token(huawei);
    if (!has_live_token(huawei)) return false;
  }
  if (need == GW_HUAWEI_NEED_TOKEN || gw_huawei_session_project(huawei) != NULL) return true;
  if (huawei->project_call == NULL) start_project(huawei);
  return false;
}
