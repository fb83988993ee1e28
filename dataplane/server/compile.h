/* Why: makes a snapshot serve: names resolved, compiled, listeners bound, handed to every worker; and the old one freed when all gave it
 * back. Life: gw_compiler_new … gw_compiler_free, after the workers are freed. Thread: main. */
#ifndef GW_DATAPLANE_SERVER_COMPILE_H
#define GW_DATAPLANE_SERVER_COMPILE_H

#include "common/event/loop.h"
#include "common/net/resolver.h"
#include "common/observe/log.h"
#include "common/observe/metrics.h"
#include "dataplane/cluster/dns_clusters.h"
#include "dataplane/cluster/health.h"
#include "dataplane/listener/listen_set.h"
#include "dataplane/server/worker.h"

#define GW_COMPILER_WARM_MS 5000   /* how long new names may take to resolve before what hangs on them answers 503 */
#define GW_COMPILER_REBIND_MS 1000 /* until an address that could not be bound is tried again */

struct gw_compiler;

enum gw_config_source { GW_CONFIG_SOURCE_NONE, GW_CONFIG_SOURCE_CACHE, GW_CONFIG_SOURCE_XDS };
/* "", "cache", "xds" */
const char *gw_config_source_name(enum gw_config_source source);

struct gw_compiler_options {
  struct gw_loop *loop;
  struct gw_resolver *resolver;
  struct gw_log *log;
  uint32_t worker_count;
  struct gw_rate_limit_table *rate_limits; /* gets the size that listeners ask for */
  const struct gw_address *listen;         /* NULL: where the snapshot says */
  /* Gives a worker its next configuration: takes over one reference and the sockets. */
  void (*publish)(void *arg, uint32_t worker_index, struct gw_frozen *frozen, struct gw_engine_socket *sockets, uint32_t socket_count);
  /* Another configuration serves, or the same one from another source, or an address was bound. */
  void (*on_active)(void *arg);
  void *arg;
};

struct gw_compiler *gw_compiler_new(const struct gw_compiler_options *options);
void gw_compiler_free(struct gw_compiler *compiler);

/* What is to serve as soon as it can. Takes its own reference. */
void gw_compiler_offer(struct gw_compiler *compiler, struct gw_snapshot *snapshot, enum gw_config_source source, bool is_complete);
/* A worker gave it back. */
void gw_compiler_release(struct gw_compiler *compiler, struct gw_frozen *frozen);
/* Closes main's listening sockets and takes nothing new any more. */
void gw_compiler_stop_listening(struct gw_compiler *compiler);

/* What serves now. */
struct gw_compiler_status {
  struct gw_snapshot *snapshot; /* borrowed; NULL: nothing yet */
  enum gw_config_source source;
  uint64_t active_us; /* monotonic, since when */
  uint64_t active_wall_us;
  bool is_complete;  /* nothing that it names is missing */
  bool was_complete; /* a full one, with all its listeners bound, has served since start */
  uint64_t activations_total;
  uint64_t failures_total; /* snapshots that could not be built */
  uint64_t bind_failures_total;
  const struct gw_histogram *build_times;
};
void gw_compiler_get_status(const struct gw_compiler *compiler, struct gw_compiler_status *ret_status);
const struct gw_listen_set *gw_compiler_listen_set(const struct gw_compiler *compiler);
const struct gw_health *gw_compiler_health(const struct gw_compiler *compiler);
/* What serves; NULL: nothing yet. */
const struct gw_frozen *gw_compiler_active(const struct gw_compiler *compiler);
const struct gw_dns_clusters *gw_compiler_dns(const struct gw_compiler *compiler);

/* Whether a resource compiles, alone: adds its mistakes. */
void gw_compiler_check(const struct gw_resource *resource, struct gw_errors *errors);

#endif
