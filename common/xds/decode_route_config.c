/* Virtual hosts and the whole configuration. Of 10,000 routes all messages would be some 10 MB, more than the configuration itself, so
 * that a resource's routes are unpacked one by one. */
#include "common/base/map.h"
#include "common/xds/decode_route.h"
#include "common/xds/wire.h"

#define SCRATCH_SIZE 8192 /* most routes fit */
/* Fields of RouteConfiguration and VirtualHost. */
enum { CONFIG_VIRTUAL_HOSTS = 2, VIRTUAL_HOST_ROUTES = 3 };

typedef Envoy__Config__Route__V3__RouteConfiguration RouteConfiguration;
typedef Envoy__Config__Route__V3__VirtualHost VirtualHost;
typedef Envoy__Config__Route__V3__Route Route;

/* "*", "*.example.com", "example.*", "example.com", all with an optional port. */
static bool is_domain(struct gw_str domain) {
  if (gw_str_equal(domain, GW_STR("*"))) return true;
  if (gw_str_has_prefix(domain, GW_STR("*.")))
    domain = gw_str_skip(domain, 2);
  else if (gw_str_has_suffix(domain, GW_STR(".*")))
    domain.len -= 2;
  if (domain.len == 0) return false;
  for (size_t i = 0; i < domain.len; i++) {
    if ((unsigned char)domain.data[i] <= 0x20 || domain.data[i] == 0x7f || domain.data[i] == '*' || domain.data[i] == '/') return false;
  }
  return true;
}

struct uniqueness {
  struct gw_map *domains;
  struct gw_map *names;
};

static void decode_domains(struct gw_xds_decoder *d, const struct gw_xds_place *place, const VirtualHost *m, struct gw_map *seen,
                           struct gw_virtual_host *out) {
  if (m->n_domains == 0) gw_xds_refuse(d, GW_XDS_FIELD(place, "domains"), "is empty, and must not be");
  struct gw_str *domains = gw_arena_calloc(d->arena, m->n_domains, sizeof *domains);
  for (size_t i = 0; i < m->n_domains; i++) {
    const struct gw_xds_place *at = GW_XDS_ITEM(place, "domains", i);
    domains[i] = gw_xds_decode_lower(d, m->domains[i]);
    if (!is_domain(domains[i])) gw_xds_refuse(d, at, "\"%s\" is not like example.com, *.example.com, example.* or *", m->domains[i]);
    if (gw_map_put(seen, domains[i], out) != NULL) gw_xds_refuse(d, at, "\"%s\" is there already", domains[i].data);
  }
  out->domains = domains;
  out->domain_count = (uint32_t)m->n_domains;
}

/* Either kind: unpacked with their virtual host, or still as they came. */
struct routes {
  Route **unpacked; /* or NULL */
  const struct gw_str *packed;
  size_t count;
};

void gw_xds_decode_packed_route(struct gw_xds_decoder *d, const struct gw_xds_place *place, struct gw_str bytes,
                                const struct gw_xds_host_defaults *host, struct gw_route *out) {
  _Alignas(16) unsigned char fixed[SCRATCH_SIZE];
  struct gw_arena scratch;
  gw_arena_init_fixed(&scratch, fixed, sizeof fixed, SCRATCH_SIZE);
  struct gw_xds_decoder of_route = *d;
  of_route.scratch = &scratch;
  ProtobufCMessage *message;
  if (gw_wire_unpack_checked(&envoy__config__route__v3__route__descriptor, bytes, &scratch, &message) == GW_OK)
    gw_xds_decode_route(&of_route, place, (const Route *)message, host, out);
  else
    gw_xds_refuse(d, place, "is not a %s", envoy__config__route__v3__route__descriptor.name);
  gw_arena_done(&scratch);
}

struct gw_xds_host_defaults gw_xds_host_defaults_of(const VirtualHost *m) {
  struct gw_xds_host_defaults host = {.retry_buffer_bytes = GW_RETRY_BUFFER_BYTES, .tells_attempt_count = m->include_request_attempt_count};
  if (m->request_body_buffer_limit != NULL) host.retry_buffer_bytes = m->request_body_buffer_limit->value;
  return host;
}

static void decode_virtual_host(struct gw_xds_decoder *d, const struct gw_xds_place *place, const VirtualHost *m, const struct routes *from,
                                const struct uniqueness *seen, uint32_t first_index, struct gw_virtual_host *out) {
  out->name = gw_xds_decode_name(d, GW_XDS_FIELD(place, "name"), m->name);
  if (gw_map_put(seen->names, out->name, out) != NULL) gw_xds_refuse(d, GW_XDS_FIELD(place, "name"), "\"%s\" is there already", m->name);
  decode_domains(d, place, m, seen->domains, out);
  struct gw_xds_host_defaults host = gw_xds_host_defaults_of(m);
  host.retry = gw_xds_decode_retry_policy(d, GW_XDS_FIELD(place, "retry_policy"), m->retry_policy, host.retry_buffer_bytes);
  out->retry = host.retry;
  out->tells_attempt_count = host.tells_attempt_count;
  struct gw_route *routes = gw_arena_calloc(d->arena, from->count, sizeof *routes);
  for (size_t i = 0; i < from->count; i++) {
    routes[i].index = first_index + (uint32_t)i;
    if (from->unpacked != NULL)
      gw_xds_decode_route(d, GW_XDS_ITEM(place, "routes", i), from->unpacked[i], &host, &routes[i]);
    else
      gw_xds_decode_packed_route(d, GW_XDS_ITEM(place, "routes", i), from->packed[i], &host, &routes[i]);
  }
  out->routes = routes;
  out->route_count = (uint32_t)from->count;
}

static void add_virtual_host(struct gw_xds_decoder *d, const struct gw_xds_place *place, const VirtualHost *m, const struct routes *from,
                             const struct uniqueness *seen, struct gw_route_config *config, struct gw_virtual_host *out) {
  decode_virtual_host(d, place, m, from, seen, config->route_count, out);
  config->route_count += out->route_count;
  config->virtual_host_count++;
}

const struct gw_route_config *gw_xds_decode_route_config(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                                                         const RouteConfiguration *m) {
  struct gw_route_config *config = gw_arena_calloc(d->arena, 1, sizeof *config);
  /* Inline in a listener it needs no name. */
  config->name = place != NULL ? gw_xds_decode_str(d, m->name) : gw_xds_decode_name(d, GW_XDS_FIELD(place, "name"), m->name);
  config->ignores_port = m->ignore_port_in_host_matching;
  struct gw_virtual_host *hosts = gw_arena_calloc(d->arena, m->n_virtual_hosts, sizeof *hosts);
  config->virtual_hosts = hosts;
  struct uniqueness seen = {gw_map_new(), gw_map_new()};
  d->filters_seen = gw_map_new();
  for (size_t i = 0; i < m->n_virtual_hosts; i++) {
    const struct routes routes = {m->virtual_hosts[i]->routes, NULL, m->virtual_hosts[i]->n_routes};
    add_virtual_host(d, GW_XDS_ITEM(place, "virtual_hosts", i), m->virtual_hosts[i], &routes, &seen, config, &hosts[i]);
  }
  gw_map_free(seen.domains);
  gw_map_free(seen.names);
  gw_map_free(d->filters_seen);
  d->filters_seen = NULL;
  return config;
}

/* The message without its field `number`, of which there may be very many: those are left as they came. NULL after a mistake. */
static const void *unpack_hull(struct gw_xds_decoder *d, const struct gw_xds_place *place, const ProtobufCMessageDescriptor *descriptor,
                               struct gw_str bytes, uint32_t number, struct gw_wire_parts *ret_parts) {
  ProtobufCMessage *message;
  enum gw_err err = gw_wire_split(bytes, number, d->scratch, ret_parts);
  if (err == GW_OK) err = gw_wire_unpack_checked(descriptor, ret_parts->rest, d->scratch, &message);
  if (err == GW_OK) return message;
  gw_xds_refuse(d, place, "is not a %s", descriptor->name);
  return NULL;
}

const struct gw_route_config *gw_xds_decode_route_config_bytes(struct gw_xds_decoder *d, struct gw_str bytes) {
  struct gw_route_config *config = gw_arena_calloc(d->arena, 1, sizeof *config);
  struct gw_wire_parts hosts_of;
  const RouteConfiguration *m =
      unpack_hull(d, NULL, &envoy__config__route__v3__route_configuration__descriptor, bytes, CONFIG_VIRTUAL_HOSTS, &hosts_of);
  if (m == NULL) return config;
  config->name = gw_xds_decode_name(d, GW_XDS_FIELD(NULL, "name"), m->name);
  config->ignores_port = m->ignore_port_in_host_matching;
  struct gw_virtual_host *hosts = gw_arena_calloc(d->arena, hosts_of.count, sizeof *hosts);
  config->virtual_hosts = hosts;
  struct uniqueness seen = {gw_map_new(), gw_map_new()};
  d->filters_seen = gw_map_new();
  for (uint32_t i = 0; i < hosts_of.count; i++) {
    const struct gw_xds_place *at = GW_XDS_ITEM(NULL, "virtual_hosts", i);
    struct gw_wire_parts routes_of;
    const VirtualHost *host =
        unpack_hull(d, at, &envoy__config__route__v3__virtual_host__descriptor, hosts_of.items[i], VIRTUAL_HOST_ROUTES, &routes_of);
    if (host == NULL) continue;
    const struct routes routes = {NULL, routes_of.items, routes_of.count};
    add_virtual_host(d, at, host, &routes, &seen, config, &hosts[config->virtual_host_count]);
  }
  gw_map_free(seen.domains);
  gw_map_free(seen.names);
  gw_map_free(d->filters_seen);
  d->filters_seen = NULL;
  return config;
}
