/* gatewayctl node: what one data plane says of itself, and what it is told, over its agent session. */
#include <gateway/dataplane/v1/dataplane.pb-c.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "controlplane/ctl/admin_client.h"
#include "controlplane/ctl/ctl.h"
#include "controlplane/ctl/message_json.h"
#include "controlplane/ctl/table.h"
#include "controlplane/ctl/terminal_text.h"

/* One call: what is asked, and how the answer is shown to people. */
struct question {
  const char *method;
  const ProtobufCMessage *request;
  const ProtobufCMessageDescriptor *reply;
  void (*print)(const ProtobufCMessage *reply);
};

static int ask(const struct gw_ctl *ctl, struct gw_arena *arena, const struct question *question) {
  ProtobufCMessage *reply;
  int exit_code = gw_admin_client_ask_node(ctl, ctl->words[1], question->method, question->request, question->reply, arena, &reply);
  if (exit_code == GW_CTL_OK && ctl->is_json)
    gw_message_json_print(reply);
  else if (exit_code == GW_CTL_OK)
    question->print(reply);
  return exit_code;
}

/* What nodes say outside of tables. */
static void print_clean(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void print_clean(const char *format, ...) {
  struct gw_strbuf text = {0}, clean = {0};
  va_list args;
  va_start(args, format);
  gw_strbuf_vprintf(&text, format, args);
  va_end(args);
  gw_terminal_text_append(&clean, gw_strbuf_str(&text));
  gw_strbuf_append_char(&clean, '\n');
  fwrite(clean.data, 1, clean.len, stdout);
  gw_strbuf_done(&text);
  gw_strbuf_done(&clean);
}

/* ---- config ---- */

static void print_config(const ProtobufCMessage *reply) {
  static const char *const heads[] = {"TYPE", "NAME", "VERSION"};
  const Gateway__Dataplane__V1__GetConfigResponse *config = (const void *)reply;
  char age[GW_DURATION_TEXT_SIZE];
  print_clean("configuration %s from %s, for %s%s%s", config->snapshot_version[0] != '\0' ? config->snapshot_version : "none",
              config->source[0] != '\0' ? config->source : "nowhere", gw_duration_format(config->age_ms, age),
              config->ready ? "" : ", not ready", config->draining ? ", draining" : "");
  struct gw_table table;
  gw_table_init(&table, heads, 3);
  for (size_t i = 0; i < config->n_resources; i++) {
    const char *dot = strrchr(config->resources[i]->type_url, '.');
    gw_table_add(&table, dot != NULL ? dot + 1 : config->resources[i]->type_url);
    gw_table_add(&table, config->resources[i]->name);
    gw_table_add(&table, config->resources[i]->version);
  }
  gw_table_print(&table, stdout);
  gw_table_done(&table);
  for (size_t i = 0; i < config->n_resources; i++)
    if (config->resources[i]->json[0] != '\0') print_clean("%s", config->resources[i]->json);
  static const char *const refusal_heads[] = {"REFUSED", "WHY"};
  if (config->n_refusals == 0) return;
  gw_table_init(&table, refusal_heads, 2);
  for (size_t i = 0; i < config->n_refusals; i++) {
    gw_table_add(&table, config->refusals[i]->resource);
    gw_table_add(&table, config->refusals[i]->reason);
  }
  gw_table_print(&table, stdout);
  gw_table_done(&table);
}

static int config(const struct gw_ctl *ctl, struct gw_arena *arena) {
  Gateway__Dataplane__V1__GetConfigRequest request = GATEWAY__DATAPLANE__V1__GET_CONFIG_REQUEST__INIT;
  if (ctl->word_count > 2) request.name = (char *)(uintptr_t)ctl->words[2];
  request.json = request.name[0] != '\0';
  return ask(ctl, arena,
             &(struct question){"GetConfig", &request.base, &gateway__dataplane__v1__get_config_response__descriptor, print_config});
}

/* ---- clusters ---- */

static void add_usage(struct gw_table *table, const Gateway__Dataplane__V1__Usage *usage) {
  if (usage != NULL)
    gw_table_printf(table, "%u/%u", usage->now, usage->max);
  else
    gw_table_add(table, "");
}

typedef Gateway__Dataplane__V1__EndpointHealth Health;

/* NULL: nothing is known of any of its addresses. */
static const Health *find_worst(const Gateway__Dataplane__V1__Endpoint *endpoint) {
  const Health *worst = NULL;
  for (size_t i = 0; i < endpoint->n_health; i++)
    if (worst == NULL || (worst->usable && !endpoint->health[i]->usable)) worst = endpoint->health[i];
  return worst;
}

/* "passing", "not in use (timeout)". */
static void add_check(struct gw_table *table, const Health *health) {
  const char *state = health->check[0] != '\0' ? health->check : health->usable ? "in use" : "not in use";
  if (health->usable || health->last_failure[0] == '\0')
    gw_table_add(table, state);
  else
    gw_table_printf(table, "%s (%s)", state, health->last_failure);
}

/* "passing", "ejected for 12s (5 failures in a row)", … of the address that is worst off. */
static void add_health(struct gw_table *table, const Gateway__Dataplane__V1__Endpoint *endpoint) {
  const Health *worst = find_worst(endpoint);
  char time[GW_DURATION_TEXT_SIZE];
  if (!endpoint->healthy)
    gw_table_add(table, "unhealthy by discovery");
  else if (worst == NULL)
    gw_table_add(table, "in use");
  else if (worst->ejected)
    gw_table_printf(table, "ejected for %s (%s)", gw_duration_format(worst->ejected_for_ms, time), worst->last_ejection);
  else
    add_check(table, worst);
}

static void print_clusters(const ProtobufCMessage *reply) {
  static const char *const heads[] = {"SERVICE", "CIRCUIT", "CONNECTIONS", "PENDING", "REQUESTS", "INSTANCE", "WEIGHT", "STATE"};
  const Gateway__Dataplane__V1__ListClustersResponse *list = (const void *)reply;
  struct gw_table table;
  gw_table_init(&table, heads, 8);
  for (size_t i = 0; i < list->n_clusters; i++) {
    const Gateway__Dataplane__V1__Cluster *cluster = list->clusters[i];
    size_t rows = cluster->n_endpoints > 0 ? cluster->n_endpoints : 1;
    for (size_t k = 0; k < rows; k++) {
      gw_table_add(&table, cluster->name);
      gw_table_add(&table, cluster->circuit_breaker != NULL ? cluster->circuit_breaker->state : "");
      add_usage(&table, cluster->connections);
      add_usage(&table, cluster->pending_requests);
      add_usage(&table, cluster->requests);
      if (cluster->n_endpoints == 0) {
        gw_table_add(&table, cluster->known ? "none" : "not known yet");
        gw_table_add(&table, "");
        gw_table_add(&table, "");
        continue;
      }
      gw_table_add(&table, cluster->endpoints[k]->address);
      gw_table_printf(&table, "%u", cluster->endpoints[k]->weight);
      add_health(&table, cluster->endpoints[k]);
    }
  }
  gw_table_print(&table, stdout);
  gw_table_done(&table);
}

static int clusters(const struct gw_ctl *ctl, struct gw_arena *arena) {
  Gateway__Dataplane__V1__ListClustersRequest request = GATEWAY__DATAPLANE__V1__LIST_CLUSTERS_REQUEST__INIT;
  if (ctl->word_count > 2) request.name = (char *)(uintptr_t)ctl->words[2];
  return ask(ctl, arena,
             &(struct question){"ListClusters", &request.base, &gateway__dataplane__v1__list_clusters_response__descriptor,
                                print_clusters});
}

/* ---- limits, counters ---- */

static void print_limits(const ProtobufCMessage *reply) {
  static const char *const heads[] = {"WHAT", "IN USE", "MOST"};
  const Gateway__Dataplane__V1__GetLimitsResponse *limits = (const void *)reply;
  const struct {
    const char *what;
    uint64_t now, max;
  } rows[] = {{"memory, bytes", limits->memory_bytes, limits->memory_max_bytes},
              {"file descriptors", limits->descriptors, limits->descriptors_max},
              {"rate limits' buckets", limits->rate_limit_keys, limits->rate_limit_max_keys},
              {"client addresses", limits->clients, 0}};
  struct gw_table table;
  gw_table_init(&table, heads, 3);
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    gw_table_add(&table, rows[i].what);
    gw_table_printf(&table, "%llu", (unsigned long long)rows[i].now);
    if (rows[i].max > 0)
      gw_table_printf(&table, "%llu", (unsigned long long)rows[i].max);
    else
      gw_table_add(&table, "");
  }
  gw_table_print(&table, stdout);
  gw_table_done(&table);
  print_clean("overload: %s; data planes that share limits: %u", limits->overload, limits->fleet_size);
}

static int limits(const struct gw_ctl *ctl, struct gw_arena *arena) {
  Gateway__Dataplane__V1__GetLimitsRequest request = GATEWAY__DATAPLANE__V1__GET_LIMITS_REQUEST__INIT;
  return ask(ctl, arena,
             &(struct question){"GetLimits", &request.base, &gateway__dataplane__v1__get_limits_response__descriptor, print_limits});
}

static void print_counters(const ProtobufCMessage *reply) {
  static const char *const heads[] = {"ROUTE", "SERVICE", "REQUESTS", "2XX", "3XX", "4XX", "5XX", "MEAN"};
  const Gateway__Dataplane__V1__GetCountersResponse *counters = (const void *)reply;
  struct gw_table table;
  gw_table_init(&table, heads, 8);
  for (size_t i = 0; i < counters->n_routes; i++) {
    const Gateway__Dataplane__V1__RouteCounters *route = counters->routes[i];
    const uint64_t counts[] = {route->requests, route->answers_2xx, route->answers_3xx, route->answers_4xx, route->answers_5xx};
    gw_table_add(&table, route->route[0] != '\0' ? route->route : "(none)");
    gw_table_add(&table, route->service);
    for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++)
      gw_table_printf(&table, "%llu", (unsigned long long)counts[k]);
    gw_table_printf(&table, "%.2f ms", route->requests > 0 ? (double)route->duration_us / 1000 / (double)route->requests : 0.0);
  }
  gw_table_print(&table, stdout);
  gw_table_done(&table);
}

static int counters(const struct gw_ctl *ctl, struct gw_arena *arena) {
  Gateway__Dataplane__V1__GetCountersRequest request = GATEWAY__DATAPLANE__V1__GET_COUNTERS_REQUEST__INIT;
  return ask(ctl, arena,
             &(struct question){"GetCounters", &request.base, &gateway__dataplane__v1__get_counters_response__descriptor, print_counters});
}

/* ---- what it is told ---- */

static void print_draining(const ProtobufCMessage *reply) {
  (void)reply;
  puts("draining");
}

static int drain(const struct gw_ctl *ctl, struct gw_arena *arena) {
  Gateway__Dataplane__V1__DrainRequest request = GATEWAY__DATAPLANE__V1__DRAIN_REQUEST__INIT;
  return ask(ctl, arena, &(struct question){"Drain", &request.base, &gateway__dataplane__v1__drain_response__descriptor, print_draining});
}

static void print_level(const ProtobufCMessage *reply) {
  print_clean("it was %s", ((const Gateway__Dataplane__V1__SetLogLevelResponse *)(const void *)reply)->previous_level);
}

static int log_level(const struct gw_ctl *ctl, struct gw_arena *arena) {
  Gateway__Dataplane__V1__SetLogLevelRequest request = GATEWAY__DATAPLANE__V1__SET_LOG_LEVEL_REQUEST__INIT;
  request.level = (char *)(uintptr_t)ctl->words[2];
  return ask(ctl, arena,
             &(struct question){"SetLogLevel", &request.base, &gateway__dataplane__v1__set_log_level_response__descriptor, print_level});
}

static const struct gw_ctl_word words[] = {
    {"config", 2, 3, "the ID of a node, and maybe the NAME of a resource", config, 0},
    {"clusters", 2, 3, "the ID of a node, and maybe the NAME of a cluster", clusters, 0},
    {"limits", 2, 2, "the ID of a node", limits, 0},
    {"counters", 2, 2, "the ID of a node", counters, 0},
    {"drain", 2, 2, "the ID of a node", drain, 0},
    {"log-level", 3, 3, "the ID of a node and a level: debug, info, warning or error", log_level, 0},
};

int gw_ctl_node(const struct gw_ctl *ctl) {
  return gw_ctl_run_word(ctl, "node", words, GW_ARRAY_LEN(words));
}
