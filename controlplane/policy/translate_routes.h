/* Why: the parts of routes' translation: what a route does, when it does that again, and which virtual hosts it is in.
 * Life: in the arena given.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_TRANSLATE_ROUTES_H
#define GW_CONTROLPLANE_POLICY_TRANSLATE_ROUTES_H

#include "common/message/message.h"
#include "controlplane/policy/routes_yaml.h"

/* Forward, redirect or direct response, with changes of heads and limits. `route` has its match. */
void gw_policy_translate_action(const struct gw_route_entry *entry, struct gw_arena *arena, struct gw_route *route);
/* "shop", "shop 90, shop-canary 10", or nothing. */
struct gw_str gw_policy_describe_services(const struct gw_route_actions *actions, struct gw_arena *arena);
/* "rewrite, request_headers", or nothing: which keys of that kind it has. */
struct gw_str gw_policy_describe_changes(const struct gw_route_entry *entry, struct gw_arena *arena);

/* Of a route that forwards. */
struct gw_route_retries {
  struct gw_str methods[GW_METHOD_COUNT]; /* those that are sent again when the others are not */
  uint32_t method_count;                  /* 0: all methods have `policy` */
  const struct gw_retry_policy *of_methods;
  const struct gw_retry_policy *policy; /* of the other methods; NULL: never, and no limit of a try */
};
void gw_policy_translate_retries(const struct gw_route_entry *entry, const struct gw_settings *settings, struct gw_arena *arena,
                                 struct gw_route_retries *ret_retries);
/* What a route has whose virtual host has `of_host`: the very same one if they are equal; one that never retries, if only the host does.
 * Both may be NULL. */
const struct gw_retry_policy *gw_policy_share_retry(const struct gw_retry_policy *policy, const struct gw_retry_policy *of_host);

/* The routes of one host and path, in order. */
struct gw_path_group {
  struct gw_str host; /* empty: any */
  struct gw_str rank;
  struct gw_str sources; /* bytes that are the same for groups of two hosts that were written together */
  const struct gw_route *routes;
  uint32_t route_count;
};

/* Groups come host by host, path by path. A host's virtual host has its own routes, behind them those of the wildcards that it is of, the
 * nearest first, and those of any host, each path from the first that has it. Hosts with the same routes share one. All have `retry`. */
struct gw_route_config gw_policy_translate_hosts(const struct gw_path_group *groups, uint32_t count, const struct gw_retry_policy *retry,
                                                 bool tells_attempt_count, struct gw_arena *arena);

#endif
