/* Why: what the node says of itself on the traffic port (and to nobody else there): given by the server, called on the worker.
 * Life: outlives the engines.
 * Thread: the worker's; is_ready may read an atomic. */
#ifndef GW_DATAPLANE_PIPELINE_NODE_STATUS_H
#define GW_DATAPLANE_PIPELINE_NODE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/str.h"

/* How much the process has to spare. */
enum gw_overload_level {
  GW_OVERLOAD_NONE,
  GW_OVERLOAD_STREAMS,     /* new streams are refused */
  GW_OVERLOAD_CONNECTIONS, /* new connections too */
};

struct gw_node_status_calls {
  void *arg;
  bool (*is_ready)(void *arg);                   /* may read an atomic */
  enum gw_overload_level (*overload)(void *arg); /* the same */
  /* Asks for the metrics text; `done` is called on this worker's loop with the text (borrowed), which is empty when it could not be had. */
  void (*get_metrics)(void *arg, uint32_t worker_index, void (*done)(void *done_arg, struct gw_bytes *text), void *done_arg);
  /* NULL: nobody wants to know. A token of that provider named a key that is not among its keys. */
  void (*on_unknown_key)(void *arg, struct gw_str provider);
};

#endif
