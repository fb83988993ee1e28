/* Why: finds the virtual host of a request by its authority, as Envoy does: exact domain, longest suffix wildcard, longest prefix
 * wildcard, "*".
 * Life: gw_host_table_init … gw_host_table_done; embedded in the route table.
 * Thread: frozen after the last add. */
#ifndef GW_COMMON_ROUTING_HOST_TABLE_H
#define GW_COMMON_ROUTING_HOST_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/map.h"

/* Wildcards of one kind by what stands beside the star. */
struct gw_wildcard_hosts {
  struct gw_map *map;
  uint32_t *lengths; /* that occur, longest first */
  uint32_t length_count;
};
struct gw_host_table {
  struct gw_map *exact;
  struct gw_wildcard_hosts suffixes;
  struct gw_wildcard_hosts prefixes;
  void *any; /* of "*" */
  bool has_others;
};

void gw_host_table_init(struct gw_host_table *table);
void gw_host_table_done(struct gw_host_table *table);
/* `domain` is lower case. False: it is there already. */
bool gw_host_table_add(struct gw_host_table *table, struct gw_str domain, void *value);
/* `authority` in any case. NULL: none. */
void *gw_host_table_find(const struct gw_host_table *table, struct gw_str authority, struct gw_arena *scratch);
/* Bytes on the heap, roughly. */
size_t gw_host_table_bytes(const struct gw_host_table *table);

#endif
