#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/list.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/event/timer.h"
#include "controlplane/discovery/consul_client.h"
#include "controlplane/discovery/consul_health.h"
#include "controlplane/discovery/source.h"

/* Consul (HTTP API v1): a blocking query a service, and one for a key of the KV store. Each answer carries an index; the next query waits
 * until there is a newer one. Consul's rules for it: begin with none, begin anew when it goes back, and after every failure. */

/* Consul adds up to a sixteenth. What it does not answer in time is lost: it was stopped, or the connection was. */
#define WAIT_S 30u
/* With more services than queries that may be open at a time, they take turns. */
#define TURN_WAIT_S 1u
#define ANSWER_S 5u
/* An index that moves without end (it is shared by what Consul keeps together) is not followed faster. */
#define GAP_MS 20u
#define RETRY_MIN_MS 250u
#define RETRY_MAX_MS 5000u
#define TEXT_BYTES_MAX ((size_t)4 * 1024 * 1024)

struct consul {
  struct gw_loop *loop;
  struct gw_consul_client *client;
  char *datacenter;
  uint32_t max_queries;
  struct gw_random random;
  uint32_t watch_count;
  uint32_t open_count;   /* queries */
  struct gw_list queue;  /* watches that wait for their turn, in that order */
  struct gw_list asking; /* whose query is open */
};

struct watch {
  struct gw_list node; /* of queue or asking; in neither: the timer runs */
  struct consul *consul;
  const struct gw_source_spec *spec; /* NULL: it is a key's */
  struct gw_str key;
  struct gw_report *report;
  struct gw_fetch *fetch;
  struct gw_timer timer;
  uint64_t index;
  uint64_t asked_ms;
  uint64_t retry_ms;
};

static void ask_those_who_may(struct consul *consul);

/* ---- a query ---- */

static bool is_taking_turns(const struct consul *consul) {
  return consul->watch_count > consul->max_queries;
}

/* A key's slashes are its own. */
static void append_path(struct gw_strbuf *url, struct gw_str path) {
  struct gw_str segment;
  for (bool is_first = true; gw_str_split_next(&path, '/', &segment); is_first = false) {
    if (!is_first) gw_strbuf_append_char(url, '/');
    gw_fetch_append_encoded(url, segment);
  }
}

static void append_argument(struct gw_strbuf *url, const char *name, struct gw_str value) {
  if (value.len == 0) return;
  gw_strbuf_printf(url, "&%s=", name);
  gw_fetch_append_encoded(url, value);
}

static bool takes_warnings(const struct watch *watch) {
  return gw_str_equal(gw_source_spec_text(watch->spec, "include_warning", GW_STR("false")), GW_STR("true"));
}

static char *make_path(const struct watch *watch) {
  const struct consul *consul = watch->consul;
  struct gw_str datacenter = gw_str_from(consul->datacenter);
  struct gw_strbuf url;
  gw_strbuf_init(&url);
  gw_strbuf_printf(&url, "/v1/%s/", watch->spec != NULL ? "health/service" : "kv");
  append_path(&url, watch->spec != NULL ? gw_source_spec_text(watch->spec, "service", watch->spec->service) : watch->key);
  gw_strbuf_printf(&url, "?wait=%us", is_taking_turns(consul) ? TURN_WAIT_S : WAIT_S);
  if (watch->index > 0) gw_strbuf_printf(&url, "&index=%" PRIu64, watch->index);
  if (watch->spec == NULL) {
    gw_strbuf_printf(&url, "&raw");
    append_argument(&url, "dc", datacenter);
    return gw_strbuf_take(&url);
  }
  if (!takes_warnings(watch)) gw_strbuf_printf(&url, "&passing=1");
  const struct gw_source_value *tags = gw_source_spec_find(watch->spec, "tags");
  for (uint32_t i = 0; tags != NULL && i < tags->count; i++)
    append_argument(&url, "tag", tags->texts[i]);
  append_argument(&url, "dc", gw_source_spec_text(watch->spec, "datacenter", datacenter));
  append_argument(&url, "ns", gw_source_spec_text(watch->spec, "namespace", (struct gw_str){"", 0}));
  return gw_strbuf_take(&url);
}

static void wait_for(struct watch *watch, uint64_t ms) {
  gw_timer_start(watch->consul->loop, &watch->timer, ms);
}

static void enqueue(struct watch *watch) {
  gw_timer_stop(&watch->timer);
  gw_list_add_last(&watch->consul->queue, &watch->node);
  ask_those_who_may(watch->consul);
}

static void on_timer(struct gw_timer *timer) {
  enqueue(GW_CONTAINER_OF(timer, struct watch, timer));
}

/* Watches that failed together don't come back together. */
static void fail(struct watch *watch, const char *words) {
  watch->index = 0;
  watch->retry_ms = watch->retry_ms == 0 ? RETRY_MIN_MS : watch->retry_ms * 2 < RETRY_MAX_MS ? watch->retry_ms * 2 : RETRY_MAX_MS;
  wait_for(watch, watch->retry_ms - gw_random_below(&watch->consul->random, watch->retry_ms / 4));
  gw_report_failure(watch->report, words);
}

static void take_index(struct watch *watch, const struct gw_fetch_result *result) {
  uint64_t index = 0;
  if (gw_str_parse_u64(gw_fetch_find_header(result, GW_STR("x-consul-index")), &index) != GW_OK || index < watch->index) index = 0;
  watch->index = index;
}

static bool take_instances(struct watch *watch, struct gw_str body) {
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  const struct gw_found_instance *instances;
  uint32_t count;
  bool is_good = gw_consul_health_parse(body, takes_warnings(watch), &arena, &instances, &count) == GW_OK;
  if (is_good) gw_report_instances(watch->report, instances, count);
  gw_arena_done(&arena);
  return is_good;
}

static const char *explain(const struct watch *watch, const struct gw_fetch_result *result, char *text, size_t size) {
  switch (result->status) {
  case 403: return "it answers 403: the token may not read this";
  case 429: return "it answers 429: too many connections; its http_max_conns_per_client is to be above CONSUL_MAX_QUERIES";
  case 500: return "it answers 500: it has no leader, or no such datacenter";
  default: break;
  }
  snprintf(text, size, "it answers %u%s", result->status, watch->spec == NULL && result->status == 404 ? ": there is no such key" : "");
  return text;
}

static void on_answer(void *arg, const struct gw_fetch_result *result) {
  struct watch *watch = arg;
  struct consul *consul = watch->consul;
  char text[64];
  watch->fetch = NULL;
  gw_list_remove(&watch->node);
  consul->open_count--;
  /* A key that is not there can be waited for like any other. */
  bool is_absent_key = result->is_good && watch->spec == NULL && result->status == 404;
  if (!result->is_good) {
    fail(watch, result->words);
  } else if (result->status != 200 && !is_absent_key) {
    fail(watch, explain(watch, result, text, sizeof(text)));
  } else if (watch->spec != NULL && !take_instances(watch, result->body)) {
    fail(watch, "what it says is no list of instances");
  } else {
    take_index(watch, result);
    watch->retry_ms = 0;
    if (is_absent_key)
      gw_report_failure(watch->report, explain(watch, result, text, sizeof(text)));
    else if (watch->spec == NULL)
      gw_report_text(watch->report, result->body);
    uint64_t took_ms = gw_loop_now_ms(consul->loop) - watch->asked_ms;
    if (took_ms < GAP_MS || watch->index == 0)
      wait_for(watch, watch->index == 0 ? RETRY_MIN_MS : GAP_MS - took_ms);
    else
      gw_list_add_last(&consul->queue, &watch->node);
  }
  ask_those_who_may(consul);
}

static void ask(struct watch *watch) {
  struct consul *consul = watch->consul;
  char *reason = NULL;
  GW_CLEANUP(gw_free_ptr) char *path = make_path(watch);
  uint32_t wait_s = is_taking_turns(consul) ? TURN_WAIT_S : WAIT_S;
  const struct gw_consul_call call = {.path = path,
                                      .timeout_ms = (wait_s + wait_s / 16 + ANSWER_S) * UINT64_C(1000),
                                      .bytes_max = watch->spec != NULL ? GW_CONSUL_BYTES_MAX : TEXT_BYTES_MAX};
  watch->asked_ms = gw_loop_now_ms(consul->loop);
  watch->fetch = gw_consul_client_call(consul->client, &call, on_answer, watch, &reason);
  if (watch->fetch == NULL) {
    fail(watch, reason);
    free(reason);
    return;
  }
  gw_list_add_last(&consul->asking, &watch->node);
  consul->open_count++;
}

static void ask_those_who_may(struct consul *consul) {
  while (consul->open_count < consul->max_queries && !gw_list_is_empty(&consul->queue)) {
    struct watch *watch = GW_LIST_ITEM(consul->queue.next, struct watch, node);
    gw_list_remove(&watch->node);
    ask(watch);
  }
}

/* ---- watches ---- */

/* Queries that wait for long would keep the others from their turns. */
static void begin_turns(struct consul *consul) {
  GW_LIST_FOR_EACH(node, &consul->asking) {
    struct watch *watch = GW_LIST_ITEM(node, struct watch, node);
    gw_fetch_cancel(watch->fetch);
    watch->fetch = NULL;
    gw_list_remove(&watch->node);
    consul->open_count--;
    gw_list_add_last(&consul->queue, &watch->node);
  }
}

static struct watch *watch_new(struct consul *consul, struct gw_report *report) {
  struct watch *watch = gw_calloc(1, sizeof(*watch));
  watch->consul = consul;
  watch->report = report;
  gw_timer_init(&watch->timer, on_timer);
  if (consul->watch_count++ == consul->max_queries) begin_turns(consul);
  return watch;
}

static void *watch_service(void *source, const struct gw_source_spec *spec, struct gw_report *report) {
  struct watch *watch = watch_new(source, report);
  watch->spec = spec;
  enqueue(watch);
  return watch;
}

static void *watch_text(void *source, struct gw_str name, struct gw_report *report) {
  struct watch *watch = watch_new(source, report);
  watch->key = name;
  enqueue(watch);
  return watch;
}

static void unwatch(void *arg) {
  struct watch *watch = arg;
  struct consul *consul = watch->consul;
  consul->watch_count--;
  if (watch->fetch != NULL) consul->open_count--;
  gw_fetch_cancel(watch->fetch);
  gw_timer_stop(&watch->timer);
  gw_list_remove(&watch->node);
  free(watch);
  ask_those_who_may(consul);
}

/* ---- life ---- */

static void *new_source(const struct gw_source_options *options) {
  const struct gw_settings *settings = options->settings;
  struct consul *consul = gw_calloc(1, sizeof(*consul));
  consul->loop = options->loop;
  consul->client = gw_consul_client_new(options->fetcher, settings);
  consul->datacenter = gw_strdup(settings->consul_datacenter);
  consul->max_queries = settings->consul_max_queries;
  gw_random_init(&consul->random, 0);
  gw_list_init(&consul->queue);
  gw_list_init(&consul->asking);
  gw_consul_client_warn(consul->client, options->log);
  return consul;
}

static void free_source(void *source) {
  struct consul *consul = source;
  gw_consul_client_free(consul->client);
  free(consul->datacenter);
  free(consul);
}

static const char *describe(const void *source) {
  return gw_consul_client_url(((const struct consul *)source)->client);
}

const struct gw_source_kind gw_source_consul = {
    .name = "consul",
    .settings =
        (const char *const[]){"CONSUL_HOST", "CONSUL_PORT", "CONSUL_SCHEME", "CONSUL_DATACENTER", "CONSUL_TOKEN", "CONSUL_TOKEN_FILE",
                              "CONSUL_CA_FILE", "CONSUL_CERT_FILE", "CONSUL_KEY_FILE", "CONSUL_MAX_QUERIES", "GATEWAY_CA_FILE", NULL},
    .new = new_source,
    .free = free_source,
    .watch = watch_service,
    .unwatch = unwatch,
    .watch_text = watch_text,
    .unwatch_text = unwatch,
    .describe = describe,
};
