/* Nacos as a discovery source: a list call for each service, again within cacheMillis, and at once when Nacos pushes word of a change. The
 * pushes come only to who has asked with a port in that time. */
#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/list.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/event/timer.h"
#include "controlplane/discovery/nacos_client.h"
#include "controlplane/discovery/nacos_config.h"
#include "controlplane/discovery/nacos_list.h"
#include "controlplane/discovery/nacos_push.h"
#include "controlplane/discovery/source.h"

#define LIST_TIMEOUT_MS 3000u
/* Pushes of one service ask for it no more often. */
#define PUSH_PAUSE_MS 100u
#define RETRY_MIN_MS 500u
#define RETRY_MAX_MS 8000u
#define RANDOM_SEED 0

struct nacos {
  struct gw_loop *loop;
  struct gw_log *log;
  struct gw_nacos_client *client;
  struct gw_list watches;
  struct gw_random random;
  struct gw_nacos_push *push; /* NULL: it is not known yet by which address Nacos reaches us, or it is not wanted */
  bool wants_push;
  bool is_v2;
  char *namespace;
  char *group;
};

struct watch {
  struct gw_list node;
  struct nacos *nacos;
  struct gw_report *report;
  struct gw_strbuf query; /* without the port */
  char *name;             /* "GROUP@@SERVICE" */
  struct gw_nacos_call *call;
  struct gw_timer timer;
  uint64_t asked_ms;
  uint64_t retry_ms;
  bool was_with_port; /* the call under way, or the last one */
  bool is_stale;      /* word of a change came since the call under way was made */
};

static void ask(struct watch *watch);

/* ---- pushes ---- */

/* Asks again soon; what is under way may be older than the change. */
static void ask_soon(struct watch *watch) {
  uint64_t since_ms = gw_loop_now_ms(watch->nacos->loop) - watch->asked_ms;
  if (watch->call != NULL)
    watch->is_stale = true;
  else
    gw_timer_start(watch->nacos->loop, &watch->timer, since_ms < PUSH_PAUSE_MS ? PUSH_PAUSE_MS - since_ms : 0);
}

static void on_push(void *arg, struct gw_str name) {
  struct nacos *nacos = arg;
  GW_LIST_FOR_EACH(node, &nacos->watches) {
    struct watch *watch = GW_LIST_ITEM(node, struct watch, node);
    if (name.len == 0 || gw_str_equal(name, gw_str_from(watch->name))) ask_soon(watch);
  }
}

static bool is_reached_by(const struct gw_nacos_push *push, struct gw_str ip) {
  char text[GW_ADDRESS_TEXT_SIZE];
  return push != NULL && gw_str_equal(gw_address_format_ip(gw_nacos_push_address(push), text), ip);
}

/* The socket for pushes is on the address by which we reach Nacos, since it is what Nacos reaches us by. */
static void listen_for_pushes(struct nacos *nacos, struct gw_str local_ip) {
  struct gw_address local;
  if (!nacos->wants_push || is_reached_by(nacos->push, local_ip) || gw_address_parse_ip(local_ip, 0, &local) != GW_OK) return;
  gw_nacos_push_free(nacos->push);
  nacos->push = NULL;
  if (gw_nacos_push_new(nacos->loop, &local, on_push, nacos, &nacos->push) != GW_OK)
    GW_LOG_WARNING(nacos->log, "Nacos: no socket for its pushes on %.*s; changes are seen by asking only", GW_STR_ARG(local_ip));
}

/* ---- lists ---- */

static uint64_t jitter(struct nacos *nacos, uint64_t ms) {
  return ms - gw_random_below(&nacos->random, ms / 4 + 1);
}

static void on_failure(struct watch *watch, const char *words) {
  gw_report_failure(watch->report, words);
  watch->retry_ms = watch->retry_ms == 0 ? RETRY_MIN_MS : watch->retry_ms * 2;
  if (watch->retry_ms > RETRY_MAX_MS) watch->retry_ms = RETRY_MAX_MS;
  gw_timer_start(watch->nacos->loop, &watch->timer, jitter(watch->nacos, watch->retry_ms));
}

static void on_list(struct watch *watch, const struct gw_nacos_list *list, struct gw_str local_ip) {
  struct nacos *nacos = watch->nacos;
  watch->retry_ms = 0;
  gw_report_instances(watch->report, list->instances, list->count);
  listen_for_pushes(nacos, local_ip);
  if (watch->is_stale || (nacos->push != NULL && !watch->was_with_port)) {
    ask_soon(watch);
    return;
  }
  /* A fifth sooner than cacheMillis, or the subscription would have ended. */
  gw_timer_start(nacos->loop, &watch->timer, jitter(nacos, list->cache_ms / 5 * 4));
}

static void on_answer(void *arg, const struct gw_nacos_answer *answer) {
  struct watch *watch = arg;
  struct gw_nacos_list list;
  struct gw_arena arena;
  watch->call = NULL;
  if (!answer->is_good) {
    on_failure(watch, answer->words);
    return;
  }
  gw_arena_init(&arena, 16384);
  enum gw_err err = gw_nacos_list_parse(answer->body, &arena, &list);
  if (err == GW_OK)
    on_list(watch, &list, answer->local_ip);
  else
    on_failure(watch,
               err == GW_ERR_LIMIT ? "what Nacos says of it is more than can be taken" : "Nacos answers what is no list of instances");
  gw_arena_done(&arena);
}

static void append_port(const struct nacos *nacos, struct gw_strbuf *query) {
  const struct gw_address *address = gw_nacos_push_address(nacos->push);
  char text[GW_ADDRESS_TEXT_SIZE];
  gw_nacos_append_param(query, nacos->is_v2 ? "ip" : "clientIP", gw_address_format_ip(address, text));
  gw_strbuf_printf(query, "&%s=%u", nacos->is_v2 ? "port" : "udpPort", gw_address_port(address));
}

static void ask(struct watch *watch) {
  struct nacos *nacos = watch->nacos;
  struct gw_strbuf query;
  if (watch->call != NULL) return;
  gw_strbuf_init(&query);
  gw_strbuf_append_str(&query, gw_strbuf_str(&watch->query));
  watch->was_with_port = nacos->push != NULL;
  if (nacos->push != NULL) append_port(nacos, &query);
  const struct gw_nacos_request request = {.method = "GET",
                                           .path = nacos->is_v2 ? "/v2/ns/instance/list" : "/v1/ns/instance/list",
                                           .query = gw_strbuf_str(&query),
                                           .timeout_ms = LIST_TIMEOUT_MS,
                                           .bytes_max = GW_NACOS_LIST_BYTES_MAX};
  gw_timer_stop(&watch->timer);
  watch->is_stale = false;
  watch->asked_ms = gw_loop_now_ms(nacos->loop);
  watch->call = gw_nacos_client_call(nacos->client, &request, on_answer, watch);
  gw_strbuf_done(&query);
}

static void on_timer(struct gw_timer *timer) {
  ask(GW_CONTAINER_OF(timer, struct watch, timer));
}

/* ---- watches ---- */

static void append_clusters(struct watch *watch, const struct gw_source_value *clusters) {
  struct gw_strbuf names;
  if (clusters == NULL || clusters->count == 0) return;
  gw_strbuf_init(&names);
  for (uint32_t i = 0; i < clusters->count; i++)
    gw_strbuf_printf(&names, "%s%.*s", i > 0 ? "," : "", GW_STR_ARG(clusters->texts[i]));
  gw_nacos_append_param(&watch->query, watch->nacos->is_v2 ? "clusterName" : "clusters", gw_strbuf_str(&names));
  gw_strbuf_done(&names);
}

static void *nacos_watch(void *source, const struct gw_source_spec *spec, struct gw_report *report) {
  struct nacos *nacos = source;
  struct watch *watch = gw_calloc(1, sizeof(*watch));
  struct gw_str service = gw_source_spec_text(spec, "service", spec->service),
                group = gw_source_spec_text(spec, "group", gw_str_from(nacos->group)),
                namespace = gw_source_spec_text(spec, "namespace", gw_str_from(nacos->namespace));
  *watch = (struct watch){.nacos = nacos, .report = report};
  watch->name = gw_asprintf("%.*s@@%.*s", GW_STR_ARG(group), GW_STR_ARG(service));
  gw_strbuf_init(&watch->query);
  gw_nacos_append_param(&watch->query, "serviceName", service);
  gw_nacos_append_param(&watch->query, "groupName", group);
  if (namespace.len > 0) gw_nacos_append_param(&watch->query, "namespaceId", namespace);
  append_clusters(watch, gw_source_spec_find(spec, "clusters"));
  gw_timer_init(&watch->timer, on_timer);
  gw_list_add_last(&nacos->watches, &watch->node);
  ask(watch);
  return watch;
}

static void nacos_unwatch(void *arg) {
  struct watch *watch = arg;
  gw_list_remove(&watch->node);
  gw_timer_stop(&watch->timer);
  gw_nacos_call_cancel(watch->call);
  gw_strbuf_done(&watch->query);
  free(watch->name);
  free(watch);
}

static void *nacos_watch_text(void *source, struct gw_str name, struct gw_report *report) {
  struct nacos *nacos = source;
  return gw_nacos_config_watch(nacos->loop, nacos->client, name, gw_str_from(nacos->namespace), gw_str_from(nacos->group), report);
}

static void nacos_unwatch_text(void *watch) {
  gw_nacos_config_unwatch(watch);
}

/* ---- life ---- */

static void *nacos_new(const struct gw_source_options *options) {
  struct nacos *nacos = gw_calloc(1, sizeof(*nacos));
  const struct gw_settings *settings = options->settings;
  *nacos = (struct nacos){.loop = options->loop,
                          .log = options->log,
                          .client = gw_nacos_client_new(options->loop, options->log, options->fetcher, settings),
                          .wants_push = settings->has_nacos_push,
                          .is_v2 = strcmp(settings->nacos_api, "v2") == 0,
                          .namespace = gw_strdup(settings->nacos_namespace),
                          .group = gw_strdup(settings->nacos_group)};
  gw_random_init(&nacos->random, RANDOM_SEED);
  gw_list_init(&nacos->watches);
  return nacos;
}

static void nacos_free(void *source) {
  struct nacos *nacos = source;
  gw_nacos_push_free(nacos->push);
  gw_nacos_client_free(nacos->client);
  free(nacos->namespace);
  free(nacos->group);
  free(nacos);
}

static const char *nacos_describe(const void *source) {
  return gw_nacos_client_describe(((const struct nacos *)source)->client);
}

const struct gw_source_kind gw_source_nacos = {
    .name = "nacos",
    .settings = gw_nacos_client_settings,
    .new = nacos_new,
    .free = nacos_free,
    .watch = nacos_watch,
    .unwatch = nacos_unwatch,
    .watch_text = nacos_watch_text,
    .unwatch_text = nacos_unwatch_text,
    .describe = nacos_describe,
};
