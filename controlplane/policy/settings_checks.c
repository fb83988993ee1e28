#include "controlplane/policy/settings_checks.h"

#include "common/message/headers.h"
#include "common/net/address.h"
#include "controlplane/policy/nacos_servers.h"
#include "controlplane/policy/source_yaml.h"

bool gw_setting_is_cidrs(struct gw_str text) {
  struct gw_str piece;
  while (gw_str_split_next(&text, ',', &piece)) {
    struct gw_cidr cidr;
    piece = gw_str_trim(piece);
    if (piece.len > 0 && gw_cidr_parse(piece, &cidr) != GW_OK) return false;
  }
  return true;
}

void gw_setting_check_discovery(struct gw_str text, const char *place, struct gw_arena *arena, struct gw_errors *errors) {
  struct gw_str rest = text, piece;
  while (gw_str_split_next(&rest, ',', &piece)) {
    piece = gw_str_trim(piece);
    if (!gw_source_is_known(piece))
      gw_errors_add(errors, place, "SERVICE_DISCOVERY_TYPE: %.*s is no source; %s are allowed, also several with commas", GW_STR_ARG(piece),
                    gw_source_list_known(arena));
  }
}

void gw_setting_check_redis(struct gw_str text, const char *place, struct gw_errors *errors) {
  if (gw_str_has_prefix(text, GW_STR("rediss://"))) {
    gw_errors_add(errors, place,
                  "REDIS_HOST: TLS (rediss://) is not available; a name or an address is allowed, in a network that is trusted");
  } else if (gw_str_find_char(text, ',') >= 0 || gw_str_has_prefix(text, GW_STR("sentinel")) ||
             gw_str_has_prefix(text, GW_STR("redis-sentinel"))) {
    gw_errors_add(errors, place, "REDIS_HOST: Cluster and Sentinel are not available; the name or address of one server is allowed");
  } else if (memmem(text.data, text.len, "://", 3) != NULL || gw_str_find_char(text, '/') >= 0 || gw_str_find_char(text, ' ') >= 0) {
    gw_errors_add(errors, place,
                  "REDIS_HOST: a name or an address is allowed; the port is REDIS_PORT, the database GATEWAY_REDIS_DATABASE");
  }
}

bool gw_setting_is_nacos_servers(struct gw_str text, struct gw_arena *arena) {
  const char *bases[GW_NACOS_SERVERS_MAX];
  uint32_t count;
  return gw_nacos_servers_parse(text, arena, bases, &count) == GW_OK;
}

bool gw_setting_is_servers(struct gw_str text) {
  struct gw_str piece;
  while (gw_str_split_next(&text, ',', &piece)) {
    struct gw_address address;
    if (piece.len > 0 && gw_address_parse(piece, &address) != GW_OK && gw_address_parse_ip(piece, 53, &address) != GW_OK) return false;
  }
  return true;
}

bool gw_setting_is_word(struct gw_str text) {
  for (size_t i = 0; i < text.len; i++)
    if (text.data[i] <= ' ' || text.data[i] >= 0x7f) return false;
  return true;
}

bool gw_setting_is_header_names(struct gw_str text) {
  struct gw_str piece;
  uint32_t count = 0;
  while (text.len > 0 && gw_str_split_next(&text, ',', &piece))
    if (++count > GW_SETTING_HEADERS_MAX || !gw_header_name_is_valid(gw_str_trim(piece))) return false;
  return true;
}
