#include "common/xds/filter_codecs.h"

#include <string.h>

#include "common/base/mem.h"

static const struct gw_xds_filter_codec *const codecs[] = {
    &gw_xds_filter_router,      &gw_xds_filter_node_endpoints, &gw_xds_filter_limits,
    &gw_xds_filter_access,      &gw_xds_filter_cors,           &gw_xds_filter_jwt_authn,
    &gw_xds_filter_local_limit, &gw_xds_filter_shared_limit,   &gw_xds_filter_forwarded_identity,
    &gw_xds_filter_rbac_deny,   &gw_xds_filter_rbac,           &gw_xds_filter_api_key,
};

const struct gw_xds_route_filter_codec *const gw_xds_route_filter_codecs[] = {
    &gw_xds_route_filter_cors,       &gw_xds_route_filter_jwt_authn,
    &gw_xds_route_filter_api_key,    &gw_xds_route_filter_local_limit,
    &gw_xds_route_filter_rbac,       &gw_xds_route_filter_rbac_deny,
    &gw_xds_route_filter_access,     &gw_xds_route_filter_shared_limit,
    &gw_xds_route_filter_access_log, NULL,
};

const struct gw_xds_filter_codec *gw_xds_filter_codec_find(const char *message, const char *name) {
  for (size_t i = 0; i < GW_ARRAY_LEN(codecs); i++) {
    bool is_named = codecs[i]->name == NULL || strcmp(codecs[i]->name, name) == 0;
    if (is_named && strcmp(codecs[i]->descriptor->name, message) == 0) return codecs[i];
  }
  return NULL;
}

const struct gw_xds_filter_codec *gw_xds_filter_codec_get(enum gw_filter_kind kind) {
  for (size_t i = 0; i < GW_ARRAY_LEN(codecs); i++) {
    if (codecs[i]->kind == kind) return codecs[i];
  }
  GW_PANIC("filter kind %d has no codec", (int)kind);
}
