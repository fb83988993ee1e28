/* A route configuration's Any, packed route by route: of 10,000 routes never more than one is there as a message, where all would be some
 * 10 MB. The bytes are those that protobuf-c would make of the whole message. Those of routes that have not changed are taken from before.
 */
#include "common/base/mem.h"
#include "common/xds/codec.h"
#include "common/xds/encode.h"
#include "common/xds/wire.h"
#include "common/xds/wire_walk.h"

#define SCRATCH_SIZE 8192 /* most routes fit */

/* Fields of RouteConfiguration, VirtualHost and Any; all but the flag are of the wire type for bytes. */
enum { CONFIG_NAME = 1, CONFIG_HOSTS = 2, CONFIG_IGNORE_PORT = 14, HOST_ROUTES = 3, ANY_TYPE_URL = 1, ANY_VALUE = 2 };

static size_t field_size(size_t len) {
  return 1 + gw_wire_varint_size(len) + len;
}

/* Returns where the content goes. */
static char *write_head(char *at, uint32_t number, size_t len) {
  *at++ = (char)(number << 3 | 2);
  return gw_wire_write_varint(at, len);
}

static char *write_field(char *at, uint32_t number, const char *data, size_t len) {
  at = write_head(at, number, len);
  memcpy(at, data, len);
  return at + len;
}

static void append_message(struct gw_strbuf *buf, const ProtobufCMessage *message, size_t len) {
  gw_strbuf_reserve(buf, len);
  protobuf_c_message_pack(message, (uint8_t *)buf->data + buf->len);
  buf->len += len;
}

/* How far is looked ahead for what is still there, behind others that have gone. */
#define AHEAD 16u

/* A virtual host as it was packed before. */
struct packed_host {
  const struct gw_virtual_host *host; /* NULL: it was not */
  struct gw_wire_parts parts;         /* its routes' bytes */
  uint32_t cursor;                    /* behind the last route that was found */
};

/* The route's bytes, if it was made from the same before; else nothing. */
static struct gw_str find_packed(struct packed_host *before, const struct gw_route *route) {
  if (before->host == NULL || route->made_from == 0) return (struct gw_str){NULL, 0};
  for (uint32_t i = before->cursor; i < before->host->route_count && i - before->cursor < AHEAD; i++) {
    if (before->host->routes[i].made_from != route->made_from) continue;
    before->cursor = i + 1;
    return before->parts.items[i];
  }
  return (struct gw_str){NULL, 0};
}

static void append_route(struct gw_strbuf *buf, struct gw_arena *scratch, const struct gw_route *route,
                         const struct gw_virtual_host *host) {
  gw_arena_reset(scratch);
  const ProtobufCMessage *message = gw_xds_encode_route_message(scratch, route, host);
  size_t len = protobuf_c_message_get_packed_size(message);
  gw_strbuf_reserve(buf, field_size(len));
  buf->len = (size_t)(write_head(buf->data + buf->len, HOST_ROUTES, len) - buf->data);
  append_message(buf, message, len);
}

static void append_host(struct gw_strbuf *buf, struct gw_arena *scratch, const struct gw_virtual_host *host, struct packed_host *before) {
  struct gw_virtual_host bare = *host;
  bare.route_count = 0;
  bare.retry = NULL;
  bare.tells_attempt_count = false;
  const ProtobufCMessage *message = gw_xds_encode_virtual_host_message(scratch, &bare);
  append_message(buf, message, protobuf_c_message_get_packed_size(message));
  for (uint32_t i = 0; i < host->route_count; i++) {
    struct gw_str packed = find_packed(before, &host->routes[i]);
    if (packed.len == 0) {
      append_route(buf, scratch, &host->routes[i], host);
      continue;
    }
    gw_strbuf_reserve(buf, field_size(packed.len));
    buf->len = (size_t)(write_field(buf->data + buf->len, HOST_ROUTES, packed.data, packed.len) - buf->data);
  }
  gw_arena_reset(scratch);
  /* What has higher numbers than the routes. */
  const struct gw_virtual_host rest = {.retry = host->retry, .tells_attempt_count = host->tells_attempt_count};
  message = gw_xds_encode_virtual_host_message(scratch, &rest);
  append_message(buf, message, protobuf_c_message_get_packed_size(message));
  gw_arena_reset(scratch);
}

/* `hosts`: the virtual hosts one behind the other, each so long. */
static struct gw_bytes *assemble(const struct gw_route_config *config, struct gw_str hosts, const size_t *host_lens) {
  struct gw_str name = config->name;
  uint32_t host_count = config->virtual_host_count;
  struct gw_str type_url = gw_str_from(gw_xds_type_url(GW_RESOURCE_ROUTE_CONFIG));
  size_t value_len = field_size(name.len);
  for (uint32_t i = 0; i < host_count; i++)
    value_len += field_size(host_lens[i]);
  if (config->ignores_port) value_len += 2;
  struct gw_bytes *any = gw_bytes_new(NULL, field_size(type_url.len) + field_size(value_len));
  char *at = write_field(any->data, ANY_TYPE_URL, type_url.data, type_url.len);
  at = write_head(at, ANY_VALUE, value_len);
  at = write_field(at, CONFIG_NAME, name.data, name.len);
  for (uint32_t i = 0; i < host_count; i++) {
    at = write_field(at, CONFIG_HOSTS, hosts.data, host_lens[i]);
    hosts = gw_str_skip(hosts, host_lens[i]);
  }
  if (config->ignores_port) {
    *at++ = (char)(CONFIG_IGNORE_PORT << 3); /* a varint */
    *at++ = 1;
  }
  GW_ASSERT(at == any->data + any->len);
  return any;
}

/* Taken apart into `arena`: one for each virtual host of `config`. */
static struct packed_host *find_hosts(const struct gw_route_config *config, const struct gw_resource *before, struct gw_arena *arena) {
  struct packed_host *hosts = gw_arena_calloc(arena, config->virtual_host_count, sizeof *hosts);
  struct gw_str value;
  struct gw_wire_parts parts;
  if (before == NULL) return hosts;
  GW_ASSERT(gw_wire_find(gw_bytes_str(before->any), ANY_VALUE, &value) == GW_OK);
  GW_ASSERT(gw_wire_split(value, CONFIG_HOSTS, arena, &parts) == GW_OK);
  for (uint32_t i = 0, cursor = 0; i < config->virtual_host_count; i++) {
    for (uint32_t k = cursor; k < parts.count && k - cursor < AHEAD; k++) {
      const struct gw_virtual_host *host = &before->route_config->virtual_hosts[k];
      if (!gw_str_equal(host->name, config->virtual_hosts[i].name)) continue;
      hosts[i].host = host;
      GW_ASSERT(gw_wire_split(parts.items[k], HOST_ROUTES, arena, &hosts[i].parts) == GW_OK);
      cursor = k + 1;
      break;
    }
  }
  return hosts;
}

struct gw_bytes *gw_xds_pack_route_config(const struct gw_route_config *config, const struct gw_resource *before) {
  _Alignas(16) unsigned char fixed[SCRATCH_SIZE];
  struct gw_arena scratch, arena;
  gw_arena_init_fixed(&scratch, fixed, sizeof fixed, SCRATCH_SIZE);
  gw_arena_init(&arena, SCRATCH_SIZE);
  struct gw_strbuf hosts;
  gw_strbuf_init(&hosts);
  struct packed_host *packed = find_hosts(config, before, &arena);
  size_t *host_lens = gw_arena_calloc(&arena, config->virtual_host_count, sizeof *host_lens);
  for (uint32_t i = 0; i < config->virtual_host_count; i++) {
    size_t len = hosts.len;
    append_host(&hosts, &scratch, &config->virtual_hosts[i], &packed[i]);
    host_lens[i] = hosts.len - len;
  }
  struct gw_bytes *any = assemble(config, gw_strbuf_str(&hosts), host_lens);
  gw_strbuf_done(&hosts);
  gw_arena_done(&arena);
  gw_arena_done(&scratch);
  return any;
}
