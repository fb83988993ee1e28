/* Why: the admin gRPC API (gateway.admin.v1.Admin), what gatewayctl talks to. Every call needs the bearer token, or an administrator's
 * client certificate.
 * Life: gw_admin_api_new … gw_admin_api_free (after the rpc server has stopped). Cache, nodes, failures and keys are borrowed.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_API_ADMIN_API_H
#define GW_CONTROLPLANE_API_ADMIN_API_H

#include "common/base/arena.h"
#include "common/event/loop.h"
#include "common/observe/log.h"
#include "common/rpc_services/service_set.h"
#include "controlplane/api/failure_query.h"
#include "controlplane/snapshot/cache.h"
#include "controlplane/snapshot/node_table.h"
#include "controlplane/store/api_keys.h"

struct gw_admin_api;
struct gw_admin_changes;
struct gw_agent_service;

/* A route as the operator wrote it. */
struct gw_admin_route {
  struct gw_str name;
  const struct gw_str *hosts;
  uint32_t host_count;
  struct gw_str path;
  const struct gw_str *methods; /* none: all */
  uint32_t method_count;
  struct gw_str service;
  uint64_t timeout_ms;
  uint32_t direct_status; /* 0: forwarded */
  struct gw_str direct_message;
  struct gw_str conditions;
  struct gw_str changes;
};

/* What only the composition root knows. */
struct gw_admin_source {
  void *arg;
  /* Errors: why the files as they are now are not what is served. Warnings: of what is served. */
  const struct gw_errors *(*get_mistakes)(void *arg);
  /* In the order of matching; what *ret_routes points to may lie in `arena`. */
  uint32_t (*get_routes)(void *arg, struct gw_arena *arena, const struct gw_admin_route **ret_routes);
};

/* How a port of the control channel is protected. */
struct gw_admin_port {
  const char *name; /* "xds", "admin" */
  bool has_tls;
  const char *subject; /* of the certificate; "" without */
  int64_t not_after_s; /* Unix time */
  const char *problem; /* NULL: none */
};
#define GW_ADMIN_PORTS_MAX 4
struct gw_admin_ports {
  void *arg;
  uint32_t (*get)(void *arg, struct gw_admin_port ret_ports[GW_ADMIN_PORTS_MAX]); /* how many; NULL: nothing is known */
};

/* Whether a client certificate with that URI name (SAN) is an administrator's: spiffe://DOMAIN/gateway-admin/NAME, with any DOMAIN and
 * NAME. Nodes' certificates, which the same CA may have signed, are none. */
bool gw_admin_api_is_admin(struct gw_str uri);

struct gw_admin_api_options {
  struct gw_loop *loop;
  struct gw_snapshot_cache *cache;
  struct gw_node_table *nodes;
  struct gw_log *log;
  struct gw_str token; /* copied */
  uint64_t started_us; /* when the program began, monotonic */
  struct gw_admin_source source;
  struct gw_admin_ports ports;
  struct gw_failure_queries *failures;
  struct gw_api_keys *keys;               /* NULL: there is no store, and nobody calls what needs it */
  const struct gw_admin_changes *changes; /* NULL: nobody calls what needs them */
  const struct gw_agent_service *agents;  /* NULL: unknown keys are not counted */
};

struct gw_admin_api *gw_admin_api_new(const struct gw_admin_api_options *options);
void gw_admin_api_free(struct gw_admin_api *api);
void gw_admin_api_add_to(struct gw_admin_api *api, struct gw_rpc_service_set *set);

#endif
