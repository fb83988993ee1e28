/* Why: one call to the control plane's admin API, with failures told in words.
 * Life: the reply lives in the arena given.
 * Thread: main. */
#ifndef GW_CONTROLPLANE_CTL_ADMIN_CLIENT_H
#define GW_CONTROLPLANE_CTL_ADMIN_CLIENT_H

#include <protobuf-c/protobuf-c.h>

#include "common/base/arena.h"
#include "controlplane/ctl/ctl.h"

/* `method`: "GetStatus". GW_CTL_OK, or the exit code; then *ret_problem is a sentence, freed by the caller. */
int gw_admin_client_call(const struct gw_ctl *ctl, const char *method, uint64_t deadline_ms, const ProtobufCMessage *request,
                         const ProtobufCMessageDescriptor *reply, struct gw_arena *arena, ProtobufCMessage **ret_reply, char **ret_problem);
/* A method of gateway.dataplane.v1.DataPlane of the node with that id, by way of the control plane; else as gw_admin_client_ask. */
int gw_admin_client_ask_node(const struct gw_ctl *ctl, const char *node_id, const char *method, const ProtobufCMessage *request,
                             const ProtobufCMessageDescriptor *reply, struct gw_arena *arena, ProtobufCMessage **ret_reply);
/* The same with the usual deadline; a problem is told on standard error. */
int gw_admin_client_ask(const struct gw_ctl *ctl, const char *method, const ProtobufCMessage *request,
                        const ProtobufCMessageDescriptor *reply, struct gw_arena *arena, ProtobufCMessage **ret_reply);

#endif
