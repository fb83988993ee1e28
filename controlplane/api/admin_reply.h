/* Why: builds the answers of the admin API, one function a method.
 * Life: answers live in the arena given.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_API_ADMIN_REPLY_H
#define GW_CONTROLPLANE_API_ADMIN_REPLY_H

#include <protobuf-c/protobuf-c.h>

#include "controlplane/api/admin_api.h"

struct gw_admin_request {
  const struct gw_admin_api_options *options;
  const ProtobufCMessage *message;
  struct gw_arena *arena;
};

ProtobufCMessage *gw_admin_reply_version(const struct gw_admin_request *request);
ProtobufCMessage *gw_admin_reply_status(const struct gw_admin_request *request);
ProtobufCMessage *gw_admin_reply_routes(const struct gw_admin_request *request);
ProtobufCMessage *gw_admin_reply_services(const struct gw_admin_request *request);
ProtobufCMessage *gw_admin_reply_endpoints(const struct gw_admin_request *request);

/* An empty message of that type. */
void *gw_admin_message_new(struct gw_arena *arena, const ProtobufCMessageDescriptor *descriptor);
/* As protobuf-c wants it: NUL-terminated. */
char *gw_admin_text(struct gw_arena *arena, struct gw_str s);

#endif
