#include "dataplane/admin/node_methods.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/rpc/rpc.h"
#include "common/xds/wire.h"
#include "dataplane/admin/node_method.h"

struct gw_node_methods {
  struct gw_admin_calls calls;
  struct gw_explainer *explainer;
};

static const struct gw_node_method node_methods[] = {
    {"GetConfig", &gateway__dataplane__v1__get_config_request__descriptor, gw_node_get_config},
    {"ListClusters", &gateway__dataplane__v1__list_clusters_request__descriptor, gw_node_list_clusters},
    {"GetLimits", &gateway__dataplane__v1__get_limits_request__descriptor, gw_node_get_limits},
    {"GetCounters", &gateway__dataplane__v1__get_counters_request__descriptor, gw_node_get_counters},
    {"Explain", &gateway__dataplane__v1__explain_request__descriptor, gw_node_explain},
    {"Drain", &gateway__dataplane__v1__drain_request__descriptor, gw_node_drain},
    {"SetLogLevel", &gateway__dataplane__v1__set_log_level_request__descriptor, gw_node_set_log_level},
};

struct gw_node_methods *gw_node_methods_new(const struct gw_admin_calls *calls) {
  struct gw_node_methods *methods = gw_calloc(1, sizeof(*methods));
  methods->calls = *calls;
  return methods;
}

void gw_node_methods_free(struct gw_node_methods *methods) {
  if (methods == NULL) return;
  gw_explainer_free(methods->explainer);
  free(methods);
}

void gw_node_methods_on_config(struct gw_node_methods *methods) {
  gw_explainer_free(methods->explainer);
  methods->explainer = NULL;
}

const char *gw_node_methods_name(size_t index) {
  return index < GW_ARRAY_LEN(node_methods) ? node_methods[index].name : NULL;
}

static const struct gw_node_method *find(struct gw_str name) {
  for (size_t i = 0; i < GW_ARRAY_LEN(node_methods); i++)
    if (gw_str_equal(gw_str_from(node_methods[i].name), name)) return &node_methods[i];
  return NULL;
}

void gw_node_call_answer(const struct gw_node_call *call, const ProtobufCMessage *answer) {
  struct gw_bytes *bytes = gw_wire_pack(answer);
  call->fn(call->arg, GW_RPC_OK, NULL, bytes);
  gw_bytes_unref(bytes);
}

void gw_node_call_refuse(const struct gw_node_call *call, int code, const char *problem) {
  call->fn(call->arg, code, problem, NULL);
}

void gw_node_methods_call(struct gw_node_methods *methods, struct gw_str name, struct gw_str request, gw_node_answer_fn fn, void *arg) {
  const struct gw_node_method *method = find(name);
  struct gw_node_call call = {.calls = &methods->calls, .explainer = &methods->explainer, .fn = fn, .arg = arg};
  struct gw_arena arena;
  ProtobufCMessage *message;
  if (method == NULL) {
    gw_node_call_refuse(&call, GW_RPC_UNIMPLEMENTED, "this data plane has no such method");
    return;
  }
  gw_arena_init(&arena, 4096);
  call.arena = &arena;
  if (gw_wire_unpack(method->request, request, &arena, &message) == GW_OK)
    method->run(&call, message);
  else
    gw_node_call_refuse(&call, GW_RPC_INVALID_ARGUMENT, "the message is not what this method takes");
  gw_arena_done(&arena);
}
