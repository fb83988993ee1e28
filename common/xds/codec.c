#include "common/xds/codec.h"

#include <stdlib.h>

#include "common/base/content_hash.h"
#include "common/base/mem.h"
#include "common/xds/decode.h"
#include "common/xds/encode.h"
#include "common/xds/wire.h"
#include "common/xds/wire_walk.h"

#define SCRATCH_BLOCK 16384
#define SCRATCH_BLOCK_OF_KEY 1024 /* of these there may be 100,000 at once */
/* google.protobuf.Any's fields; and the name (or cluster_name) of every resource. */
enum { ANY_TYPE_URL = 1, ANY_VALUE = 2, RESOURCE_NAME = 1 };
/* Listener's fields. */
enum { FILTER_CHAINS = 3, API_LISTENER = 19, DEFAULT_FILTER_CHAIN = 25 };

static const struct {
  const char *type_url;
  const char *short_name;
  const ProtobufCMessageDescriptor *descriptor;
} types[GW_RESOURCE_TYPE_COUNT] = {
    [GW_RESOURCE_SECRET] = {GW_XDS_TYPE_URL_PREFIX "envoy.extensions.transport_sockets.tls.v3.Secret", "SDS",
                            &envoy__extensions__transport_sockets__tls__v3__secret__descriptor},
    [GW_RESOURCE_CLUSTER] = {GW_XDS_TYPE_URL_PREFIX "envoy.config.cluster.v3.Cluster", "CDS",
                             &envoy__config__cluster__v3__cluster__descriptor},
    [GW_RESOURCE_ENDPOINTS] = {GW_XDS_TYPE_URL_PREFIX "envoy.config.endpoint.v3.ClusterLoadAssignment", "EDS",
                               &envoy__config__endpoint__v3__cluster_load_assignment__descriptor},
    [GW_RESOURCE_LISTENER] = {GW_XDS_TYPE_URL_PREFIX "envoy.config.listener.v3.Listener", "LDS",
                              &envoy__config__listener__v3__listener__descriptor},
    [GW_RESOURCE_ROUTE_CONFIG] = {GW_XDS_TYPE_URL_PREFIX "envoy.config.route.v3.RouteConfiguration", "RDS",
                                  &envoy__config__route__v3__route_configuration__descriptor},
    [GW_RESOURCE_API_KEY] = {GW_XDS_TYPE_URL_PREFIX "gateway.auth.v1.ApiKey", "keys", &gateway__auth__v1__api_key__descriptor},
};

const char *gw_xds_type_url(enum gw_resource_type type) {
  return types[type].type_url;
}

const char *gw_xds_type_short(enum gw_resource_type type) {
  return types[type].short_name;
}

enum gw_err gw_xds_parse_type_url(struct gw_str type_url, enum gw_resource_type *ret_type) {
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    if (!gw_str_equal(type_url, gw_str_from(types[type].type_url))) continue;
    *ret_type = (enum gw_resource_type)type;
    return GW_OK;
  }
  return GW_ERR_NOT_FOUND;
}

/* A listener for embedded clients: there is nothing to open, so it may hold what it likes. */
static bool is_api_only(struct gw_str message) {
  struct gw_wire_cursor cursor = gw_wire_cursor_from(message);
  struct gw_wire_field field;
  bool has_api = false;
  enum gw_err err;
  while ((err = gw_wire_next(&cursor, &field)) == GW_OK) {
    if (field.number == FILTER_CHAINS || field.number == DEFAULT_FILTER_CHAIN) return false;
    if (field.number == API_LISTENER) has_api = true;
  }
  return err == GW_ERR_AGAIN && has_api;
}

static void decode_api_only(struct gw_resource *resource, struct gw_str name) {
  struct gw_listener *listener = gw_arena_calloc(&resource->arena, 1, sizeof *listener);
  listener->name = gw_arena_copy(&resource->arena, name);
  listener->is_api_only = true;
  resource->listener = listener;
  resource->name = listener->name;
}

static void decode_value(struct gw_xds_decoder *decoder, struct gw_resource *resource, const ProtobufCMessage *message) {
  switch (resource->type) {
  case GW_RESOURCE_SECRET:
    resource->secret = gw_xds_decode_secret(decoder, (const Envoy__Extensions__TransportSockets__Tls__V3__Secret *)message);
    resource->name = resource->secret->name;
    return;
  case GW_RESOURCE_CLUSTER:
    resource->cluster = gw_xds_decode_cluster(decoder, (const Envoy__Config__Cluster__V3__Cluster *)message);
    resource->name = resource->cluster->name;
    return;
  case GW_RESOURCE_ENDPOINTS:
    resource->endpoints =
        gw_xds_decode_endpoints(decoder, NULL, (const Envoy__Config__Endpoint__V3__ClusterLoadAssignment *)message, GW_XDS_ADDRESS_CONNECT);
    resource->name = resource->endpoints->cluster_name;
    return;
  case GW_RESOURCE_LISTENER:
    resource->listener = gw_xds_decode_listener(decoder, (const Envoy__Config__Listener__V3__Listener *)message);
    resource->name = resource->listener->name;
    return;
  case GW_RESOURCE_API_KEY:
    resource->api_key = gw_xds_decode_api_key(decoder, (const Gateway__Auth__V1__ApiKey *)message);
    resource->name = resource->api_key->id;
    return;
  case GW_RESOURCE_ROUTE_CONFIG: return; /* decoded from its bytes */
  }
}

static void decode_bytes(struct gw_xds_decoder *decoder, struct gw_resource *resource, struct gw_str value) {
  const ProtobufCMessageDescriptor *descriptor = types[resource->type].descriptor;
  ProtobufCMessage *message;
  if (resource->type == GW_RESOURCE_ROUTE_CONFIG) {
    resource->route_config = gw_xds_decode_route_config_bytes(decoder, value);
    resource->name = resource->route_config->name;
  } else if (gw_wire_unpack_checked(descriptor, value, decoder->scratch, &message) == GW_OK) {
    decode_value(decoder, resource, message);
  } else {
    gw_errors_add(decoder->errors, "", "is not a %s", descriptor->name);
  }
}

/* From what is held of that name already, where only routes differ; false: not that way. */
static bool decode_changes(struct gw_resource *resource, struct gw_str value, const struct gw_resource *before) {
  struct gw_str value_before;
  if (before == NULL || resource->type != GW_RESOURCE_ROUTE_CONFIG || before->type != resource->type) return false;
  if (gw_wire_find(gw_bytes_str(before->any), ANY_VALUE, &value_before) != GW_OK) return false;
  struct gw_arena scratch;
  gw_arena_init(&scratch, SCRATCH_BLOCK);
  struct gw_xds_decoder decoder = {.arena = &resource->arena, .scratch = &scratch};
  resource->route_config = gw_xds_decode_changed_route_config(&decoder, value, before->route_config, value_before);
  if (resource->route_config != NULL) resource->name = resource->route_config->name;
  gw_arena_done(&scratch);
  return resource->route_config != NULL;
}

/* Fills the resource, or adds mistakes. */
static void decode_message(struct gw_resource *resource, struct gw_str value, struct gw_errors *errors) {
  const ProtobufCMessageDescriptor *descriptor = types[resource->type].descriptor;
  enum gw_err err = gw_wire_walk(descriptor, value, GW_WIRE_STRICT, NULL, errors);
  if (err != GW_OK && err != GW_ERR_UNSUPPORTED) return;
  struct gw_arena scratch;
  gw_arena_init(&scratch, resource->type == GW_RESOURCE_API_KEY ? SCRATCH_BLOCK_OF_KEY : SCRATCH_BLOCK);
  struct gw_xds_decoder decoder = {.arena = &resource->arena, .scratch = &scratch, .errors = errors};
  decode_bytes(&decoder, resource, value);
  if (gw_resource_type_holds_secrets(resource->type)) gw_arena_wipe(&scratch);
  gw_arena_done(&scratch);
}

enum gw_err gw_xds_decode_resource(enum gw_resource_type type, struct gw_bytes *any, struct gw_errors *errors, struct gw_arena *arena,
                                   struct gw_str *ret_name, struct gw_resource **ret_resource) {
  return gw_xds_decode_changed_resource(NULL, type, any, errors, arena, ret_name, ret_resource);
}

enum gw_err gw_xds_decode_changed_resource(const struct gw_resource *before, enum gw_resource_type type, struct gw_bytes *any,
                                           struct gw_errors *errors, struct gw_arena *arena, struct gw_str *ret_name,
                                           struct gw_resource **ret_resource) {
  size_t errors_before = errors->error_count;
  if (gw_resource_type_holds_secrets(type)) any->is_secret = true;
  struct gw_str type_url, value, name = {NULL, 0};
  if (gw_wire_find(gw_bytes_str(any), ANY_TYPE_URL, &type_url) != GW_OK || gw_wire_find(gw_bytes_str(any), ANY_VALUE, &value) != GW_OK) {
    gw_errors_add(errors, "", "is not a google.protobuf.Any");
    return GW_ERR_INVALID;
  }
  if (gw_wire_find(value, RESOURCE_NAME, &name) != GW_OK || gw_wire_string_fault(name) != NULL) name.len = 0;
  if (ret_name != NULL && name.len > 0) *ret_name = gw_arena_copy(arena, name);
  if (!gw_str_equal(type_url, gw_str_from(types[type].type_url))) {
    gw_errors_add(errors, "", "is a \"%.*s\", not a %s", GW_STR_ARG(type_url), types[type].descriptor->name);
    return GW_ERR_INVALID;
  }
  struct gw_resource *resource = gw_resource_new(type);
  if (type == GW_RESOURCE_LISTENER && name.len > 0 && is_api_only(value))
    decode_api_only(resource, name);
  else if (!decode_changes(resource, value, before))
    decode_message(resource, value, errors);
  if (errors->error_count > errors_before) {
    gw_resource_unref(resource);
    return GW_ERR_INVALID;
  }
  resource->any = gw_bytes_ref(any);
  gw_content_hash_format(value, resource->version);
  *ret_resource = resource;
  return GW_OK;
}

/* An Any around the message, without packing the message twice. */
static struct gw_bytes *pack_any(struct gw_arena *scratch, enum gw_resource_type type, const ProtobufCMessage *message) {
  Google__Protobuf__Any *any = gw_xds_encode_any(scratch, message);
  GW_ASSERT(gw_str_equal(gw_str_from(any->type_url), gw_str_from(types[type].type_url)));
  return gw_wire_pack(&any->base);
}

/* One reference: decoded from what was written. */
static struct gw_resource *read_back(enum gw_resource_type type, struct gw_bytes *any) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_resource *resource = NULL;
  if (gw_xds_decode_resource(type, any, &errors, NULL, NULL, &resource) != GW_OK)
    GW_PANIC("%s that was written can't be read: %s", gw_resource_type_label(type), gw_errors_format(&errors));
  gw_errors_done(&errors);
  return resource;
}

static struct gw_resource *encode_resource(enum gw_resource_type type, struct gw_arena *scratch, const ProtobufCMessage *message) {
  struct gw_bytes *any = pack_any(scratch, type, message);
  if (gw_resource_type_holds_secrets(type)) gw_arena_wipe(scratch);
  gw_arena_done(scratch);
  struct gw_resource *resource = read_back(type, any);
  gw_bytes_unref(any);
  return resource;
}

struct gw_resource *gw_xds_encode_listener(const struct gw_listener *listener) {
  struct gw_arena scratch;
  gw_arena_init(&scratch, SCRATCH_BLOCK);
  return encode_resource(GW_RESOURCE_LISTENER, &scratch, gw_xds_encode_listener_message(&scratch, listener));
}

/* The copy comes first: it lies together, which the strings of the model may not, and so is quicker to encode. */
struct gw_resource *gw_xds_encode_changed_route_config(const struct gw_route_config *config, const struct gw_resource *before) {
  struct gw_resource *resource = gw_resource_new(GW_RESOURCE_ROUTE_CONFIG);
  resource->route_config = gw_xds_copy_route_config(&resource->arena, config);
  resource->name = resource->route_config->name;
  resource->any = gw_xds_pack_route_config(resource->route_config, before);
  struct gw_str value;
  GW_ASSERT(gw_wire_find(gw_bytes_str(resource->any), ANY_VALUE, &value) == GW_OK);
  gw_content_hash_format(value, resource->version);
#ifndef NDEBUG
  gw_resource_unref(read_back(GW_RESOURCE_ROUTE_CONFIG, resource->any));
  struct gw_bytes *all = gw_xds_pack_route_config(resource->route_config, NULL);
  GW_ASSERT(gw_str_equal(gw_bytes_str(all), gw_bytes_str(resource->any)));
  gw_bytes_unref(all);
#endif
  return resource;
}

struct gw_resource *gw_xds_encode_route_config(const struct gw_route_config *config) {
  return gw_xds_encode_changed_route_config(config, NULL);
}

struct gw_resource *gw_xds_encode_cluster(const struct gw_cluster *cluster) {
  struct gw_arena scratch;
  gw_arena_init(&scratch, SCRATCH_BLOCK);
  return encode_resource(GW_RESOURCE_CLUSTER, &scratch, gw_xds_encode_cluster_message(&scratch, cluster));
}

struct gw_resource *gw_xds_encode_secret(const struct gw_secret *secret) {
  struct gw_arena scratch;
  gw_arena_init(&scratch, SCRATCH_BLOCK);
  return encode_resource(GW_RESOURCE_SECRET, &scratch, gw_xds_encode_secret_message(&scratch, secret));
}

struct gw_resource *gw_xds_encode_endpoints(const struct gw_endpoints *endpoints) {
  struct gw_arena scratch;
  gw_arena_init(&scratch, SCRATCH_BLOCK);
  return encode_resource(GW_RESOURCE_ENDPOINTS, &scratch, &gw_xds_encode_endpoints_message(&scratch, endpoints)->base);
}

struct gw_resource *gw_xds_encode_api_key(const struct gw_api_key *key) {
  struct gw_arena scratch;
  gw_arena_init(&scratch, SCRATCH_BLOCK_OF_KEY);
  return encode_resource(GW_RESOURCE_API_KEY, &scratch, gw_xds_encode_api_key_message(&scratch, key));
}

struct gw_str gw_xds_api_key_bytes(const struct gw_resource *resource) {
  struct gw_str value;
  GW_ASSERT(resource->type == GW_RESOURCE_API_KEY && gw_wire_find(gw_bytes_str(resource->any), ANY_VALUE, &value) == GW_OK);
  return value;
}

enum gw_err gw_xds_decode_api_key_bytes(struct gw_str bytes, struct gw_errors *errors, struct gw_resource **ret_resource) {
  Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
  any.type_url = (char *)(uintptr_t)types[GW_RESOURCE_API_KEY].type_url; /* only read */
  any.value = (ProtobufCBinaryData){bytes.len, (uint8_t *)(uintptr_t)bytes.data};
  struct gw_bytes *packed = gw_wire_pack(&any.base);
  enum gw_err err = gw_xds_decode_resource(GW_RESOURCE_API_KEY, packed, errors, NULL, NULL, ret_resource);
  gw_bytes_unref(packed);
  return err;
}
