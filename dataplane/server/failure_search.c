#include "dataplane/server/failure_search.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/event/timer.h"

struct search {
  struct gw_failure_search *all;
  struct gw_list node;
  uint64_t number;
  struct gw_agent_query query;
  struct gw_failure_list **lists; /* what came so far */
  uint32_t answered_count;
  struct gw_timer bound;
};

struct gw_failure_search {
  struct gw_loop *loop;
  uint32_t worker_count;
  struct gw_failure_search_calls calls;
  struct gw_list searches;
  uint32_t count;
  uint64_t last_number;
};

static void search_free(struct search *search) {
  for (uint32_t i = 0; i < search->answered_count; i++)
    gw_failure_list_free(search->lists[i]);
  free(search->lists);
  gw_timer_stop(&search->bound);
  gw_list_remove(&search->node);
  search->all->count--;
  free(search);
}

static int by_time(const void *a, const void *b) {
  const struct gw_failure_record *x = *(const struct gw_failure_record *const *)a;
  const struct gw_failure_record *y = *(const struct gw_failure_record *const *)b;
  return (x->wall_us > y->wall_us) - (x->wall_us < y->wall_us);
}

static void finish(struct search *search) {
  const struct gw_failure_search *all = search->all;
  const struct gw_failure_record **records = gw_malloc((search->answered_count * GW_FAILURE_LIST_MAX + 1) * sizeof(void *));
  uint32_t count = 0;
  for (uint32_t i = 0; i < search->answered_count; i++)
    for (uint32_t k = 0; k < search->lists[i]->count; k++)
      records[count++] = &search->lists[i]->items[k];
  qsort(records, count, sizeof(void *), by_time);
  all->calls.on_done(all->calls.arg, search->query, records, count, all->worker_count - search->answered_count);
  free(records);
  search_free(search);
}

static void on_bound(struct gw_timer *timer) {
  finish(GW_CONTAINER_OF(timer, struct search, bound));
}

struct gw_failure_search *gw_failure_search_new(struct gw_loop *loop, uint32_t worker_count, const struct gw_failure_search_calls *calls) {
  struct gw_failure_search *all = gw_calloc(1, sizeof(*all));
  all->loop = loop;
  all->worker_count = worker_count;
  all->calls = *calls;
  gw_list_init(&all->searches);
  return all;
}

void gw_failure_search_free(struct gw_failure_search *all) {
  if (all == NULL) return;
  GW_LIST_FOR_EACH(node, &all->searches) {
    search_free(GW_LIST_ITEM(node, struct search, node));
  }
  free(all);
}

void gw_failure_search_start(struct gw_failure_search *all, struct gw_agent_query query, struct gw_str request_id) {
  if (all->count == GW_FAILURE_SEARCHES_MAX) {
    all->calls.on_done(all->calls.arg, query, NULL, 0, all->worker_count);
    return;
  }
  struct search *search = gw_calloc(1, sizeof(*search));
  search->all = all;
  search->number = ++all->last_number;
  search->query = query;
  search->lists = gw_calloc(all->worker_count, sizeof(struct gw_failure_list *));
  gw_list_add_last(&all->searches, &search->node);
  all->count++;
  gw_timer_init(&search->bound, on_bound);
  gw_timer_start(all->loop, &search->bound, GW_FAILURE_SEARCH_BOUND_MS);
  for (uint32_t i = 0; i < all->worker_count; i++)
    all->calls.ask(all->calls.arg, i, search->number, request_id);
}

void gw_failure_search_on_found(struct gw_failure_search *all, uint64_t number, struct gw_failure_list *list) {
  GW_LIST_FOR_EACH(node, &all->searches) {
    struct search *search = GW_LIST_ITEM(node, struct search, node);
    if (search->number != number) continue;
    search->lists[search->answered_count++] = list;
    if (search->answered_count == all->worker_count) finish(search);
    return;
  }
  gw_failure_list_free(list); /* too late */
}
