/* Why: `tls` of a listener.
 * Life: in the arena of the reader.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_LISTENER_TLS_YAML_H
#define GW_CONTROLPLANE_POLICY_LISTENER_TLS_YAML_H

#include "controlplane/policy/tls_yaml.h"

/* Mistakes go to the reader's errors; never NULL. Its files become secrets that are called listener/NAME/… */
const struct gw_downstream_tls *gw_listener_tls_read(const struct gw_reader *reader, const struct gw_yaml_node *node,
                                                     struct gw_str listener_name, bool has_http2, struct gw_secret_list *secrets);

#endif
