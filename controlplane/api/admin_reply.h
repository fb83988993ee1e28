/* Why: the answers of the admin API, one function a method: it builds the answer at once, or begins what answers later.
 * Life: answers live in the arena given, which is gone when the function has returned. A call lives until it was ended, or on_gone.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_API_ADMIN_REPLY_H
#define GW_CONTROLPLANE_API_ADMIN_REPLY_H

#include <protobuf-c/protobuf-c.h>

#include "controlplane/api/admin_api.h"

struct gw_admin_request {
  const struct gw_admin_api_options *options;
  const ProtobufCMessage *message;
  struct gw_arena *arena;
  struct gw_explainer **explainer; /* of the snapshot that was asked last; NULL there: none */
  uint32_t *counter_rounds;        /* questions for counters that are under way */
};

ProtobufCMessage *gw_admin_reply_version(const struct gw_admin_request *request);
ProtobufCMessage *gw_admin_reply_status(const struct gw_admin_request *request);
ProtobufCMessage *gw_admin_reply_routes(const struct gw_admin_request *request);
ProtobufCMessage *gw_admin_reply_services(const struct gw_admin_request *request);
ProtobufCMessage *gw_admin_reply_endpoints(const struct gw_admin_request *request);
ProtobufCMessage *gw_admin_reply_registrations(const struct gw_admin_request *request);

ProtobufCMessage *gw_admin_reply_audit(const struct gw_admin_request *request);

/* A call whose answer comes later. */
struct gw_admin_call;
/* Until the call is ended: when the client leaves before, on_gone(arg) is called, once, and the call is no more. */
void gw_admin_call_wait(struct gw_admin_call *call, void (*on_gone)(void *arg), void *arg);
/* End it: with its answer, or with a gw_rpc_code and a sentence. */
void gw_admin_call_answer(struct gw_admin_call *call, const ProtobufCMessage *answer);
void gw_admin_call_answer_bytes(struct gw_admin_call *call, struct gw_str message);
void gw_admin_call_refuse(struct gw_admin_call *call, int code, const char *message);
/* The same for what others have failed with. */
void gw_admin_call_fail(struct gw_admin_call *call, enum gw_err err, const char *message);
/* Of the call's metadata; empty: it has none of that name. */
struct gw_str gw_admin_call_metadata(const struct gw_admin_call *call, const char *name);

void gw_admin_start_fleet_counters(const struct gw_admin_request *request, struct gw_admin_call *call);
void gw_admin_start_set_log_level(const struct gw_admin_request *request, struct gw_admin_call *call);
void gw_admin_start_explain(const struct gw_admin_request *request, struct gw_admin_call *call);
const struct gw_admin_identity *gw_admin_call_who(const struct gw_admin_call *call);

ProtobufCMessage *gw_admin_reply_revisions(const struct gw_admin_request *request);
ProtobufCMessage *gw_admin_reply_rollout(const struct gw_admin_request *request);
void gw_admin_start_apply(const struct gw_admin_request *request, struct gw_admin_call *call);
void gw_admin_start_rollback(const struct gw_admin_request *request, struct gw_admin_call *call);
void gw_admin_start_compare(const struct gw_admin_request *request, struct gw_admin_call *call);
void gw_admin_start_find_failures(const struct gw_admin_request *request, struct gw_admin_call *call);
void gw_admin_start_release_service(const struct gw_admin_request *request, struct gw_admin_call *call);
void gw_admin_start_create_key(const struct gw_admin_request *request, struct gw_admin_call *call);
void gw_admin_start_list_keys(const struct gw_admin_request *request, struct gw_admin_call *call);
void gw_admin_start_rotate_key(const struct gw_admin_request *request, struct gw_admin_call *call);
void gw_admin_start_expire_key(const struct gw_admin_request *request, struct gw_admin_call *call);
void gw_admin_start_revoke_keys(const struct gw_admin_request *request, struct gw_admin_call *call);
void gw_admin_start_import_keys(const struct gw_admin_request *request, struct gw_admin_call *call);
void gw_admin_start_register(const struct gw_admin_request *request, struct gw_admin_call *call);
void gw_admin_start_deregister(const struct gw_admin_request *request, struct gw_admin_call *call);
void gw_admin_start_list_ecs(const struct gw_admin_request *request, struct gw_admin_call *call);
void gw_admin_start_create_ecs(const struct gw_admin_request *request, struct gw_admin_call *call);
void gw_admin_start_delete_ecs(const struct gw_admin_request *request, struct gw_admin_call *call);
void gw_admin_start_get_ecs_job(const struct gw_admin_request *request, struct gw_admin_call *call);

/* Of what is served now; never NULL. */
const struct gw_resource_list *gw_admin_current_list(const struct gw_admin_request *request, enum gw_resource_type type);
/* NULL: none are known. */
const struct gw_endpoints *gw_admin_endpoints_of(const struct gw_admin_request *request, const struct gw_cluster *cluster);

/* Passes `method` of gateway.dataplane.v1.DataPlane on to the node that the call's metadata names. */
#define GW_ADMIN_NODE_METADATA "gateway-node"
void gw_admin_start_node_call(const struct gw_admin_request *request, struct gw_admin_call *call, const char *method, struct gw_str bytes);

/* An empty message of that type. */
void *gw_admin_message_new(struct gw_arena *arena, const ProtobufCMessageDescriptor *descriptor);
/* As protobuf-c wants it: NUL-terminated. */
char *gw_admin_text(struct gw_arena *arena, struct gw_str s);

#endif
