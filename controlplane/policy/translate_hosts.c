#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "controlplane/policy/translate.h"
#include "controlplane/policy/translate_routes.h"

/* The groups of one host as they are written. */
struct host {
  struct gw_str name; /* empty: any */
  const struct gw_path_group *groups;
  uint32_t group_count;
};

struct build {
  struct gw_arena *arena;
  const struct gw_retry_policy *retry; /* of all hosts */
  bool tells_attempt_count;
  struct host *hosts;
  uint32_t host_count;
  struct gw_map *by_routes; /* the sources of all groups → struct gw_virtual_host */
  struct gw_virtual_host *made;
  uint32_t made_count;
};

/* "*.example.com" takes what ends in ".example.com", "example.*" what begins with "example."; "" takes all. */
static bool takes(struct gw_str wildcard, struct gw_str host) {
  if (wildcard.len == 0) return true;
  if (gw_str_has_prefix(wildcard, GW_STR("*."))) return gw_str_has_suffix(host, gw_str_skip(wildcard, 1)) && host.len >= wildcard.len;
  if (!gw_str_has_suffix(wildcard, GW_STR(".*"))) return false;
  struct gw_str beginning = {wildcard.data, wildcard.len - 1};
  return gw_str_has_prefix(host, beginning) && !gw_str_equal(host, wildcard) && host.len > beginning.len;
}

/* As a request finds its virtual host: a suffix before a prefix, the longer one first, any host last. */
static int compare_wildcards(const void *left, const void *right) {
  const struct host *a = *(const struct host *const *)left, *b = *(const struct host *const *)right;
  bool a_is_suffix = gw_str_has_prefix(a->name, GW_STR("*.")), b_is_suffix = gw_str_has_prefix(b->name, GW_STR("*."));
  if (a->name.len == 0 || b->name.len == 0) return a->name.len == 0 ? 1 : -1;
  if (a_is_suffix != b_is_suffix) return a_is_suffix ? -1 : 1;
  return a->name.len != b->name.len ? (a->name.len > b->name.len ? -1 : 1) : gw_str_compare(a->name, b->name);
}

/* The groups that a host's requests go through, into `out`; returns how many. */
static uint32_t collect_groups(const struct build *b, const struct host *host, const struct gw_path_group **out) {
  uint32_t count = 0, wildcard_count = 0;
  const struct host **wildcards = gw_arena_calloc(b->arena, b->host_count, sizeof(void *));
  for (uint32_t i = 0; i < b->host_count; i++)
    if (&b->hosts[i] != host && takes(b->hosts[i].name, host->name)) wildcards[wildcard_count++] = &b->hosts[i];
  qsort(wildcards, wildcard_count, sizeof(void *), compare_wildcards);
  struct gw_map *paths = gw_map_new();
  for (uint32_t i = 0; i < host->group_count; i++) {
    if (wildcard_count > 0) gw_map_put(paths, host->groups[i].rank, paths);
    out[count++] = &host->groups[i];
  }
  for (uint32_t w = 0; w < wildcard_count; w++)
    for (uint32_t i = 0; i < wildcards[w]->group_count; i++)
      if (gw_map_put(paths, wildcards[w]->groups[i].rank, paths) == NULL) out[count++] = &wildcards[w]->groups[i];
  gw_map_free(paths);
  return count;
}

static void fill_virtual_host(struct build *b, const struct host *host, const struct gw_path_group *const *groups, uint32_t count,
                              struct gw_virtual_host *out) {
  uint32_t route_count = 0, used = 0;
  for (uint32_t i = 0; i < count; i++)
    route_count += groups[i]->route_count;
  struct gw_route *routes = gw_arena_alloc(b->arena, route_count * sizeof(*routes));
  for (uint32_t i = 0; i < count; i++) {
    memcpy(routes + used, groups[i]->routes, groups[i]->route_count * sizeof(*routes));
    used += groups[i]->route_count;
  }
  *out = (struct gw_virtual_host){.name = host->name.len > 0 ? host->name : GW_STR("all"),
                                  .routes = routes,
                                  .route_count = route_count,
                                  .retry = b->retry,
                                  .tells_attempt_count = b->tells_attempt_count};
}

static void add_domain(struct build *b, struct gw_virtual_host *host, struct gw_str name) {
  struct gw_str *domains = gw_arena_calloc(b->arena, host->domain_count + 1u, sizeof(*domains));
  if (host->domain_count > 0) memcpy(domains, host->domains, host->domain_count * sizeof(*domains));
  domains[host->domain_count++] = name.len > 0 ? name : GW_STR("*");
  host->domains = domains;
}

static void translate_host(struct build *b, const struct host *host, const struct gw_path_group **groups) {
  uint32_t count = collect_groups(b, host, groups);
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf key = {0};
  for (uint32_t i = 0; i < count; i++)
    gw_strbuf_append_str(&key, groups[i]->sources);
  struct gw_virtual_host *made = gw_map_find(b->by_routes, gw_strbuf_str(&key));
  if (made == NULL) {
    made = &b->made[b->made_count++];
    fill_virtual_host(b, host, groups, count, made);
    gw_map_put(b->by_routes, gw_strbuf_str(&key), made);
  }
  add_domain(b, made, host->name);
}

/* Any host is there also without routes, so that each request has a virtual host. */
static void find_hosts(struct build *b, const struct gw_path_group *groups, uint32_t count) {
  b->hosts = gw_arena_calloc(b->arena, count + 1u, sizeof(*b->hosts));
  b->hosts[b->host_count++] = (struct host){.groups = groups};
  for (uint32_t i = 0; i < count; i++) {
    struct host *last = &b->hosts[b->host_count - 1];
    if (!gw_str_equal(last->name, groups[i].host)) {
      last = &b->hosts[b->host_count++];
      *last = (struct host){.name = groups[i].host, .groups = &groups[i]};
    }
    last->group_count++;
  }
}

struct gw_route_config gw_policy_translate_hosts(const struct gw_path_group *groups, uint32_t count, const struct gw_retry_policy *retry,
                                                 bool tells_attempt_count, struct gw_arena *arena) {
  struct build b = {.arena = arena, .retry = retry, .tells_attempt_count = tells_attempt_count, .by_routes = gw_map_new()};
  find_hosts(&b, groups, count);
  b.made = gw_arena_calloc(arena, b.host_count, sizeof(*b.made));
  const struct gw_path_group **collected = gw_calloc(count + 1u, sizeof(void *));
  for (uint32_t i = 0; i < b.host_count; i++)
    translate_host(&b, &b.hosts[i], collected);
  free(collected);
  gw_map_free(b.by_routes);
  struct gw_route_config config = {.name = GW_STR(GW_POLICY_NAME), .virtual_hosts = b.made, .virtual_host_count = b.made_count};
  for (uint32_t h = 0; h < b.made_count; h++) {
    struct gw_route *routes = (struct gw_route *)b.made[h].routes;
    for (uint32_t i = 0; i < b.made[h].route_count; i++)
      routes[i].index = config.route_count++;
  }
  /* A host that was written without a port means all of them. */
  config.ignores_port = b.host_count > 1;
  return config;
}
