/* Why: everything of one worker that moves requests: its listening sockets, connections, view, pools and counters. The server's worker
 * thread runs a loop with one engine.
 * Life: gw_engine_new … gw_engine_free on the worker's thread (free closes what is open).
 * Thread: the worker's, except where it says main. */
#ifndef GW_DATAPLANE_LISTENER_ENGINE_H
#define GW_DATAPLANE_LISTENER_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/event/loop.h"
#include "common/observe/log.h"
#include "common/observe/log_ring.h"
#include "dataplane/pipeline/client_table.h"
#include "dataplane/pipeline/failure_ring.h"
#include "dataplane/pipeline/frozen.h"
#include "dataplane/pipeline/node_status.h"
#include "dataplane/pipeline/rate_limit_table.h"
#include "dataplane/pipeline/stats.h"

struct gw_engine;
struct gw_key_table;
struct gw_span_sink;

struct gw_engine_options {
  struct gw_loop *loop;
  struct gw_log *log;
  struct gw_log_ring *access_log; /* NULL: none */
  struct gw_span_sink *spans;     /* NULL: none are exported */
  uint32_t worker_index;
  const struct gw_node_status_calls *node_status;
  struct gw_client_table *clients;         /* of all workers */
  struct gw_rate_limit_table *rate_limits; /* of all workers */
  const struct gw_filter *const *filters;  /* the registry, NULL-terminated */
  /* Gives a reference of a gw_frozen back to the main thread. */
  void (*release_frozen)(void *arg, struct gw_frozen *frozen);
  void *release_arg;
};

struct gw_engine *gw_engine_new(const struct gw_engine_options *options);
void gw_engine_free(struct gw_engine *engine);

/* A listening socket of this worker for the listener of that name. */
struct gw_engine_socket {
  char listener_name[128];
  int fd; /* the engine owns and closes it; -1: no descriptor was to be had, and it keeps the socket that it listens on */
};
/* Serves new streams with `frozen` (takes over one reference; the one before is released when its last stream ended) and makes `sockets`
 * the listening ones: those not named again are closed. Open connections go on with the new view from their next stream. */
void gw_engine_set_frozen(struct gw_engine *engine, struct gw_frozen *frozen, const struct gw_engine_socket *sockets,
                          uint32_t socket_count);

/* Takes over one reference. */
void gw_engine_set_keys(struct gw_engine *engine, struct gw_key_table *keys);
/* Of API keys that are not known. */
uint64_t gw_engine_unknown_keys_total(const struct gw_engine *engine);

/* Closes the listening sockets, says Connection: close on each next answer and closes idle connections, some at a time over `spread_ms`. */
void gw_engine_drain(struct gw_engine *engine, uint64_t spread_ms);
uint32_t gw_engine_connection_count(const struct gw_engine *engine);
/* Cheap, unlike copying all counters. */
uint64_t gw_engine_requests_total(const struct gw_engine *engine);
/* A copy of the counters for main's scrape, made in small steps between requests; `done` frees it with gw_stats_free. One at a time. */
void gw_engine_start_copy(const struct gw_engine *engine, void (*done)(void *arg, struct gw_stats *copy), void *arg);
/* The same at once. */
struct gw_stats *gw_engine_copy_stats(const struct gw_engine *engine);
/* What it remembers of requests with that id; the caller frees with gw_failure_list_free. */
struct gw_failure_list *gw_engine_find_failures(const struct gw_engine *engine, struct gw_str request_id);

#endif
