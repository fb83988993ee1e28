/* Why: the two HTTP ports beside the traffic: status (probes and scrapers, read-only) and admin (also what serves, and draining).
 * Life: gw_admin_http_new … gw_admin_http_free.
 * Thread: main. */
#ifndef GW_DATAPLANE_ADMIN_ADMIN_HTTP_H
#define GW_DATAPLANE_ADMIN_ADMIN_HTTP_H

#include "common/base/json.h"
#include "common/event/loop.h"
#include "common/model/snapshot.h"
#include "common/net/address.h"

/* What the configuration depends on. */
struct gw_admin_dependency {
  const char *name;    /* "redis" */
  const char *address; /* "redis.internal:6379" */
  bool is_up;
  bool is_needed;      /* requests are refused while it is away: a fresh node waits for it */
  uint64_t latency_us; /* of its last answer; 0: none, or nobody measures it */
  const char *trouble; /* why it is not up; "": not known */
};
#define GW_ADMIN_DEPENDENCIES_MAX 9

/* What the node says of itself; given by the server. Everything borrowed lives until the call returns. */
struct gw_admin_state {
  const char *node_id;
  const char *node_cluster;
  bool is_ready;
  bool is_draining;
  struct gw_snapshot *snapshot; /* NULL: nothing serves yet */
  const char *source;           /* "xds", "cache", "" */
  uint64_t active_us;           /* monotonic */
  uint64_t active_wall_us;
  bool is_complete;  /* nothing that it names is missing */
  bool was_complete; /* a full one has served since the start */
  struct gw_admin_dependency dependencies[GW_ADMIN_DEPENDENCIES_MAX];
  uint32_t dependency_count;
};

/* What the node knows itself of an endpoint. */
struct gw_admin_health {
  bool is_usable;
  const char *check;        /* "passing", "failing", "pending"; NULL: no checks are made */
  const char *check_reason; /* why the last one that failed did; "": none did */
  bool is_ejected;
  const char *ejection_cause; /* of the last ejection; NULL: there was none */
  uint64_t ejected_for_ms;
  double success_rate; /* in percent; less than 0: unknown */
};

/* What goes on with a cluster, over all workers. */
struct gw_admin_cluster {
  const char *circuit_state; /* "closed", …; NULL: it has no circuit breaker */
  uint64_t open_left_ms;
  uint32_t window_requests;
  uint32_t window_failures;
  uint32_t probes;
  uint32_t successes;
  uint32_t connections; /* the three are counted where there are limits */
  uint32_t pending_requests;
  uint32_t requests;
};

/* What is bounded of the node. */
struct gw_admin_limits {
  uint64_t memory_bytes;
  uint64_t memory_max_bytes;
  uint64_t descriptors;
  uint64_t descriptors_max;
  const char *overload; /* "none", "streams", "connections" */
  uint64_t rate_limit_keys;
  uint64_t rate_limit_max_keys;
  uint64_t clients;
  uint32_t fleet_size; /* 0: not known */
};

/* What all workers have counted. */
struct gw_admin_route_counters {
  struct gw_str route;
  struct gw_str service;
  uint64_t requests;
  uint64_t answers[4]; /* 2xx to 5xx */
  uint64_t duration_us;
};
struct gw_admin_counters {
  uint64_t uptime_ms;
  uint64_t requests_total;
  uint64_t requests_active;
  uint64_t connections_active;
  const struct gw_admin_route_counters *routes;
  uint32_t route_count;
};

struct gw_admin_calls {
  void *arg;
  void (*get_state)(void *arg, struct gw_admin_state *ret_state);
  /* Calls `done` with the metrics text, packed with gzip or not, now or later. */
  void (*get_metrics)(void *arg, bool is_packed, void (*done)(void *done_arg, struct gw_str text), void *done_arg);
  /* What is refused now: 0, 1, … until false. */
  bool (*get_refusal)(void *arg, uint32_t index, const char **ret_type_url, const char **ret_resource, const char **ret_reason);
  /* The addresses of a host name of a STRICT_DNS cluster, with `port`; 0: none known. */
  uint32_t (*get_addresses)(void *arg, struct gw_str host, uint16_t port, const struct gw_address **ret_addresses);
  /* Where a listener is bound; false: nowhere. */
  bool (*get_bound)(void *arg, struct gw_str listener, struct gw_address *ret_address);
  void (*drain)(void *arg);
  /* false: it makes no checks there and ejects nobody. */
  bool (*get_health)(void *arg, struct gw_str cluster, const struct gw_address *address, struct gw_admin_health *ret_health);
  /* false: it does not serve. */
  bool (*get_cluster)(void *arg, struct gw_str name, struct gw_admin_cluster *ret_cluster);
  void (*get_limits)(void *arg, struct gw_admin_limits *ret_limits);
  /* Calls `done` once, now or later, with what is there for the call; NULL: the node is ending. */
  void (*get_counters)(void *arg, void (*done)(void *done_arg, const struct gw_admin_counters *counters), void *done_arg);
  /* Of the node's log; false: there is no such level. */
  bool (*set_log_level)(void *arg, struct gw_str level, const char **ret_previous);
};

struct gw_admin_http;

/* `token`: what POST /drain needs; empty: it is refused. GW_ERR_IO with errno: an address can't be bound; *ret_flag names its flag. */
enum gw_err gw_admin_http_new(struct gw_loop *loop, const struct gw_address *status_listen, const struct gw_address *admin_listen,
                              struct gw_str token, const struct gw_admin_calls *calls, const char **ret_flag,
                              struct gw_admin_http **ret_http);
void gw_admin_http_free(struct gw_admin_http *http);
uint16_t gw_admin_http_status_port(const struct gw_admin_http *http);
uint16_t gw_admin_http_admin_port(const struct gw_admin_http *http);

#endif
