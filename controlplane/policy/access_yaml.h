/* Why: routes.yaml's `access`: which roles there are, what they include and permit, and where claims tell of them; and what each route asks
 * of who calls it. Life: in the arena of the reader. Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_ACCESS_YAML_H
#define GW_CONTROLPLANE_POLICY_ACCESS_YAML_H

#include "common/base/json_value.h"
#include "controlplane/policy/auth_yaml.h"
#include "controlplane/policy/path_pattern.h"
#include "controlplane/policy/reader.h"

struct gw_words {
  const struct gw_str *items;
  uint32_t count;
};

struct gw_access_role {
  struct gw_str name;
  const struct gw_yaml_node *node;
  struct gw_words includes;
  struct gw_words permissions; /* with wildcards */
  const uint32_t *all;         /* itself and what it includes, and what those do: indexes */
  uint32_t all_count;
};

/* `access` of the file. */
struct gw_access_rules_of_file {
  const struct gw_access_role *roles;
  uint32_t role_count;
  const struct gw_json_path *role_claims; /* where tokens and keys tell of them */
  uint32_t role_claim_count;
  const struct gw_json_path *permission_claims;
  uint32_t permission_claim_count;
  bool is_shadow; /* nothing is refused, only counted and logged */
};

struct gw_access_parameter {
  struct gw_str name;
  struct gw_json_path claim;
};
struct gw_access_claim_condition {
  struct gw_json_path claim;
  struct gw_words values;
};

/* What must be true for a rule to speak: all that it names. */
struct gw_access_conditions {
  struct gw_words roles;
  struct gw_words permissions;
  bool needs_all; /* of the roles, and of the permissions; else one of each */
  struct gw_words methods;
  struct gw_words clients;      /* CIDR ranges */
  struct gw_words certificates; /* exact, or with '*' at the end */
  const struct gw_access_parameter *parameters;
  uint32_t parameter_count;
  const struct gw_access_claim_condition *claims;
  uint32_t claim_count;
};

struct gw_access_rule_entry {
  struct gw_str name;
  bool denies;
  struct gw_access_conditions conditions;
};

/* Of a route. */
struct gw_route_access {
  struct gw_access_conditions of_all; /* roles, permissions and require of the route: asked whatever the rules say */
  const struct gw_access_rule_entry *rules;
  uint32_t rule_count;
  struct gw_words allow_from; /* CIDR ranges; none: everybody */
  struct gw_words deny_from;
  struct gw_str key; /* the same for routes that say the same; empty: nothing is asked */
};

/* `node`: the value of access; NULL: defaults. */
void gw_access_read(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_auth_policy *auth,
                    struct gw_access_rules_of_file *ret_access);
/* The key of a route that only makes sense when it is known who calls; NULL: there is none. */
const struct gw_yaml_node *gw_route_access_find_identity(const struct gw_yaml_node *route);
/* roles, permissions, require, rules, allow_from and deny_from of a route with that path. */
void gw_route_access_read(const struct gw_reader *reader, const struct gw_yaml_node *route, const struct gw_path_pattern *path,
                          const struct gw_access_rules_of_file *access, struct gw_route_access *ret_access);

/* "realm_access.roles" or a JSON pointer. */
bool gw_access_read_claim(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_json_path *ret_path);
/* One, or a list of them that is not empty; each once. `is_good` says whether a word is one, with `rule` telling what is. */
typedef bool (*gw_word_is_good_fn)(struct gw_str word);
void gw_access_read_words(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, gw_word_is_good_fn is_good,
                          const char *rule, struct gw_words *ret_words);
bool gw_access_is_role(struct gw_str word);
/* "projects:read"; not with a wildcard. */
bool gw_access_is_permission(struct gw_str word);
/* Whether who holds `held`, such as "projects:*", has the permission. */
bool gw_access_permits(struct gw_str held, struct gw_str permission);

#endif
