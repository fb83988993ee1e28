/* Why: what a frozen configuration consists of: for the folders that serve with it (the server sees frozen.h only).
 * Life: each part is ref-counted and shared by the configurations that it did not change between.
 * Thread: built and freed on main, read by all. */
#ifndef GW_DATAPLANE_PIPELINE_FROZEN_PARTS_H
#define GW_DATAPLANE_PIPELINE_FROZEN_PARTS_H

#include "common/net/address.h"
#include "common/net/tls.h"
#include "common/observe/sampler.h"
#include "common/routing/reserved_fields.h"
#include "common/routing/route_table.h"
#include "dataplane/cluster/frozen_cluster.h"
#include "dataplane/pipeline/access_log.h"
#include "dataplane/pipeline/chain.h"
#include "dataplane/pipeline/frozen.h"
#include "dataplane/pipeline/header_rules.h"
#include "dataplane/pipeline/route_settings.h"

/* A compiled route configuration. */
struct gw_frozen_routes {
  uint32_t refs;
  struct gw_resource *resource; /* the route configuration, or the listener that has it inline */
  const struct gw_route_config *config;
  struct gw_route_table *table;
  struct gw_header_rules *header_rules; /* NULL: no value has operators */
  uint32_t split_count;                 /* clusters of all splits */
  bool has_body_limits;                 /* a route has one of its own */
  struct gw_route_settings *settings;   /* what filters have of routes; NULL: nothing */
};

/* Routes with the clusters of this configuration. */
#define GW_NO_CLUSTER UINT32_MAX
struct gw_route_binding {
  struct gw_frozen_routes *routes;
  uint32_t *cluster_of_route; /* by route->index: position in gw_frozen.clusters, or GW_NO_CLUSTER; of a split: in split_clusters */
  uint32_t *split_clusters;   /* one split's clusters behind the other's: position in gw_frozen.clusters, or GW_NO_CLUSTER */
};

/* A compiled listener. */
struct gw_frozen_http {
  uint32_t refs;
  struct gw_resource *resource;
  const struct gw_listener *model;
  struct gw_chain chain;
  const struct gw_limits *limits;          /* of the filter of that name; all zero without it */
  struct gw_tls_context *tls;              /* NULL: plaintext, or, when model->tls is set, closed for want of a secret */
  struct gw_str secrets_version;           /* of all that it names, TLS's and filters' */
  const struct gw_cidr *trusted_cidrs;     /* model->http.trusted_cidr_count */
  struct gw_reserved_fields reserved;      /* what may not come from outside */
  struct gw_sampler sampler;               /* with model->http.tracing; a rate is kept in it, for all workers */
  uint64_t trace_destination;              /* of its spans */
  struct gw_access_log_plan **access_logs; /* model->http.access_log_count */
  struct gw_arena arena;
};

#define GW_NO_BINDING UINT32_MAX
struct gw_frozen_listener {
  struct gw_frozen_http *http;
  uint32_t binding; /* position in gw_frozen.bindings; GW_NO_BINDING: its routes are missing, every request is answered 503 */
};

struct gw_frozen {
  uint32_t refs; /* main's */
  struct gw_snapshot *snapshot;
  struct gw_frozen_listener *listeners; /* by name; those with only an api_listener are left out */
  uint32_t listener_count;
  struct gw_route_binding *bindings;
  uint32_t binding_count;
  struct gw_frozen_cluster **clusters; /* by name */
  uint32_t cluster_count;
};

/* NULL: absent. */
const struct gw_frozen_listener *gw_frozen_find_listener(const struct gw_frozen *frozen, struct gw_str name);

#endif
