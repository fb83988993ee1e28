/* Why: one endpoint's health check as it is made: HTTP and gRPC by the upstream code, so over the cluster's own transport and on
 * connections that are kept; TCP by a connection of its own, with TLS where there is TLS. Life: gw_probe_new … gw_probe_free, which gives
 * up what is under way. Thread: the loop's own. */
#ifndef GW_DATAPLANE_CLUSTER_PROBE_H
#define GW_DATAPLANE_CLUSTER_PROBE_H

#include "common/event/loop.h"
#include "common/model/cluster.h"
#include "common/net/tls.h"
#include "dataplane/cluster/check_state.h"
#include "dataplane/upstream/pool.h"

struct gw_probe;

#define GW_PROBE_REASON_SIZE 160
/* Once for each gw_probe_start, later. `reason`: why it did not pass, without what a stranger could put into a log; "" if it did. */
typedef void (*gw_probe_fn)(void *arg, enum gw_check_result result, const char *reason);

struct gw_probe_options {
  struct gw_loop *loop;
  struct gw_random *random;
  const struct gw_cluster *cluster; /* with a health check; outlives the probe */
  struct gw_tls_context *tls;       /* NULL: plaintext */
  struct gw_address address;
  struct gw_upstream_counts *counts; /* of all probes */
  gw_probe_fn on_result;
  void *arg;
};

struct gw_probe *gw_probe_new(const struct gw_probe_options *options);
void gw_probe_free(struct gw_probe *probe);
/* One at a time. */
void gw_probe_start(struct gw_probe *probe);

#endif
