#include "controlplane/discovery/found.h"

#include <math.h>
#include <stdlib.h>

#include "common/net/address.h"

#define INSTANCES_MAX 100000u
#define WEIGHT_MAX 1000000.0
#define WEIGHT_SCALE 100.0 /* of weights with fractions */
#define PRIORITY_MAX 128u
#define SHOWN_MAX 64 /* bytes of a registry's text in our words */

static const char *find_fault(const struct gw_found_instance *instance, struct gw_address *ret_address) {
  if (instance->address.len == 0) return "it has no address";
  if (instance->port == 0 || instance->port > 65535) return "its port is none";
  if (gw_address_parse_ip(instance->address, (uint16_t)instance->port, ret_address) != GW_OK) return "its address is not numeric";
  char text[GW_ADDRESS_TEXT_SIZE];
  struct gw_str ip = gw_address_format_ip(ret_address, text);
  if (gw_str_equal(ip, GW_STR("0.0.0.0")) || gw_str_equal(ip, GW_STR("::"))) return "its address is nobody's";
  if (!isfinite(instance->weight) || instance->weight < 0 || instance->weight > WEIGHT_MAX) return "its weight is none";
  if (instance->priority > PRIORITY_MAX) return "its priority is none";
  return NULL;
}

/* What a stranger wrote, for logs and terminals. */
static const char *show(struct gw_str text, struct gw_arena *arena) {
  struct gw_str shown = gw_arena_copy(arena, (struct gw_str){text.data, text.len < SHOWN_MAX ? text.len : SHOWN_MAX});
  for (size_t i = 0; i < shown.len; i++)
    if (shown.data[i] < ' ' || shown.data[i] == 127) ((char *)(uintptr_t)shown.data)[i] = '?';
  return shown.data;
}

static int compare_endpoints(const void *left, const void *right) {
  const struct gw_endpoint *a = left, *b = right;
  if (a->priority != b->priority) return a->priority < b->priority ? -1 : 1;
  int by_address = gw_str_compare(a->address, b->address);
  return by_address != 0 ? by_address : (int)a->port - (int)b->port;
}

/* The first of equal ones stays; after sorting. */
static uint32_t drop_doubles(struct gw_endpoint *items, uint32_t count) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (kept > 0 && gw_str_equal(items[kept - 1].address, items[i].address) && items[kept - 1].port == items[i].port &&
        items[kept - 1].priority == items[i].priority)
      continue;
    items[kept++] = items[i];
  }
  return kept;
}

static double find_scale(const struct gw_found_instance *instances, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (isfinite(instances[i].weight) && instances[i].weight != floor(instances[i].weight)) return WEIGHT_SCALE;
  return 1;
}

static uint32_t scale(double weight, double by) {
  double scaled = round(weight * by);
  return scaled < 1 ? 1 : (uint32_t)scaled;
}

/* Envoy refuses endpoints whose weights add up to more than 32 bits. */
static void fit_sum(struct gw_endpoint *items, uint32_t count) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < count; i++)
    sum += items[i].weight;
  uint64_t divisor = sum / (UINT32_MAX - INSTANCES_MAX) + 1;
  for (uint32_t i = 0; divisor > 1 && i < count; i++)
    items[i].weight = items[i].weight > divisor ? (uint32_t)(items[i].weight / divisor) : 1;
}

struct gw_endpoints gw_found_clean(struct gw_str service, const struct gw_found_instance *instances, uint32_t count, struct gw_arena *arena,
                                   const char **ret_words) {
  uint32_t all = count, left_out = 0, used = 0;
  if (count > INSTANCES_MAX) count = INSTANCES_MAX;
  struct gw_endpoint *items = gw_arena_calloc(arena, count, sizeof(*items));
  double by = find_scale(instances, count);
  *ret_words = "";
  for (uint32_t i = 0; i < count; i++) {
    const struct gw_found_instance *instance = &instances[i];
    struct gw_address address;
    char text[GW_ADDRESS_TEXT_SIZE];
    const char *fault = find_fault(instance, &address);
    if (fault != NULL) {
      if (left_out++ == 0)
        *ret_words =
            gw_arena_printf(arena, "\"%s\", port %llu: %s", show(instance->address, arena), (unsigned long long)instance->port, fault);
      continue;
    }
    if (instance->is_off || instance->weight == 0) continue;
    items[used++] = (struct gw_endpoint){.address = gw_arena_copy(arena, gw_address_format_ip(&address, text)),
                                         .port = (uint16_t)instance->port,
                                         .weight = scale(instance->weight, by),
                                         .priority = instance->priority};
  }
  if (left_out > 0) *ret_words = gw_arena_printf(arena, "%u of %u instances were left out: %s", left_out, all, *ret_words);
  if (all > count) *ret_words = gw_arena_printf(arena, "%u instances are too many: %u were taken", all, count);
  qsort(items, used, sizeof(*items), compare_endpoints);
  used = drop_doubles(items, used);
  fit_sum(items, used);
  return (struct gw_endpoints){.cluster_name = service, .items = items, .count = used};
}
