/* Why: route configurations in few lines, for the tests of this folder.
 * Life: everything is in the builder's arena.
 * Thread: one at a time. */
#ifndef GW_TESTS_UNIT_COMMON_ROUTING_TABLE_BUILDER_H
#define GW_TESTS_UNIT_COMMON_ROUTING_TABLE_BUILDER_H

#include "common/base/arena.h"
#include "common/routing/route_table.h"

struct table_builder {
  struct gw_arena arena;
  struct gw_route *routes;
  struct gw_route_config config;
  struct gw_virtual_host host;
  struct gw_str domain;
};

static inline void builder_init(struct table_builder *b, uint32_t routes_max) {
  gw_arena_init(&b->arena, 4096);
  b->routes = gw_arena_calloc(&b->arena, routes_max, sizeof *b->routes);
  b->domain = GW_STR("*");
  b->host = (struct gw_virtual_host){.name = GW_STR("all"), .domains = &b->domain, .domain_count = 1, .routes = b->routes};
  b->config = (struct gw_route_config){.name = GW_STR("test"), .virtual_hosts = &b->host, .virtual_host_count = 1};
}

static inline struct gw_route *builder_add(struct table_builder *b, enum gw_path_match_kind kind, const char *path) {
  struct gw_route *route = &b->routes[b->host.route_count];
  *route = (struct gw_route){.index = b->host.route_count, .action = GW_ROUTE_FORWARD};
  route->match.kind = kind;
  route->match.path = gw_arena_copy(&b->arena, gw_str_from(path));
  b->host.route_count++;
  b->config.route_count++;
  return route;
}

static inline void builder_add_header(struct table_builder *b, struct gw_route *route, struct gw_header_match header) {
  struct gw_header_match *all = gw_arena_calloc(&b->arena, route->match.header_count + 1, sizeof *all);
  for (uint32_t i = 0; i < route->match.header_count; i++)
    all[i] = route->match.headers[i];
  all[route->match.header_count++] = header;
  route->match.headers = all;
}

static inline void builder_add_method(struct table_builder *b, struct gw_route *route, enum gw_string_match_kind kind, const char *value) {
  struct gw_str copy = gw_arena_copy(&b->arena, gw_str_from(value));
  builder_add_header(b, route, (struct gw_header_match){.name = GW_STR(":method"), .kind = kind, .value = copy});
}

static inline struct gw_request_head builder_head(const char *method, const char *path) {
  return (struct gw_request_head){.method = gw_method_find(gw_str_from(method)),
                                  .method_name = gw_str_from(method),
                                  .path = gw_str_from(path),
                                  .authority = GW_STR("example.com"),
                                  .scheme = GW_STR("http"),
                                  .version = GW_HTTP_1_1,
                                  .content_length = GW_LENGTH_NONE};
}

#endif
