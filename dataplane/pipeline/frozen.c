#include "dataplane/pipeline/frozen.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "dataplane/cluster/tls_build.h"
#include "dataplane/pipeline/frozen_parts.h"

struct build {
  struct gw_snapshot *snapshot;
  const struct gw_dns_clusters *dns;
  struct gw_health *health;
  const struct gw_filter *const *filters;
  struct gw_str ticket_key;
  const struct gw_frozen *previous;
  uint64_t now_ms;
  struct gw_errors *errors;
  struct gw_frozen *frozen;
};

static bool same_resource(const struct gw_resource *a, const struct gw_resource *b) {
  return a == b || (a->type == b->type && gw_str_equal(a->name, b->name) && strcmp(a->version, b->version) == 0);
}

static void routes_unref(struct gw_frozen_routes *routes) {
  if (routes == NULL || --routes->refs > 0) return;
  gw_route_table_free(routes->table);
  gw_header_rules_free(routes->header_rules);
  gw_route_settings_free(routes->settings);
  gw_resource_unref(routes->resource);
  free(routes);
}

static void http_unref(struct gw_frozen_http *http) {
  if (http == NULL || --http->refs > 0) return;
  if (http->access_logs != NULL)
    for (uint32_t i = 0; i < http->model->http.access_log_count; i++)
      gw_access_log_plan_free(http->access_logs[i]);
  gw_chain_done(&http->chain);
  gw_tls_context_unref(http->tls);
  gw_resource_unref(http->resource);
  gw_arena_done(&http->arena);
  free(http);
}

/* Resources are sorted by name, so are the clusters of the one before: they are walked together. */
static void build_clusters(struct build *build) {
  const struct gw_resource_list *list = &build->snapshot->lists[GW_RESOURCE_CLUSTER];
  struct gw_frozen *frozen = build->frozen;
  frozen->clusters = gw_calloc(list->count, sizeof(struct gw_frozen_cluster *));
  uint32_t previous_count = build->previous != NULL ? build->previous->cluster_count : 0;
  uint32_t at = 0;
  for (uint32_t i = 0; i < list->count; i++) {
    struct gw_frozen_cluster *before = NULL;
    int order = -1;
    while (at < previous_count && (order = gw_str_compare(build->previous->clusters[at]->model->name, list->items[i]->cluster->name)) < 0)
      at++;
    if (at < previous_count && order == 0) before = build->previous->clusters[at];
    struct gw_frozen_cluster *cluster =
        gw_frozen_cluster_build(build->snapshot, list->items[i], build->dns, build->health, before, build->now_ms, build->errors);
    if (cluster != NULL) frozen->clusters[frozen->cluster_count++] = cluster;
  }
}

static uint32_t find_cluster(const struct gw_frozen *frozen, struct gw_str name) {
  uint32_t low = 0;
  uint32_t high = frozen->cluster_count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    int order = gw_str_compare(frozen->clusters[middle]->model->name, name);
    if (order == 0) return middle;
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return GW_NO_CLUSTER;
}

static struct gw_frozen_routes *find_previous_routes(const struct gw_frozen *previous, const struct gw_resource *resource) {
  if (previous == NULL) return NULL;
  for (uint32_t i = 0; i < previous->binding_count; i++)
    if (same_resource(previous->bindings[i].routes->resource, resource)) return previous->bindings[i].routes;
  return NULL;
}

/* What there is once for all routes, found out once. */
static void count_rules(struct gw_frozen_routes *routes) {
  const struct gw_route_config *config = routes->config;
  for (uint32_t h = 0; h < config->virtual_host_count; h++) {
    for (uint32_t i = 0; i < config->virtual_hosts[h].route_count; i++) {
      const struct gw_route *route = &config->virtual_hosts[h].routes[i];
      routes->has_body_limits = routes->has_body_limits || route->has_body_limit;
      if (route->action == GW_ROUTE_FORWARD && route->forward.split != NULL) routes->split_count += route->forward.split->count;
    }
  }
}

static struct gw_frozen_routes *build_routes(struct build *build, struct gw_resource *resource, const struct gw_route_config *config) {
  struct gw_frozen_routes *routes = find_previous_routes(build->previous, resource);
  if (routes != NULL) {
    routes->refs++;
    return routes;
  }
  struct gw_errors errors;
  struct gw_route_table *table;
  struct gw_header_rules *header_rules = NULL;
  struct gw_route_settings *settings = NULL;
  gw_errors_init(&errors);
  enum gw_err err = gw_route_table_build(config, &errors, &table);
  if (err == GW_OK && (gw_header_rules_build(config, &errors, &header_rules) != GW_OK ||
                       gw_route_settings_build(config, build->snapshot, build->filters, &errors, &settings) != GW_OK)) {
    gw_route_table_free(table);
    gw_header_rules_free(header_rules);
    err = GW_ERR_INVALID;
  }
  GW_CLEANUP(gw_free_ptr) char *prefix = gw_asprintf("%.*s: ", GW_STR_ARG(resource->name));
  gw_errors_append(build->errors, prefix, &errors);
  gw_errors_done(&errors);
  if (err != GW_OK) return NULL;
  routes = gw_calloc(1, sizeof(*routes));
  routes->refs = 1;
  routes->resource = gw_resource_ref(resource);
  routes->config = config;
  routes->table = table;
  routes->header_rules = header_rules;
  routes->settings = settings;
  count_rules(routes);
  return routes;
}

static struct gw_route_binding bind_clusters(const struct gw_frozen *frozen, struct gw_frozen_routes *routes) {
  const struct gw_route_config *config = routes->config;
  uint32_t *cluster_of_route = gw_calloc(config->route_count, sizeof(*cluster_of_route));
  uint32_t *split_clusters = gw_calloc(routes->split_count, sizeof(*split_clusters)), split_count = 0;
  for (uint32_t h = 0; h < config->virtual_host_count; h++) {
    const struct gw_virtual_host *host = &config->virtual_hosts[h];
    for (uint32_t i = 0; i < host->route_count; i++) {
      const struct gw_route *route = &host->routes[i];
      bool has_cluster = route->action == GW_ROUTE_FORWARD;
      const struct gw_route_split *split = has_cluster ? route->forward.split : NULL;
      cluster_of_route[route->index] = has_cluster && split == NULL ? find_cluster(frozen, route->forward.cluster) : GW_NO_CLUSTER;
      if (split != NULL) cluster_of_route[route->index] = split_count;
      for (uint32_t k = 0; split != NULL && k < split->count; k++)
        split_clusters[split_count++] = find_cluster(frozen, split->clusters[k].name);
    }
  }
  return (struct gw_route_binding){.routes = routes, .cluster_of_route = cluster_of_route, .split_clusters = split_clusters};
}

/* The position of a listener's routes in frozen->bindings, shared by listeners that name the same. */
static uint32_t bind_routes(struct build *build, struct gw_resource *listener) {
  const struct gw_http_connection_manager *http = &listener->listener->http;
  struct gw_resource *resource = listener;
  const struct gw_route_config *config = http->inline_routes;
  if (config == NULL) {
    resource = (struct gw_resource *)gw_snapshot_find(build->snapshot, GW_RESOURCE_ROUTE_CONFIG, http->route_config_name);
    if (resource == NULL) return GW_NO_BINDING;
    config = resource->route_config;
  }
  struct gw_frozen *frozen = build->frozen;
  for (uint32_t i = 0; i < frozen->binding_count; i++)
    if (same_resource(frozen->bindings[i].routes->resource, resource)) return i;
  struct gw_frozen_routes *routes = build_routes(build, resource, config);
  if (routes == NULL) return GW_NO_BINDING;
  frozen->bindings[frozen->binding_count] = bind_clusters(frozen, routes);
  return frozen->binding_count++;
}

static const struct gw_limits *find_limits(const struct gw_http_connection_manager *model) {
  static const struct gw_limits none;
  for (uint32_t i = 0; i < model->filter_count; i++)
    if (model->filters[i].kind == GW_FILTER_LIMITS) return &model->filters[i].settings.limits;
  return &none;
}

static bool has_same_secrets(const struct build *build, const struct gw_frozen_http *previous, const struct gw_resource *resource) {
  struct gw_arena scratch;
  gw_arena_init(&scratch, 256);
  bool is_same = gw_str_equal(previous->secrets_version, gw_tls_build_version(build->snapshot, resource, &scratch));
  gw_arena_done(&scratch);
  return is_same;
}

static void build_trusted_cidrs(struct build *build, struct gw_frozen_http *http, const char *place) {
  const struct gw_http_connection_manager *model = &http->model->http;
  struct gw_cidr *cidrs = gw_arena_calloc(&http->arena, model->trusted_cidr_count, sizeof(*cidrs));
  for (uint32_t i = 0; i < model->trusted_cidr_count; i++)
    if (gw_cidr_parse(model->trusted_cidrs[i], &cidrs[i]) != GW_OK)
      gw_errors_add(build->errors, place, "trusted proxies: \"%.*s\" is not a range such as 10.0.0.0/8",
                    GW_STR_ARG(model->trusted_cidrs[i]));
  http->trusted_cidrs = cidrs;
}

static void build_tracing(struct gw_frozen_http *http) {
  const struct gw_tracing *tracing = http->model->http.tracing;
  if (tracing == NULL) return;
  gw_sampler_init(&http->sampler, tracing->heeds_parent, (double)tracing->sampled_millionths / GW_TRACING_ALL, tracing->sampled_per_s);
  http->trace_destination = gw_tracing_destination(tracing);
}

static struct gw_frozen_http *build_http(struct build *build, struct gw_resource *resource, const struct gw_frozen_http *previous) {
  if (previous != NULL && same_resource(previous->resource, resource) && has_same_secrets(build, previous, resource)) {
    struct gw_frozen_http *same = (struct gw_frozen_http *)previous;
    same->refs++;
    return same;
  }
  const struct gw_http_connection_manager *model = &resource->listener->http;
  struct gw_frozen_http *http = gw_calloc(1, sizeof(*http));
  http->refs = 1;
  http->resource = gw_resource_ref(resource);
  http->model = resource->listener;
  http->limits = find_limits(model);
  gw_arena_init(&http->arena, 1024);
  GW_CLEANUP(gw_free_ptr) char *place = gw_strndup(resource->name.data, resource->name.len);
  http->secrets_version = gw_tls_build_version(build->snapshot, resource, &http->arena);
  if (resource->listener->tls != NULL)
    http->tls = gw_tls_build_server(build->snapshot, resource->listener, build->ticket_key, place, build->errors);
  build_trusted_cidrs(build, http, place);
  build_tracing(http);
  gw_reserved_fields_build(model, &http->arena, &http->reserved);
  const struct gw_filter_build of_filters = {.arena = &http->arena, .errors = build->errors, .place = place, .snapshot = build->snapshot};
  gw_chain_build(&http->chain, model, build->filters, &of_filters);
  http->access_logs = gw_arena_calloc(&http->arena, model->access_log_count, sizeof(struct gw_access_log_plan *));
  for (uint32_t i = 0; i < model->access_log_count; i++) {
    GW_CLEANUP(gw_free_ptr) char *at = gw_asprintf("%s: access_log[%u]", place, i);
    http->access_logs[i] = gw_access_log_plan_build(&model->access_logs[i], build->errors, at);
  }
  return http;
}

static void build_listeners(struct build *build) {
  const struct gw_resource_list *list = &build->snapshot->lists[GW_RESOURCE_LISTENER];
  struct gw_frozen *frozen = build->frozen;
  frozen->listeners = gw_calloc(list->count, sizeof(*frozen->listeners));
  frozen->bindings = gw_calloc(list->count, sizeof(*frozen->bindings));
  for (uint32_t i = 0; i < list->count; i++) {
    struct gw_resource *resource = list->items[i];
    if (resource->listener->is_api_only) continue;
    const struct gw_frozen_listener *previous = NULL;
    if (build->previous != NULL) previous = gw_frozen_find_listener(build->previous, resource->name);
    frozen->listeners[frozen->listener_count++] = (struct gw_frozen_listener){
        .http = build_http(build, resource, previous != NULL ? previous->http : NULL),
        .binding = bind_routes(build, resource),
    };
  }
}

enum gw_err gw_frozen_build(struct gw_snapshot *snapshot, const struct gw_dns_clusters *dns, struct gw_health *health,
                            const struct gw_filter *const *filters, struct gw_str ticket_key, struct gw_frozen *previous,
                            struct gw_errors *errors, struct gw_frozen **ret_frozen) {
  size_t errors_before = errors->error_count;
  struct gw_frozen *frozen = gw_calloc(1, sizeof(*frozen));
  frozen->refs = 1;
  frozen->snapshot = gw_snapshot_ref(snapshot);
  struct build build = {.snapshot = snapshot,
                        .dns = dns,
                        .health = health,
                        .filters = filters,
                        .ticket_key = ticket_key,
                        .previous = previous,
                        .now_ms = gw_clock_monotonic_us() / 1000,
                        .errors = errors,
                        .frozen = frozen};
  build_clusters(&build);
  build_listeners(&build);
  if (errors->error_count > errors_before) {
    gw_frozen_unref(frozen);
    return GW_ERR_INVALID;
  }
  *ret_frozen = frozen;
  return GW_OK;
}

struct gw_frozen *gw_frozen_ref(struct gw_frozen *frozen) {
  frozen->refs++;
  return frozen;
}

void gw_frozen_unref(struct gw_frozen *frozen) {
  if (frozen == NULL || --frozen->refs > 0) return;
  for (uint32_t i = 0; i < frozen->listener_count; i++)
    http_unref(frozen->listeners[i].http);
  for (uint32_t i = 0; i < frozen->binding_count; i++) {
    routes_unref(frozen->bindings[i].routes);
    free(frozen->bindings[i].cluster_of_route);
    free(frozen->bindings[i].split_clusters);
  }
  for (uint32_t i = 0; i < frozen->cluster_count; i++)
    gw_frozen_cluster_unref(frozen->clusters[i]);
  free(frozen->listeners);
  free(frozen->bindings);
  free(frozen->clusters);
  gw_snapshot_unref(frozen->snapshot);
  free(frozen);
}

struct gw_frozen_cluster *const *gw_frozen_clusters(const struct gw_frozen *frozen, uint32_t *ret_count) {
  *ret_count = frozen->cluster_count;
  return frozen->clusters;
}

uint32_t gw_frozen_max_series(const struct gw_frozen *frozen) {
  uint32_t lowest = 0;
  for (uint32_t i = 0; i < frozen->listener_count; i++) {
    uint32_t max = frozen->listeners[i].http->limits->max_metric_series;
    if (max != 0 && (lowest == 0 || max < lowest)) lowest = max;
  }
  return lowest != 0 ? lowest : GW_SERIES_MAX_DEFAULT;
}

struct gw_snapshot *gw_frozen_snapshot(const struct gw_frozen *frozen) {
  return frozen->snapshot;
}

const struct gw_frozen_cluster *gw_frozen_find_cluster(const struct gw_frozen *frozen, struct gw_str name) {
  uint32_t index = find_cluster(frozen, name);
  return index != GW_NO_CLUSTER ? frozen->clusters[index] : NULL;
}

const struct gw_frozen_listener *gw_frozen_find_listener(const struct gw_frozen *frozen, struct gw_str name) {
  for (uint32_t i = 0; i < frozen->listener_count; i++)
    if (gw_str_equal(frozen->listeners[i].http->model->name, name)) return &frozen->listeners[i];
  return NULL;
}
