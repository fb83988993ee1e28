#include "common/xds/discovery.h"

#include "common/base/mem.h"
#include "common/xds/codec.h"
#include "common/xds/discovery_node.h"
#include "common/xds/encode.h"
#include "common/xds/wire.h"
#include "common/xds/wire_walk.h"
#include "envoy/service/discovery/v3/discovery.pb-c.h"

typedef Envoy__Service__Discovery__V3__DiscoveryRequest DiscoveryRequest;
typedef Envoy__Service__Discovery__V3__DiscoveryResponse DiscoveryResponse;

#define SCRATCH_BLOCK 4096
/* DiscoveryResponse's fields. */
enum { VERSION_INFO = 1, RESOURCES = 2, TYPE_URL = 4, NONCE = 5 };
#define RESOURCES_TAG ((RESOURCES << 3) | 2)

/* The strings stay where protobuf-c put them: in the arena. */
enum gw_err gw_discovery_request_decode(struct gw_str bytes, struct gw_arena *arena, struct gw_discovery_request *ret_request) {
  ProtobufCMessage *message;
  enum gw_err err = gw_wire_unpack(&envoy__service__discovery__v3__discovery_request__descriptor, bytes, arena, &message);
  if (err != GW_OK) return GW_ERR_INVALID;
  const DiscoveryRequest *m = (const DiscoveryRequest *)message;
  struct gw_discovery_request request = {
      .version_info = gw_wire_str(m->version_info),
      .has_node = m->node != NULL,
      .resource_name_count = (uint32_t)m->n_resource_names,
      .type_url = gw_wire_str(m->type_url),
      .response_nonce = gw_wire_str(m->response_nonce),
      .has_error = m->error_detail != NULL,
  };
  if (m->node != NULL) gw_xds_node_decode(m->node, &request.node);
  struct gw_str *names = gw_arena_calloc(arena, m->n_resource_names, sizeof *names);
  for (size_t i = 0; i < m->n_resource_names; i++)
    names[i] = gw_wire_str(m->resource_names[i]);
  request.resource_names = names;
  if (m->error_detail != NULL) {
    request.error_code = m->error_detail->code;
    request.error_message = gw_wire_str(m->error_detail->message);
  }
  *ret_request = request;
  return GW_OK;
}

struct gw_bytes *gw_discovery_request_encode(const struct gw_discovery_request *request) {
  struct gw_arena arena;
  gw_arena_init(&arena, SCRATCH_BLOCK);
  DiscoveryRequest *m = gw_xds_encode_new(&arena, &envoy__service__discovery__v3__discovery_request__descriptor);
  m->version_info = gw_xds_encode_str(&arena, request->version_info);
  if (request->has_node) m->node = gw_xds_node_encode(&arena, &request->node);
  m->n_resource_names = request->resource_name_count;
  m->resource_names = gw_xds_encode_array(&arena, request->resource_name_count);
  for (uint32_t i = 0; i < request->resource_name_count; i++)
    m->resource_names[i] = gw_xds_encode_str(&arena, request->resource_names[i]);
  m->type_url = gw_xds_encode_str(&arena, request->type_url);
  m->response_nonce = gw_xds_encode_str(&arena, request->response_nonce);
  if (request->has_error) {
    m->error_detail = gw_xds_encode_new(&arena, &google__rpc__status__descriptor);
    m->error_detail->code = request->error_code;
    m->error_detail->message = gw_xds_encode_str(&arena, request->error_message);
  }
  struct gw_bytes *bytes = gw_wire_pack(&m->base);
  gw_arena_done(&arena);
  return bytes;
}

/* By hand: a snapshot's resources are big, and are wanted as bytes. */
enum gw_err gw_discovery_response_decode(struct gw_str bytes, struct gw_arena *arena, struct gw_discovery_response *ret_response) {
  enum gw_err err = gw_wire_walk(&envoy__service__discovery__v3__discovery_response__descriptor, bytes, GW_WIRE_TOLERANT, NULL, NULL);
  if (err != GW_OK) return GW_ERR_INVALID;
  struct gw_discovery_response response = {0};
  struct gw_wire_field field;
  struct gw_wire_cursor cursor = gw_wire_cursor_from(bytes);
  uint32_t count = 0;
  while (gw_wire_next(&cursor, &field) == GW_OK)
    count += field.number == RESOURCES;
  response.resources = gw_arena_calloc(arena, count, sizeof(struct gw_bytes *));
  cursor = gw_wire_cursor_from(bytes);
  while (gw_wire_next(&cursor, &field) == GW_OK) {
    switch (field.number) {
    case VERSION_INFO: response.version_info = gw_arena_copy(arena, field.bytes); break;
    case RESOURCES: response.resources[response.resource_count++] = gw_bytes_new(field.bytes.data, field.bytes.len); break;
    case TYPE_URL: response.type_url = gw_arena_copy(arena, field.bytes); break;
    case NONCE: response.nonce = gw_arena_copy(arena, field.bytes); break;
    default: break;
    }
  }
  enum gw_resource_type type;
  bool is_secret = gw_xds_parse_type_url(response.type_url, &type) == GW_OK && gw_resource_type_holds_secrets(type);
  for (uint32_t i = 0; i < response.resource_count; i++)
    response.resources[i]->is_secret = is_secret;
  *ret_response = response;
  return GW_OK;
}

struct gw_bytes *gw_discovery_resources_encode(struct gw_bytes *const *anys, uint32_t count) {
  size_t len = 0;
  for (uint32_t i = 0; i < count; i++)
    len += 1 + gw_wire_varint_size(anys[i]->len) + anys[i]->len;
  struct gw_bytes *bytes = gw_bytes_new(NULL, len);
  for (uint32_t i = 0; i < count; i++)
    bytes->is_secret = bytes->is_secret || anys[i]->is_secret;
  char *at = bytes->data;
  for (uint32_t i = 0; i < count; i++) {
    *at++ = RESOURCES_TAG;
    at = gw_wire_write_varint(at, anys[i]->len);
    memcpy(at, anys[i]->data, anys[i]->len);
    at += anys[i]->len;
  }
  return bytes;
}

struct gw_bytes *gw_discovery_response_encode_head(struct gw_str version_info, struct gw_str type_url, struct gw_str nonce) {
  struct gw_arena arena;
  gw_arena_init(&arena, SCRATCH_BLOCK);
  DiscoveryResponse *m = gw_xds_encode_new(&arena, &envoy__service__discovery__v3__discovery_response__descriptor);
  m->version_info = gw_xds_encode_str(&arena, version_info);
  m->type_url = gw_xds_encode_str(&arena, type_url);
  m->nonce = gw_xds_encode_str(&arena, nonce);
  struct gw_bytes *bytes = gw_wire_pack(&m->base);
  gw_arena_done(&arena);
  return bytes;
}
