/* Huawei Cloud's servers (ECS) as instances of services: those with a tag, or a name, that run, by an address of theirs. The cloud tells
 * nobody of changes: it is asked again and again. */
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/event/timer.h"
#include "controlplane/cloud/ecs.h"
#include "controlplane/discovery/source.h"

struct huawei_source {
  struct gw_loop *loop;
  struct gw_huawei *huawei; /* NULL: no credentials, which was told as a mistake of the settings */
  struct gw_random random;
  uint64_t refresh_ms;
  char *address;
};

struct huawei_watch {
  struct huawei_source *source;
  struct gw_report *report;
  struct gw_ecs_filter filter; /* borrowed from the spec */
  uint64_t port;
  bool is_floating;
  struct gw_ecs_list *list; /* under way; NULL */
  struct gw_timer timer;
};

static const char *const settings_names[] = {"GATEWAY_HUAWEI_REGION",
                                             "GATEWAY_HUAWEI_PROJECT_ID",
                                             "GATEWAY_HUAWEI_ACCESS_KEY",
                                             "GATEWAY_HUAWEI_SECRET_KEY",
                                             "GATEWAY_HUAWEI_SECURITY_TOKEN",
                                             "GATEWAY_HUAWEI_USER",
                                             "GATEWAY_HUAWEI_PASSWORD",
                                             "GATEWAY_HUAWEI_DOMAIN",
                                             "GATEWAY_HUAWEI_CREDENTIALS_FILE",
                                             "GATEWAY_HUAWEI_ECS_ENDPOINT",
                                             "GATEWAY_HUAWEI_IAM_ENDPOINT",
                                             "GATEWAY_HUAWEI_TIMEOUT",
                                             "GATEWAY_HUAWEI_REFRESH",
                                             "GATEWAY_CA_FILE",
                                             NULL};

static void *source_new(const struct gw_source_options *options) {
  struct huawei_source *source = gw_calloc(1, sizeof(*source));
  *source = (struct huawei_source){.loop = options->loop,
                                   .huawei = gw_huawei_clients_find(options->huawei, options->settings),
                                   .refresh_ms = options->settings->huawei_refresh_ms};
  gw_random_init(&source->random, 0);
  gw_huawei_hold(source->huawei);
  if (source->huawei != NULL) source->address = gw_str_dup(gw_huawei_ecs_endpoint(source->huawei));
  return source;
}

static void source_free(void *arg) {
  struct huawei_source *source = arg;
  gw_huawei_let_go(source->huawei);
  free(source->address);
  free(source);
}

static const char *describe(const void *source) {
  return ((const struct huawei_source *)source)->address;
}

/* ---- a service ---- */

static void on_servers(void *arg, const struct gw_ecs_servers *servers);

static void ask(struct huawei_watch *watch) {
  watch->list = gw_ecs_list_start(watch->source->huawei, &watch->filter, on_servers, watch);
}

static void on_timer(struct gw_timer *timer) {
  ask(GW_CONTAINER_OF(timer, struct huawei_watch, timer));
}

/* A tenth of it is chance: services don't ask all at once. */
static uint64_t pause_ms(struct huawei_source *source) {
  uint64_t tenth = source->refresh_ms / 10;
  return source->refresh_ms - tenth / 2 + gw_random_below(&source->random, tenth + 1);
}

static void on_servers(void *arg, const struct gw_ecs_servers *servers) {
  struct huawei_watch *watch = arg;
  watch->list = NULL;
  gw_timer_start(watch->source->loop, &watch->timer, pause_ms(watch->source));
  if (servers->err != GW_OK) {
    gw_report_failure(watch->report, servers->words);
    return;
  }
  struct gw_found_instance *instances = gw_calloc(servers->count + 1, sizeof(*instances));
  uint32_t count = 0;
  for (uint32_t i = 0; i < servers->count; i++) {
    const struct gw_ecs_address *address = gw_ecs_find_address(&servers->items[i], watch->is_floating);
    if (address != NULL) instances[count++] = (struct gw_found_instance){.address = address->ip, .port = watch->port, .weight = 1};
  }
  gw_report_instances(watch->report, instances, count);
  free(instances);
}

static void *watch_service(void *arg, const struct gw_source_spec *spec, struct gw_report *report) {
  struct huawei_watch *watch = gw_calloc(1, sizeof(*watch));
  *watch = (struct huawei_watch){.source = arg,
                                 .report = report,
                                 .filter = {.name = gw_source_spec_text(spec, "name", GW_STR("")),
                                            .tag = gw_source_spec_text(spec, "tag", GW_STR("")),
                                            .status = GW_STR("ACTIVE")},
                                 .is_floating = gw_str_equal(gw_source_spec_text(spec, "address", GW_STR("fixed")), GW_STR("floating"))};
  gw_str_parse_u64(gw_source_spec_text(spec, "port", GW_STR("")), &watch->port);
  gw_timer_init(&watch->timer, on_timer);
  if (watch->source->huawei != NULL) ask(watch);
  return watch;
}

static void unwatch_service(void *arg) {
  struct huawei_watch *watch = arg;
  gw_ecs_list_cancel(watch->list);
  gw_timer_stop(&watch->timer);
  free(watch);
}

const struct gw_source_kind gw_source_huawei = {.name = "huawei",
                                                .settings = settings_names,
                                                .new = source_new,
                                                .free = source_free,
                                                .watch = watch_service,
                                                .unwatch = unwatch_service,
                                                .describe = describe};
