/* Incremental xDS: requests by protobuf-c; what carries resources by hand, as for state of the world. */
#include "common/base/mem.h"
#include "common/xds/codec.h"
#include "common/xds/discovery.h"
#include "common/xds/discovery_node.h"
#include "common/xds/encode.h"
#include "common/xds/wire.h"
#include "common/xds/wire_walk.h"
#include "envoy/service/discovery/v3/discovery.pb-c.h"

typedef Envoy__Service__Discovery__V3__DeltaDiscoveryRequest DeltaRequest;
typedef Envoy__Service__Discovery__V3__DeltaDiscoveryRequest__InitialResourceVersionsEntry HeldEntry;

#define SCRATCH_BLOCK 4096
/* DeltaDiscoveryResponse's fields. */
enum { SYSTEM_VERSION_INFO = 1, RESOURCES = 2, TYPE_URL = 4, NONCE = 5, REMOVED_RESOURCES = 6 };
/* Resource's fields. */
enum { RESOURCE_VERSION = 1, RESOURCE_CONTENT = 2, RESOURCE_NAME = 3 };
#define LENGTH_DELIMITED 2

/* ---- requests ---- */

static const struct gw_str *decode_strings(struct gw_arena *arena, char **strings, size_t count) {
  struct gw_str *list = gw_arena_calloc(arena, count, sizeof *list);
  for (size_t i = 0; i < count; i++)
    list[i] = gw_wire_str(strings[i]);
  return list;
}

static void decode_held(const DeltaRequest *m, struct gw_arena *arena, struct gw_delta_request *request) {
  struct gw_str *names = gw_arena_calloc(arena, m->n_initial_resource_versions, sizeof *names);
  struct gw_str *versions = gw_arena_calloc(arena, m->n_initial_resource_versions, sizeof *versions);
  for (size_t i = 0; i < m->n_initial_resource_versions; i++) {
    names[i] = gw_wire_str(m->initial_resource_versions[i]->key);
    versions[i] = gw_wire_str(m->initial_resource_versions[i]->value);
  }
  request->held_names = names;
  request->held_versions = versions;
  request->held_count = (uint32_t)m->n_initial_resource_versions;
}

enum gw_err gw_delta_request_decode(struct gw_str bytes, struct gw_arena *arena, struct gw_delta_request *ret_request) {
  ProtobufCMessage *message;
  enum gw_err err = gw_wire_unpack(&envoy__service__discovery__v3__delta_discovery_request__descriptor, bytes, arena, &message);
  if (err != GW_OK) return GW_ERR_INVALID;
  const DeltaRequest *m = (const DeltaRequest *)message;
  struct gw_delta_request request = {
      .has_node = m->node != NULL,
      .type_url = gw_wire_str(m->type_url),
      .subscribe = decode_strings(arena, m->resource_names_subscribe, m->n_resource_names_subscribe),
      .subscribe_count = (uint32_t)m->n_resource_names_subscribe,
      .unsubscribe = decode_strings(arena, m->resource_names_unsubscribe, m->n_resource_names_unsubscribe),
      .unsubscribe_count = (uint32_t)m->n_resource_names_unsubscribe,
      .response_nonce = gw_wire_str(m->response_nonce),
      .has_error = m->error_detail != NULL,
  };
  if (m->node != NULL) gw_xds_node_decode(m->node, &request.node);
  decode_held(m, arena, &request);
  if (m->error_detail != NULL) {
    request.error_code = m->error_detail->code;
    request.error_message = gw_wire_str(m->error_detail->message);
  }
  *ret_request = request;
  return GW_OK;
}

static char **encode_strings(struct gw_arena *arena, const struct gw_str *strings, uint32_t count) {
  char **list = gw_xds_encode_array(arena, count);
  for (uint32_t i = 0; i < count; i++)
    list[i] = gw_xds_encode_str(arena, strings[i]);
  return list;
}

struct gw_bytes *gw_delta_request_encode(const struct gw_delta_request *request) {
  struct gw_arena arena;
  gw_arena_init(&arena, SCRATCH_BLOCK);
  DeltaRequest *m = gw_xds_encode_new(&arena, &envoy__service__discovery__v3__delta_discovery_request__descriptor);
  if (request->has_node) m->node = gw_xds_node_encode(&arena, &request->node);
  m->type_url = gw_xds_encode_str(&arena, request->type_url);
  m->n_resource_names_subscribe = request->subscribe_count;
  m->resource_names_subscribe = encode_strings(&arena, request->subscribe, request->subscribe_count);
  m->n_resource_names_unsubscribe = request->unsubscribe_count;
  m->resource_names_unsubscribe = encode_strings(&arena, request->unsubscribe, request->unsubscribe_count);
  m->n_initial_resource_versions = request->held_count;
  m->initial_resource_versions = gw_xds_encode_array(&arena, request->held_count);
  for (uint32_t i = 0; i < request->held_count; i++) {
    HeldEntry *entry =
        gw_xds_encode_new(&arena, &envoy__service__discovery__v3__delta_discovery_request__initial_resource_versions_entry__descriptor);
    entry->key = gw_xds_encode_str(&arena, request->held_names[i]);
    entry->value = gw_xds_encode_str(&arena, request->held_versions[i]);
    m->initial_resource_versions[i] = entry;
  }
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

/* ---- responses, read ---- */

static void decode_resource(struct gw_str resource, struct gw_arena *arena, struct gw_str *ret_name, struct gw_str *ret_version,
                            struct gw_bytes **ret_any) {
  struct gw_str content = {NULL, 0};
  struct gw_wire_field field;
  struct gw_wire_cursor cursor = gw_wire_cursor_from(resource);
  while (gw_wire_next(&cursor, &field) == GW_OK) {
    switch (field.number) {
    case RESOURCE_VERSION: *ret_version = gw_arena_copy(arena, field.bytes); break;
    case RESOURCE_CONTENT: content = field.bytes; break;
    case RESOURCE_NAME: *ret_name = gw_arena_copy(arena, field.bytes); break;
    default: break;
    }
  }
  *ret_any = gw_bytes_new(content.len > 0 ? content.data : "", content.len);
}

static void count_fields(struct gw_str bytes, uint32_t *ret_resources, uint32_t *ret_removed) {
  struct gw_wire_field field;
  struct gw_wire_cursor cursor = gw_wire_cursor_from(bytes);
  while (gw_wire_next(&cursor, &field) == GW_OK) {
    *ret_resources += field.number == RESOURCES;
    *ret_removed += field.number == REMOVED_RESOURCES;
  }
}

enum gw_err gw_delta_response_decode(struct gw_str bytes, struct gw_arena *arena, struct gw_discovery_response *ret_response) {
  enum gw_err err = gw_wire_walk(&envoy__service__discovery__v3__delta_discovery_response__descriptor, bytes, GW_WIRE_TOLERANT, NULL, NULL);
  if (err != GW_OK) return GW_ERR_INVALID;
  struct gw_discovery_response response = {0};
  uint32_t resource_count = 0, removed_count = 0;
  count_fields(bytes, &resource_count, &removed_count);
  /* One more, so that "incremental" shows also in a response without resources. */
  struct gw_str *names = gw_arena_calloc(arena, resource_count + 1u, sizeof *names);
  struct gw_str *versions = gw_arena_calloc(arena, resource_count + 1u, sizeof *versions);
  struct gw_str *removed = gw_arena_calloc(arena, removed_count + 1u, sizeof *removed);
  response.resources = gw_arena_calloc(arena, resource_count + 1u, sizeof(struct gw_bytes *));
  struct gw_wire_field field;
  struct gw_wire_cursor cursor = gw_wire_cursor_from(bytes);
  while (gw_wire_next(&cursor, &field) == GW_OK) {
    uint32_t i = response.resource_count;
    switch (field.number) {
    case SYSTEM_VERSION_INFO: response.version_info = gw_arena_copy(arena, field.bytes); break;
    case RESOURCES:
      decode_resource(field.bytes, arena, &names[i], &versions[i], &response.resources[i]);
      response.resource_count++;
      break;
    case TYPE_URL: response.type_url = gw_arena_copy(arena, field.bytes); break;
    case NONCE: response.nonce = gw_arena_copy(arena, field.bytes); break;
    case REMOVED_RESOURCES: removed[response.removed_count++] = gw_arena_copy(arena, field.bytes); break;
    default: break;
    }
  }
  enum gw_resource_type type;
  bool is_secret = gw_xds_parse_type_url(response.type_url, &type) == GW_OK && gw_resource_type_holds_secrets(type);
  for (uint32_t i = 0; i < response.resource_count; i++)
    response.resources[i]->is_secret = is_secret;
  response.resource_names = names;
  response.resource_versions = versions;
  response.removed = removed;
  *ret_response = response;
  return GW_OK;
}

/* ---- responses, written ---- */

static size_t field_size(size_t len) {
  return 1 + gw_wire_varint_size(len) + len;
}

static char *write_field(char *at, unsigned number, const void *data, size_t len) {
  *at++ = (char)((number << 3) | LENGTH_DELIMITED);
  at = gw_wire_write_varint(at, len);
  if (len > 0) memcpy(at, data, len);
  return at + len;
}

static size_t resource_size(const struct gw_delta_resource *resource) {
  return field_size(resource->version.len) + field_size(resource->any->len) + field_size(resource->name.len);
}

struct gw_bytes *gw_delta_changes_encode(const struct gw_delta_resource *resources, uint32_t count, const struct gw_str *removed,
                                         uint32_t removed_count) {
  size_t len = 0;
  bool is_secret = false;
  for (uint32_t i = 0; i < count; i++) {
    len += field_size(resource_size(&resources[i]));
    is_secret = is_secret || resources[i].any->is_secret;
  }
  for (uint32_t i = 0; i < removed_count; i++)
    len += field_size(removed[i].len);
  struct gw_bytes *bytes = gw_bytes_new(NULL, len);
  bytes->is_secret = is_secret;
  char *at = bytes->data;
  for (uint32_t i = 0; i < count; i++) {
    const struct gw_delta_resource *resource = &resources[i];
    *at++ = (char)((RESOURCES << 3) | LENGTH_DELIMITED);
    at = gw_wire_write_varint(at, resource_size(resource));
    at = write_field(at, RESOURCE_VERSION, resource->version.data, resource->version.len);
    at = write_field(at, RESOURCE_CONTENT, resource->any->data, resource->any->len);
    at = write_field(at, RESOURCE_NAME, resource->name.data, resource->name.len);
  }
  for (uint32_t i = 0; i < removed_count; i++)
    at = write_field(at, REMOVED_RESOURCES, removed[i].data, removed[i].len);
  GW_ASSERT(at == bytes->data + len);
  return bytes;
}

struct gw_bytes *gw_delta_response_encode_head(struct gw_str version_info, struct gw_str type_url, struct gw_str nonce,
                                               const struct gw_str *removed, uint32_t removed_count) {
  size_t len = field_size(version_info.len) + field_size(type_url.len) + field_size(nonce.len);
  for (uint32_t i = 0; i < removed_count; i++)
    len += field_size(removed[i].len);
  struct gw_bytes *bytes = gw_bytes_new(NULL, len);
  char *at = write_field(bytes->data, SYSTEM_VERSION_INFO, version_info.data, version_info.len);
  at = write_field(at, TYPE_URL, type_url.data, type_url.len);
  at = write_field(at, NONCE, nonce.data, nonce.len);
  for (uint32_t i = 0; i < removed_count; i++)
    at = write_field(at, REMOVED_RESOURCES, removed[i].data, removed[i].len);
  GW_ASSERT(at == bytes->data + len);
  return bytes;
}
