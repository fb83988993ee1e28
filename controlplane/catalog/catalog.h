/* Why: merges the policy's wanted state with the instances that discovery sources report, and puts the result into the snapshot cache.
 * Life: gw_catalog_new … gw_catalog_free. What is set is deep-copied or borrowed as each function says.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_CATALOG_CATALOG_H
#define GW_CONTROLPLANE_CATALOG_CATALOG_H

#include "common/base/err.h"
#include "common/event/loop.h"
#include "common/model/cluster.h"
#include "common/model/listener.h"
#include "common/model/node_group.h"
#include "common/model/secret.h"
#include "controlplane/snapshot/cache.h"

struct gw_catalog;

struct gw_catalog *gw_catalog_new(struct gw_loop *loop, struct gw_snapshot_cache *cache);
void gw_catalog_free(struct gw_catalog *catalog);

/* The policy's part. Arrays are borrowed until the next call (or gw_catalog_free), except that on GW_ERR_INVALID (inconsistent; mistakes
 * are added) the ones before stay in force. Publishes at once. */
struct gw_catalog_policy {
  const struct gw_listener *listeners;
  uint32_t listener_count;
  const struct gw_route_config *route_configs;
  uint32_t route_config_count;
  const struct gw_cluster *clusters;
  uint32_t cluster_count;
  const struct gw_node_group *groups; /* nodes of these clusters have listeners and routes of their own */
  uint32_t group_count;
};
enum gw_err gw_catalog_set_policy(struct gw_catalog *catalog, const struct gw_catalog_policy *policy, struct gw_errors *errors);

/* What gw_catalog_set_policy would say; nothing is published. */
enum gw_err gw_catalog_check_policy(const struct gw_catalog *catalog, const struct gw_catalog_policy *policy, struct gw_errors *errors);

/* All secrets that there are now (borrowed until the next call). Published at the end of the loop's turn, or with the policy. */
void gw_catalog_set_secrets(struct gw_catalog *catalog, const struct gw_secret *secrets, uint32_t count);

/* What API keys are hashed under (copied; empty: none): the secret GW_SECRET_NAME_PEPPER. Published likewise. */
void gw_catalog_set_pepper(struct gw_catalog *catalog, struct gw_str pepper);

/* All API keys that there are now (a list that holds: shared). Published at the end of the loop's turn, beside all else, which need not be
 * encoded again. */
void gw_catalog_set_api_keys(struct gw_catalog *catalog, const struct gw_resource_list *keys);

/* Public keys of tokens' issuers (borrowed until the next call): the content of each, whose name is "jwt/PROVIDER", becomes the key set of
 * that provider in all listeners. Published likewise. */
void gw_catalog_set_issuer_keys(struct gw_catalog *catalog, const struct gw_secret *keys, uint32_t count);

/* Instances of one service, as a source knows them (copied). Published at the end of the loop's turn, so that many services
 * that change together make one snapshot. An EDS cluster that no source knows has no endpoints. */
void gw_catalog_set_endpoints(struct gw_catalog *catalog, const char *source, const struct gw_endpoints *endpoints);
/* The source no longer knows that service. */
void gw_catalog_remove_endpoints(struct gw_catalog *catalog, const char *source, struct gw_str service);
/* Publishes what waits, now: for the start, where policy and endpoints come together. */
void gw_catalog_publish(struct gw_catalog *catalog);

#endif
