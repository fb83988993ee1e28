/* GetLimits, Drain, SetLogLevel: the node itself. */
#include "common/rpc/rpc.h"
#include "dataplane/admin/node_method.h"

void gw_node_get_limits(const struct gw_node_call *call, const ProtobufCMessage *message) {
  (void)message;
  Gateway__Dataplane__V1__GetLimitsResponse response = GATEWAY__DATAPLANE__V1__GET_LIMITS_RESPONSE__INIT;
  struct gw_admin_limits limits;
  call->calls->get_limits(call->calls->arg, &limits);
  response.memory_bytes = limits.memory_bytes;
  response.memory_max_bytes = limits.memory_max_bytes;
  response.descriptors = limits.descriptors;
  response.descriptors_max = limits.descriptors_max;
  response.overload = (char *)(uintptr_t)limits.overload;
  response.rate_limit_keys = limits.rate_limit_keys;
  response.rate_limit_max_keys = limits.rate_limit_max_keys;
  response.clients = limits.clients;
  response.fleet_size = limits.fleet_size;
  gw_node_call_answer(call, &response.base);
}

void gw_node_drain(const struct gw_node_call *call, const ProtobufCMessage *message) {
  (void)message;
  Gateway__Dataplane__V1__DrainResponse response = GATEWAY__DATAPLANE__V1__DRAIN_RESPONSE__INIT;
  call->calls->drain(call->calls->arg);
  gw_node_call_answer(call, &response.base);
}

void gw_node_set_log_level(const struct gw_node_call *call, const ProtobufCMessage *message) {
  const Gateway__Dataplane__V1__SetLogLevelRequest *request = (const void *)message;
  Gateway__Dataplane__V1__SetLogLevelResponse response = GATEWAY__DATAPLANE__V1__SET_LOG_LEVEL_RESPONSE__INIT;
  const char *previous;
  if (!call->calls->set_log_level(call->calls->arg, gw_str_from(request->level), &previous)) {
    gw_node_call_refuse(call, GW_RPC_INVALID_ARGUMENT, "level is none of debug, info, warning and error");
    return;
  }
  response.previous_level = (char *)(uintptr_t)previous;
  gw_node_call_answer(call, &response.base);
}
