/* Why: services.yaml → services with their instances.
 * Life: in the arena of the reader.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_SERVICES_YAML_H
#define GW_CONTROLPLANE_POLICY_SERVICES_YAML_H

#include "common/base/map.h"
#include "common/model/cluster.h"
#include "controlplane/policy/balancing_yaml.h"
#include "controlplane/policy/circuit_breaker_yaml.h"
#include "controlplane/policy/health_yaml.h"
#include "controlplane/policy/reader.h"
#include "controlplane/policy/retries_yaml.h"
#include "controlplane/policy/source_yaml.h"

struct gw_secret_list;

struct gw_service_entry {
  struct gw_str name;
  const struct gw_yaml_node *key;
  const struct gw_yaml_node *node; /* the mapping; NULL: it is none */
  struct gw_str base_path;         /* "/base" without a slash at the end; empty: none */
  bool has_names;                  /* an instance is a host name: the data plane resolves it */
  struct gw_endpoint *endpoints;   /* those that may be sent traffic, sorted by priority, address and port */
  uint32_t endpoint_count;
  bool is_https; /* of all instances */
  enum gw_upstream_protocol protocol;
  struct gw_service_balancing balancing;
  struct gw_service_health health;
  struct gw_service_protection protection;
  struct gw_retries_entry retries; /* for the routes of the service, as timeouts are */
  struct gw_timeouts_entry timeouts;
  struct gw_retry_budget_entry retry_budget;
  const struct gw_upstream_tls *tls;   /* NULL: plaintext */
  const struct gw_source_spec *source; /* where instances come from (gw_service_sources_read) */
};

struct gw_service_list {
  struct gw_service_entry *items; /* in the file's order */
  uint32_t count;
  bool needs_system_ca;   /* a service is checked against GW_SYSTEM_CA */
  struct gw_map *by_name; /* → struct gw_service_entry; gw_map_free */
};

/* Mistakes go to the reader's errors; what could be read is returned all the same, so that routes can be checked against it. False: there
 * is no mapping of services at all. */
bool gw_services_read(const struct gw_reader *reader, const struct gw_yaml_node *root, struct gw_secret_list *secrets,
                      struct gw_service_list *ret_services);

#endif
