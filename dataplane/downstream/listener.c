#include "dataplane/downstream/listener.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "dataplane/downstream/connection.h"

struct gw_downstream_listener *gw_downstream_listener_new(struct gw_pipeline *pipeline, gw_task_fn on_empty, void *arg) {
  struct gw_downstream_listener *listener = gw_calloc(1, sizeof(*listener));
  listener->pipeline = pipeline;
  gw_list_init(&listener->connections);
  gw_list_init(&listener->patient);
  gw_task_init(&listener->patient_task, gw_downstream_connection_serve_patient, listener);
  gw_task_init(&listener->empty_task, on_empty, arg);
  return listener;
}

void gw_downstream_listener_free(struct gw_downstream_listener *listener) {
  if (listener == NULL) return;
  while (!gw_list_is_empty(&listener->connections))
    gw_downstream_connection_free(GW_LIST_ITEM(listener->connections.next, struct gw_downstream_connection, node));
  gw_task_cancel(&listener->empty_task);
  gw_task_cancel(&listener->patient_task);
  gw_view_unref(listener->view);
  free(listener);
}

void gw_downstream_listener_set_view(struct gw_downstream_listener *listener, struct gw_view *view,
                                     const struct gw_frozen_listener *settings) {
  struct gw_view *before = listener->view;
  listener->view = gw_view_ref(view);
  listener->settings = settings;
  gw_view_unref(before);
}

void gw_downstream_listener_start_closing(struct gw_downstream_listener *listener) {
  listener->is_closing = true;
  gw_downstream_listener_drain(listener, UINT32_MAX, 0);
  if (listener->connection_count == 0) gw_loop_at_turn_end(listener->pipeline->loop, &listener->empty_task);
}

void gw_downstream_listener_drain(struct gw_downstream_listener *listener, uint32_t limit, uint64_t idle_ms) {
  uint64_t now_ms = gw_loop_now_ms(listener->pipeline->loop);
  GW_LIST_FOR_EACH(node, &listener->connections) {
    struct gw_downstream_connection *connection = GW_LIST_ITEM(node, struct gw_downstream_connection, node);
    if (limit == 0) return;
    if (connection->session != NULL) {
      limit -= connection->protocol->drain(connection->session) ? 1 : 0;
    } else if (now_ms - connection->since_ms >= idle_ms) {
      gw_downstream_connection_free(connection);
      limit--;
    }
  }
}

/* Counts what stands against one more connection; false: nothing. */
static bool is_refused(struct gw_downstream_listener *listener, const struct gw_address *peer, bool *ret_is_counted) {
  struct gw_pipeline *pipeline = listener->pipeline;
  const struct gw_frozen_http *http = listener->settings->http;
  const struct gw_limits *limits = http->limits;
  uint64_t *hits = pipeline->stats->limits;
  *ret_is_counted = false;
  if (http->model->tls != NULL && http->tls == NULL) return true; /* closed for want of a secret */
  if (gw_pipeline_overload(pipeline) == GW_OVERLOAD_CONNECTIONS) {
    hits[GW_LIMIT_OVERLOAD_CONNECTIONS]++;
    return true;
  }
  if (limits->max_connections_per_worker != 0 && listener->connection_count >= limits->max_connections_per_worker) {
    hits[GW_LIMIT_CONNECTIONS]++;
    return true;
  }
  if (limits->max_connections_per_client == 0) return false;
  *ret_is_counted = gw_client_table_enter(pipeline->options.clients, peer, limits->max_connections_per_client);
  if (!*ret_is_counted) hits[GW_LIMIT_CLIENT_CONNECTIONS]++;
  return !*ret_is_counted;
}

void gw_downstream_listener_accept(struct gw_downstream_listener *listener, int fd, const struct gw_address *peer) {
  bool is_counted;
  if (is_refused(listener, peer, &is_counted)) {
    close(fd);
  } else {
    gw_downstream_connection_new(listener, fd, peer, is_counted);
  }
}
