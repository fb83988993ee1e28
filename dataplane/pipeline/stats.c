#include "dataplane/pipeline/stats.h"

#include <stdlib.h>

#include "common/base/mem.h"

/* A route's counters with what only this file sees: how many views hold them. */
struct entry {
  struct gw_route_stats stats; /* its names are in `key` */
  uint32_t holds;
  struct gw_list node; /* in stats->entries */
  struct gw_list unused_node;
  size_t key_len;
  char key[]; /* "route\0service" */
};

#define KEY_MAX 512 /* longer ones take a detour over the heap */

static struct entry *entry_of(struct gw_route_stats *route) {
  return GW_CONTAINER_OF(route, struct entry, stats);
}

static struct gw_str own_copy(struct gw_str s) {
  return (struct gw_str){gw_str_dup(s), s.len};
}

struct gw_stats *gw_stats_new(void) {
  struct gw_stats *stats = gw_calloc(1, sizeof(*stats));
  stats->max_series = GW_SERIES_MAX_DEFAULT;
  stats->routes = gw_map_new();
  stats->services = gw_map_new();
  stats->overflow.route = own_copy(GW_STR("other"));
  gw_list_init(&stats->entries);
  gw_list_init(&stats->unused_routes);
  return stats;
}

static struct entry *entry_new(struct gw_stats *stats, struct gw_str key, size_t route_len) {
  struct entry *entry = gw_calloc(1, sizeof(*entry) + key.len);
  memcpy(entry->key, key.data, key.len);
  entry->key_len = key.len;
  entry->stats.route = (struct gw_str){entry->key, route_len};
  entry->stats.service = gw_str_skip((struct gw_str){entry->key, key.len}, route_len + 1);
  gw_map_put(stats->routes, key, &entry->stats);
  gw_list_add_last(&stats->entries, &entry->node);
  stats->names_len += key.len;
  return entry;
}

/* The copy that is under way goes on behind it. */
static void entry_free(struct gw_stats *stats, struct entry *entry) {
  if (stats->copy_at == &entry->node) stats->copy_at = entry->node.next;
  stats->names_len -= entry->key_len;
  gw_map_remove(stats->routes, (struct gw_str){entry->key, entry->key_len});
  gw_list_remove(&entry->node);
  gw_list_remove(&entry->unused_node);
  free(entry);
}

void gw_stats_free(struct gw_stats *stats) {
  if (stats == NULL) return;
  size_t cursor = 0;
  struct gw_str key;
  void *value;
  GW_LIST_FOR_EACH(node, &stats->entries) free(GW_LIST_ITEM(node, struct entry, node));
  while (gw_map_next(stats->services, &cursor, &key, &value)) {
    struct gw_service_stats *service = value;
    free((char *)service->service.data);
    free(service->instances);
    free(service);
  }
  gw_map_free(stats->routes);
  gw_map_free(stats->services);
  free(stats->folded);
  free(stats->folded_text);
  free((char *)stats->overflow.route.data);
  free(stats);
}

static void merge_route(struct gw_route_stats *to, const struct gw_route_stats *from);

static void unfold(struct gw_stats *stats) {
  uint32_t count = stats->folded_count;
  stats->folded_count = 0;
  for (uint32_t i = 0; i < count; i++)
    merge_route(gw_stats_get_route(stats, stats->folded[i].route, stats->folded[i].service), &stats->folded[i]);
}

static struct gw_route_stats *make_route(struct gw_stats *stats, struct gw_str key, size_t route_len) {
  if (gw_map_count(stats->routes) >= gw_series_room(stats->max_series, GW_SERIES_ROUTE)) return &stats->overflow;
  return &entry_new(stats, key, route_len)->stats;
}

/* NULL: it is not there, and not to be made. */
static struct gw_route_stats *find_route(struct gw_stats *stats, struct gw_str route, struct gw_str service, bool makes) {
  if (stats->folded_count > 0) unfold(stats);
  char text[KEY_MAX];
  size_t len = route.len + 1 + service.len;
  GW_CLEANUP(gw_free_ptr) char *long_text = len > KEY_MAX ? gw_malloc(len) : NULL;
  char *key = long_text != NULL ? long_text : text;
  if (route.len > 0) memcpy(key, route.data, route.len);
  key[route.len] = '\0';
  if (service.len > 0) memcpy(key + route.len + 1, service.data, service.len);
  struct gw_route_stats *found = gw_map_find(stats->routes, (struct gw_str){key, len});
  return found != NULL || !makes ? found : make_route(stats, (struct gw_str){key, len}, route.len);
}

struct gw_route_stats *gw_stats_get_route(struct gw_stats *stats, struct gw_str route, struct gw_str service) {
  return find_route(stats, route, service, true);
}

static struct gw_route_stats *hold(struct gw_stats *stats, struct gw_route_stats *route) {
  if (route == &stats->overflow) {
    stats->overflow_holds++;
    return route;
  }
  entry_of(route)->holds++;
  gw_list_remove(&entry_of(route)->unused_node);
  return route;
}

struct gw_route_stats *gw_stats_hold_route(struct gw_stats *stats, struct gw_str route, struct gw_str service) {
  return hold(stats, find_route(stats, route, service, true));
}

struct gw_route_stats *gw_stats_hold_counted_route(struct gw_stats *stats, struct gw_str route, struct gw_str service) {
  struct gw_route_stats *found = find_route(stats, route, service, false);
  return found != NULL ? hold(stats, found) : NULL;
}

void gw_stats_release_route(struct gw_stats *stats, struct gw_route_stats *route) {
  if (route == &stats->overflow) {
    stats->overflow_holds--;
    return;
  }
  if (--entry_of(route)->holds == 0) gw_list_add_last(&stats->unused_routes, &entry_of(route)->unused_node);
}

#define OTHER_CODES (GW_STATS_CODES - 1)

static void add_code(struct gw_route_stats *stats, uint32_t code, uint64_t count) {
  for (uint32_t i = 0; i < OTHER_CODES; i++) {
    if (stats->codes[i].count == 0) stats->codes[i].code = code;
    if (stats->codes[i].code != code) continue;
    stats->codes[i].count += count;
    return;
  }
  stats->codes[OTHER_CODES].count += count;
}

void gw_route_stats_count(struct gw_route_stats *stats, uint32_t code, uint64_t duration_us) {
  add_code(stats, code, 1);
  gw_histogram_add(&stats->duration, duration_us);
}

static void merge_route(struct gw_route_stats *to, const struct gw_route_stats *from) {
  for (uint32_t i = 0; i < OTHER_CODES; i++)
    if (from->codes[i].count > 0) add_code(to, from->codes[i].code, from->codes[i].count);
  to->codes[OTHER_CODES].count += from->codes[OTHER_CODES].count;
  gw_histogram_merge(&to->duration, &from->duration);
}

bool gw_stats_sweep(struct gw_stats *stats, uint32_t limit) {
  GW_LIST_FOR_EACH(node, &stats->unused_routes) {
    if (limit-- == 0) return true;
    struct entry *entry = GW_LIST_ITEM(node, struct entry, unused_node);
    merge_route(&stats->overflow, &entry->stats);
    entry_free(stats, entry);
  }
  return false;
}

struct gw_service_stats *gw_stats_get_service(struct gw_stats *stats, struct gw_str service) {
  struct gw_service_stats *found = gw_map_find(stats->services, service);
  if (found != NULL) return found;
  found = gw_calloc(1, sizeof(*found));
  found->service = own_copy(service);
  gw_map_put(stats->services, service, found);
  return found;
}

static void merge_services(struct gw_stats *stats, const struct gw_stats *from) {
  size_t cursor = 0;
  struct gw_str key;
  void *value;
  while (gw_map_next(from->services, &cursor, &key, &value)) {
    const struct gw_service_stats *source = value;
    gw_service_stats_merge(gw_stats_get_service(stats, source->service), source);
  }
}

/* All but the routes. */
static void merge_totals(struct gw_stats *stats, const struct gw_stats *from) {
  stats->max_series = from->max_series;
  if (from->overflow_holds > stats->overflow_holds) stats->overflow_holds = from->overflow_holds; /* mostly the same ones */
  merge_services(stats, from);
  merge_route(&stats->overflow, &from->overflow);
  stats->connections_total += from->connections_total;
  stats->connections_active += from->connections_active;
  stats->requests_total += from->requests_total;
  stats->requests_active += from->requests_active;
  stats->bytes_received += from->bytes_received;
  stats->bytes_sent += from->bytes_sent;
  stats->bad_requests_total += from->bad_requests_total;
  for (size_t i = 0; i < GW_FAILURE_SIDE_COUNT; i++)
    stats->failures_total[i] += from->failures_total[i];
  for (size_t i = 0; i < GW_FLAG_BITS; i++)
    stats->flags_total[i] += from->flags_total[i];
  stats->redis_failures_total += from->redis_failures_total;
  gw_histogram_merge(&stats->redis_times, &from->redis_times);
  stats->tls_handshakes_total += from->tls_handshakes_total;
  stats->tls_failures_total += from->tls_failures_total;
  stats->tunnels_total += from->tunnels_total;
  for (size_t i = 0; i < GW_LIMIT_COUNT; i++)
    stats->limits[i] += from->limits[i];
  stats->addresses_refused_total += from->addresses_refused_total;
  stats->guesses_refused_total += from->guesses_refused_total;
  for (size_t i = 0; i < 4; i++)
    stats->rbac_total[i / 2][i % 2] += from->rbac_total[i / 2][i % 2];
  for (size_t i = 0; i < GW_LIMIT_SCOPE_COUNT; i++)
    for (size_t k = 0; k < GW_LIMIT_DECISION_COUNT; k++)
      stats->rate_limits[i][k] += from->rate_limits[i][k];
  for (size_t i = 0; i < GW_LIMIT_JUDGE_COUNT; i++)
    stats->rate_limit_judges[i] += from->rate_limit_judges[i];
  for (size_t i = 0; i < GW_JWT_RESULT_COUNT; i++)
    stats->jwt_results[i] += from->jwt_results[i];
  for (size_t i = 0; i < GW_KEY_RESULT_COUNT; i++)
    stats->key_results[i] += from->key_results[i];
  stats->token_cache_hits_total += from->token_cache_hits_total;
  stats->token_cache_misses_total += from->token_cache_misses_total;
  stats->view_swaps_total += from->view_swaps_total;
  gw_histogram_merge(&stats->view_swap, &from->view_swap);
}

void gw_stats_merge(struct gw_stats *stats, const struct gw_stats *from) {
  size_t cursor = 0;
  struct gw_str key;
  void *value;
  while (gw_map_next(from->routes, &cursor, &key, &value)) {
    const struct gw_route_stats *source = value;
    merge_route(gw_stats_get_route(stats, source->route, source->service), source);
  }
  for (uint32_t i = 0; i < from->folded_count; i++)
    merge_route(gw_stats_get_route(stats, from->folded[i].route, from->folded[i].service), &from->folded[i]);
  merge_totals(stats, from);
}

/* ---- copies ---- */

struct gw_stats *gw_stats_begin_copy(struct gw_stats *stats) {
  struct gw_stats *copy = gw_stats_new();
  copy->folded_size = (uint32_t)gw_map_count(stats->routes);
  copy->folded = gw_malloc(copy->folded_size * sizeof(*copy->folded) + 1);
  copy->folded_text = gw_malloc(stats->names_len + 1);
  copy->folded_text_size = stats->names_len;
  stats->copy_at = stats->entries.next;
  merge_totals(copy, stats);
  return copy;
}

/* false: there is no room, since it is new. */
static bool fold_route(struct gw_stats *copy, const struct entry *entry) {
  if (copy->folded_count == copy->folded_size || entry->key_len > copy->folded_text_size - copy->folded_text_len) return false;
  char *key = copy->folded_text + copy->folded_text_len;
  struct gw_route_stats *route = &copy->folded[copy->folded_count++];
  memcpy(key, entry->key, entry->key_len);
  copy->folded_text_len += entry->key_len;
  *route = entry->stats;
  route->route.data = key;
  route->service.data = key + entry->stats.route.len + 1;
  return true;
}

bool gw_stats_copy_routes(struct gw_stats *stats, struct gw_stats *copy, uint32_t limit) {
  while (stats->copy_at != &stats->entries && limit-- > 0) {
    const struct entry *entry = GW_LIST_ITEM(stats->copy_at, struct entry, node);
    stats->copy_at = fold_route(copy, entry) ? stats->copy_at->next : &stats->entries;
  }
  return stats->copy_at != &stats->entries;
}

struct gw_stats *gw_stats_copy(struct gw_stats *stats) {
  if (stats->folded_count > 0) unfold(stats);
  struct gw_stats *copy = gw_stats_begin_copy(stats);
  gw_stats_copy_routes(stats, copy, UINT32_MAX);
  return copy;
}
