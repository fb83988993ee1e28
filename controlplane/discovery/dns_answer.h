/* Why: answers of DNS servers (RFC 1035) → the records that name instances: SRV (RFC 2782), A, AAAA; and those → instances. Pure.
 * Life: in the arena given.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_DISCOVERY_DNS_ANSWER_H
#define GW_CONTROLPLANE_DISCOVERY_DNS_ANSWER_H

#include "common/base/arena.h"
#include "controlplane/discovery/source.h"

enum gw_dns_kind { GW_DNS_SRV, GW_DNS_ADDRESS };

struct gw_dns_record {
  enum gw_dns_kind kind;
  bool is_additional; /* of the additional section: nobody asked for it */
  struct gw_str name; /* without a dot at the end */
  uint32_t ttl_s;
  struct gw_str address; /* GW_DNS_ADDRESS: numeric */
  uint16_t priority;     /* GW_DNS_SRV, and the rest */
  uint16_t weight;
  uint16_t port;
  struct gw_str target; /* without a dot at the end; empty: the service is not to be had here */
};

/* Records of other types are passed over. GW_ERR_INVALID: no DNS message, or one that was cut. */
enum gw_err gw_dns_parse(const unsigned char *bytes, size_t len, struct gw_arena *arena, const struct gw_dns_record **ret_records,
                         uint32_t *ret_count);

/* A SRV record's target with its addresses. */
struct gw_dns_target {
  struct gw_str name;
  const struct gw_str *addresses;
  uint32_t address_count;
};

/* Each address of each record's target: priorities are numbered from 0 on; a weight is shared by a target's addresses; 0 is the least there
 * can be, unless all are. A target without addresses is an instance whose address is its name, so that it is left out and told. */
const struct gw_found_instance *gw_dns_instances(const struct gw_dns_record *records, uint32_t record_count,
                                                 const struct gw_dns_target *targets, uint32_t target_count, struct gw_arena *arena,
                                                 uint32_t *ret_count);

#endif
