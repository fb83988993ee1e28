/* What a route does beside matching and forwarding: changes of heads, and shares between clusters. */
#include "common/base/mem.h"
#include "common/xds/encode_route.h"

typedef Envoy__Config__Route__V3__WeightedCluster WeightedCluster;
typedef Envoy__Config__Core__V3__HeaderValueOption HeaderValueOption;

/* A value as it goes out, written as a format. */
static char *escape_percent(struct gw_arena *arena, struct gw_str value) {
  char *format = gw_arena_alloc_bytes(arena, 2 * value.len + 1);
  size_t len = 0;
  for (size_t i = 0; i < value.len; i++) {
    if (value.data[i] == '%') format[len++] = '%';
    format[len++] = value.data[i];
  }
  format[len] = '\0';
  return format;
}

static HeaderValueOption *encode_option(struct gw_arena *arena, const struct gw_header_option *option) {
  HeaderValueOption *m = gw_xds_encode_new(arena, &envoy__config__core__v3__header_value_option__descriptor);
  m->header = gw_xds_encode_new(arena, &envoy__config__core__v3__header_value__descriptor);
  m->header->key = gw_xds_encode_str(arena, option->name);
  m->header->value = option->is_format ? gw_xds_encode_str(arena, option->value) : escape_percent(arena, option->value);
  m->append_action = (Envoy__Config__Core__V3__HeaderValueOption__HeaderAppendAction)option->action;
  m->keep_empty_value = option->keeps_empty;
  return m;
}

HeaderValueOption **gw_xds_encode_header_options(struct gw_arena *arena, const struct gw_header_option *options, uint32_t count) {
  HeaderValueOption **items = gw_xds_encode_array(arena, count);
  for (uint32_t i = 0; i < count; i++)
    items[i] = encode_option(arena, &options[i]);
  return items;
}

static void encode_changes(struct gw_arena *arena, const struct gw_header_changes *changes, size_t *ret_add_count,
                           HeaderValueOption ***ret_add, size_t *ret_remove_count, char ***ret_remove) {
  if (changes == NULL) return;
  char **remove = gw_xds_encode_array(arena, changes->remove_count);
  for (uint32_t i = 0; i < changes->remove_count; i++)
    remove[i] = gw_xds_encode_str(arena, changes->remove[i]);
  *ret_add_count = changes->add_count;
  *ret_add = gw_xds_encode_header_options(arena, changes->add, changes->add_count);
  *ret_remove_count = changes->remove_count;
  *ret_remove = remove;
}

void gw_xds_encode_header_changes(struct gw_arena *arena, const struct gw_route *route, Envoy__Config__Route__V3__Route *m) {
  encode_changes(arena, route->request_headers, &m->n_request_headers_to_add, &m->request_headers_to_add, &m->n_request_headers_to_remove,
                 &m->request_headers_to_remove);
  encode_changes(arena, route->response_headers, &m->n_response_headers_to_add, &m->response_headers_to_add,
                 &m->n_response_headers_to_remove, &m->response_headers_to_remove);
}

WeightedCluster *gw_xds_encode_split(struct gw_arena *arena, const struct gw_route_split *split) {
  WeightedCluster *m = gw_xds_encode_new(arena, &envoy__config__route__v3__weighted_cluster__descriptor);
  m->n_clusters = split->count;
  m->clusters = gw_xds_encode_array(arena, m->n_clusters);
  for (uint32_t i = 0; i < split->count; i++) {
    m->clusters[i] = gw_xds_encode_new(arena, &envoy__config__route__v3__weighted_cluster__cluster_weight__descriptor);
    m->clusters[i]->name = gw_xds_encode_str(arena, split->clusters[i].name);
    m->clusters[i]->weight = gw_xds_encode_u32(arena, split->clusters[i].weight);
  }
  if (!split->by_hash) return m;
  m->random_value_specifier_case = ENVOY__CONFIG__ROUTE__V3__WEIGHTED_CLUSTER__RANDOM_VALUE_SPECIFIER_USE_HASH_POLICY;
  m->use_hash_policy = gw_xds_encode_bool(arena, true);
  return m;
}
