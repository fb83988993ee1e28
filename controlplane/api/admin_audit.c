/* ListAudit. */
#include <gateway/admin/v1/admin.pb-c.h>

#include "controlplane/api/admin_reply.h"
#include "controlplane/api/audit.h"

ProtobufCMessage *gw_admin_reply_audit(const struct gw_admin_request *request) {
  const Gateway__Admin__V1__ListAuditRequest *asked = (const void *)request->message;
  Gateway__Admin__V1__ListAuditResponse *reply = gw_admin_message_new(request->arena, &gateway__admin__v1__list_audit_response__descriptor);
  uint32_t limit = asked->limit > 0 && asked->limit < GW_AUDIT_KEPT ? asked->limit : GW_AUDIT_KEPT;
  const Gateway__Admin__V1__AuditRecord **records = gw_arena_calloc(request->arena, limit, sizeof(void *));
  reply->n_records = request->options->audit != NULL ? gw_audit_list(request->options->audit, records, limit) : 0;
  reply->records = (Gateway__Admin__V1__AuditRecord **)(uintptr_t)records;
  return &reply->base;
}
