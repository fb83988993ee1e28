#include "dataplane/pipeline/chain.h"

#include <stdlib.h>

#include "common/base/mem.h"

/* What routes have is found by the filter's kind, so there is one of those that they have something for. */
static void check_twice(const struct gw_http_connection_manager *http, uint32_t index, const struct gw_filter *filter, const char *place,
                        struct gw_errors *errors) {
  for (uint32_t i = 0; i < index && filter->build_route != NULL; i++) {
    if (http->filters[i].kind != filter->kind) continue;
    gw_errors_add(errors, place, "filter \"%.*s\" is of the same kind as http_filters[%u]: routes have settings for one of a kind",
                  GW_STR_ARG(http->filters[index].name), i);
    return;
  }
}

static const struct gw_filter *find_filter(const struct gw_filter *const *registry, enum gw_filter_kind kind) {
  for (; *registry != NULL; registry++)
    if ((*registry)->kind == kind) return *registry;
  return NULL;
}

void gw_chain_build(struct gw_chain *chain, const struct gw_http_connection_manager *http, const struct gw_filter *const *registry,
                    const struct gw_filter_build *build) {
  struct gw_errors *errors = build->errors;
  struct gw_chain_item *items = gw_arena_calloc(build->arena, http->filter_count, sizeof(*items));
  size_t offset = 0;
  uint32_t count = 0;
  for (uint32_t i = 0; i < http->filter_count; i++) {
    const struct gw_http_filter *model = &http->filters[i];
    GW_CLEANUP(gw_free_ptr) char *at = gw_asprintf("%s: http_filters[%u]", build->place, i);
    if (model->kind == GW_FILTER_LIMITS) continue; /* no step of a request: read by those who count */
    const struct gw_filter *filter = find_filter(registry, model->kind);
    if (filter == NULL) {
      gw_errors_add(errors, at, "filter \"%.*s\" is not available", GW_STR_ARG(model->name));
      continue;
    }
    bool is_last = i + 1 == http->filter_count;
    if (is_last != (model->kind == GW_FILTER_ROUTER)) gw_errors_add(errors, at, "the router is the last filter, and only the last one");
    check_twice(http, i, filter, at, errors);
    struct gw_filter_build own = *build;
    own.place = at;
    const void *settings = filter->build != NULL ? filter->build(&own, model) : NULL;
    items[count++] = (struct gw_chain_item){.filter = filter, .settings = settings, .state_offset = offset};
    offset += (filter->state_size + 15) & ~(size_t)15;
  }
  if (http->filter_count == 0) gw_errors_add(errors, build->place, "http_filters: at least the router is needed");
  *chain = (struct gw_chain){.items = items, .count = count, .state_size = offset};
}

void gw_chain_done(struct gw_chain *chain) {
  for (uint32_t i = 0; i < chain->count; i++) {
    const struct gw_chain_item *item = &chain->items[i];
    if (item->filter->free_settings != NULL && item->settings != NULL) item->filter->free_settings(item->settings);
  }
}
