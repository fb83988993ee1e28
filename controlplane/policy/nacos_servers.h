/* Why: NACOS_SERVER_ADDRESSES: where Nacos is asked.
 * Life: in the caller's arena.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_POLICY_NACOS_SERVERS_H
#define GW_CONTROLPLANE_POLICY_NACOS_SERVERS_H

#include "common/base/arena.h"

#define GW_NACOS_SERVERS_MAX 16u
/* For messages: "what, and what is allowed". */
#define GW_NACOS_SERVERS_ALLOWED                                                                                                           \
  "HOST[:PORT] with commas, at most 16, port 8848 by default; or a URL, https://HOST[:PORT][/PATH], path /nacos by default"

/* Base URLs without a slash at the end: "10.0.0.1,https://nacos.example:443/registry/" is http://10.0.0.1:8848/nacos and
 * https://nacos.example:443/registry. None at all is allowed. GW_ERR_INVALID. */
enum gw_err gw_nacos_servers_parse(struct gw_str text, struct gw_arena *arena, const char **ret_bases, uint32_t *ret_count);

#endif
