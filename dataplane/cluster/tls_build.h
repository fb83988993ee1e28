/* Why: a listener's or cluster's TLS, from what its model says and the secrets that it names.
 * Life: contexts are the caller's reference; versions live in the arena given.
 * Thread: main. */
#ifndef GW_DATAPLANE_CLUSTER_TLS_BUILD_H
#define GW_DATAPLANE_CLUSTER_TLS_BUILD_H

#include "common/base/err.h"
#include "common/model/listener.h"
#include "common/model/snapshot.h"
#include "common/net/tls.h"

/* A new context, or NULL: a secret is missing, or is no good. That is a warning with `place`, since it closes only what needs it.
 * `ticket_key`: this process's own, for listeners without one. */
struct gw_tls_context *gw_tls_build_server(const struct gw_snapshot *snapshot, const struct gw_listener *listener, struct gw_str ticket_key,
                                           const char *place, struct gw_errors *errors);
struct gw_tls_context *gw_tls_build_client(const struct gw_snapshot *snapshot, const struct gw_cluster *cluster, const char *place,
                                           struct gw_errors *errors);
/* The versions of the secrets that `resource` names: equal ones, and the same resource, make the same context. */
struct gw_str gw_tls_build_version(const struct gw_snapshot *snapshot, const struct gw_resource *resource, struct gw_arena *arena);

#endif
