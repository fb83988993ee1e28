#include "common/routing/own_endpoint.h"

enum gw_own_endpoint gw_own_endpoint_find(const struct gw_node_endpoints *model, const struct gw_request_head *head) {
  if (head->method != GW_METHOD_GET && head->method != GW_METHOD_HEAD) return GW_OWN_ENDPOINT_NONE;
  struct gw_str path = gw_path_without_query(head->path);
  if (model->has_health && gw_str_equal(path, GW_STR("/health"))) return GW_OWN_ENDPOINT_HEALTH;
  if (model->has_ready && gw_str_equal(path, GW_STR("/ready"))) return GW_OWN_ENDPOINT_READY;
  if (model->has_metrics && gw_str_equal(path, GW_STR("/metrics"))) return GW_OWN_ENDPOINT_METRICS;
  return GW_OWN_ENDPOINT_NONE;
}
