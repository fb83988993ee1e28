#include "controlplane/discovery/dns_answer.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>

#define SRV_HEAD_BYTES 6
/* So that a weight of 0 can be a tenth of 1. */
#define WEIGHT_SCALE 10.0

static bool read_srv(const ns_msg *message, const ns_rr *from, struct gw_arena *arena, struct gw_dns_record *record) {
  const unsigned char *data = ns_rr_rdata(*from);
  char target[NS_MAXDNAME];
  if (ns_rr_rdlen(*from) <= SRV_HEAD_BYTES) return false;
  if (dn_expand(ns_msg_base(*message), ns_msg_end(*message), data + SRV_HEAD_BYTES, target, sizeof(target)) < 0) return false;
  record->kind = GW_DNS_SRV;
  record->priority = (uint16_t)ns_get16(data);
  record->weight = (uint16_t)ns_get16(data + 2);
  record->port = (uint16_t)ns_get16(data + 4);
  record->target = gw_arena_copy(arena, gw_str_from(target));
  return true;
}

static bool read_address(const ns_rr *from, struct gw_arena *arena, struct gw_dns_record *record) {
  bool is_v4 = ns_rr_type(*from) == ns_t_a;
  char text[INET6_ADDRSTRLEN];
  if (ns_rr_rdlen(*from) != (is_v4 ? NS_INADDRSZ : NS_IN6ADDRSZ)) return false;
  if (inet_ntop(is_v4 ? AF_INET : AF_INET6, ns_rr_rdata(*from), text, sizeof(text)) == NULL) return false;
  record->kind = GW_DNS_ADDRESS;
  record->address = gw_arena_copy(arena, gw_str_from(text));
  return true;
}

/* GW_ERR_NOT_FOUND: it is of no kind that is asked for. */
static enum gw_err read_record(ns_msg *message, ns_sect section, int index, struct gw_arena *arena, struct gw_dns_record *record) {
  ns_rr from;
  if (ns_parserr(message, section, index, &from) < 0) return GW_ERR_INVALID;
  bool is_srv = ns_rr_type(from) == ns_t_srv, is_address = ns_rr_type(from) == ns_t_a || ns_rr_type(from) == ns_t_aaaa;
  if (ns_rr_class(from) != ns_c_in || (!is_srv && !is_address)) return GW_ERR_NOT_FOUND;
  if (is_srv ? !read_srv(message, &from, arena, record) : !read_address(&from, arena, record)) return GW_ERR_INVALID;
  record->name = gw_arena_copy(arena, gw_str_from(ns_rr_name(from)));
  record->ttl_s = ns_rr_ttl(from);
  record->is_additional = section == ns_s_ar;
  return GW_OK;
}

enum gw_err gw_dns_parse(const unsigned char *bytes, size_t len, struct gw_arena *arena, const struct gw_dns_record **ret_records,
                         uint32_t *ret_count) {
  static const ns_sect sections[] = {ns_s_an, ns_s_ar};
  ns_msg message;
  if (len > NS_MAXMSG || ns_initparse(bytes, (int)len, &message) < 0) return GW_ERR_INVALID;
  struct gw_dns_record *records =
      gw_arena_calloc(arena, (size_t)ns_msg_count(message, ns_s_an) + ns_msg_count(message, ns_s_ar), sizeof(*records));
  uint32_t count = 0;
  for (size_t s = 0; s < 2; s++) {
    for (int i = 0; i < ns_msg_count(message, sections[s]); i++) {
      enum gw_err err = read_record(&message, sections[s], i, arena, &records[count]);
      if (err == GW_ERR_INVALID) return err;
      if (err == GW_OK) count++;
    }
  }
  *ret_records = records;
  *ret_count = count;
  return GW_OK;
}

static const struct gw_dns_target *find_target(const struct gw_dns_target *targets, uint32_t count, struct gw_str name) {
  for (uint32_t i = 0; i < count; i++)
    if (gw_str_equal_nocase(targets[i].name, name)) return &targets[i];
  return NULL;
}

static bool is_instance(const struct gw_dns_record *record) {
  return record->kind == GW_DNS_SRV && record->target.len > 0;
}

/* How many other priorities come before it. */
static uint32_t rank(const struct gw_dns_record *records, uint32_t count, uint16_t priority) {
  uint32_t before = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (!is_instance(&records[i]) || records[i].priority >= priority) continue;
    bool is_first = true;
    for (uint32_t k = 0; k < i && is_first; k++)
      is_first = !is_instance(&records[k]) || records[k].priority != records[i].priority;
    before += is_first;
  }
  return before;
}

/* RFC 2782: a weight of 0 is a small chance beside others, and all the same where no other has one. */
static double weight_of(const struct gw_dns_record *record, bool has_weights) {
  return has_weights && record->weight > 0 ? record->weight * WEIGHT_SCALE : 1;
}

static bool has_weights(const struct gw_dns_record *records, uint32_t count, uint16_t priority) {
  for (uint32_t i = 0; i < count; i++)
    if (is_instance(&records[i]) && records[i].priority == priority && records[i].weight > 0) return true;
  return false;
}

static uint32_t count_most(const struct gw_dns_record *records, uint32_t record_count, const struct gw_dns_target *targets,
                           uint32_t target_count) {
  uint32_t most = 0;
  for (uint32_t i = 0; i < record_count; i++) {
    const struct gw_dns_target *target = is_instance(&records[i]) ? find_target(targets, target_count, records[i].target) : NULL;
    most += target != NULL && target->address_count > 1 ? target->address_count : 1;
  }
  return most;
}

const struct gw_found_instance *gw_dns_instances(const struct gw_dns_record *records, uint32_t record_count,
                                                 const struct gw_dns_target *targets, uint32_t target_count, struct gw_arena *arena,
                                                 uint32_t *ret_count) {
  uint32_t count = 0, most = count_most(records, record_count, targets, target_count);
  struct gw_found_instance *instances = gw_arena_calloc(arena, most, sizeof(*instances));
  for (uint32_t i = 0; i < record_count; i++) {
    const struct gw_dns_record *record = &records[i];
    if (!is_instance(record)) continue;
    const struct gw_dns_target *target = find_target(targets, target_count, record->target);
    uint32_t addresses = target != NULL ? target->address_count : 0;
    double weight = weight_of(record, has_weights(records, record_count, record->priority));
    struct gw_found_instance instance = {.address = record->target,
                                         .port = record->port,
                                         .weight = addresses > 1 ? weight / addresses : weight,
                                         .priority = rank(records, record_count, record->priority)};
    if (addresses == 0) instances[count++] = instance;
    for (uint32_t k = 0; k < addresses; k++) {
      instance.address = target->addresses[k];
      instances[count++] = instance;
    }
  }
  *ret_count = count;
  return instances;
}
