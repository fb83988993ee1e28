/* Why: who has changed what, from where, and how it ended: a line in the log, and a record in the store, of which the newest are kept.
 * Life: gw_audit_new before gw_store_start … gw_audit_free after gw_store_free. Log, store and fleet are borrowed.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_API_AUDIT_H
#define GW_CONTROLPLANE_API_AUDIT_H

#include <gateway/admin/v1/admin.pb-c.h>

#include "common/observe/log.h"
#include "controlplane/api/admin_roles.h"
#include "controlplane/api/fleet.h"

struct gw_audit;

#define GW_AUDIT_KIND "audit"
#define GW_AUDIT_KEPT 1000u /* the newest, of all control planes of the store */
#define GW_AUDIT_WAITING_MAX 1000u

struct gw_audit *gw_audit_new(struct gw_loop *loop, struct gw_log *log, struct gw_store *store, const struct gw_fleet *fleet);
void gw_audit_free(struct gw_audit *audit);

struct gw_audit_entry {
  struct gw_admin_identity who;
  struct gw_str peer;
  const char *method; /* "/gateway.admin.v1.Admin/CreateApiKey" */
  struct gw_str what; /* as gw_audit_describe says */
  int code;           /* gw_rpc_code */
  struct gw_str reason;
};
/* All of it is copied. */
void gw_audit_note(struct gw_audit *audit, const struct gw_audit_entry *entry);
/* The newest first, at most `limit`; into `ret_records`, borrowed until the loop's next turn. How many. */
uint32_t gw_audit_list(const struct gw_audit *audit, const Gateway__Admin__V1__AuditRecord **ret_records, uint32_t limit);

/* What a request asks for, in words: its short texts and numbers, `owner="alice" expires_at_s=17`. Never what may be a secret, or long. */
void gw_audit_describe(const ProtobufCMessage *message, struct gw_strbuf *ret_text);
/* The same of a text that stands beside the message. */
void gw_audit_describe_text(const char *name, struct gw_str value, struct gw_strbuf *ret_text);

#endif
