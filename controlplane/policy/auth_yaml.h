/* Why: routes.yaml's `auth`: who issues tokens, where they and API keys stand in a request, what services are told; and what each route
 * asks for.
 * Life: in the arena of the reader.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_AUTH_YAML_H
#define GW_CONTROLPLANE_POLICY_AUTH_YAML_H

#include "common/model/forwarded_identity.h"
#include "common/model/jwt_authn.h"
#include "controlplane/policy/settings.h"
#include "controlplane/policy/tls_yaml.h"

#define GW_AUTH_SETTINGS_PROVIDER "settings" /* made of JWT_SECRET_KEY and JWT_ALGORITHM */

struct gw_auth_policy {
  struct gw_jwt_provider *providers; /* sorted by name; keys come beside them, as secrets "jwt/NAME" do */
  uint32_t provider_count;
  bool has_api_keys;
  struct gw_str api_key_header; /* lower case */
  struct gw_forwarded_identity identity;
};

/* Of a route. */
struct gw_route_auth {
  const struct gw_yaml_node *node; /* where it is asked for; NULL: nowhere */
  bool is_required;
  bool takes_jwt;
  bool takes_api_key;
  const uint32_t *providers; /* indexes of those that are accepted; none: all */
  uint32_t provider_count;
};

/* `node`: the value of auth; NULL: what settings and defaults say. Adds the providers' keys to `secrets`. */
void gw_auth_read(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_settings *settings,
                  struct gw_secret_list *secrets, struct gw_auth_policy *ret_auth);
/* auth_required and auth of a route. */
void gw_route_auth_read(const struct gw_reader *reader, const struct gw_yaml_node *route, const struct gw_auth_policy *auth,
                        struct gw_route_auth *ret_auth);
/* Whether anybody could be let through. */
bool gw_route_auth_is_possible(const struct gw_route_auth *route, const struct gw_auth_policy *auth);
/* Keys that are read and turn out to be no keys, or weak ones, are mistakes; those that can't be read are not. */
void gw_auth_check_keys(const struct gw_secret_list *secrets, struct gw_errors *errors);

#endif
