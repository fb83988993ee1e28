#include "common/redis/client.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/event/timer.h"
#include "common/net/resolver.h"

#define CONNECT_MS 1000u /* until the server has said who it is */
#define BACKOFF_BASE_MS 50u
#define BACKOFF_MAX_MS 2000u
#define TROUBLE_SIZE 192
#define SHA_SIZE 41

enum state {
  WAITING,    /* for the next try */
  CONNECTING, /* or resolving, or saying who we are */
  READY,
};

/* A question under way, first in, first out. */
struct ask {
  struct gw_list node;
  struct gw_redis *redis;
  uint64_t deadline_ms;
  gw_redis_fn fn;
  void *arg;
};

struct gw_redis {
  struct gw_redis_options options;
  char *host;
  char *user;
  char *password;
  struct gw_resolver *resolver; /* of a name; NULL: an address */
  struct gw_resolver_query *query;
  enum state state;
  bool is_first_try;
  bool is_connected;
  bool is_closing;
  redisAsyncContext *context; /* NULL: no connection */
  struct gw_io *io;
  unsigned interest;
  bool is_flushing;
  struct gw_task flush;
  struct gw_timer timer; /* the next try, or the oldest question's deadline */
  struct gw_list asks;
  uint32_t ask_count;
  uint64_t ping_ms;
  uint32_t failures; /* in a row */
  struct gw_random random;
  char trouble[TROUBLE_SIZE];
  char sha[SHA_SIZE]; /* of the script, as the server calls it; empty: it has not said so */
  uint64_t connections_total;
  uint64_t failures_total;
};

static void connect_now(struct gw_redis *redis);

static uint64_t now_ms(const struct gw_redis *redis) {
  return gw_loop_now_ms(redis->options.loop);
}

/* ---- hiredis and the loop ---- */

static void update_io(struct gw_redis *redis, unsigned interest) {
  redis->interest = interest;
  if (redis->io != NULL) gw_io_set(redis->io, interest);
}

static void on_add_read(void *arg) {
  struct gw_redis *redis = arg;
  update_io(redis, redis->interest | GW_IO_READ);
}

static void on_del_read(void *arg) {
  struct gw_redis *redis = arg;
  update_io(redis, redis->interest & ~GW_IO_READ);
}

/* What is asked in one turn goes out in one send, at its end; only what the socket did not take waits for it. */
static void on_add_write(void *arg) {
  struct gw_redis *redis = arg;
  if (redis->is_connected && !redis->is_flushing) {
    gw_loop_at_turn_end(redis->options.loop, &redis->flush);
  } else {
    update_io(redis, redis->interest | GW_IO_WRITE);
  }
}

static void on_del_write(void *arg) {
  struct gw_redis *redis = arg;
  update_io(redis, redis->interest & ~GW_IO_WRITE);
}

static void on_cleanup(void *arg) {
  struct gw_redis *redis = arg;
  gw_task_cancel(&redis->flush);
  gw_io_free(redis->io);
  redis->io = NULL;
  redis->interest = 0;
}

static void flush(void *arg) {
  struct gw_redis *redis = arg;
  if (redis->context == NULL) return;
  redis->is_flushing = true;
  redisAsyncHandleWrite(redis->context);
  redis->is_flushing = false;
}

static void on_io(void *arg, unsigned ready) {
  struct gw_redis *redis = arg;
  redisAsyncContext *context = redis->context;
  if ((ready & GW_IO_WRITE) != 0) flush(redis);
  if ((ready & GW_IO_READ) != 0 && redis->context == context && context != NULL) redisAsyncHandleRead(context);
}

/* ---- failure ---- */

/* The nearest deadline. While we say who we are questions have less time than what went before them; else the first one's is it. */
static uint64_t nearest_deadline(const struct gw_redis *redis) {
  uint64_t nearest = UINT64_MAX;
  GW_LIST_FOR_EACH(node, &redis->asks) {
    const struct ask *ask = GW_LIST_ITEM(node, struct ask, node);
    if (ask->deadline_ms < nearest) nearest = ask->deadline_ms;
    if (redis->state == READY) break;
  }
  return nearest;
}

static void watch(struct gw_redis *redis) {
  if (redis->state == WAITING) return;
  gw_timer_stop(&redis->timer);
  if (gw_list_is_empty(&redis->asks)) return;
  uint64_t nearest = nearest_deadline(redis), now = now_ms(redis);
  gw_timer_start(redis->options.loop, &redis->timer, nearest > now ? nearest - now : 0);
}

static void say_trouble(struct gw_redis *redis, const char *trouble) {
  bool is_news = strcmp(redis->trouble, trouble) != 0;
  snprintf(redis->trouble, sizeof(redis->trouble), "%s", trouble);
  if (is_news && redis->options.log != NULL)
    GW_LOG_WARNING(redis->options.log, "Redis %s:%u: %s", redis->host, redis->options.port, redis->trouble);
}

static void retry_later(struct gw_redis *redis, const char *trouble) {
  if (redis->is_closing || redis->state == WAITING) return;
  uint64_t most = BACKOFF_MAX_MS;
  if (redis->failures < 5) most = (uint64_t)BACKOFF_BASE_MS << redis->failures;
  redis->failures++;
  redis->failures_total++;
  redis->state = WAITING;
  redis->is_first_try = false;
  redis->is_connected = false;
  say_trouble(redis, trouble);
  gw_timer_start(redis->options.loop, &redis->timer, 1 + gw_random_below(&redis->random, most));
}

/* All who wait are told. */
static void give_up(struct gw_redis *redis, const char *trouble) {
  redisAsyncContext *context = redis->context;
  retry_later(redis, trouble);
  redis->context = NULL;
  if (context != NULL) redisAsyncFree(context);
}

static void on_disconnect(const redisAsyncContext *context, int status) {
  struct gw_redis *redis = context->data;
  if (redis->context != context) return;
  redis->context = NULL;
  retry_later(redis, status != REDIS_OK && context->errstr != NULL ? context->errstr : "the connection was closed");
}

/* ---- questions ---- */

static void on_reply(redisAsyncContext *context, void *reply, void *arg) {
  (void)context;
  struct ask *ask = arg;
  struct gw_redis *redis = ask->redis;
  gw_redis_fn fn = ask->fn;
  void *fn_arg = ask->arg;
  gw_list_remove(&ask->node);
  redis->ask_count--;
  free(ask);
  fn(fn_arg, reply);
  if (gw_list_is_empty(&redis->asks) && redis->state != WAITING) gw_timer_stop(&redis->timer);
}

static bool send_words(struct gw_redis *redis, const struct gw_str *words, uint32_t count, uint64_t timeout_ms, gw_redis_fn fn, void *arg) {
  const char *texts[GW_REDIS_WORDS_MAX];
  size_t lens[GW_REDIS_WORDS_MAX];
  GW_ASSERT(count <= GW_REDIS_WORDS_MAX);
  for (uint32_t i = 0; i < count; i++) {
    texts[i] = words[i].data != NULL ? words[i].data : "";
    lens[i] = words[i].len;
  }
  struct ask *ask = gw_malloc(sizeof(*ask));
  *ask = (struct ask){.redis = redis, .deadline_ms = now_ms(redis) + timeout_ms, .fn = fn, .arg = arg};
  if (redisAsyncCommandArgv(redis->context, on_reply, ask, (int)count, texts, lens) != REDIS_OK) {
    free(ask);
    return false;
  }
  gw_list_add_last(&redis->asks, &ask->node);
  redis->ask_count++;
  if (!gw_timer_is_running(&redis->timer) || ask->deadline_ms < redis->timer.expires_ms)
    gw_timer_start(redis->options.loop, &redis->timer, timeout_ms);
  return true;
}

bool gw_redis_may_ask(const struct gw_redis *redis) {
  if (redis->context == NULL || redis->ask_count >= redis->options.max_outstanding) return false;
  return redis->state == READY || (redis->state == CONNECTING && redis->is_first_try);
}

bool gw_redis_ask(struct gw_redis *redis, const struct gw_str *words, uint32_t count, gw_redis_fn fn, void *arg) {
  return gw_redis_may_ask(redis) && send_words(redis, words, count, redis->options.timeout_ms, fn, arg);
}

bool gw_redis_ask_script(struct gw_redis *redis, bool with_text, const struct gw_str *words, uint32_t key_count, uint32_t count,
                         gw_redis_fn fn, void *arg) {
  struct gw_str all[GW_REDIS_WORDS_MAX];
  char keys[16];
  GW_ASSERT(count + 3 <= GW_REDIS_WORDS_MAX && redis->options.script != NULL);
  with_text = with_text || redis->sha[0] == '\0';
  snprintf(keys, sizeof(keys), "%u", key_count);
  all[0] = with_text ? GW_STR("EVAL") : GW_STR("EVALSHA");
  all[1] = gw_str_from(with_text ? redis->options.script : redis->sha);
  all[2] = gw_str_from(keys);
  memcpy(all + 3, words, count * sizeof(*words));
  return gw_redis_ask(redis, all, count + 3, fn, arg);
}

struct gw_str gw_redis_reply_error(const struct gw_redis_reply *reply) {
  const redisReply *own = (const redisReply *)reply;
  return own->type == REDIS_REPLY_ERROR ? (struct gw_str){own->str, own->len} : (struct gw_str){0};
}

uint32_t gw_redis_reply_integers(const struct gw_redis_reply *reply, int64_t *ret_values, uint32_t max) {
  const redisReply *own = (const redisReply *)reply;
  if (own->type != REDIS_REPLY_ARRAY) return 0;
  for (size_t i = 0; i < own->elements; i++) {
    if (own->element[i]->type != REDIS_REPLY_INTEGER) return 0;
    if (i < max) ret_values[i] = own->element[i]->integer;
  }
  return (uint32_t)own->elements;
}

/* ---- who is there ---- */

static void on_pong(void *arg, const struct gw_redis_reply *reply) {
  struct gw_redis *redis = arg;
  if (reply == NULL || redis->state != CONNECTING) return;
  if (now_ms(redis) - redis->ping_ms > redis->options.timeout_ms) {
    give_up(redis, "it answers too slowly");
    return;
  }
  bool was_away = redis->trouble[0] != '\0';
  redis->state = READY;
  redis->is_first_try = false;
  redis->failures = 0;
  redis->trouble[0] = '\0';
  if (redis->options.log != NULL)
    GW_LOG_INFO(redis->options.log, "Redis %s:%u %s", redis->host, redis->options.port, was_away ? "answers again" : "answers");
}

/* One server is what we can count on: in a cluster keys lie elsewhere, and a sentinel has none. */
static void on_info(void *arg, const struct gw_redis_reply *reply) {
  struct gw_redis *redis = arg;
  if (reply == NULL || redis->state != CONNECTING) return;
  const redisReply *own = (const redisReply *)reply;
  const char *mode = own->type == REDIS_REPLY_STRING ? strstr(own->str, "redis_mode:") : NULL;
  if (mode != NULL && strncmp(mode + 11, "cluster", 7) == 0) {
    give_up(redis, "it is part of a cluster, which is not supported; a single server is needed");
    return;
  }
  if (mode != NULL && strncmp(mode + 11, "sentinel", 8) == 0) {
    give_up(redis, "it is a sentinel, which is not supported; a single server is needed");
    return;
  }
  if (own->type == REDIS_REPLY_ERROR && strncmp(own->str, "NOAUTH", 6) == 0) {
    give_up(redis, "it wants a password (REDIS_PASSWORD)");
    return;
  }
  redis->ping_ms = now_ms(redis);
  const struct gw_str ping = GW_STR("PING");
  send_words(redis, &ping, 1, CONNECT_MS, on_pong, redis);
}

/* Who may not load scripts may still run them. */
static void on_script(void *arg, const struct gw_redis_reply *reply) {
  struct gw_redis *redis = arg;
  const redisReply *own = (const redisReply *)reply;
  if (reply == NULL || own->type != REDIS_REPLY_STRING || own->len >= SHA_SIZE) return;
  memcpy(redis->sha, own->str, own->len + 1);
}

/* AUTH and SELECT: nothing of what they answer is ours to say but that it was no. */
static void on_login(void *arg, const struct gw_redis_reply *reply) {
  struct gw_redis *redis = arg;
  if (reply == NULL || redis->state != CONNECTING) return;
  struct gw_str error = gw_redis_reply_error(reply);
  if (error.len == 0) return;
  bool is_select = gw_str_has_prefix(error, GW_STR("ERR DB")) || gw_str_has_prefix(error, GW_STR("ERR invalid DB"));
  give_up(redis, is_select ? "it does not have that database (GATEWAY_REDIS_DATABASE)" : "it refuses user or password");
}

/* All at once, before any question. */
static void introduce(struct gw_redis *redis) {
  char database[16];
  snprintf(database, sizeof(database), "%u", redis->options.database);
  const struct gw_str auth[] = {GW_STR("AUTH"), gw_str_from(redis->user), gw_str_from(redis->password)};
  const struct gw_str auth_default[] = {GW_STR("AUTH"), gw_str_from(redis->password)};
  const struct gw_str select[] = {GW_STR("SELECT"), gw_str_from(database)};
  const struct gw_str info[] = {GW_STR("INFO"), GW_STR("server")};
  if (redis->password[0] != '\0' && redis->user[0] != '\0') send_words(redis, auth, 3, CONNECT_MS, on_login, redis);
  if (redis->password[0] != '\0' && redis->user[0] == '\0') send_words(redis, auth_default, 2, CONNECT_MS, on_login, redis);
  if (redis->options.database != 0) send_words(redis, select, 2, CONNECT_MS, on_login, redis);
  redis->sha[0] = '\0';
  const struct gw_str load[] = {GW_STR("SCRIPT"), GW_STR("LOAD"), gw_str_from(redis->options.script)};
  if (redis->options.script != NULL) send_words(redis, load, 3, CONNECT_MS, on_script, redis);
  send_words(redis, info, 2, CONNECT_MS, on_info, redis);
}

/* ---- connecting ---- */

static void on_connect(const redisAsyncContext *context, int status) {
  struct gw_redis *redis = context->data;
  if (redis->context != context) return;
  if (status != REDIS_OK) {
    /* hiredis frees it. */
    char trouble[TROUBLE_SIZE];
    snprintf(trouble, sizeof(trouble), "no connection: %s", context->errstr != NULL ? context->errstr : "?");
    redis->context = NULL;
    retry_later(redis, trouble);
    return;
  }
  redis->is_connected = true;
  redis->connections_total++;
}

static void connect_to(struct gw_redis *redis, const struct gw_address *address) {
  char ip[GW_ADDRESS_TEXT_SIZE];
  struct gw_str text = gw_address_format_ip(address, ip);
  ip[text.len] = '\0';
  redisAsyncContext *context = redisAsyncConnect(ip, redis->options.port);
  if (context == NULL || context->err != 0) {
    char trouble[TROUBLE_SIZE];
    snprintf(trouble, sizeof(trouble), "no connection: %s", context != NULL ? context->errstr : "out of memory");
    if (context != NULL) redisAsyncFree(context);
    retry_later(redis, trouble);
    return;
  }
  int on = 1;
  setsockopt(context->c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  redis->context = context;
  redis->is_connected = false;
  redis->io = gw_io_new(redis->options.loop, context->c.fd, on_io, redis);
  redis->interest = 0;
  context->data = redis;
  context->ev.data = redis;
  context->ev.addRead = on_add_read;
  context->ev.delRead = on_del_read;
  context->ev.addWrite = on_add_write;
  context->ev.delWrite = on_del_write;
  context->ev.cleanup = on_cleanup;
  redisAsyncSetConnectCallback(context, on_connect);
  redisAsyncSetDisconnectCallback(context, on_disconnect);
  introduce(redis);
}

static void on_resolved(void *arg, enum gw_err err, const struct gw_address *addresses, uint32_t count, const char *reason) {
  struct gw_redis *redis = arg;
  redis->query = NULL;
  if (err == GW_OK && count > 0) {
    connect_to(redis, &addresses[0]);
    return;
  }
  char trouble[TROUBLE_SIZE];
  snprintf(trouble, sizeof(trouble), "the name does not resolve: %s", reason);
  retry_later(redis, trouble);
}

static void connect_now(struct gw_redis *redis) {
  struct gw_address address;
  redis->state = CONNECTING;
  if (gw_address_parse_ip(gw_str_from(redis->host), redis->options.port, &address) == GW_OK) {
    connect_to(redis, &address);
    return;
  }
  if (redis->resolver == NULL) redis->resolver = gw_resolver_new(redis->options.loop, 1);
  redis->query = gw_resolver_resolve(redis->resolver, gw_str_from(redis->host), redis->options.port, on_resolved, redis);
}

/* An answer may lie there unread when it was us who were late. */
static void on_timer(struct gw_timer *timer) {
  struct gw_redis *redis = GW_CONTAINER_OF(timer, struct gw_redis, timer);
  if (redis->state == WAITING) {
    connect_now(redis);
    return;
  }
  redisAsyncContext *context = redis->context;
  if (context != NULL && redis->is_connected) redisAsyncHandleRead(context);
  if (redis->context == NULL || redis->context != context || gw_list_is_empty(&redis->asks)) return;
  if (now_ms(redis) < nearest_deadline(redis)) {
    watch(redis);
  } else {
    give_up(redis, redis->state == READY ? "it did not answer in time" : "it does not answer");
  }
}

/* ---- life ---- */

struct gw_redis *gw_redis_new(const struct gw_redis_options *options) {
  struct gw_redis *redis = gw_calloc(1, sizeof(*redis));
  redis->options = *options;
  redis->host = gw_str_dup(options->host);
  redis->user = gw_str_dup(options->user);
  redis->password = gw_str_dup(options->password);
  redis->is_first_try = true;
  gw_random_init(&redis->random, 0);
  gw_list_init(&redis->asks);
  gw_timer_init(&redis->timer, on_timer);
  gw_task_init(&redis->flush, flush, redis);
  connect_now(redis);
  return redis;
}

void gw_redis_free(struct gw_redis *redis) {
  if (redis == NULL) return;
  redisAsyncContext *context = redis->context;
  redis->is_closing = true;
  redis->context = NULL;
  if (redis->query != NULL) gw_resolver_cancel(redis->query);
  if (context != NULL) redisAsyncFree(context);
  gw_resolver_free(redis->resolver);
  gw_timer_stop(&redis->timer);
  explicit_bzero(redis->password, strlen(redis->password));
  free(redis->password);
  free(redis->host);
  free(redis->user);
  free(redis);
}

void gw_redis_get_status(const struct gw_redis *redis, struct gw_redis_status *ret_status) {
  *ret_status = (struct gw_redis_status){
      .is_ready = redis->state == READY,
      .trouble = redis->trouble,
      .connections_total = redis->connections_total,
      .failures_total = redis->failures_total,
  };
}
