/* Why: `retries` and `timeouts` of routes and services, and `retry_budget` of services: when a request is sent once more, and what it may
 * take. Life: in the arena of the reader. Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_RETRIES_YAML_H
#define GW_CONTROLPLANE_POLICY_RETRIES_YAML_H

#include "common/model/retry.h"
#include "controlplane/policy/reader.h"
#include "controlplane/policy/settings.h"

/* What was written; the rest is the service's, then that of the settings. */
struct gw_retries_entry {
  bool has_attempts, has_on, has_methods, has_base, has_max, has_other_instance, has_buffer;
  uint32_t attempts; /* beyond the first try */
  uint32_t on;       /* gw_retry_on, what is always safe among them */
  const uint32_t *status_codes;
  uint32_t status_code_count;
  bool takes_all_methods; /* else those that are not idempotent only where that is safe */
  uint64_t base_ms;
  uint64_t max_ms;
  bool wants_other_instance;
  uint64_t buffer_bytes;
};

/* 0: not written. */
struct gw_timeouts_entry {
  uint64_t connect_ms; /* of services only */
  uint64_t request_ms;
  uint64_t per_try_ms;
  uint64_t per_try_idle_ms;
  uint64_t stream_idle_ms;
  uint64_t max_duration_ms;
};

struct gw_retry_budget_entry {
  bool has_percent, has_min;
  uint32_t percent;
  uint32_t min_concurrency;
};

/* `node`: a route, or a service. */
void gw_retries_read(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_retries_entry *ret_entry);
void gw_timeouts_read(const struct gw_reader *reader, const struct gw_yaml_node *node, bool is_service,
                      struct gw_timeouts_entry *ret_entry);
struct gw_retry_budget_entry gw_retry_budget_read(const struct gw_reader *reader, const struct gw_yaml_node *service);

static inline uint64_t gw_timeout_or(uint64_t written_ms, uint64_t else_ms) {
  return written_ms != 0 ? written_ms : else_ms;
}

/* ---- retries_resolve.c ---- */
/* Whether a route has the same with either of two services. */
bool gw_retries_agree(const struct gw_retries_entry *route, const struct gw_retries_entry *a, const struct gw_retries_entry *b);
bool gw_timeouts_agree(const struct gw_timeouts_entry *route, const struct gw_timeouts_entry *a, const struct gw_timeouts_entry *b);
struct gw_retries_of {
  const struct gw_retries_entry *route; /* what it says counts before what its service says */
  const struct gw_retries_entry *service;
  uint64_t per_try_ms;
  uint64_t per_try_idle_ms;
};
/* For idempotent methods and, in *ret_others, for the rest: the same one when there is no difference. NULL: never, and no limit of a try.
 */
const struct gw_retry_policy *gw_retries_resolve(const struct gw_retries_of *of, const struct gw_settings *settings, struct gw_arena *arena,
                                                 const struct gw_retry_policy **ret_others);
/* Both may be NULL. */
bool gw_retry_policy_equal(const struct gw_retry_policy *a, const struct gw_retry_policy *b);
struct gw_retry_budget_limits gw_retry_budget_resolve(const struct gw_retry_budget_entry *entry, const struct gw_settings *settings);

#endif
