/* gatewayctl version: works without a control plane, too. */
#include <gateway/admin/v1/admin.pb-c.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/json.h"
#include "controlplane/ctl/admin_client.h"
#include "controlplane/ctl/ctl.h"

#define DEADLINE_MS 2000

/* `control_plane` NULL: not known, because of `problem`. */
static void print_json(const char *control_plane, const char *problem) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  struct gw_json_writer json;
  gw_json_writer_init(&json, &text);
  gw_json_object_begin(&json);
  gw_json_key(&json, "gatewayctl");
  gw_json_string(&json, GW_STR(GW_VERSION));
  gw_json_key(&json, "control_plane");
  if (control_plane != NULL) {
    gw_json_string(&json, gw_str_from(control_plane));
  } else {
    gw_json_null(&json);
    gw_json_key(&json, "problem");
    gw_json_string(&json, gw_str_from(problem));
  }
  gw_json_object_end(&json);
  puts(text.data);
  gw_strbuf_done(&text);
}

int gw_ctl_version(const struct gw_ctl *ctl) {
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  Gateway__Admin__V1__GetVersionRequest request = GATEWAY__ADMIN__V1__GET_VERSION_REQUEST__INIT;
  ProtobufCMessage *reply = NULL;
  char *problem = NULL;
  int exit_code = gw_admin_client_call(ctl, "GetVersion", DEADLINE_MS, &request.base, &gateway__admin__v1__get_version_response__descriptor,
                                       &arena, &reply, &problem);
  const char *version = exit_code == GW_CTL_OK ? ((const Gateway__Admin__V1__GetVersionResponse *)(const void *)reply)->version : NULL;
  if (ctl->is_json) {
    print_json(version, problem);
  } else {
    puts("gatewayctl " GW_VERSION);
    if (version != NULL) {
      printf("control plane %s at %s\n", version, ctl->admin);
    } else {
      printf("control plane: unknown (%s)\n", problem);
    }
  }
  free(problem);
  gw_arena_done(&arena);
  return exit_code == GW_CTL_USAGE ? exit_code : GW_CTL_OK;
}
