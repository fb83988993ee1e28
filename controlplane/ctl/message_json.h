/* Why: any message of ours as JSON, by its descriptor, so that a new field needs no new line here.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_CTL_MESSAGE_JSON_H
#define GW_CONTROLPLANE_CTL_MESSAGE_JSON_H

#include <protobuf-c/protobuf-c.h>

#include "common/base/json.h"

/* Names as in the .proto file; every field, also those that are empty; 64-bit numbers as numbers; enum values by
 * name; bytes as base64url. */
void gw_message_json_write(struct gw_json_writer *writer, const ProtobufCMessage *message);
/* On standard output, with a line end. */
void gw_message_json_print(const ProtobufCMessage *message);

#endif
