#include "dataplane/xds_client/response_check.h"

#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/xds/codec.h"

struct judgement {
  const struct gw_response_check *check;
  enum gw_resource_type type;
  struct gw_refusals *refusals;
  struct gw_strbuf *reason;
  struct gw_map *names;
  bool adds; /* to what is held, which will be this much: */
  uint32_t held_count;
  size_t held_bytes;
  uint64_t left_out; /* mistakes that the reason has no room for */
  bool is_refused;
};

static void refuse(struct judgement *judgement, struct gw_str resource, const struct gw_errors *errors) {
  judgement->is_refused = true;
  gw_refusals_add(judgement->refusals, judgement->type, resource, errors);
  gw_refusals_append_text(judgement->reason, resource, errors, &judgement->left_out);
}

/* One reference, or NULL with mistakes. *ret_name: as far as it is known. */
static struct gw_resource *take(struct judgement *judgement, struct gw_bytes *any, struct gw_arena *arena, struct gw_errors *errors,
                                struct gw_str *ret_name) {
  struct gw_resource *resource = gw_assembler_find_same(judgement->check->assembler, judgement->type, any);
  if (resource != NULL) {
    *ret_name = resource->name;
    return gw_resource_ref(resource);
  }
  const struct gw_resource *before = gw_assembler_find(judgement->check->assembler, judgement->type, *ret_name);
  if (gw_xds_decode_changed_resource(before, judgement->type, any, errors, arena, ret_name, &resource) != GW_OK) {
    if (errors->error_count == 0) gw_errors_add(errors, "", "cannot be decoded");
    return NULL;
  }
  *ret_name = resource->name;
  if (judgement->check->on_check != NULL) judgement->check->on_check(judgement->check->arg, resource, errors);
  return resource;
}

/* Counts it as held, or refuses it where that is too much. */
static void make_room(struct judgement *judgement, const struct gw_resource *resource, struct gw_errors *errors) {
  const struct gw_resource *before = gw_assembler_find(judgement->check->assembler, judgement->type, resource->name);
  uint32_t count = judgement->held_count + (before == NULL);
  size_t bytes = judgement->held_bytes + resource->any->len - (before != NULL ? before->any->len : 0);
  if (count > judgement->check->held_max) {
    gw_errors_add(errors, "", "is one more than the %u of its type that may be held", judgement->check->held_max);
  } else if (bytes > judgement->check->held_bytes_max) {
    gw_errors_add(errors, "", "is too much: of its type %zu bytes may be held", judgement->check->held_bytes_max);
  } else {
    judgement->held_count = count;
    judgement->held_bytes = bytes;
  }
}

/* `envelope`: the name around an incremental one; NULL: none. */
static struct gw_resource *judge(struct judgement *judgement, struct gw_bytes *any, const struct gw_str *envelope, struct gw_arena *arena) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_str name = envelope != NULL ? *envelope : (struct gw_str){0};
  struct gw_resource *resource = take(judgement, any, arena, &errors, &name);
  if (resource != NULL && gw_map_put(judgement->names, name, judgement) != NULL) {
    gw_errors_add(&errors, "", "stands in the response twice");
  }
  bool has_other_name = resource != NULL && envelope != NULL && !gw_str_equal(name, *envelope);
  if (has_other_name) gw_errors_add(&errors, "", "is %.*s inside", GW_STR_ARG(name));
  if (resource != NULL && judgement->adds && errors.error_count == 0) make_room(judgement, resource, &errors);
  if (errors.error_count > 0) {
    refuse(judgement, envelope != NULL ? *envelope : name, &errors);
    gw_resource_unref(resource);
    resource = NULL;
  }
  gw_errors_done(&errors);
  return resource;
}

static bool is_too_long(struct judgement *judgement, uint32_t count) {
  uint32_t most = judgement->type == GW_RESOURCE_API_KEY ? GW_RESPONSE_KEYS_MAX : GW_RESPONSE_RESOURCES_MAX;
  if (count <= most) return false;
  struct gw_errors errors;
  gw_errors_init(&errors);
  gw_errors_add(&errors, "resources", "there are %u; at most %u are allowed", count, most);
  refuse(judgement, GW_STR("the response"), &errors);
  gw_errors_done(&errors);
  return true;
}

enum gw_err gw_response_check(const struct gw_response_check *check, enum gw_resource_type type,
                              const struct gw_discovery_response *response, struct gw_refusals *refusals, struct gw_strbuf *reason,
                              struct gw_resource ***ret_resources) {
  struct judgement judgement = {.check = check, .type = type, .refusals = refusals, .reason = reason, .names = gw_map_new()};
  struct gw_resource **resources = gw_calloc(response->resource_count + 1u, sizeof(struct gw_resource *));
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  bool is_delta = response->resource_names != NULL;
  judgement.adds = is_delta || gw_resource_type_is_named(type);
  judgement.held_count = gw_assembler_size(check->assembler, type, &judgement.held_bytes);
  uint32_t count = is_too_long(&judgement, response->resource_count) ? 0 : response->resource_count;
  for (uint32_t i = 0; i < count; i++)
    resources[i] = judge(&judgement, response->resources[i], is_delta ? &response->resource_names[i] : NULL, &arena);
  gw_arena_done(&arena);
  gw_map_free(judgement.names);
  if (!judgement.is_refused) {
    *ret_resources = resources;
    return GW_OK;
  }
  if (is_delta && count == response->resource_count) {
    *ret_resources = resources;
  } else {
    for (uint32_t i = 0; i < count; i++)
      gw_resource_unref(resources[i]);
    free(resources);
  }
  if (judgement.left_out > 0) gw_strbuf_printf(reason, "\n… and %llu more mistakes", (unsigned long long)judgement.left_out);
  return GW_ERR_INVALID;
}
