/* Why: what a route requires of tokens, as a tree of providers, and whether it is met: whatever looks at the tokens themselves, the proxy
 * or explain, which takes an identity for granted.
 * Life: in the arena given.
 * Thread: frozen after build. */
#ifndef GW_COMMON_ROUTING_JWT_TREE_H
#define GW_COMMON_ROUTING_JWT_TREE_H

#include "common/base/arena.h"
#include "common/crypto/jwt.h"
#include "common/model/jwt_authn.h"

struct gw_jwt_node {
  enum gw_jwt_requirement_kind kind;
  bool allows_missing; /* of ANY */
  bool allows_failed;
  uint32_t provider;  /* of PROVIDER: its index */
  const void *demand; /* of PROVIDER: what the builder made of it */
  const struct gw_jwt_node *children;
  uint32_t child_count;
};

struct gw_jwt_tree_build {
  struct gw_arena *arena;
  uint32_t provider_count;
  const void *(*make_demand)(void *arg, const struct gw_jwt_requirement *requirement); /* NULL: nothing is made */
  void *arg;
};
void gw_jwt_tree_build(const struct gw_jwt_tree_build *build, const struct gw_jwt_requirement *requirement, struct gw_jwt_node *ret_node);

/* How a provider's tokens are: GW_JWT_MISSING when there are none. */
typedef enum gw_jwt_status (*gw_jwt_verify_fn)(void *arg, const struct gw_jwt_node *node);
/* GW_JWT_OK: it is met. Else what is to be told of it. */
enum gw_jwt_status gw_jwt_tree_judge(const struct gw_jwt_node *node, gw_jwt_verify_fn verify, void *arg);

/* What a request is answered with that does not meet it: Envoy answers 403 to another audience, and 401 to all else. */
uint32_t gw_jwt_status_code(enum gw_jwt_status status);
/* "jwt_authn_access_denied{Jwt_is_expired}": log lines are split at spaces. */
struct gw_str gw_jwt_detail(struct gw_str why, struct gw_arena *arena);

#endif
