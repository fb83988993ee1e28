/* Why: `protocol` and `tls` of a service: how it is spoken with.
 * Life: in the arena of the reader.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_SERVICE_TLS_YAML_H
#define GW_CONTROLPLANE_POLICY_SERVICE_TLS_YAML_H

#include "controlplane/policy/services_yaml.h"
#include "controlplane/policy/tls_yaml.h"

/* `node`: the service; its instances were read. Sets protocol and tls. Its files become secrets that are called service/NAME/…; without a
 * `ca` it is checked against GW_SYSTEM_CA, and *ret_needs_system_ca is set. */
#define GW_SYSTEM_CA "system-ca"
void gw_service_tls_read(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_secret_list *secrets,
                         struct gw_service_entry *service, bool *ret_needs_system_ca);

#endif
