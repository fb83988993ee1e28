#include "controlplane/snapshot/builder.h"

#include "common/model/consistency.h"
#include "common/xds/codec.h"

void gw_wanted_add(struct gw_snapshot_builder *builder, const struct gw_snapshot *previous, struct gw_resource *fresh) {
  const struct gw_resource *before = previous != NULL ? gw_snapshot_find(previous, fresh->type, fresh->name) : NULL;
  if (before != NULL && memcmp(before->version, fresh->version, sizeof fresh->version) == 0) {
    gw_resource_unref(fresh);
    fresh = gw_resource_ref((struct gw_resource *)(uintptr_t)before); /* only its count changes */
  }
  gw_snapshot_builder_add(builder, fresh);
}

struct gw_resource *gw_wanted_encode_routes(const struct gw_route_config *config, const struct gw_snapshot *previous) {
  const struct gw_resource *before = previous != NULL ? gw_snapshot_find(previous, GW_RESOURCE_ROUTE_CONFIG, config->name) : NULL;
  return gw_xds_encode_changed_route_config(config, before);
}

enum gw_err gw_wanted_freeze(const struct gw_wanted *wanted, struct gw_snapshot *previous, struct gw_errors *errors,
                             struct gw_snapshot **ret_snapshot) {
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  for (uint32_t i = 0; i < wanted->secret_count; i++)
    gw_wanted_add(builder, previous, gw_xds_encode_secret(&wanted->secrets[i]));
  for (uint32_t i = 0; i < wanted->cluster_count; i++)
    gw_wanted_add(builder, previous, gw_xds_encode_cluster(&wanted->clusters[i]));
  for (uint32_t i = 0; i < wanted->endpoints_count; i++)
    gw_wanted_add(builder, previous, gw_xds_encode_endpoints(&wanted->endpoints[i]));
  for (uint32_t i = 0; i < wanted->listener_count; i++)
    gw_wanted_add(builder, previous, gw_xds_encode_listener(&wanted->listeners[i]));
  for (uint32_t i = 0; wanted->kept_route_configs == NULL && i < wanted->route_config_count; i++)
    gw_wanted_add(builder, previous, gw_wanted_encode_routes(&wanted->route_configs[i], previous));
  for (uint32_t i = 0; wanted->kept_route_configs != NULL && i < wanted->kept_route_configs->count; i++)
    gw_snapshot_builder_add(builder, gw_resource_ref(wanted->kept_route_configs->items[i]));
  if (wanted->api_keys != NULL) gw_snapshot_builder_set_api_keys(builder, wanted->api_keys);
  struct gw_snapshot *snapshot = gw_snapshot_builder_freeze(builder);

  size_t errors_before = errors->error_count;
  gw_consistency_check(snapshot, GW_CONSISTENCY_WANTED, errors);
  if (errors->error_count > errors_before) {
    gw_snapshot_unref(snapshot);
    return GW_ERR_INVALID;
  }
  *ret_snapshot = snapshot;
  return GW_OK;
}
