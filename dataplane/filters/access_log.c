#include "dataplane/filters/access_log.h"

#include "dataplane/pipeline/log_filter.h"

static const void *build_route(const struct gw_filter_build *build, const struct gw_route_filters *model) {
  if (model->access_log == NULL) return NULL;
  return gw_log_filter_build(&model->access_log->filter, build->arena, build->errors, build->place);
}

static void free_route_settings(const void *settings) {
  gw_log_filter_done(settings);
}

const struct gw_filter gw_filter_access_log = {
    .name = "gateway.filters.http.access_log",
    .kind = GW_FILTER_ACCESS_LOG,
    .build_route = build_route,
    .free_route_settings = free_route_settings,
};
