#include "controlplane/discovery/nacos_client.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/list.h"
#include "common/base/mem.h"
#include "common/message/uri.h"
#include "common/net/address.h"
#include "controlplane/discovery/nacos_token.h"
#include "controlplane/policy/nacos_servers.h"

#define LOGIN_TIMEOUT_MS 3000u
#define LOGIN_BYTES_MAX 65536u
/* A refused login is not tried again before that: some lock users out that fail often. */
#define LOGIN_PAUSE_MS 5000u
#define LOGIN_RETRY_MS 1000u /* when no server answered */
#define WORDS_SIZE 256
/* Nacos sends its pushes to clients that it knows only. */
#define AGENT "Nacos-C-Client:v1.0.12"

const char *const gw_nacos_client_settings[] = {"NACOS_SERVER_ADDRESSES",
                                                "NACOS_NAMESPACE",
                                                "NACOS_GROUP",
                                                "NACOS_USERNAME",
                                                "NACOS_PASSWORD",
                                                "NACOS_API",
                                                "NACOS_CA_FILE",
                                                "NACOS_PUSH",
                                                "GATEWAY_CA_FILE",
                                                NULL};

struct gw_nacos_client {
  struct gw_loop *loop;
  struct gw_log *log;
  struct gw_fetcher *fetcher;
  struct gw_arena arena;
  const char *bases[GW_NACOS_SERVERS_MAX];
  uint32_t base_count;
  uint32_t current; /* the server that is asked first: the one that answered last */
  const char *ca_file;
  struct gw_str user; /* empty: no token is needed */
  struct gw_str password;
  struct gw_nacos_token token;
  uint64_t token_number; /* of the token, rising: a call knows which one was refused */
  struct gw_fetch *login;
  uint32_t login_tries; /* servers that did not answer the login that is under way */
  uint64_t login_not_before_ms;
  char login_words[WORDS_SIZE]; /* why the last one failed; empty: it did not */
  struct gw_list waiting;       /* calls that wait for a token, or for others to end */
  struct gw_list running;
  uint32_t running_count; /* without long polls */
  struct gw_task task;    /* starts those that may */
};

struct gw_nacos_call {
  struct gw_list node;
  struct gw_nacos_client *client;
  struct gw_nacos_request request;
  gw_nacos_answer_fn fn;
  void *arg;
  struct gw_fetch *fetch; /* NULL: it waits */
  uint32_t server;
  uint32_t tries;
  uint64_t token_number; /* of the token that it was sent with */
  bool was_refused;      /* with a token that was good for us */
};

void gw_nacos_append_param(struct gw_strbuf *buf, const char *name, struct gw_str value) {
  gw_strbuf_printf(buf, "%s%s=", buf->len > 0 ? "&" : "", name);
  gw_fetch_append_encoded(buf, value);
}

static void call_free(struct gw_nacos_call *call) {
  struct gw_nacos_client *client = call->client;
  gw_list_remove(&call->node);
  if (call->fetch != NULL && !call->request.is_long_poll) client->running_count--;
  gw_fetch_cancel(call->fetch);
  free((char *)(uintptr_t)call->request.query.data);
  free((char *)(uintptr_t)call->request.form.data);
  free((char *)(uintptr_t)call->request.header);
  free((char *)(uintptr_t)call->request.path);
  free(call);
  if (!gw_list_is_empty(&client->waiting)) gw_loop_at_turn_end(client->loop, &client->task);
}

static void wait_again(struct gw_nacos_call *call) {
  struct gw_nacos_client *client = call->client;
  gw_list_remove(&call->node);
  gw_list_add_first(&client->waiting, &call->node);
  gw_loop_at_turn_end(client->loop, &client->task);
}

static void end(struct gw_nacos_call *call, const struct gw_nacos_answer *answer) {
  call->fn(call->arg, answer);
  call_free(call);
}

static void fail(struct gw_nacos_call *call, uint32_t status, const char *words) {
  const struct gw_nacos_answer answer = {.status = status, .words = words};
  end(call, &answer);
}

/* ---- one try ---- */

/* A server that is starting, or has lost its leader, says so with these; another one may do better. */
static bool is_servers_fault(uint32_t status) {
  return status == 0 || status >= 500;
}

static void on_refused(struct gw_nacos_call *call, uint32_t status) {
  struct gw_nacos_client *client = call->client;
  char words[WORDS_SIZE];
  if (client->user.len > 0 && !call->was_refused) {
    call->was_refused = true;
    if (call->token_number == client->token_number) gw_nacos_token_drop(&client->token);
    wait_again(call);
    return;
  }
  snprintf(words, sizeof(words), client->user.len > 0 ? "%s refuses its user (%u)" : "%s wants a user and a password (%u)",
           client->bases[call->server], status);
  fail(call, status, words);
}

static void on_fetched(void *arg, const struct gw_fetch_result *result) {
  struct gw_nacos_call *call = arg;
  struct gw_nacos_client *client = call->client;
  char words[WORDS_SIZE];
  uint32_t status = result->is_good ? result->status : 0; /* half an answer is none */
  call->fetch = NULL;
  if (!call->request.is_long_poll) client->running_count--;
  call->tries++;
  if (is_servers_fault(status)) {
    if (client->current == call->server) client->current = (call->server + 1) % client->base_count;
    if (call->tries < client->base_count) {
      call->server = (call->server + 1) % client->base_count;
      wait_again(call);
      return;
    }
  } else {
    client->current = call->server;
  }
  if (status == 401 || status == 403) {
    on_refused(call, status);
    return;
  }
  if (status == 0)
    snprintf(words, sizeof(words), "%s: %s", client->bases[call->server], result->words);
  else
    snprintf(words, sizeof(words), "%s answers %u", client->bases[call->server], status);
  bool is_good = status == 200;
  const struct gw_nacos_answer answer = {.is_good = is_good,
                                         .status = status,
                                         .body = result->body,
                                         .local_ip = result->local_ip,
                                         .words = is_good ? "" : words};
  end(call, &answer);
}

static void start(struct gw_nacos_call *call) {
  struct gw_nacos_client *client = call->client;
  const struct gw_nacos_request *request = &call->request;
  struct gw_strbuf url, token;
  const char *headers[4] = {"User-Agent: " AGENT, "Client-Version: " AGENT};
  uint32_t header_count = 2;
  if (call->tries == 0) call->server = client->current;
  gw_strbuf_init(&url);
  gw_strbuf_init(&token);
  gw_strbuf_printf(&url, "%s%s", client->bases[call->server], request->path);
  if (request->query.len > 0) gw_strbuf_printf(&url, "?%.*s", GW_STR_ARG(request->query));
  if (request->header != NULL) headers[header_count++] = request->header;
  if (client->token.text != NULL) {
    gw_strbuf_reserve(&token, strlen(client->token.text) + 32);
    gw_strbuf_printf(&token, "Authorization: Bearer %s", client->token.text);
    headers[header_count++] = token.data;
  }
  const struct gw_fetch_request fetch = {.url = url.data,
                                         .ca_file = client->ca_file,
                                         .timeout_ms = request->timeout_ms,
                                         .bytes_max = request->bytes_max,
                                         .method = request->method,
                                         .body = request->form,
                                         .headers = headers,
                                         .header_count = header_count,
                                         .takes_any_status = true};
  call->token_number = client->token_number;
  gw_list_remove(&call->node);
  gw_list_add_last(&client->running, &call->node);
  if (!request->is_long_poll) client->running_count++;
  call->fetch = gw_fetch_start(client->fetcher, &fetch, on_fetched, call);
  gw_strbuf_done(&url);
  gw_strbuf_wipe(&token);
}

/* ---- the token ---- */

/* Those that can't go without a token are told why. */
static void fail_waiting(struct gw_nacos_client *client) {
  struct gw_list failed;
  gw_list_init(&failed);
  while (!gw_list_is_empty(&client->waiting)) { /* a callback may call again */
    struct gw_list *node = client->waiting.next;
    gw_list_remove(node);
    gw_list_add_last(&failed, node);
  }
  while (!gw_list_is_empty(&failed))
    fail(GW_LIST_ITEM(failed.next, struct gw_nacos_call, node), 0, client->login_words);
}

static void log_in(struct gw_nacos_client *client);

/* Empty words: it has given a token. */
static void read_login(struct gw_nacos_client *client, const struct gw_fetch_result *result, uint32_t status, char words[WORDS_SIZE]) {
  const char *base = client->bases[client->current];
  words[0] = '\0';
  if (status == 200) {
    if (gw_nacos_token_take(&client->token, result->body, gw_loop_now_ms(client->loop)) != GW_OK)
      snprintf(words, WORDS_SIZE, "%s answers a login without a token", base);
  } else if (status == 0) {
    snprintf(words, WORDS_SIZE, "%s: %s", base, result->words);
  } else if (status < 500) {
    snprintf(words, WORDS_SIZE, "%s refuses the user or the password (%u)", base, status);
  } else {
    snprintf(words, WORDS_SIZE, "%s answers a login with %u", base, status);
  }
}

static void on_login(void *arg, const struct gw_fetch_result *result) {
  struct gw_nacos_client *client = arg;
  uint64_t now_ms = gw_loop_now_ms(client->loop);
  uint32_t status = result->is_good ? result->status : 0;
  client->login = NULL;
  read_login(client, result, status, client->login_words);
  if (client->login_words[0] == '\0') {
    client->token_number++;
    client->login_tries = 0;
  } else if (is_servers_fault(status) && ++client->login_tries < client->base_count) {
    client->current = (client->current + 1) % client->base_count;
    log_in(client);
  } else {
    GW_LOG_WARNING(client->log, "Nacos: %s", client->login_words);
    client->login_tries = 0;
    client->login_not_before_ms = now_ms + (is_servers_fault(status) ? LOGIN_RETRY_MS : LOGIN_PAUSE_MS);
    if (!gw_nacos_token_is_good(&client->token, now_ms)) fail_waiting(client);
  }
  gw_loop_at_turn_end(client->loop, &client->task);
}

static void log_in(struct gw_nacos_client *client) {
  struct gw_strbuf url, form;
  const char *headers[] = {"User-Agent: " AGENT};
  gw_strbuf_init(&url);
  gw_strbuf_init(&form);
  gw_strbuf_reserve(&form, (client->user.len + client->password.len) * 3 + 64);
  gw_nacos_append_param(&form, "username", client->user);
  gw_nacos_append_param(&form, "password", client->password);
  gw_strbuf_printf(&url, "%s/v1/auth/login", client->bases[client->current]);
  const struct gw_fetch_request request = {.url = url.data,
                                           .ca_file = client->ca_file,
                                           .timeout_ms = LOGIN_TIMEOUT_MS,
                                           .bytes_max = LOGIN_BYTES_MAX,
                                           .method = "POST",
                                           .body = gw_strbuf_str(&form),
                                           .headers = headers,
                                           .header_count = GW_ARRAY_LEN(headers),
                                           .takes_any_status = true};
  client->login = gw_fetch_start(client->fetcher, &request, on_login, client);
  gw_strbuf_done(&url);
  gw_strbuf_wipe(&form);
}

/* Whether calls may go now. A token that is due is renewed beside them. */
static bool has_token(struct gw_nacos_client *client) {
  uint64_t now_ms = gw_loop_now_ms(client->loop);
  if (client->user.len == 0) return true;
  bool is_good = gw_nacos_token_is_good(&client->token, now_ms);
  if (client->login == NULL && gw_nacos_token_is_due(&client->token, now_ms)) {
    if (now_ms >= client->login_not_before_ms)
      log_in(client);
    else if (!is_good)
      fail_waiting(client);
  }
  return is_good;
}

static void start_waiting(void *arg) {
  struct gw_nacos_client *client = arg;
  if (gw_list_is_empty(&client->waiting) || !has_token(client)) return;
  GW_LIST_FOR_EACH(node, &client->waiting) {
    struct gw_nacos_call *call = GW_LIST_ITEM(node, struct gw_nacos_call, node);
    if (call->request.is_long_poll || client->running_count < GW_NACOS_CALLS_MAX) start(call);
  }
}

/* ---- calls ---- */

struct gw_nacos_call *gw_nacos_client_call(struct gw_nacos_client *client, const struct gw_nacos_request *request, gw_nacos_answer_fn fn,
                                           void *arg) {
  struct gw_nacos_call *call = gw_calloc(1, sizeof(*call));
  *call = (struct gw_nacos_call){.client = client, .request = *request, .fn = fn, .arg = arg};
  call->request.query.data = gw_str_dup(request->query);
  call->request.form.data = request->form.data != NULL ? gw_str_dup(request->form) : NULL;
  call->request.header = request->header != NULL ? gw_strdup(request->header) : NULL;
  call->request.path = gw_strdup(request->path);
  gw_list_add_last(&client->waiting, &call->node);
  gw_loop_at_turn_end(client->loop, &client->task);
  return call;
}

void gw_nacos_call_cancel(struct gw_nacos_call *call) {
  if (call != NULL) call_free(call);
}

/* ---- life ---- */

static void warn_of_plaintext(const struct gw_nacos_client *client) {
  for (uint32_t i = 0; i < client->base_count; i++) {
    struct gw_str origin = gw_fetch_origin(gw_str_from(client->bases[i])), http = GW_STR("http://");
    if (client->user.len == 0 || !gw_str_has_prefix(origin, http)) continue;
    struct gw_str authority = gw_str_skip(origin, http.len);
    bool has_port = gw_uri_authority_host(authority).len < authority.len;
    char *target = gw_asprintf("%.*s%s", GW_STR_ARG(authority), has_port ? "" : ":80");
    if (!gw_address_is_loopback_target(gw_str_from(target)))
      GW_LOG_WARNING(client->log, "the password for %s travels in the clear; an https:// address in NACOS_SERVER_ADDRESSES hides it",
                     client->bases[i]);
    free(target);
  }
}

struct gw_nacos_client *gw_nacos_client_new(struct gw_loop *loop, struct gw_log *log, struct gw_fetcher *fetcher,
                                            const struct gw_settings *settings) {
  struct gw_nacos_client *client = gw_calloc(1, sizeof(*client));
  client->loop = loop;
  client->log = log;
  client->fetcher = fetcher;
  gw_arena_init(&client->arena, 1024);
  /* The settings were checked when they were read. */
  GW_ASSERT(gw_nacos_servers_parse(gw_str_from(settings->nacos_servers), &client->arena, client->bases, &client->base_count) == GW_OK);
  if (client->base_count == 0) client->bases[client->base_count++] = "http://127.0.0.1:8848/nacos";
  client->ca_file = gw_arena_strdup(&client->arena, settings->nacos_ca_file[0] != '\0' ? settings->nacos_ca_file : settings->ca_file);
  client->user = gw_arena_copy(&client->arena, gw_str_from(settings->nacos_user));
  client->password = gw_arena_copy(&client->arena, gw_str_from(settings->nacos_password));
  gw_list_init(&client->waiting);
  gw_list_init(&client->running);
  gw_task_init(&client->task, start_waiting, client);
  warn_of_plaintext(client);
  return client;
}

void gw_nacos_client_free(struct gw_nacos_client *client) {
  if (client == NULL) return;
  GW_ASSERT(gw_list_is_empty(&client->waiting) && gw_list_is_empty(&client->running));
  gw_fetch_cancel(client->login);
  gw_task_cancel(&client->task);
  gw_nacos_token_drop(&client->token);
  gw_arena_wipe(&client->arena);
  gw_arena_done(&client->arena);
  free(client);
}

const char *gw_nacos_client_describe(const struct gw_nacos_client *client) {
  return client->bases[client->current];
}
