/* A route configuration of which another version is there already: routes that are the same bytes are copied from it, and only the others
 * are checked and decoded. Of an edit among 3,000 routes that is one, and two thirds of the work were for the others. */
#include "common/base/map.h"
#include "common/xds/decode_route.h"
#include "common/xds/encode.h"
#include "common/xds/wire.h"
#include "common/xds/wire_walk.h"

/* Fields of RouteConfiguration and VirtualHost, and how deep their messages are. */
enum { CONFIG_HOSTS = 2, HOST_ROUTES = 3, ROUTE_DEPTH = 3 };
/* How far is looked ahead for a route that is still there, behind others that have gone. */
#define AHEAD 16u

/* A virtual host on the wire, then and now. */
struct versions {
  struct gw_wire_parts before, now;
  const struct gw_virtual_host *host; /* of before */
};

/* What is in neither `number`, and how much of it there is, must not differ. An item without content may be of another wire type. */
static bool split_both(struct gw_xds_decoder *d, struct gw_str before, struct gw_str now, uint32_t number, struct gw_wire_parts *ret_before,
                       struct gw_wire_parts *ret_now) {
  if (gw_wire_split(before, number, d->scratch, ret_before) != GW_OK || gw_wire_split(now, number, d->scratch, ret_now) != GW_OK)
    return false;
  for (uint32_t i = 0; i < ret_now->count; i++)
    if (ret_now->items[i].len == 0) return false;
  return gw_str_equal(ret_before->rest, ret_now->rest);
}

static bool find_defaults(struct gw_xds_decoder *d, const struct versions *versions, const struct gw_virtual_host *host,
                          struct gw_xds_host_defaults *ret_defaults) {
  ProtobufCMessage *message;
  if (gw_wire_unpack_checked(&envoy__config__route__v3__virtual_host__descriptor, versions->now.rest, d->scratch, &message) != GW_OK)
    return false;
  *ret_defaults = gw_xds_host_defaults_of((const Envoy__Config__Route__V3__VirtualHost *)message);
  ret_defaults->retry = host->retry;
  return true;
}

/* From *cursor on; GW_ERR_NOT_FOUND leaves it, since what is new may have come between. */
static enum gw_err find_same(const struct versions *versions, struct gw_str route, uint32_t *cursor) {
  for (uint32_t i = *cursor; i < versions->before.count && i - *cursor < AHEAD; i++) {
    if (!gw_str_equal(versions->before.items[i], route)) continue;
    *cursor = i + 1;
    return GW_OK;
  }
  return GW_ERR_NOT_FOUND;
}

static bool decode_routes(struct gw_xds_decoder *d, const struct versions *versions, struct gw_map *copies, uint32_t first_index,
                          struct gw_virtual_host *out) {
  struct gw_xds_host_defaults defaults;
  if (!find_defaults(d, versions, out, &defaults)) return false;
  struct gw_route *routes = gw_arena_calloc(d->arena, versions->now.count, sizeof *routes);
  for (uint32_t i = 0, cursor = 0; i < versions->now.count; i++) {
    struct gw_str bytes = versions->now.items[i];
    if (find_same(versions, bytes, &cursor) == GW_OK) {
      gw_xds_copy_route(d->arena, &versions->host->routes[cursor - 1], versions->host, out, copies, &routes[i]);
    } else {
      const ProtobufCMessageDescriptor *descriptor = &envoy__config__route__v3__route__descriptor;
      if (gw_wire_walk_below(descriptor, bytes, GW_WIRE_STRICT, ROUTE_DEPTH, d->errors) != GW_OK) return false;
      gw_xds_decode_packed_route(d, NULL, bytes, &defaults, &routes[i]);
    }
    routes[i].index = first_index + i;
  }
  out->routes = routes;
  out->route_count = versions->now.count;
  return d->errors->error_count == 0;
}

static bool decode_hosts(struct gw_xds_decoder *d, const struct gw_route_config *before, const struct gw_wire_parts *hosts_before,
                         const struct gw_wire_parts *hosts_now, struct gw_map *copies, struct gw_route_config *config) {
  struct gw_virtual_host *hosts = gw_arena_calloc(d->arena, hosts_now->count, sizeof *hosts);
  for (uint32_t i = 0; i < hosts_now->count; i++) {
    struct versions versions = {.host = &before->virtual_hosts[i]};
    if (!split_both(d, hosts_before->items[i], hosts_now->items[i], HOST_ROUTES, &versions.before, &versions.now)) return false;
    gw_xds_copy_virtual_host(d->arena, versions.host, &hosts[i]);
    if (!decode_routes(d, &versions, copies, config->route_count, &hosts[i])) return false;
    config->route_count += hosts[i].route_count;
  }
  config->virtual_hosts = hosts;
  config->virtual_host_count = hosts_now->count;
  return true;
}

/* The decoder's mistakes are nobody's: places in it would be those of a part. */
const struct gw_route_config *gw_xds_decode_changed_route_config(struct gw_xds_decoder *decoder, struct gw_str bytes,
                                                                 const struct gw_route_config *before, struct gw_str bytes_before) {
  struct gw_errors untold;
  struct gw_wire_parts hosts_before, hosts_now;
  /* A message has two bytes at least, so that there are not too many. */
  if (bytes.len / 2 > GW_WIRE_MESSAGES_MAX || !split_both(decoder, bytes_before, bytes, CONFIG_HOSTS, &hosts_before, &hosts_now))
    return NULL;
  if (hosts_now.count != hosts_before.count || hosts_before.count != before->virtual_host_count) return NULL;
  gw_errors_init(&untold);
  struct gw_xds_decoder d = *decoder;
  d.errors = &untold;
  d.filters_seen = gw_map_new();
  struct gw_map *copies = gw_map_new();
  struct gw_route_config *config = gw_arena_calloc(d.arena, 1, sizeof *config);
  config->name = gw_arena_copy(d.arena, before->name);
  config->ignores_port = before->ignores_port;
  bool is_good = decode_hosts(&d, before, &hosts_before, &hosts_now, copies, config);
  gw_map_free(copies);
  gw_map_free(d.filters_seen);
  gw_errors_done(&untold);
  return is_good ? config : NULL;
}
