/* The list of servers, page after page. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "controlplane/cloud/ecs.h"
#include "controlplane/cloud/ecs_parse.h"

#define BEGINNINGS_MAX 4u

struct gw_ecs_list {
  struct gw_huawei *huawei;
  struct gw_ecs_filter filter;
  struct gw_arena filter_arena;
  gw_ecs_servers_fn fn;
  void *arg;
  struct gw_huawei_call *call;
  uint32_t beginnings;
  /* since it was begun the last time */
  struct gw_arena arena;
  uint32_t page;
  uint32_t seen_count; /* those that don't match, too */
  int64_t total;       /* as the first page said; -1: it did not */
  struct gw_ecs_server *items;
  uint32_t count, room;
};

static void ask(struct gw_ecs_list *list);

static void begin(struct gw_ecs_list *list) {
  gw_arena_done(&list->arena);
  gw_arena_init(&list->arena, 16384);
  list->page = 0;
  list->seen_count = 0;
  list->total = -1;
  list->count = 0;
  list->beginnings++;
}

void gw_ecs_list_cancel(struct gw_ecs_list *list) {
  if (list == NULL) return;
  gw_huawei_call_cancel(list->call);
  gw_arena_done(&list->arena);
  gw_arena_done(&list->filter_arena);
  free(list->items);
  free(list);
}

static void finish(struct gw_ecs_list *list, enum gw_err err, const char *words) {
  const struct gw_ecs_servers servers = {.err = err, .words = words, .items = list->items, .count = err == GW_OK ? list->count : 0};
  list->fn(list->arg, &servers);
  gw_ecs_list_cancel(list);
}

/* Pages move when servers come and go meanwhile: one may come twice. */
static bool has(const struct gw_ecs_list *list, uint32_t before, struct gw_str id) {
  for (uint32_t i = before; i > 0 && before - i < 2 * GW_ECS_PAGE; i--)
    if (gw_str_equal(list->items[i - 1].id, id)) return true;
  return false;
}

static void add(struct gw_ecs_list *list, const struct gw_ecs_server *server) {
  if (has(list, list->count, server->id) || !gw_ecs_matches(server, &list->filter)) return;
  if (list->count == list->room) {
    list->room = list->room == 0 ? 64 : list->room * 2;
    list->items = gw_realloc_array(list->items, list->room, sizeof(*list->items));
  }
  list->items[list->count++] = *server;
}

static bool take_page(struct gw_ecs_list *list, const struct gw_json_value *json, uint32_t *ret_count) {
  const struct gw_json_value *servers = gw_json_find(json, GW_STR("servers"));
  if (servers == NULL || servers->kind != GW_JSON_ARRAY) return false;
  for (uint32_t i = 0; i < servers->count; i++) {
    struct gw_ecs_server server;
    if (gw_ecs_parse_server(&servers->items[i], &list->arena, &server)) add(list, &server);
  }
  *ret_count = servers->count;
  list->seen_count += servers->count;
  return true;
}

static void on_page(void *arg, const struct gw_huawei_answer *answer) {
  struct gw_ecs_list *list = arg;
  uint32_t count = 0;
  list->call = NULL;
  if (answer->err != GW_OK) {
    finish(list, answer->err, answer->words);
    return;
  }
  const struct gw_json_value *total = gw_json_find(answer->json, GW_STR("count"));
  int64_t said = total != NULL && total->kind == GW_JSON_INTEGER ? total->integer : -1;
  if (list->page == 1) list->total = said;
  if (list->page > 1 && said != list->total && list->beginnings < BEGINNINGS_MAX) {
    begin(list);
    ask(list);
  } else if (list->page > 1 && said != list->total) {
    finish(list, GW_ERR_CLOSED, "the cloud's list of servers changes faster than it can be read");
  } else if (!take_page(list, answer->json, &count)) {
    finish(list, GW_ERR_CLOSED, "the cloud answers what is no list of servers");
  } else if (count < GW_ECS_PAGE || (said >= 0 && list->seen_count >= said)) {
    finish(list, GW_OK, "");
  } else if (list->seen_count >= GW_ECS_SERVERS_MAX) {
    finish(list, GW_ERR_LIMIT, "the cloud has more servers than are read; a tag or a name makes them fewer");
  } else {
    ask(list);
  }
}

static void ask(struct gw_ecs_list *list) {
  char limit[16], page[16];
  snprintf(limit, sizeof(limit), "%u", GW_ECS_PAGE);
  snprintf(page, sizeof(page), "%u", ++list->page); /* the cloud's "offset" is a page's number, from 1 */
  struct gw_huawei_pair query[5] = {{GW_STR("limit"), gw_str_from(limit)}, {GW_STR("offset"), gw_str_from(page)}};
  uint32_t count = 2;
  const struct gw_ecs_filter *filter = &list->filter;
  /* The cloud's own filters leave out most of what does not match: it takes parts of names for names. */
  struct gw_str name = filter->name;
  if (name.len > 0 && name.data[name.len - 1] == '*') name.len--;
  if (name.len > 0) query[count++] = (struct gw_huawei_pair){GW_STR("name"), name};
  if (filter->status.len > 0) query[count++] = (struct gw_huawei_pair){GW_STR("status"), filter->status};
  if (gw_str_find_char(filter->tag, '=') > 0) query[count++] = (struct gw_huawei_pair){GW_STR("tags"), filter->tag};
  const struct gw_huawei_ask ask = {.service = GW_HUAWEI_ECS,
                                    .path = "/v1/" GW_HUAWEI_PROJECT "/cloudservers/detail",
                                    .query = query,
                                    .query_count = count};
  list->call = gw_huawei_call_start(list->huawei, &ask, on_page, list);
}

struct gw_ecs_list *gw_ecs_list_start(struct gw_huawei *huawei, const struct gw_ecs_filter *filter, gw_ecs_servers_fn fn, void *arg) {
  struct gw_ecs_list *list = gw_calloc(1, sizeof(*list));
  *list = (struct gw_ecs_list){.huawei = huawei, .fn = fn, .arg = arg};
  gw_arena_init(&list->filter_arena, 256);
  list->filter = (struct gw_ecs_filter){.name = gw_arena_copy(&list->filter_arena, filter->name),
                                        .tag = gw_arena_copy(&list->filter_arena, filter->tag),
                                        .status = gw_arena_copy(&list->filter_arena, filter->status)};
  begin(list);
  ask(list);
  return list;
}
