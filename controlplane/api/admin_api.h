/* Why: the admin gRPC API (gateway.admin.v1.Admin), what gatewayctl talks to. Every call needs a bearer token or a client certificate, of a
 * role that may do it (admin_roles.h); what is for more than viewers is audited.
 * Life: gw_admin_api_new … gw_admin_api_free (after the rpc server has stopped). Cache, nodes, failures and keys are borrowed.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_API_ADMIN_API_H
#define GW_CONTROLPLANE_API_ADMIN_API_H

#include "common/base/arena.h"
#include "common/event/loop.h"
#include "common/model/registration.h"
#include "common/observe/log.h"
#include "common/rpc_services/service_set.h"
#include "controlplane/api/failure_query.h"
#include "controlplane/cloud/huawei.h"
#include "controlplane/snapshot/cache.h"
#include "controlplane/snapshot/node_table.h"
#include "controlplane/store/api_keys.h"

struct gw_admin_api;
struct gw_admin_changes;
struct gw_agent_service;
struct gw_fleet;
struct gw_admin_tokens;
struct gw_audit;

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
  const struct gw_str *node_groups; /* none: all nodes */
  uint32_t node_group_count;
};

/* What only the composition root knows. */
struct gw_admin_source {
  void *arg;
  /* Errors: why the files as they are now are not what is served. Warnings: of what is served. */
  const struct gw_errors *(*get_mistakes)(void *arg);
  /* In the order of matching; what *ret_routes points to may lie in `arena`. */
  uint32_t (*get_routes)(void *arg, struct gw_arena *arena, const struct gw_admin_route **ret_routes);
};

/* What is known of the instances of a service, for those that somebody is asked for. */
enum gw_admin_service_state { GW_ADMIN_SERVICE_WAITING, GW_ADMIN_SERVICE_LIVE, GW_ADMIN_SERVICE_AWAY, GW_ADMIN_SERVICE_HELD };
struct gw_admin_service {
  struct gw_str name;
  const char *source;
  enum gw_admin_service_state state;
  uint64_t since_us; /* wall clock; 0: not known */
  uint64_t known_us; /* likewise; 0: never */
  uint32_t said_count;
  const char *problem;
};
struct gw_admin_services {
  void *arg;
  /* False: nobody is asked for its instances. Strings live until the loop's next turn. */
  bool (*find)(void *arg, struct gw_str name, struct gw_admin_service *ret_service);
  /* GW_ERR_NOT_FOUND: no such service; GW_ERR_INVALID: nothing is held of it. */
  enum gw_err (*release)(void *arg, struct gw_str name);
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

/* Instances in registries. What is added or removed is told later, or at once. */
struct gw_admin_registrations {
  void *arg; /* NULL: there are none, and nobody calls what needs them */
  void (*add)(void *arg, struct gw_str registry, const struct gw_instance *instance, gw_registration_fn fn, void *fn_arg);
  void (*remove)(void *arg, struct gw_str registry, const struct gw_instance *instance, gw_registration_fn fn, void *fn_arg);
  void (*forget)(void *arg, const void *fn_arg); /* who asked has gone */
  bool (*get)(void *arg, uint32_t index, struct gw_registration_status *ret_status);
};

/* The cloud, with the settings of now. */
struct gw_admin_cloud {
  void *arg;
  /* NULL: it can't be asked; *ret_words is a sentence, freed with free(). */
  struct gw_huawei *(*get)(void *arg, char **ret_words); /* NULL: no cloud is known */
};

/* Whether a client certificate with that URI name (SAN) is an administrator's: spiffe://DOMAIN/gateway-admin/NAME, with any DOMAIN and
 * NAME. Nodes' certificates, which the same CA may have signed, are none. */
bool gw_admin_api_is_admin(struct gw_str uri);

struct gw_admin_api_options {
  struct gw_loop *loop;
  struct gw_snapshot_cache *cache;
  struct gw_node_table *nodes;
  struct gw_log *log;
  struct gw_str token; /* the administrator's (copied), when there are no `tokens` */
  uint64_t started_us; /* when the program began, monotonic */
  struct gw_admin_source source;
  struct gw_admin_ports ports;
  struct gw_admin_services services; /* find NULL: nothing is known of them */
  struct gw_failure_queries *failures;
  struct gw_admin_registrations registrations;
  struct gw_admin_cloud cloud;
  struct gw_api_keys *keys;               /* NULL: there is no store, and nobody calls what needs it */
  const struct gw_admin_changes *changes; /* NULL: nobody calls what needs them */
  const struct gw_agent_service *agents;  /* NULL: unknown keys are not counted */
  struct gw_admin_tokens *tokens;         /* taken over; NULL: `token` alone */
  struct gw_audit *audit;                 /* NULL: nothing is audited */
  const struct gw_fleet *fleet;           /* NULL: there is no store, and so nobody else */
};

struct gw_admin_api *gw_admin_api_new(const struct gw_admin_api_options *options);
/* Takes over who may call from now on. */
void gw_admin_api_set_tokens(struct gw_admin_api *api, struct gw_admin_tokens *tokens);
void gw_admin_api_free(struct gw_admin_api *api);
/* Whether the call's client may use the admin port; else the call is ended. For the other services there. */
bool gw_admin_api_admit(const struct gw_admin_api *api, struct gw_rpc_stream *stream);
void gw_admin_api_add_to(struct gw_admin_api *api, struct gw_rpc_service_set *set);

#endif
