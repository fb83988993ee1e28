/* gatewayctl log-level: how much the control plane logs. */
#include <gateway/dataplane/v1/dataplane.pb-c.h>
#include <stdio.h>

#include "controlplane/ctl/admin_client.h"
#include "controlplane/ctl/ctl.h"
#include "controlplane/ctl/message_json.h"

int gw_ctl_log_level(const struct gw_ctl *ctl) {
  Gateway__Dataplane__V1__SetLogLevelRequest request = GATEWAY__DATAPLANE__V1__SET_LOG_LEVEL_REQUEST__INIT;
  struct gw_arena arena;
  ProtobufCMessage *reply;
  request.level = (char *)(uintptr_t)ctl->words[0];
  gw_arena_init(&arena, 1024);
  int exit_code =
      gw_admin_client_ask(ctl, "SetLogLevel", &request.base, &gateway__dataplane__v1__set_log_level_response__descriptor, &arena, &reply);
  if (exit_code == GW_CTL_OK && ctl->is_json)
    gw_message_json_print(reply);
  else if (exit_code == GW_CTL_OK)
    printf("it was %s\n", ((const Gateway__Dataplane__V1__SetLogLevelResponse *)(const void *)reply)->previous_level);
  gw_arena_done(&arena);
  return exit_code;
}
