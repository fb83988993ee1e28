/* Why: one method of the data plane's admin API: for node_methods.c, which lists them, and the files that have them.
 * Life: a call lives until its method returns; what answers later copies it, without the arena.
 * Thread: main. */
#ifndef GW_DATAPLANE_ADMIN_NODE_METHOD_H
#define GW_DATAPLANE_ADMIN_NODE_METHOD_H

#include <gateway/dataplane/v1/dataplane.pb-c.h>

#include "common/base/arena.h"
#include "common/routing/explain.h"
#include "dataplane/admin/node_methods.h"

struct gw_node_call {
  const struct gw_admin_calls *calls;
  struct gw_explainer **explainer; /* of the configuration that was asked last; NULL there: none */
  struct gw_arena *arena;
  gw_node_answer_fn fn;
  void *arg;
};

struct gw_node_method {
  const char *name;
  const ProtobufCMessageDescriptor *request;
  void (*run)(const struct gw_node_call *call, const ProtobufCMessage *message); /* answers or refuses once, perhaps later */
};

void gw_node_call_answer(const struct gw_node_call *call, const ProtobufCMessage *answer);
void gw_node_call_refuse(const struct gw_node_call *call, int code, const char *problem);

void gw_node_get_config(const struct gw_node_call *call, const ProtobufCMessage *message);
void gw_node_list_clusters(const struct gw_node_call *call, const ProtobufCMessage *message);
void gw_node_get_limits(const struct gw_node_call *call, const ProtobufCMessage *message);
void gw_node_get_counters(const struct gw_node_call *call, const ProtobufCMessage *message);
void gw_node_drain(const struct gw_node_call *call, const ProtobufCMessage *message);
void gw_node_set_log_level(const struct gw_node_call *call, const ProtobufCMessage *message);
void gw_node_explain(const struct gw_node_call *call, const ProtobufCMessage *message);

#endif
