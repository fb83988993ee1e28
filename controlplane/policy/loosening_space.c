/* What the routes of two configurations tell requests apart by. */
#include "common/base/map.h"
#include "controlplane/policy/loosening_internal.h"

/* Each once. */
static void list_methods(struct gw_loosening_space *space, const struct gw_route_group *const *routes, struct gw_arena *arena) {
  struct gw_map *names = gw_map_new();
  gw_map_put(names, GW_STR("GET"), space);
  gw_map_put(names, GW_STR("X-ANY-OTHER"), space);
  for (int side = 0; side < 2; side++)
    for (uint32_t i = 0; i < routes[side]->count; i++)
      for (uint32_t k = 0; k < routes[side]->items[i].method_count; k++)
        gw_map_put(names, routes[side]->items[i].methods[k], space);
  struct gw_str *methods = gw_arena_calloc(arena, gw_map_count(names), sizeof(*methods)), name;
  void *value;
  for (size_t cursor = 0; gw_map_next(names, &cursor, &name, &value);)
    methods[space->method_count++] = gw_arena_copy(arena, name);
  space->methods = methods;
  gw_map_free(names);
}

/* Each once. Of one name each has its turn. */
static void add_left_out(struct gw_loosening_space *space, struct gw_loosening_condition *list, struct gw_loosening_condition condition) {
  for (uint32_t i = 0; i < space->left_out_count; i++) {
    if (list[i].kind != condition.kind || !gw_str_equal(list[i].name, condition.name)) continue;
    if (list[i].match == condition.match && gw_str_equal(list[i].value, condition.value)) return;
    condition.turn++;
  }
  if (space->left_out_count == GW_LOOSENING_CONDITIONS_MAX || condition.turn == GW_LOOSENING_TURNS_MAX) return;
  list[space->left_out_count++] = condition;
  if (condition.turn >= space->turn_count) space->turn_count = condition.turn + 1;
}

static void find_depth(struct gw_loosening_space *space, const struct gw_route_group *const *routes) {
  for (int side = 0; side < 2; side++)
    for (uint32_t i = 0; i < routes[side]->count; i++) {
      const struct gw_path_pattern *path = &routes[side]->items[i].path;
      if (path->count > space->depth_max) space->depth_max = path->count;
    }
  if (++space->depth_max > GW_LOOSENING_DEPTH_MAX) space->depth_max = GW_LOOSENING_DEPTH_MAX;
}

static void list_left_out(struct gw_loosening_space *space, const struct gw_route_group *const *routes, struct gw_arena *arena) {
  struct gw_loosening_condition *list = gw_arena_calloc(arena, GW_LOOSENING_CONDITIONS_MAX, sizeof(*list));
  struct gw_loosening_condition of_route[GW_LOOSENING_CONDITIONS_MAX];
  for (int side = 0; side < 2; side++)
    for (uint32_t i = 0; i < routes[side]->count; i++) {
      uint32_t condition_count = gw_loosening_list_conditions(&routes[side]->items[i].conditions, of_route);
      for (uint32_t k = 0; k < condition_count; k++)
        if (of_route[k].is_inverted) add_left_out(space, list, of_route[k]);
    }
  space->left_out = list;
}

void gw_loosening_space_init(struct gw_loosening_space *space, const struct gw_route_group *const *routes, struct gw_arena *arena) {
  *space = (struct gw_loosening_space){.method_count = 0};
  list_methods(space, routes, arena);
  list_left_out(space, routes, arena);
  find_depth(space, routes);
}
