/* Why: `rate_limit` and `rate_limits`, of a route and of the whole file: how many requests may come, and what they are counted by.
 * Life: in the arena of the reader.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_RATE_LIMIT_YAML_H
#define GW_CONTROLPLANE_POLICY_RATE_LIMIT_YAML_H

#include "common/model/rate_limit.h"
#include "controlplane/policy/reader.h"

struct gw_service_list;

/* A limit as it is written. */
struct gw_limit_entry {
  const struct gw_yaml_node *node;
  struct gw_rate_limit_numbers numbers; /* requests 0: only plans are limited */
  enum gw_rate_limit_scope scope;
  bool has_shared; /* it says … */
  bool is_shared;  /* … whether all data planes count together; else they do if there is a Redis */
  const struct gw_rate_limit_key *keys;
  uint32_t key_count;
  uint32_t plan_count;
  const struct gw_rate_limit_plan *plans;
};

#define GW_LIMITS_MAX 4 /* of a route, a service or all together */
struct gw_limits_entry {
  struct gw_limit_entry *items;
  uint32_t count;
};

/* `rate_limit` and `rate_limits` of a route; none: count 0. */
void gw_limits_read_route(const struct gw_reader *reader, const struct gw_yaml_node *route, struct gw_limits_entry *ret_limits);

/* Of one service, for all of its routes together. */
struct gw_service_limits {
  struct gw_str service;
  struct gw_limits_entry limits;
};
/* `rate_limits` beside `routes`. */
struct gw_common_limits {
  struct gw_limits_entry global; /* of all routes */
  struct gw_service_limits *services;
  uint32_t service_count;
  bool has_plans;
  struct gw_limit_entry plans; /* one limit, by the caller's plan */
};
/* `node` may be NULL: there are none. `services` NULL: they could not be read. */
void gw_limits_read_common(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_service_list *services,
                           struct gw_common_limits *ret_limits);

#endif
