/* Why: the datagrams by which Nacos tells that a service has changed, and their acknowledgements.
 * Life: in the caller's arena.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_DISCOVERY_NACOS_DATAGRAM_H
#define GW_CONTROLPLANE_DISCOVERY_NACOS_DATAGRAM_H

#include "common/base/arena.h"
#include "common/base/str.h"

#define GW_NACOS_DATAGRAM_MAX 65536u           /* as it comes */
#define GW_NACOS_DATAGRAM_BYTES_MAX (1u << 21) /* unpacked: some 6,000 instances */

struct gw_nacos_change {
  struct gw_str name;          /* "GROUP@@SERVICE" */
  struct gw_str last_ref_time; /* for the acknowledgement: digits */
};

/* Packed with gzip or not. GW_ERR_INVALID: nothing that tells of a change; GW_ERR_LIMIT: too large to be unpacked here, so that some
 * service has changed, and it is not known which. */
enum gw_err gw_nacos_datagram_parse(struct gw_str datagram, struct gw_arena *arena, struct gw_nacos_change *ret_change);
/* Appends the answer without which Nacos sends it again. */
void gw_nacos_datagram_append_ack(const struct gw_nacos_change *change, struct gw_strbuf *out);

#endif
