#include "common/model/resource.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/model/cluster.h"
#include "common/model/jwt_authn.h"
#include "common/model/listener.h"
#include "common/model/secret.h"

/* Most resources are one cluster or one service's endpoints: small. */
#define FIRST_BLOCK 512
/* Of API keys there are many. */
#define FIRST_BLOCK_OF_KEY 256

struct gw_resource *gw_resource_new(enum gw_resource_type type) {
  struct gw_resource *resource = gw_calloc(1, sizeof *resource);
  atomic_init(&resource->refs, 1);
  resource->type = type;
  gw_arena_init(&resource->arena, type == GW_RESOURCE_API_KEY ? FIRST_BLOCK_OF_KEY : FIRST_BLOCK);
  return resource;
}

struct gw_resource *gw_resource_ref(struct gw_resource *resource) {
  atomic_fetch_add_explicit(&resource->refs, 1, memory_order_relaxed);
  return resource;
}

void gw_resource_unref(struct gw_resource *resource) {
  if (resource == NULL || atomic_fetch_sub_explicit(&resource->refs, 1, memory_order_acq_rel) != 1) return;
  gw_bytes_unref(resource->any);
  if (gw_resource_type_holds_secrets(resource->type)) gw_arena_wipe(&resource->arena);
  gw_arena_done(&resource->arena);
  free(resource);
}

bool gw_resource_is_confidential(const struct gw_resource *resource) {
  if (resource->type == GW_RESOURCE_API_KEY) return true;
  return resource->type == GW_RESOURCE_SECRET && gw_secret_is_confidential(resource->secret);
}

/* The names of certificates, then of the validation, then `last`; `index` counts from 0, and empty ones are passed over. */
static bool next_secret(const struct gw_tls_params *params, struct gw_str last, uint32_t index, struct gw_str *ret_name) {
  if (index < params->certificate_count)
    *ret_name = params->certificates[index];
  else
    *ret_name = index == params->certificate_count ? params->validation : last;
  return index < params->certificate_count + 2;
}

/* The secrets of filters, `index` counting from 0. */
static bool next_filter_secret(const struct gw_http_connection_manager *http, uint32_t index, struct gw_str *ret_name) {
  for (uint32_t i = 0; i < http->filter_count; i++) {
    const struct gw_rate_limit_redis *redis =
        http->filters[i].kind == GW_FILTER_SHARED_LIMIT ? http->filters[i].settings.shared_limit.redis : NULL;
    if (redis != NULL && index-- == 0) {
      *ret_name = redis->password_secret;
      return true;
    }
    if (http->filters[i].kind == GW_FILTER_API_KEY && index-- == 0) {
      *ret_name = GW_STR(GW_SECRET_NAME_PEPPER);
      return true;
    }
    if (http->filters[i].kind != GW_FILTER_JWT_AUTHN) continue;
    const struct gw_jwt_authn *authn = http->filters[i].settings.jwt_authn;
    if (index < authn->provider_count) {
      *ret_name = authn->providers[index].secret;
      return true;
    }
    index -= authn->provider_count;
  }
  return false;
}

static bool name_of_listener(const struct gw_listener *listener, uint32_t index, enum gw_resource_type *ret_type, struct gw_str *ret_name) {
  *ret_type = index == 0 ? GW_RESOURCE_ROUTE_CONFIG : GW_RESOURCE_SECRET;
  *ret_name = listener->http.route_config_name;
  if (listener->is_api_only || index == 0) return !listener->is_api_only;
  uint32_t of_tls = listener->tls != NULL ? listener->tls->params.certificate_count + 2 : 0;
  if (index - 1 < of_tls) return next_secret(&listener->tls->params, listener->tls->ticket_keys, index - 1, ret_name);
  index -= 1 + of_tls;
  if (listener->http.tracing == NULL) return next_filter_secret(&listener->http, index, ret_name);
  *ret_name = listener->http.tracing->headers_secret;
  return index == 0 || next_filter_secret(&listener->http, index - 1, ret_name);
}

static bool name_of_cluster(const struct gw_cluster *cluster, uint32_t index, enum gw_resource_type *ret_type, struct gw_str *ret_name) {
  *ret_type = index == 0 ? GW_RESOURCE_ENDPOINTS : GW_RESOURCE_SECRET;
  *ret_name = cluster->kind == GW_CLUSTER_EDS ? cluster->eds_service_name : (struct gw_str){NULL, 0};
  return index == 0 || (cluster->tls != NULL && next_secret(&cluster->tls->params, (struct gw_str){NULL, 0}, index - 1, ret_name));
}

bool gw_resource_next_name(const struct gw_resource *resource, uint32_t *cursor, enum gw_resource_type *ret_type, struct gw_str *ret_name) {
  enum gw_resource_type type = GW_RESOURCE_SECRET;
  struct gw_str name = {NULL, 0};
  bool is_there = true;
  while (is_there && name.len == 0) {
    uint32_t index = (*cursor)++;
    is_there = (resource->type == GW_RESOURCE_LISTENER && name_of_listener(resource->listener, index, &type, &name)) ||
               (resource->type == GW_RESOURCE_CLUSTER && name_of_cluster(resource->cluster, index, &type, &name));
  }
  if (!is_there) return false;
  *ret_type = type;
  *ret_name = name;
  return true;
}

const char *gw_resource_type_label(enum gw_resource_type type) {
  switch (type) {
  case GW_RESOURCE_SECRET: return "secret";
  case GW_RESOURCE_CLUSTER: return "cluster";
  case GW_RESOURCE_ENDPOINTS: return "endpoints";
  case GW_RESOURCE_LISTENER: return "listener";
  case GW_RESOURCE_ROUTE_CONFIG: return "route configuration";
  case GW_RESOURCE_API_KEY: return "API key";
  }
  GW_PANIC("resource type %d", (int)type);
}
