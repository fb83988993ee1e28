/* Why: a text that Nacos' configuration holds, such as routes.yaml: had once, and again when a long poll says that it is another.
 * Life: from watch to unwatch, before the client.
 * Thread: the loop's. */
#ifndef GW_CONTROLPLANE_DISCOVERY_NACOS_CONFIG_H
#define GW_CONTROLPLANE_DISCOVERY_NACOS_CONFIG_H

#include "controlplane/discovery/nacos_client.h"
#include "controlplane/discovery/source.h"

struct gw_nacos_config;

/* `name`: "DATA_ID", "GROUP/DATA_ID" or "NAMESPACE/GROUP/DATA_ID"; what is missing is as given. A text that is not there is a failure, told
 * as such, and waited for. */
struct gw_nacos_config *gw_nacos_config_watch(struct gw_loop *loop, struct gw_nacos_client *client, struct gw_str name,
                                              struct gw_str namespace, struct gw_str group, struct gw_report *report);
void gw_nacos_config_unwatch(struct gw_nacos_config *config);

/* Appends what a long poll sends: dataId, group, MD5 and, unless it is empty, tenant, as the protocol separates them, encoded as a form. */
void gw_nacos_config_append_listening(struct gw_strbuf *form, struct gw_str data_id, struct gw_str group, struct gw_str tenant,
                                      struct gw_str md5);

#endif
