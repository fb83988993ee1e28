/* Which routes the nodes of each group get, and whether of each request it is clear which of them it is for. */
#include "common/base/mem.h"
#include "controlplane/policy/routes_yaml.h"

#define ROUTES_OF_A_PATH_MAX 64u

/* A HEAD that only GET implies gives way to one that is written. */
static void drop_implied_head(struct gw_route_entry *group, uint32_t count) {
  bool is_written = false;
  for (uint32_t i = 0; i < count; i++)
    is_written = is_written || (!group[i].has_implied_head && gw_route_has_method(&group[i], GW_STR("HEAD")));
  for (uint32_t i = 0; is_written && i < count; i++) {
    if (!group[i].has_implied_head) continue;
    uint32_t kept = 0;
    for (uint32_t k = 0; k < group[i].method_count; k++)
      if (!gw_str_equal(group[i].methods[k], GW_STR("HEAD"))) group[i].methods[kept++] = group[i].methods[k];
    group[i].method_count = kept;
    group[i].has_implied_head = false;
  }
}

static void refuse_pair(const struct gw_reader *reader, const struct gw_route_entry *a, const struct gw_route_entry *b,
                        struct gw_str method) {
  const struct gw_route_entry *first = a->node->line <= b->node->line ? a : b, *second = first == a ? b : a;
  if (a->conditions.count > 0)
    gw_reader_mistake(reader, second->node,
                      "%.*s matches some of the same requests as the route in line %u: give one of them another condition, or one exact "
                      "condition different values",
                      GW_STR_ARG(second->path.text), first->node->line);
  else if (method.len == 0)
    gw_reader_mistake(reader, second->node, "%.*s matches the same requests as the route in line %u; give them different methods",
                      GW_STR_ARG(second->path.text), first->node->line);
  else
    gw_reader_mistake(reader, second->node, "%.*s matches the same requests as the route in line %u: both have %.*s",
                      GW_STR_ARG(second->path.text), first->node->line, GW_STR_ARG(method));
}

/* Of equal rank, so that nothing says which of them a request of both is for. What is for some nodes comes before what is for all. */
static void check_pair(const struct gw_reader *reader, const struct gw_route_entry *a, const struct gw_route_entry *b) {
  if ((a->node_groups.count == 0) != (b->node_groups.count == 0) || !gw_node_groups_meet(&a->node_groups, &b->node_groups)) return;
  if ((a->method_count == 0) != (b->method_count == 0) || a->conditions.count != b->conditions.count) return;
  if (gw_conditions_exclude(&a->conditions, &b->conditions)) return;
  if (a->method_count == 0) refuse_pair(reader, a, b, (struct gw_str){NULL, 0});
  for (uint32_t i = 0; i < a->method_count; i++) {
    if (!gw_route_has_method(b, a->methods[i])) continue;
    refuse_pair(reader, a, b, a->methods[i]);
    return;
  }
}

/* Of two that stand together in several groups it is told once. */
static bool is_told_before(const struct gw_route_group *groups, uint32_t index, const struct gw_route_entry *a,
                           const struct gw_route_entry *b) {
  for (uint32_t g = 0; g < index; g++)
    if (gw_node_groups_take(&a->node_groups, groups[g].name) && gw_node_groups_take(&b->node_groups, groups[g].name)) return true;
  return false;
}

static void check_path(const struct gw_reader *reader, const struct gw_route_group *groups, uint32_t index, uint32_t begin, uint32_t end) {
  const struct gw_route_entry *items = groups[index].items;
  if (end - begin > ROUTES_OF_A_PATH_MAX) {
    gw_reader_mistake(reader, items[begin].node, "%.*s has %u routes; a path has at most %u", GW_STR_ARG(items[begin].path.text),
                      end - begin, ROUTES_OF_A_PATH_MAX);
    return;
  }
  for (uint32_t i = begin; i < end; i++)
    for (uint32_t k = i + 1; k < end; k++)
      if (!is_told_before(groups, index, &items[i], &items[k])) check_pair(reader, &items[i], &items[k]);
}

static void check_group(const struct gw_reader *reader, const struct gw_route_group *groups, uint32_t index) {
  const struct gw_route_group *group = &groups[index];
  for (uint32_t begin = 0, end; begin < group->count; begin = end) {
    for (end = begin + 1; end < group->count && gw_routes_share_path(&group->items[begin], &group->items[end]);)
      end++;
    drop_implied_head(group->items + begin, end - begin);
    check_path(reader, groups, index, begin, end);
  }
}

/* A HEAD that is implied may be dropped for one group alone. */
static void fill_group(const struct gw_reader *reader, const struct gw_route_list *list, struct gw_route_group *group) {
  group->items = gw_arena_calloc(reader->arena, list->count, sizeof(*group->items));
  for (uint32_t i = 0; i < list->count; i++) {
    if (!gw_node_groups_take(&list->items[i].node_groups, group->name)) continue;
    struct gw_route_entry *route = &group->items[group->count++];
    *route = list->items[i];
    if (route->has_implied_head) route->methods = gw_route_copy_methods(route, reader->arena);
  }
}

void gw_route_groups_make(const struct gw_reader *reader, const struct gw_yaml_node *root, struct gw_route_list *list) {
  struct gw_node_groups names;
  gw_node_groups_find(reader, root, &names);
  struct gw_route_group *groups = gw_arena_calloc(reader->arena, names.count + 1u, sizeof(*groups));
  for (uint32_t i = 0; i < names.count; i++)
    groups[i + 1].name = names.names[i];
  if (names.count == 0) groups[0] = (struct gw_route_group){.items = list->items, .count = list->count};
  for (uint32_t i = 0; i <= names.count; i++) {
    if (names.count > 0) fill_group(reader, list, &groups[i]);
    check_group(reader, groups, i);
  }
  list->groups = groups;
  list->group_count = names.count + 1;
}
