/* Why: services.yaml → services with their instances.
 * Life: in the arena of the reader.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_SERVICES_YAML_H
#define GW_CONTROLPLANE_POLICY_SERVICES_YAML_H

#include "common/base/map.h"
#include "common/model/endpoint.h"
#include "controlplane/policy/reader.h"

struct gw_service_entry {
  struct gw_str name;
  const struct gw_yaml_node *key;
  struct gw_str base_path;       /* "/base" without a slash at the end; empty: none */
  bool has_names;                /* an instance is a host name: the data plane resolves it */
  struct gw_endpoint *endpoints; /* those that may be sent traffic, sorted by address and port */
  uint32_t endpoint_count;
};

struct gw_service_list {
  struct gw_service_entry *items; /* in the file's order */
  uint32_t count;
  struct gw_map *by_name; /* → struct gw_service_entry; gw_map_free */
};

/* Mistakes go to the reader's errors; what could be read is returned all the same, so that routes can be checked against it. False: there
 * is no mapping of services at all. */
bool gw_services_read(const struct gw_reader *reader, const struct gw_yaml_node *root, struct gw_service_list *ret_services);

#endif
