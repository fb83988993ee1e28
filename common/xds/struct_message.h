/* Why: one of our messages as a google.protobuf.Struct, by the names of its fields, where only that may stand: metadata, which strangers
 * show and do not understand. Fields are bool, uint32, repeated enums by name, and durations such as "10s" or "0.250s".
 * Life: in the arenas that are given.
 * Thread: one at a time. */
#ifndef GW_COMMON_XDS_STRUCT_MESSAGE_H
#define GW_COMMON_XDS_STRUCT_MESSAGE_H

#include "common/xds/decode.h"
#include "google/protobuf/struct.pb-c.h"

/* A message of that type in scratch. What has no field, or another type than its field, is a mistake. */
void *gw_xds_decode_struct(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const Google__Protobuf__Struct *from,
                           const ProtobufCMessageDescriptor *descriptor);
Google__Protobuf__Struct *gw_xds_encode_struct(struct gw_arena *arena, const ProtobufCMessage *message);

#endif
