/* Why: small resources for the tests of this folder, made by the codec that the control plane uses.
 * Life: one reference each, the caller's.
 * Thread: any. */
#ifndef GW_TESTS_UNIT_DATAPLANE_XDS_CLIENT_SAMPLES_H
#define GW_TESTS_UNIT_DATAPLANE_XDS_CLIENT_SAMPLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/model/route.h"
#include "common/xds/codec.h"

static inline struct gw_resource *sample_cluster(const char *name, uint64_t connect_timeout_ms) {
  struct gw_cluster cluster = {
      .name = gw_str_from(name),
      .kind = GW_CLUSTER_EDS,
      .eds_service_name = gw_str_from(name),
      .connect_timeout_ms = connect_timeout_ms,
      .dns_refresh_ms = 5000,
      .upstream_idle_timeout_ms = 60000,
  };
  return gw_xds_encode_cluster(&cluster);
}

static inline struct gw_resource *sample_endpoints(const char *cluster, uint16_t port) {
  struct gw_endpoint endpoint = {.address = GW_STR("127.0.0.1"), .port = port, .weight = 1};
  struct gw_endpoints endpoints = {.cluster_name = gw_str_from(cluster), .items = &endpoint, .count = 1};
  return gw_xds_encode_endpoints(&endpoints);
}

static inline struct gw_resource *sample_listener(const char *name, const char *route_config) {
  struct gw_http_filter router = {.name = GW_STR("router"), .kind = GW_FILTER_ROUTER};
  struct gw_listener listener = {
      .name = gw_str_from(name),
      .address = GW_STR("127.0.0.1"),
      .port = 0,
      .http = {.stat_prefix = GW_STR("test"),
               .route_config_name = gw_str_from(route_config),
               .filters = &router,
               .filter_count = 1,
               .server_name = GW_STR("gateway"),
               .max_request_headers_kb = 60,
               .max_headers_count = 100},
  };
  return gw_xds_encode_listener(&listener);
}

static inline struct gw_resource *sample_tls_listener(const char *name, const char *certificate) {
  struct gw_http_filter router = {.name = GW_STR("router"), .kind = GW_FILTER_ROUTER};
  struct gw_route_config no_routes = {.name = GW_STR("inline")};
  struct gw_str certificates[] = {gw_str_from(certificate)};
  struct gw_downstream_tls tls = {.params = {.max_version = GW_TLS_1_3, .certificates = certificates, .certificate_count = 1}};
  struct gw_listener listener = {
      .name = gw_str_from(name),
      .address = GW_STR("127.0.0.1"),
      .http = {.inline_routes = &no_routes, .filters = &router, .filter_count = 1, .max_request_headers_kb = 60, .max_headers_count = 100},
      .tls = &tls,
  };
  return gw_xds_encode_listener(&listener);
}

static inline struct gw_resource *sample_tls_cluster(const char *name, const char *validation) {
  struct gw_endpoint endpoint = {.address = GW_STR("127.0.0.1"), .port = 80, .weight = 1};
  struct gw_endpoints endpoints = {.cluster_name = gw_str_from(name), .items = &endpoint, .count = 1};
  struct gw_upstream_tls tls = {.params = {.max_version = GW_TLS_1_3, .validation = gw_str_from(validation)}};
  struct gw_cluster cluster = {.name = gw_str_from(name),
                               .kind = GW_CLUSTER_STATIC,
                               .inline_endpoints = &endpoints,
                               .connect_timeout_ms = 1000,
                               .dns_refresh_ms = 5000,
                               .tls = &tls};
  return gw_xds_encode_cluster(&cluster);
}

static inline struct gw_resource *sample_certificate(const char *name, const char *key) {
  struct gw_secret secret = {.name = gw_str_from(name),
                             .kind = GW_SECRET_CERTIFICATE,
                             .certificate_chain = GW_STR("CHAIN"),
                             .private_key = gw_str_from(key)};
  return gw_xds_encode_secret(&secret);
}

static inline struct gw_resource *sample_routes(const char *name, const char *cluster) {
  static const struct gw_str any_domain = {"*", 1};
  struct gw_route route = {
      .name = GW_STR("all"),
      .match = {.kind = GW_PATH_MATCH_PREFIX, .path = GW_STR("/")},
      .action = GW_ROUTE_FORWARD,
      .forward = {.cluster = gw_str_from(cluster), .timeout_ms = 1000},
  };
  struct gw_virtual_host host = {.name = GW_STR("all"), .domains = &any_domain, .domain_count = 1, .routes = &route, .route_count = 1};
  struct gw_route_config config = {.name = gw_str_from(name), .virtual_hosts = &host, .virtual_host_count = 1, .route_count = 1};
  return gw_xds_encode_route_config(&config);
}

#endif
