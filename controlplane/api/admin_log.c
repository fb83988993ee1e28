/* How much the control plane logs: SetLogLevel. */
#include <gateway/dataplane/v1/dataplane.pb-c.h>

#include "common/rpc/rpc.h"
#include "controlplane/api/admin_reply.h"

void gw_admin_start_set_log_level(const struct gw_admin_request *request, struct gw_admin_call *call) {
  const Gateway__Dataplane__V1__SetLogLevelRequest *message = (const void *)request->message;
  Gateway__Dataplane__V1__SetLogLevelResponse answer = GATEWAY__DATAPLANE__V1__SET_LOG_LEVEL_RESPONSE__INIT;
  struct gw_log *log = request->options->log;
  enum gw_log_level level, previous = gw_log_level(log);
  if (gw_log_parse_level(gw_str_from(message->level), &level) != GW_OK) {
    gw_admin_call_refuse(call, GW_RPC_INVALID_ARGUMENT, "level is none of debug, info, warning and error");
    return;
  }
  gw_log_set_level(log, GW_LOG_INFO); /* this is told in any case */
  GW_LOG_INFO(log, "the log's level is %s now; it was %s", gw_log_level_name(level), gw_log_level_name(previous));
  gw_log_set_level(log, level);
  answer.previous_level = (char *)(uintptr_t)gw_log_level_name(previous);
  gw_admin_call_answer(call, &answer.base);
}
