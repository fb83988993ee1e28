/* Why: a listener as its connections on one worker see it: which configuration new streams get, and who is connected.
 * Life: gw_downstream_listener_new … gw_downstream_listener_free, which closes what is open. Owned by the engine.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_DOWNSTREAM_LISTENER_H
#define GW_DATAPLANE_DOWNSTREAM_LISTENER_H

#include "dataplane/pipeline/pipeline.h"

struct gw_downstream_listener {
  struct gw_pipeline *pipeline;
  struct gw_view *view;                      /* of new streams; NULL until the first configuration */
  const struct gw_frozen_listener *settings; /* in that view */
  struct gw_list connections;
  uint32_t connection_count;
  bool is_closing; /* gone from the configuration: answers say Connection: close */
  struct gw_task empty_task;
  struct gw_list patient; /* connections that wait for leisure */
  struct gw_task patient_task;
};

/* on_empty: a closing listener has lost its last connection, or had none; called at a turn's end, may free the listener. */
struct gw_downstream_listener *gw_downstream_listener_new(struct gw_pipeline *pipeline, gw_task_fn on_empty, void *arg);
void gw_downstream_listener_free(struct gw_downstream_listener *listener);
/* New streams go by `settings` of `view`. */
void gw_downstream_listener_set_view(struct gw_downstream_listener *listener, struct gw_view *view,
                                     const struct gw_frozen_listener *settings);
/* Answers say Connection: close (GOAWAY) from now on, and idle connections are closed. */
void gw_downstream_listener_start_closing(struct gw_downstream_listener *listener);
/* Brings at most `limit` connections to their end: those that have waited for a request for at least `idle_ms` are closed, sessions that
 * outlive a request are told. */
void gw_downstream_listener_drain(struct gw_downstream_listener *listener, uint32_t limit, uint64_t idle_ms);
/* Serves a connected socket, which it closes in the end. */
void gw_downstream_listener_accept(struct gw_downstream_listener *listener, int fd, const struct gw_address *peer);

#endif
