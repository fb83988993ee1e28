/* Why: a cluster made ready for serving: addresses parsed and sorted, loads worked out; shared by all workers.
 * Life: ref-counted; holds references on its resources. Equal input gives the one before, so that workers see at a glance what changed.
 * Thread: built on the main thread; frozen, and freed on whichever thread has the last reference. */
#ifndef GW_DATAPLANE_CLUSTER_FROZEN_CLUSTER_H
#define GW_DATAPLANE_CLUSTER_FROZEN_CLUSTER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/model/cluster.h"
#include "common/model/snapshot.h"
#include "common/net/address.h"
#include "common/net/tls.h"
#include "dataplane/cluster/dns_clusters.h"
#include "dataplane/cluster/load.h"
#include "dataplane/cluster/retry_budget.h"

struct gw_frozen_cluster {
  atomic_uint refs;
  const struct gw_cluster *model;
  struct gw_resource *cluster_resource;
  struct gw_resource *endpoints_resource; /* EDS only, else NULL */
  struct gw_tls_context *tls;             /* NULL: plaintext, or, when model->tls is set, closed for want of a secret */
  struct gw_str tls_version;              /* of its secrets */
  struct gw_frozen_endpoint *endpoints;   /* by address; all different */
  uint32_t endpoint_count;
  struct gw_load *load;                 /* who of them gets how much */
  struct gw_retry_budget *retry_budget; /* the one of the cluster before, if there was one */
  struct gw_arena arena;
};

/* `resource` is a cluster of `snapshot`. `previous` (may be NULL) is returned with one more reference when nothing changed. An address that
 * is none is a mistake, and then NULL. An EDS cluster without its resource, and names not resolved yet, give a cluster without endpoints.
 * `now_ms`: an endpoint that `previous` did not have, or not healthy, starts slowly from then on, where that is asked for; the first ones
 * of all don't, since they would all alike. */
struct gw_frozen_cluster *gw_frozen_cluster_build(const struct gw_snapshot *snapshot, struct gw_resource *resource,
                                                  const struct gw_dns_clusters *dns, struct gw_frozen_cluster *previous, uint64_t now_ms,
                                                  struct gw_errors *errors);
struct gw_frozen_cluster *gw_frozen_cluster_ref(struct gw_frozen_cluster *cluster);
void gw_frozen_cluster_unref(struct gw_frozen_cluster *cluster);

#endif
