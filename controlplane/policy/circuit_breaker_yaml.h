/* Why: `circuit_breaker` and `limits` of a service: when its callers are answered instead of it, and how much it gets at once.
 * Life: in the arena of the reader.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_CIRCUIT_BREAKER_YAML_H
#define GW_CONTROLPLANE_POLICY_CIRCUIT_BREAKER_YAML_H

#include "common/model/circuit_breaker.h"
#include "common/model/health.h"
#include "controlplane/policy/reader.h"
#include "controlplane/policy/settings.h"

struct gw_service_list;

struct gw_service_protection {
  const struct gw_yaml_node *node; /* of circuit_breaker; NULL: nothing is said */
  bool has_breaker;                /* … or it is refused */
  struct gw_circuit_breaking breaking;
  struct gw_concurrency_limits limits;
};

/* `service`: its mapping. */
struct gw_service_protection gw_service_protection_read(const struct gw_reader *reader, const struct gw_yaml_node *service);

/* Warns where CIRCUIT_BREAKER_ENABLED takes away what services ask for. */
void gw_service_protection_check(const struct gw_reader *reader, const struct gw_settings *settings,
                                 const struct gw_service_list *services);

/* NULL: it has none, by what it says and by the setting. `outlier`: its own outlier detection, NULL: none; then *ret_outlier is one that
 * stands in for the circuit breaker in nodes that don't know it, Envoy's. */
const struct gw_circuit_breaking *gw_service_protection_translate(const struct gw_service_protection *protection, enum gw_switch enabled,
                                                                  const struct gw_outlier_detection *outlier, struct gw_arena *arena,
                                                                  const struct gw_outlier_detection **ret_outlier);
/* NULL: no limits. */
const struct gw_concurrency_limits *gw_service_limits_translate(const struct gw_service_protection *protection);

#endif
