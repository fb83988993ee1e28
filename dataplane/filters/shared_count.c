#include "dataplane/filters/shared_count.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/event/timer.h"
#include "common/redis/client.h"

#define OUTSTANDING_MAX 4096u
#define UNUSED_MS 60000u
#define ARGUMENTS 3u /* of a bucket */
#define NUMBER_SIZE 32u

/* For each bucket: the interval from token to token in microseconds, the burst, and what was taken elsewhere, in thousandths of tokens. Of
 * a bucket only the moment is kept at which it will be full; the key goes when it is. All have a token, or none loses one. */
static const char script[] =
    "if redis.replicate_commands then redis.replicate_commands() end\n"
    "local time = redis.call('TIME')\n"
    "local now = time[1] * 1000000 + time[2]\n"
    "local full, interval, refused = {}, {}, 0\n"
    "for i = 1, #KEYS do\n"
    "  local burst, used = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])\n"
    "  interval[i] = tonumber(ARGV[3 * i - 2])\n"
    "  local at = tonumber(redis.call('GET', KEYS[i]) or 0) or 0\n"
    "  at = math.max(at, now) + interval[i] * used / 1000\n"
    "  full[i] = math.min(at, now + interval[i] * burst)\n"
    "  if refused == 0 and full[i] + interval[i] > now + interval[i] * burst + 0.5 then refused = i end\n"
    "end\n"
    "local answer = {refused}\n"
    "for i = 1, #KEYS do\n"
    "  if refused == 0 then full[i] = full[i] + interval[i] end\n"
    "  if refused == 0 or tonumber(ARGV[3 * i]) > 0 then\n"
    "    redis.call('SET', KEYS[i], string.format('%.3f', full[i]), 'PX', math.ceil((full[i] - now) / 1000) + 1000)\n"
    "  end\n"
    "  answer[i + 1] = math.floor((full[i] - now) * 1000 / interval[i] + 0.5)\n"
    "end\n"
    "return answer\n";

struct server {
  struct gw_list node;
  char *identity;
  struct gw_redis *redis;
  uint64_t used_ms;
};

struct gw_shared_counts {
  struct gw_pipeline *pipeline;
  struct gw_list servers;
  struct gw_timer sweep;
};

struct gw_shared_count {
  struct gw_redis *redis;
  gw_shared_count_fn fn; /* NULL: nobody waits any more */
  void *arg;
  struct gw_pipeline *pipeline;
  uint64_t asked_us;
  bool has_text; /* sent with the script's text */
  uint32_t bucket_count;
  char *text; /* all words, one behind the other */
  struct gw_str words[GW_RATE_LIMIT_MATCHES_MAX * (1 + ARGUMENTS)];
};

/* ---- servers ---- */

static void server_free(struct server *server) {
  gw_list_remove(&server->node);
  gw_redis_free(server->redis);
  explicit_bzero(server->identity, strlen(server->identity));
  free(server->identity);
  free(server);
}

static void on_sweep(struct gw_timer *timer) {
  struct gw_shared_counts *counts = GW_CONTAINER_OF(timer, struct gw_shared_counts, sweep);
  uint64_t now_ms = gw_loop_now_ms(counts->pipeline->loop);
  GW_LIST_FOR_EACH(node, &counts->servers) {
    struct server *server = GW_LIST_ITEM(node, struct server, node);
    if (now_ms - server->used_ms >= UNUSED_MS) server_free(server);
  }
  if (!gw_list_is_empty(&counts->servers)) gw_timer_start(counts->pipeline->loop, &counts->sweep, UNUSED_MS / 4);
}

static struct server *get_server(struct gw_shared_counts *counts, const struct gw_shared_server *wanted) {
  struct gw_pipeline *pipeline = counts->pipeline;
  GW_LIST_FOR_EACH(node, &counts->servers) {
    struct server *server = GW_LIST_ITEM(node, struct server, node);
    if (gw_str_equal(gw_str_from(server->identity), wanted->identity)) return server;
  }
  const struct gw_rate_limit_redis *model = wanted->model;
  const struct gw_redis_options options = {
      .loop = pipeline->loop,
      .log = pipeline->options.log, /* each worker tells of its own connection: the others may have none */
      .host = model->host,
      .port = model->port,
      .database = model->database,
      .user = model->user,
      .password = wanted->password,
      .timeout_ms = model->timeout_ms,
      .max_outstanding = OUTSTANDING_MAX,
      .script = script,
  };
  struct server *server = gw_calloc(1, sizeof(*server));
  server->identity = gw_str_dup(wanted->identity);
  server->redis = gw_redis_new(&options);
  gw_list_add_first(&counts->servers, &server->node);
  if (!gw_timer_is_running(&counts->sweep)) gw_timer_start(pipeline->loop, &counts->sweep, UNUSED_MS / 4);
  return server;
}

struct gw_shared_counts *gw_shared_counts_new(struct gw_pipeline *pipeline) {
  struct gw_shared_counts *counts = gw_calloc(1, sizeof(*counts));
  counts->pipeline = pipeline;
  gw_list_init(&counts->servers);
  gw_timer_init(&counts->sweep, on_sweep);
  return counts;
}

void gw_shared_counts_free(struct gw_shared_counts *counts) {
  if (counts == NULL) return;
  gw_timer_stop(&counts->sweep);
  GW_LIST_FOR_EACH(node, &counts->servers)
  server_free(GW_LIST_ITEM(node, struct server, node));
  free(counts);
}

/* ---- questions ---- */

static void count_free(struct gw_shared_count *count) {
  free(count->text);
  free(count);
}

static void finish(struct gw_shared_count *count, const struct gw_shared_answer *answer) {
  struct gw_stats *stats = count->pipeline->stats;
  if (answer != NULL) {
    gw_histogram_add(&stats->redis_times, gw_loop_now_us(count->pipeline->loop) - count->asked_us);
  } else {
    stats->redis_failures_total++;
  }
  if (count->fn != NULL) count->fn(count->arg, answer);
  count_free(count);
}

static void on_reply(void *arg, const struct gw_redis_reply *reply);

static bool send_count(struct gw_shared_count *count) {
  uint32_t keys = count->bucket_count;
  return gw_redis_ask_script(count->redis, count->has_text, count->words, keys, keys * (1 + ARGUMENTS), on_reply, count);
}

static void on_reply(void *arg, const struct gw_redis_reply *reply) {
  struct gw_shared_count *count = arg;
  int64_t values[1 + GW_RATE_LIMIT_MATCHES_MAX];
  if (reply != NULL && !count->has_text && gw_str_has_prefix(gw_redis_reply_error(reply), GW_STR("NOSCRIPT"))) {
    count->has_text = true; /* the server was emptied, or is another one */
    if (!send_count(count)) finish(count, NULL);
    return;
  }
  if (reply == NULL || gw_redis_reply_integers(reply, values, GW_ARRAY_LEN(values)) != count->bucket_count + 1) {
    finish(count, NULL);
    return;
  }
  struct gw_shared_answer answer = {.refused = values[0] > 0 ? (uint32_t)values[0] - 1 : UINT32_MAX, .count = count->bucket_count};
  memcpy(answer.used, values + 1, count->bucket_count * sizeof(*values));
  finish(count, &answer);
}

/* Keys first, then the arguments of all. */
static void write_words(struct gw_shared_count *count, struct gw_str prefix, const struct gw_shared_bucket *buckets) {
  uint32_t keys = count->bucket_count;
  size_t room = keys * (prefix.len + GW_SHARED_ID_SIZE + (size_t)ARGUMENTS * NUMBER_SIZE);
  char *at = count->text = gw_malloc(room);
  for (uint32_t i = 0; i < keys; i++) {
    const struct gw_shared_bucket *bucket = &buckets[i];
    struct gw_str *arguments = &count->words[keys + i * ARGUMENTS];
    int len = snprintf(at, prefix.len + GW_SHARED_ID_SIZE, "%.*s%s", GW_STR_ARG(prefix), bucket->id);
    count->words[i] = (struct gw_str){at, (size_t)len};
    at += len;
    len = snprintf(at, NUMBER_SIZE, "%.6f", (double)bucket->per_ms * 1000 / bucket->requests);
    arguments[0] = (struct gw_str){at, (size_t)len};
    at += len;
    len = snprintf(at, NUMBER_SIZE, "%u", bucket->burst);
    arguments[1] = (struct gw_str){at, (size_t)len};
    at += len;
    len = snprintf(at, NUMBER_SIZE, "%" PRIu64, bucket->taken_elsewhere);
    arguments[2] = (struct gw_str){at, (size_t)len};
    at += len;
  }
}

struct gw_shared_count *gw_shared_count_ask(struct gw_shared_counts *counts, const struct gw_shared_server *wanted,
                                            const struct gw_shared_bucket *buckets, uint32_t count, gw_shared_count_fn fn, void *arg) {
  struct server *server = get_server(counts, wanted);
  server->used_ms = gw_loop_now_ms(counts->pipeline->loop);
  if (!gw_redis_may_ask(server->redis)) return NULL;
  struct gw_shared_count *own = gw_malloc(sizeof(*own));
  own->redis = server->redis;
  own->fn = fn;
  own->arg = arg;
  own->pipeline = counts->pipeline;
  own->asked_us = gw_loop_now_us(counts->pipeline->loop);
  own->has_text = false;
  own->bucket_count = count;
  write_words(own, wanted->model->prefix, buckets);
  if (send_count(own)) return own;
  count_free(own);
  return NULL;
}

void gw_shared_count_cancel(struct gw_shared_count *count) {
  if (count != NULL) count->fn = NULL;
}
