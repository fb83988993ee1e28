/* Why: what Nacos says of a service's instances (GET /v1 or /v2 …/ns/instance/list).
 * Life: in the caller's arena.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_DISCOVERY_NACOS_LIST_H
#define GW_CONTROLPLANE_DISCOVERY_NACOS_LIST_H

#include "common/base/arena.h"
#include "controlplane/discovery/source.h"

#define GW_NACOS_LIST_BYTES_MAX ((size_t)32 * 1024 * 1024)
#define GW_NACOS_HOSTS_MAX 100000u
#define GW_NACOS_CACHE_MS_MIN 1000u
#define GW_NACOS_CACHE_MS_MAX 60000u
#define GW_NACOS_CACHE_MS_DEFAULT 10000u

struct gw_nacos_list {
  struct gw_str name; /* "GROUP@@SERVICE"; empty when the answer has none */
  /* All hosts, as they are written: an address that is none, or no port (0), or a weight that is no number (NaN), is the receiver's to
   * tell. */
  struct gw_found_instance *instances;
  uint32_t count;
  uint64_t cache_ms; /* after which it is to be asked for again, within the bounds above */
};

/* Of v1, or wrapped as v2 does it ("code", "data"). Who is not healthy or not enabled is off. GW_ERR_INVALID: no such list, also when v2
 * says a code other than 0; GW_ERR_LIMIT: beyond the bounds above. */
enum gw_err gw_nacos_list_parse(struct gw_str text, struct gw_arena *arena, struct gw_nacos_list *ret_list);

#endif
