/* Why: the part of auth_yaml.h that is about issuers of tokens: auth: jwt: providers, and JWT_SECRET_KEY.
 * Life: in the arena of the reader.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_JWT_PROVIDERS_YAML_H
#define GW_CONTROLPLANE_POLICY_JWT_PROVIDERS_YAML_H

#include "controlplane/policy/auth_yaml.h"

/* `node` NULL: the settings' alone. */
void gw_jwt_providers_read(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_settings *settings,
                           struct gw_secret_list *secrets, struct gw_auth_policy *auth);

/* The name of a field, in lower case. Own: of one that the gateway sets, which must have no other meaning. */
bool gw_auth_read_field_name(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, struct gw_str *ret_name);
bool gw_auth_read_own_field_name(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what,
                                 struct gw_str *ret_name);

#endif
