/* One call: from what is asked, over as many requests as it takes, to one answer. */
#include <stdlib.h>

#include "common/base/mem.h"
#include "controlplane/cloud/huawei_error.h"
#include "controlplane/cloud/huawei_internal.h"

#define ANSWER_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define ANSWER_VALUES_MAX 500000u
#define ANSWER_DEPTH_MAX 32u
/* Of token and project, which others wait for. */
#define SESSION_CALL_MS 20000u
#define FAILURES_MAX 3u
#define BACKOFF_MIN_MS 200u
#define BACKOFF_MAX_MS 10000u
#define RETRY_AFTER_MAX_S 3600u

static void on_timer(struct gw_timer *timer) {
  gw_huawei_call_advance(GW_CONTAINER_OF(timer, struct gw_huawei_call, timer));
}

struct gw_huawei_call *gw_huawei_call_new(struct gw_huawei *huawei, const struct gw_huawei_ask *ask, enum gw_huawei_need need,
                                          gw_huawei_fn fn, void *arg) {
  struct gw_huawei_call *call = gw_calloc(1, sizeof(*call));
  *call = (struct gw_huawei_call){.huawei = huawei, .need = need, .ask = *ask, .fn = fn, .arg = arg};
  gw_arena_init(&call->arena, 1024);
  gw_timer_init(&call->timer, on_timer);
  call->ends_ms = gw_loop_now_ms(huawei->loop) + (need == GW_HUAWEI_NEED_PROJECT ? GW_HUAWEI_CALL_MS : SESSION_CALL_MS);
  call->ask.path = gw_arena_strdup(&call->arena, ask->path);
  if (ask->body.data != NULL) call->ask.body = gw_arena_copy(&call->arena, ask->body);
  struct gw_huawei_pair *query = gw_arena_calloc(&call->arena, ask->query_count, sizeof(*query));
  for (uint32_t i = 0; i < ask->query_count; i++)
    query[i] = (struct gw_huawei_pair){gw_arena_copy(&call->arena, ask->query[i].name), gw_arena_copy(&call->arena, ask->query[i].value)};
  call->ask.query = query;
  return call;
}

struct gw_huawei_call *gw_huawei_call_start(struct gw_huawei *huawei, const struct gw_huawei_ask *ask, gw_huawei_fn fn, void *arg) {
  struct gw_huawei_call *call = gw_huawei_call_new(huawei, ask, GW_HUAWEI_NEED_PROJECT, fn, arg);
  gw_list_add_last(&huawei->calls, &call->node);
  gw_timer_start(huawei->loop, &call->timer, 0);
  return call;
}

void gw_huawei_call_cancel(struct gw_huawei_call *call) {
  if (call == NULL) return;
  gw_list_remove(&call->node);
  gw_timer_stop(&call->timer);
  gw_fetch_cancel(call->fetch);
  gw_arena_wipe(&call->arena);
  gw_arena_done(&call->arena);
  free(call);
}

void gw_huawei_call_finish(struct gw_huawei_call *call, const struct gw_huawei_answer *answer) {
  gw_list_remove(&call->node); /* the callback can't cancel what is over */
  call->fn(call->arg, answer);
  gw_huawei_call_cancel(call);
}

static void fail(struct gw_huawei_call *call, enum gw_err err, uint32_t status, struct gw_strbuf *words) {
  gw_huawei_config_mask(&call->huawei->config, words);
  if (call->huawei->token != NULL) gw_huawei_mask(words, gw_str_from(call->huawei->token));
  gw_huawei_call_finish(call, &(struct gw_huawei_answer){.err = err, .status = status, .words = words->data});
  gw_strbuf_wipe(words);
}

/* For words that stand already. */
static void fail_with(struct gw_huawei_call *call, enum gw_err err, const char *text) {
  struct gw_strbuf words;
  gw_strbuf_init(&words);
  gw_strbuf_append_str(&words, gw_str_from(text));
  fail(call, err, 0, &words);
}

/* ---- again ---- */

static bool is_safe(const struct gw_huawei_call *call) {
  return call->ask.method == NULL && call->ask.body.data == NULL;
}

/* Doubles, and half of it is chance, so that those who failed together don't come together. */
static uint64_t backoff_ms(struct gw_huawei *huawei, uint32_t count) {
  uint64_t ms = BACKOFF_MIN_MS;
  for (uint32_t i = 1; i < count && ms < BACKOFF_MAX_MS; i++)
    ms *= 2;
  if (ms > BACKOFF_MAX_MS) ms = BACKOFF_MAX_MS;
  return ms / 2 + gw_random_below(&huawei->random, ms / 2 + 1);
}

static bool has_time_for(const struct gw_huawei_call *call, uint64_t wait_ms) {
  return gw_loop_now_ms(call->huawei->loop) + wait_ms < call->ends_ms;
}

static void again_after(struct gw_huawei_call *call, uint64_t wait_ms) {
  gw_timer_start(call->huawei->loop, &call->timer, wait_ms);
}

/* 429, and 503 with a time: it was not done. All calls of that service wait, not only this one. */
static bool is_throttled(const struct gw_fetch_result *result) {
  return result->status == 429 || (result->status == 503 && gw_fetch_find_header(result, GW_STR("retry-after")).len > 0);
}

static bool slow_down(struct gw_huawei_call *call, const struct gw_fetch_result *result) {
  struct gw_huawei *huawei = call->huawei;
  uint64_t after_s, wait_ms = backoff_ms(huawei, ++call->throttled_count), now_ms = gw_loop_now_ms(huawei->loop);
  if (gw_str_parse_u64(gw_fetch_find_header(result, GW_STR("retry-after")), &after_s) == GW_OK && after_s <= RETRY_AFTER_MAX_S)
    wait_ms += after_s * 1000;
  uint64_t *not_before_ms = &huawei->not_before_ms[call->ask.service];
  if (now_ms + wait_ms > *not_before_ms) *not_before_ms = now_ms + wait_ms;
  if (!has_time_for(call, wait_ms)) return false;
  again_after(call, wait_ms);
  return true;
}

static bool try_again(struct gw_huawei_call *call) {
  if (!is_safe(call) || ++call->failed_count >= FAILURES_MAX) return false;
  uint64_t wait_ms = backoff_ms(call->huawei, call->failed_count);
  if (!has_time_for(call, wait_ms)) return false;
  again_after(call, wait_ms);
  return true;
}

/* ---- what came ---- */

static enum gw_err err_of(uint32_t status) {
  switch (status) {
  case 401:
  case 403: return GW_ERR_DENIED;
  case 404: return GW_ERR_NOT_FOUND;
  case 429: return GW_ERR_LIMIT;
  default: return status >= 500 || status < 400 ? GW_ERR_CLOSED : GW_ERR_INVALID;
  }
}

/* Whether it was done is not known then, of what changes something. */
static void append_doubt(struct gw_strbuf *words, const struct gw_huawei_call *call) {
  if (!is_safe(call) && call->need == GW_HUAWEI_NEED_PROJECT) gw_strbuf_printf(words, "; whether it was done is not known");
}

static void on_unreached(struct gw_huawei_call *call, const char *why) {
  struct gw_strbuf words;
  if (try_again(call)) return;
  gw_strbuf_init(&words);
  struct gw_str endpoint = call->ask.service == GW_HUAWEI_IAM ? call->huawei->config.iam_endpoint : call->huawei->config.ecs_endpoint;
  gw_strbuf_printf(&words, "the cloud does not answer at %.*s: %s", GW_STR_ARG(endpoint), why);
  append_doubt(&words, call);
  fail(call, GW_ERR_CLOSED, 0, &words);
}

static void on_refused(struct gw_huawei_call *call, const struct gw_fetch_result *result, const struct gw_json_value *json,
                       struct gw_arena *arena) {
  struct gw_huawei_error error;
  struct gw_strbuf words;
  gw_strbuf_init(&words);
  bool has_error = gw_huawei_error_find(json, arena, &error);
  gw_huawei_error_append_words(&words, result->status, has_error ? &error : NULL, gw_fetch_find_header(result, GW_STR("x-request-id")));
  if (result->status == 401)
    gw_huawei_error_append_clock(&words, gw_fetch_find_header(result, GW_STR("date")), gw_loop_wall_us(call->huawei->loop));
  if (result->status >= 500) append_doubt(&words, call);
  fail(call, err_of(result->status), result->status, &words);
}

static void on_broken(struct gw_huawei_call *call, const struct gw_fetch_result *result) {
  struct gw_strbuf words;
  if (try_again(call)) return;
  gw_strbuf_init(&words);
  gw_strbuf_printf(&words, "the cloud answers what is no JSON, or not all of it (%u, %zu bytes)", result->status, result->body.len);
  append_doubt(&words, call);
  fail(call, GW_ERR_CLOSED, result->status, &words);
}

/* False: another request of this call is on its way. */
static bool is_over(struct gw_huawei_call *call, const struct gw_fetch_result *result) {
  if (is_throttled(result)) return !slow_down(call, result);
  if (result->status >= 500) return !try_again(call);
  bool has_token = call->huawei->config.credentials.signing_key == NULL && call->need != GW_HUAWEI_NEED_NOTHING;
  if (result->status != 401 || !has_token || call->has_renewed_token) return true;
  call->has_renewed_token = true; /* it was withdrawn before its time */
  gw_huawei_session_forget_token(call->huawei);
  again_after(call, 0);
  return false;
}

static void on_fetched(void *arg, const struct gw_fetch_result *result) {
  struct gw_huawei_call *call = arg;
  call->fetch = NULL;
  if (!result->is_good) {
    on_unreached(call, result->words);
    return;
  }
  if (!is_over(call, result)) return;
  const struct gw_json_limits limits = {ANSWER_BYTES_MAX, ANSWER_DEPTH_MAX, ANSWER_VALUES_MAX};
  const struct gw_json_value *json = NULL;
  struct gw_arena arena;
  gw_arena_init(&arena, 16384);
  bool is_json = gw_json_parse(result->body, &limits, &arena, &json) == GW_OK;
  if (result->status < 200 || result->status >= 300) {
    on_refused(call, result, is_json ? json : NULL, &arena);
  } else if (!is_json && result->body.len > 0) {
    on_broken(call, result);
  } else {
    const struct gw_huawei_answer answer = {.status = result->status,
                                            .json = is_json ? json : NULL,
                                            .token = gw_fetch_find_header(result, GW_STR("x-subject-token")),
                                            .words = ""};
    gw_huawei_call_finish(call, &answer);
  }
  gw_arena_wipe(&arena);
  gw_arena_done(&arena);
}

/* ---- what goes ---- */

static void append_path(struct gw_strbuf *path, const struct gw_huawei_call *call) {
  const char *at = strstr(call->ask.path, GW_HUAWEI_PROJECT);
  if (at == NULL) {
    gw_strbuf_printf(path, "%s", call->ask.path);
  } else {
    gw_strbuf_printf(path, "%.*s%s%s", (int)(at - call->ask.path), call->ask.path, gw_huawei_session_project(call->huawei),
                     at + sizeof(GW_HUAWEI_PROJECT) - 1);
  }
}

/* The Host that libcurl sends: without the scheme's own port. */
static struct gw_str host_of(struct gw_str endpoint) {
  bool is_https = gw_str_has_prefix(endpoint, GW_STR("https://"));
  struct gw_str host = gw_str_skip(endpoint, is_https ? 8 : 7), port = is_https ? GW_STR(":443") : GW_STR(":80");
  ptrdiff_t slash = gw_str_find_char(host, '/');
  if (slash >= 0) host.len = (size_t)slash;
  if (gw_str_has_suffix(host, port)) host.len -= port.len;
  return host;
}

struct message {
  struct gw_strbuf path;
  struct gw_strbuf url;
  struct gw_huawei_pair headers[8];
  uint32_t header_count;
};

static void add_header(struct message *message, const char *name, struct gw_str value) {
  message->headers[message->header_count++] = (struct gw_huawei_pair){gw_str_from(name), value};
}

/* Authorization, or the token. */
static void authorize(const struct gw_huawei_call *call, struct message *message, struct gw_strbuf *authorization) {
  const struct gw_huawei_credentials *credentials = &call->huawei->config.credentials;
  if (call->need == GW_HUAWEI_NEED_NOTHING) return;
  if (credentials->signing_key == NULL) {
    add_header(message, "X-Auth-Token", gw_str_from(call->huawei->token));
    return;
  }
  if (credentials->security_token.len > 0) add_header(message, "X-Security-Token", credentials->security_token);
  const struct gw_huawei_request request = {.method = call->ask.method != NULL      ? gw_str_from(call->ask.method)
                                                      : call->ask.body.data != NULL ? GW_STR("POST")
                                                                                    : GW_STR("GET"),
                                            .path = gw_strbuf_str(&message->path),
                                            .query = call->ask.query,
                                            .query_count = call->ask.query_count,
                                            .headers = message->headers,
                                            .header_count = message->header_count,
                                            .body = call->ask.body.data != NULL ? call->ask.body : (struct gw_str){"", 0}};
  GW_ASSERT(gw_huawei_sign(&request, credentials->access_key, credentials->signing_key, authorization) == GW_OK);
  add_header(message, "Authorization", gw_strbuf_str(authorization));
}

static void start_fetch(struct gw_huawei_call *call, const struct message *message) {
  struct gw_huawei *huawei = call->huawei;
  struct gw_arena arena;
  const char *lines[GW_ARRAY_LEN(message->headers)];
  uint32_t count = 0;
  gw_arena_init(&arena, 8192);
  for (uint32_t i = 0; i < message->header_count; i++)
    lines[count++] = gw_arena_printf(&arena, "%.*s: %.*s", GW_STR_ARG(message->headers[i].name), GW_STR_ARG(message->headers[i].value));
  const struct gw_fetch_request request = {.url = message->url.data,
                                           .ca_file = huawei->config.ca_file,
                                           .timeout_ms = huawei->config.timeout_ms,
                                           .bytes_max = ANSWER_BYTES_MAX,
                                           .method = call->ask.method,
                                           .body = call->ask.body,
                                           .headers = lines,
                                           .header_count = count,
                                           .takes_any_status = true};
  call->fetch = gw_fetch_start(huawei->fetcher, &request, on_fetched, call);
  gw_arena_wipe(&arena);
  gw_arena_done(&arena);
}

static void send_request(struct gw_huawei_call *call) {
  const struct gw_huawei_config *config = &call->huawei->config;
  struct gw_str endpoint = call->ask.service == GW_HUAWEI_IAM ? config->iam_endpoint : config->ecs_endpoint;
  char date[GW_HUAWEI_DATE_SIZE];
  struct message message = {0};
  struct gw_strbuf authorization;
  gw_strbuf_init(&authorization);
  gw_strbuf_init(&message.path);
  gw_strbuf_init(&message.url);
  gw_huawei_format_date(gw_loop_wall_us(call->huawei->loop), date);
  append_path(&message.path, call);
  gw_strbuf_printf(&message.url, "%.*s%.*s", GW_STR_ARG(endpoint), GW_STR_ARG(gw_strbuf_str(&message.path)));
  if (call->ask.query_count > 0) gw_strbuf_append_char(&message.url, '?');
  gw_huawei_append_query(&message.url, call->ask.query, call->ask.query_count);
  add_header(&message, "Host", host_of(endpoint));
  add_header(&message, "X-Sdk-Date", gw_str_from(date));
  add_header(&message, "Content-Type", GW_STR("application/json"));
  if (call->need == GW_HUAWEI_NEED_PROJECT) add_header(&message, "X-Project-Id", gw_str_from(gw_huawei_session_project(call->huawei)));
  authorize(call, &message, &authorization);
  start_fetch(call, &message);
  gw_strbuf_done(&authorization);
  gw_strbuf_done(&message.path);
  gw_strbuf_done(&message.url);
}

/* The session's own calls go with the credentials that they were begun with. */
static bool refresh_credentials(struct gw_huawei_call *call) {
  bool is_new;
  char *reason = NULL;
  if (call->need != GW_HUAWEI_NEED_PROJECT) return true;
  enum gw_err err = gw_huawei_config_refresh(&call->huawei->config, &is_new, &reason);
  if (is_new) gw_huawei_session_restart(call->huawei);
  if (err == GW_OK) return true;
  fail_with(call, GW_ERR_IO, reason);
  free(reason);
  return false;
}

void gw_huawei_call_advance(struct gw_huawei_call *call) {
  struct gw_huawei *huawei = call->huawei;
  call->is_waiting = false;
  if (!refresh_credentials(call)) return;
  const char *refusal = gw_huawei_session_refusal(huawei, call->need);
  if (refusal != NULL) {
    fail_with(call, GW_ERR_DENIED, refusal);
    return;
  }
  if (!gw_huawei_session_is_ready(huawei, call->need)) {
    call->is_waiting = true;
    return;
  }
  uint64_t now_ms = gw_loop_now_ms(huawei->loop), not_before_ms = huawei->not_before_ms[call->ask.service];
  if (now_ms < not_before_ms && has_time_for(call, not_before_ms - now_ms)) {
    again_after(call, not_before_ms - now_ms);
    return;
  }
  if (now_ms < not_before_ms) {
    GW_CLEANUP(gw_free_ptr)
    char *words = gw_asprintf("the cloud throttles our requests, and wants none for another %llu s",
                              (unsigned long long)(not_before_ms - now_ms + 999) / 1000);
    fail_with(call, GW_ERR_LIMIT, words);
    return;
  }
  send_request(call);
}
