/* Why: everything that main's thread owns, in one place: bootstrap makes it, node_calls answers for it.
 * Life: on main's stack while gw_data_plane_run runs.
 * Thread: main; workers read is_ready. */
#ifndef GW_DATAPLANE_SERVER_DATA_PLANE_H
#define GW_DATAPLANE_SERVER_DATA_PLANE_H

#include <stdatomic.h>

#include "common/observe/loss_watch.h"
#include "dataplane/admin/admin_grpc.h"
#include "dataplane/admin/admin_http.h"
#include "dataplane/server/compile.h"
#include "dataplane/server/dependencies.h"
#include "dataplane/server/drain.h"
#include "dataplane/server/failure_search.h"
#include "dataplane/server/keys.h"
#include "dataplane/server/last_good.h"
#include "dataplane/server/memory_trim.h"
#include "dataplane/server/options.h"
#include "dataplane/server/ports_file.h"
#include "dataplane/server/scrape.h"
#include "dataplane/server/span_exports.h"
#include "dataplane/server/worker.h"
#include "dataplane/xds_client/xds_client.h"

struct gw_data_plane {
  const struct gw_options *options;
  struct gw_log *log;
  struct gw_log_writer *access_log;
  struct gw_loss_watch access_log_watch, log_watch;
  struct gw_log_ring *rings[GW_OPTIONS_WORKERS_MAX];
  struct gw_loop *loop;
  struct gw_signal *signals[3];
  struct gw_rpc *rpc;
  struct gw_rpc_credentials *xds_tls; /* NULL: plaintext */
  char *token;                        /* of POST /drain; NULL: none */
  struct gw_admin_http *http;
  struct gw_admin_grpc *grpc;
  struct gw_node_methods *methods; /* what it and control planes may ask */
  struct gw_resolver *resolver;
  struct gw_compiler *compiler;
  struct gw_worker *workers[GW_OPTIONS_WORKERS_MAX];
  struct gw_overload *overload;
  struct gw_memory_trim *memory_trim;
  struct gw_client_table *clients;
  struct gw_rate_limit_table *rate_limits;
  struct gw_span_exports *spans;
  struct gw_scrape *scrape;
  struct gw_failure_search *failures;
  struct gw_last_good *last_good;
  struct gw_dependencies *dependencies;
  struct gw_keys *keys;
  struct gw_xds_client *xds;
  struct gw_drain drain;
  struct gw_ports_file ports;
  struct gw_timer tally;   /* counts for the agent's report */
  struct gw_histogram lag; /* of main's loop */
  /* Providers that perhaps have newer keys, until that is told. */
  char unknown_keys[GW_AGENT_UNKNOWN_KEYS_MAX][64];
  uint32_t unknown_key_count;
  atomic_bool is_ready;
  bool was_ready;
  char kept_version[17];         /* what last_good was told to keep */
  struct gw_snapshot *confirmed; /* what it was told at last to keep again; NULL: nothing yet */
  struct gw_timer keep_keys;     /* runs while keys have changed since they were kept */
  uint64_t started_us;
  struct gw_worker_totals totals[GW_OPTIONS_WORKERS_MAX]; /* the last ones */
};

/* Runs until it is told to end; returns the exit code. */
int gw_data_plane_run(const struct gw_options *options);

#endif
