/* gatewayctl services: where instances come from, what is held of them, and letting go. One word is one row. */
#include <gateway/admin/v1/admin.pb-c.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "controlplane/ctl/admin_client.h"
#include "controlplane/ctl/ctl.h"
#include "controlplane/ctl/message_json.h"
#include "controlplane/ctl/table.h"
#include "controlplane/ctl/verb_registrations.h"

typedef Gateway__Admin__V1__Service Service;

static const char *state_name(const Service *service) {
  switch (service->state) {
  case GATEWAY__ADMIN__V1__SERVICE__STATE__WAITING: return "WAITING";
  case GATEWAY__ADMIN__V1__SERVICE__STATE__LIVE: return "LIVE";
  case GATEWAY__ADMIN__V1__SERVICE__STATE__AWAY: return "AWAY";
  case GATEWAY__ADMIN__V1__SERVICE__STATE__HELD: return "HELD";
  default: return "";
  }
}

static void print_services(Service *const *services, size_t count) {
  static const char *const heads[] = {"SERVICE", "SOURCE", "STATE", "SINCE", "INSTANCES", "SAID", "PROBLEM"};
  struct gw_table table;
  gw_table_init(&table, heads, GW_ARRAY_LEN(heads));
  for (size_t i = 0; i < count; i++) {
    const Service *service = services[i];
    bool is_held = service->state == GATEWAY__ADMIN__V1__SERVICE__STATE__HELD;
    bool is_known = service->state != GATEWAY__ADMIN__V1__SERVICE__STATE__STATE_UNSPECIFIED;
    gw_table_add(&table, service->name);
    gw_table_add(&table, is_known ? service->source : service->discovery);
    gw_table_add(&table, state_name(service));
    if (is_known)
      gw_table_add_duration(&table, service->state_age_ms);
    else
      gw_table_add(&table, "");
    gw_table_printf(&table, "%u", service->endpoint_count);
    if (is_held)
      gw_table_printf(&table, "%u", service->said_count);
    else
      gw_table_add(&table, "");
    gw_table_add(&table, service->problem);
  }
  gw_table_print(&table, stdout);
  gw_table_done(&table);
}

static int list(const struct gw_ctl *ctl, struct gw_arena *arena) {
  const Gateway__Admin__V1__ListServicesRequest request = GATEWAY__ADMIN__V1__LIST_SERVICES_REQUEST__INIT;
  ProtobufCMessage *reply;
  int exit_code =
      gw_admin_client_ask(ctl, "ListServices", &request.base, &gateway__admin__v1__list_services_response__descriptor, arena, &reply);
  const Gateway__Admin__V1__ListServicesResponse *listed = (const void *)reply;
  if (exit_code != GW_CTL_OK) return exit_code;
  if (ctl->is_json)
    gw_message_json_print(reply);
  else
    print_services(listed->services, listed->n_services);
  return GW_CTL_OK;
}

static int release(const struct gw_ctl *ctl, struct gw_arena *arena) {
  Gateway__Admin__V1__ReleaseServiceRequest request = GATEWAY__ADMIN__V1__RELEASE_SERVICE_REQUEST__INIT;
  request.service = (char *)(uintptr_t)ctl->words[1];
  ProtobufCMessage *reply;
  int exit_code =
      gw_admin_client_ask(ctl, "ReleaseService", &request.base, &gateway__admin__v1__release_service_response__descriptor, arena, &reply);
  Gateway__Admin__V1__ReleaseServiceResponse *released = (void *)reply;
  if (exit_code != GW_CTL_OK) return exit_code;
  if (ctl->is_json)
    gw_message_json_print(reply);
  else if (released->service != NULL)
    print_services(&released->service, 1);
  return GW_CTL_OK;
}

static const struct gw_ctl_word words[] = {
    {"list", 1, 1, "no further words", list, 0},
    {"release", 2, 2, "the NAME of a service", release, 0},
    {"register", 3, 3, "a NAME and an ADDRESS:PORT", gw_ctl_services_register, GW_CTL_FLAGS_REGISTER},
    {"deregister", 3, 3, "a NAME and an ADDRESS:PORT", gw_ctl_services_deregister, GW_CTL_FLAGS_INSTANCE},
    {"registrations", 1, 1, "no further words", gw_ctl_services_registrations, 0},
};

int gw_ctl_services(const struct gw_ctl *ctl) {
  return gw_ctl_run_word(ctl, "services", words, GW_ARRAY_LEN(words));
}
