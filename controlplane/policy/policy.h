/* Why: routes.yaml and services.yaml → model: what operators write becomes listeners, routes, clusters and endpoints.
 * Life: gw_policy_load … gw_policy_free; everything it points to is in its arena.
 * Thread: one at a time; read-only after load. */
#ifndef GW_CONTROLPLANE_POLICY_POLICY_H
#define GW_CONTROLPLANE_POLICY_POLICY_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/model/cluster.h"
#include "common/model/listener.h"
#include "common/model/node_group.h"
#include "common/model/secret.h"
#include "controlplane/policy/settings.h"
#include "controlplane/policy/source_yaml.h"
#include "controlplane/policy/yaml.h"

/* One text with the name that mistakes are reported under. */
struct gw_policy_source {
  const char *name; /* "config/routes.yaml" */
  struct gw_str text;
};

/* A route as the operator sees it: for `get routes`. Where it stands: for messages. */
struct gw_policy_route {
  struct gw_str name;         /* of the gw_routes made from it */
  const struct gw_str *hosts; /* none: any */
  uint32_t host_count;
  struct gw_str path;
  struct gw_str service;        /* with weights, when there are several; empty: the gateway answers */
  const struct gw_str *methods; /* none: all */
  uint32_t method_count;
  struct gw_str conditions;    /* their names */
  struct gw_str changes;       /* their kinds */
  const struct gw_str *groups; /* of nodes; none: all */
  uint32_t group_count;
  const struct gw_route *route; /* one of those made from it */
  uint32_t line;
  uint32_t column;
};

/* What the files of an issuer's keys hold. */
enum gw_keys_kind {
  GW_KEYS_JWKS,
  GW_KEYS_PEM,    /* public keys or certificates */
  GW_KEYS_SECRET, /* a shared secret each: the file's bytes, without a line end */
  GW_KEYS_PLAIN,  /* no keys: `text` itself, a password */
  GW_KEYS_REMOTE, /* published at `url` */
};

struct gw_policy_keys {
  enum gw_keys_kind kind;
  bool is_discovery;  /* of GW_KEYS_REMOTE: `url` is an OIDC configuration, which names them (jwks_uri) */
  uint32_t algs;      /* as of gw_jwk_rules */
  struct gw_str text; /* instead of files: of a setting */
  struct gw_str url;
};

/* A secret, and the files that it comes from (secret_file.h). */
struct gw_policy_secret {
  struct gw_str name;
  enum gw_secret_kind kind;
  const char *const *paths; /* a certificate: the chain, the key; else one, or several keys */
  uint32_t path_count;
  const char *place; /* "FILE:LINE:COLUMN", or what else names it: for messages */
  const struct gw_policy_keys
      *keys; /* of GW_SECRET_GENERIC: of tokens' issuers. Public ones go into listeners, not to who asks for secrets */
};

struct gw_policy_parts;
struct gw_policy {
  struct gw_arena arena;
  const struct gw_policy_parts *parts;     /* what was read (translate.h), without services.by_name: for loosening.h and places */
  const struct gw_str *const *route_names; /* of the gw_routes made from parts->routes.groups: [group][item] */
  const struct gw_listener *listeners;
  uint32_t listener_count;
  const struct gw_route_config *route_configs;
  uint32_t route_config_count;
  const struct gw_cluster *clusters; /* one a service, and the collector of traces; STRICT_DNS ones have their endpoints inline */
  uint32_t cluster_count;
  const struct gw_endpoints *static_endpoints; /* of the EDS clusters, from services.yaml */
  uint32_t static_endpoints_count;
  const struct gw_source_spec *sources; /* where the instances of each EDS cluster come from */
  uint32_t source_count;
  const struct gw_policy_secret *secrets; /* that listeners and clusters name, and their issuers' public keys */
  uint32_t secret_count;
  const struct gw_node_group *groups; /* nodes of these clusters have listeners and routes of their own */
  uint32_t group_count;
  const struct gw_policy_route *routes; /* in the order of matching; behind those that all nodes have, those of groups */
  uint32_t route_count;
  struct gw_yaml_document routes_file; /* what it was made of */
  struct gw_yaml_document services_file;
};

/* Parses, checks and translates both. Every mistake of both texts is added ("FILE:LINE:COLUMN"); GW_ERR_INVALID when there is one.
 * Warnings (such as rate_limit, which is not enforced yet) don't fail. */
enum gw_err gw_policy_load(const struct gw_policy_source *routes, const struct gw_policy_source *services,
                           const struct gw_settings *settings, struct gw_errors *errors, struct gw_policy **ret_policy);
/* The same, quicker where little differs from what another policy (read only; NULL: none) was made of. */
enum gw_err gw_policy_load_changed(const struct gw_policy *before, const struct gw_policy_source *routes,
                                   const struct gw_policy_source *services, const struct gw_settings *settings, struct gw_errors *errors,
                                   struct gw_policy **ret_policy);
void gw_policy_free(struct gw_policy *policy);

/* Reads a whole file, at most GW_POLICY_FILE_MAX bytes; a mistake when it can't. The text is freed with free(). */
#define GW_POLICY_FILE_MAX ((size_t)64 << 20)
enum gw_err gw_policy_read_file(const char *path, struct gw_errors *errors, struct gw_str *ret_text);

#endif
