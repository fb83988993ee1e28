/* Why: one named, versioned, immutable configuration value with its wire form: what snapshots are made of in both planes.
 * Life: ref-counted; the last unref frees the arena with everything in it. A secret's memory is overwritten before.
 * Thread: any; the count is atomic, the rest frozen. */
#ifndef GW_COMMON_MODEL_RESOURCE_H
#define GW_COMMON_MODEL_RESOURCE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "common/base/arena.h"
#include "common/base/bytes.h"
#include "common/base/str.h"

/* In make-before-break order: what is named comes before what names it. */
enum gw_resource_type {
  GW_RESOURCE_SECRET,
  GW_RESOURCE_CLUSTER,
  GW_RESOURCE_ENDPOINTS,
  GW_RESOURCE_LISTENER,
  GW_RESOURCE_ROUTE_CONFIG,
  GW_RESOURCE_API_KEY, /* named by nobody: all of them go to who has a listener that asks for keys */
};
#define GW_RESOURCE_TYPE_COUNT 6

struct gw_resource {
  atomic_uint refs;
  enum gw_resource_type type;
  struct gw_str name;
  char version[17];     /* 16 hex digits of the hash of the Any's value bytes */
  struct gw_bytes *any; /* the encoded google.protobuf.Any */
  union {
    const void *value;
    const struct gw_secret *secret;
    const struct gw_listener *listener;
    const struct gw_route_config *route_config;
    const struct gw_cluster *cluster;
    const struct gw_endpoints *endpoints;
    const struct gw_api_key *api_key;
  };
  struct gw_arena arena; /* holds name and value */
};

/* One reference; name, value and any are set by the codec, which fills the arena. */
struct gw_resource *gw_resource_new(enum gw_resource_type type);
struct gw_resource *gw_resource_ref(struct gw_resource *resource);
void gw_resource_unref(struct gw_resource *resource);

/* What a resource names: a listener its routes and secrets, a cluster its endpoints and secrets (a route's cluster is no such name: what it
 * lacks answers 503). Each call gives the next one; false: there is none. The cursor begins at 0. */
bool gw_resource_next_name(const struct gw_resource *resource, uint32_t *cursor, enum gw_resource_type *ret_type, struct gw_str *ret_name);
/* Whether resources of the type are, or hold, what others must not read: their memory is overwritten before it is freed. */
static inline bool gw_resource_type_holds_secrets(enum gw_resource_type type) {
  return type == GW_RESOURCE_SECRET || type == GW_RESOURCE_API_KEY;
}
/* Key material, and hashes of keys: goes only to those who may have it. */
bool gw_resource_is_confidential(const struct gw_resource *resource);
/* Whether such resources are asked for by name; else all are. */
static inline bool gw_resource_type_is_named(enum gw_resource_type type) {
  return type != GW_RESOURCE_CLUSTER && type != GW_RESOURCE_LISTENER && type != GW_RESOURCE_API_KEY;
}

/* "listener", "route configuration", "cluster", "endpoints", "secret", "API key": for messages. */
const char *gw_resource_type_label(enum gw_resource_type type);

#endif
