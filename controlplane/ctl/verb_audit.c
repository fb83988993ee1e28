/* gatewayctl audit: who has changed what through the admin API. */
#include <gateway/admin/v1/admin.pb-c.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "controlplane/ctl/admin_client.h"
#include "controlplane/ctl/ctl.h"
#include "controlplane/ctl/message_json.h"
#include "controlplane/ctl/table.h"

static void print_records(const Gateway__Admin__V1__ListAuditResponse *reply) {
  static const char *const heads[] = {"WHEN", "WHO", "ROLE", "FROM", "AT", "DID", "WHAT", "RESULT"};
  struct gw_table table;
  gw_table_init(&table, heads, GW_ARRAY_LEN(heads));
  for (size_t i = 0; i < reply->n_records; i++) {
    const Gateway__Admin__V1__AuditRecord *record = reply->records[i];
    char when[GW_CLOCK_RFC3339_SIZE];
    gw_clock_format_rfc3339((uint64_t)record->at_ms * 1000u, when);
    when[10] = ' ';
    when[19] = '\0';
    gw_table_add(&table, when);
    gw_table_add(&table, record->who);
    gw_table_add(&table, record->role);
    gw_table_add(&table, record->peer);
    gw_table_add(&table, record->control_plane);
    gw_table_add(&table, record->method);
    gw_table_add(&table, record->what);
    gw_table_printf(&table, "%s%s%s", record->code, record->reason[0] != '\0' ? ": " : "", record->reason);
  }
  gw_table_print(&table, stdout);
  gw_table_done(&table);
}

int gw_ctl_audit(const struct gw_ctl *ctl) {
  struct gw_arena arena;
  gw_arena_init(&arena, 16384);
  Gateway__Admin__V1__ListAuditRequest request = GATEWAY__ADMIN__V1__LIST_AUDIT_REQUEST__INIT;
  ProtobufCMessage *reply;
  int exit_code =
      gw_admin_client_ask(ctl, "ListAudit", &request.base, &gateway__admin__v1__list_audit_response__descriptor, &arena, &reply);
  if (exit_code == GW_CTL_OK && ctl->is_json) {
    gw_message_json_print(reply);
  } else if (exit_code == GW_CTL_OK) {
    print_records((const void *)reply);
  }
  gw_arena_done(&arena);
  return exit_code;
}
