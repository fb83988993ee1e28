/* The decoder of received resources: byte 0 picks the type, the rest is the google.protobuf.Any. What decodes must encode and decode
 * to itself. */
#include "common/base/mem.h"
#include "common/xds/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gw_resource *encode_again(const struct gw_resource *resource) {
  switch (resource->type) {
  case GW_RESOURCE_SECRET: return gw_xds_encode_secret(resource->secret);
  case GW_RESOURCE_CLUSTER: return gw_xds_encode_cluster(resource->cluster);
  case GW_RESOURCE_ENDPOINTS: return gw_xds_encode_endpoints(resource->endpoints);
  case GW_RESOURCE_LISTENER: return resource->listener->is_api_only ? NULL : gw_xds_encode_listener(resource->listener);
  case GW_RESOURCE_ROUTE_CONFIG: return gw_xds_encode_route_config(resource->route_config);
  case GW_RESOURCE_API_KEY: return gw_xds_encode_api_key(resource->api_key);
  }
  GW_PANIC("resource type %d", (int)resource->type);
}

static void check_round_trip(const struct gw_resource *resource) {
  struct gw_resource *once = encode_again(resource);
  if (once == NULL) return;
  struct gw_resource *twice = encode_again(once);
  GW_ASSERT(gw_str_equal(once->name, resource->name));
  GW_ASSERT(gw_str_equal(gw_bytes_str(once->any), gw_bytes_str(twice->any)));
  gw_resource_unref(once);
  gw_resource_unref(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  enum gw_resource_type type = (enum gw_resource_type)(data[0] % GW_RESOURCE_TYPE_COUNT);
  struct gw_bytes *any = gw_bytes_new(data + 1, size - 1);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  struct gw_str name = {NULL, 0};
  struct gw_resource *resource = NULL;
  enum gw_err err = gw_xds_decode_resource(type, any, &errors, &arena, &name, &resource);
  GW_ASSERT((err == GW_OK) == (resource != NULL) && (err == GW_OK) == (errors.error_count == 0));
  if (resource != NULL) {
    GW_ASSERT(gw_str_equal(name, resource->name));
    check_round_trip(resource);
  }
  gw_resource_unref(resource);
  gw_arena_done(&arena);
  gw_errors_done(&errors);
  gw_bytes_unref(any);
  return 0;
}
