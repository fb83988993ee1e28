/* What a route says of retries, else its service, else the settings → a policy. */
#include <string.h>

#include "common/base/mem.h"
#include "controlplane/policy/retries_yaml.h"

#define HOST_ATTEMPTS 3u
#define GRPC_BITS                                                                                                                          \
  (GW_RETRY_GRPC_CANCELLED | GW_RETRY_GRPC_DEADLINE_EXCEEDED | GW_RETRY_GRPC_RESOURCE_EXHAUSTED | GW_RETRY_GRPC_INTERNAL |                 \
   GW_RETRY_GRPC_UNAVAILABLE)

/* Where the route says nothing. */
static struct gw_retries_entry merge(const struct gw_retries_entry *route, const struct gw_retries_entry *service) {
  struct gw_retries_entry out = *route;
  if (!out.has_attempts && service->has_attempts) {
    out.has_attempts = true;
    out.attempts = service->attempts;
  }
  if (!out.has_on && service->has_on) {
    out.has_on = true;
    out.on = service->on;
    out.status_codes = service->status_codes;
    out.status_code_count = service->status_code_count;
  }
  if (!out.has_methods) out.takes_all_methods = service->takes_all_methods;
  if (!out.has_base && !out.has_max) {
    out.has_base = service->has_base;
    out.base_ms = service->base_ms;
    out.has_max = service->has_max;
    out.max_ms = service->max_ms;
  }
  if (!out.has_other_instance && service->has_other_instance) {
    out.has_other_instance = true;
    out.wants_other_instance = service->wants_other_instance;
  }
  if (!out.has_buffer && service->has_buffer) {
    out.has_buffer = true;
    out.buffer_bytes = service->buffer_bytes;
  }
  return out;
}

static bool same_codes(const uint32_t *a, uint32_t a_count, const uint32_t *b, uint32_t b_count) {
  return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count * sizeof(*a)) == 0);
}

bool gw_retries_agree(const struct gw_retries_entry *route, const struct gw_retries_entry *a, const struct gw_retries_entry *b) {
  struct gw_retries_entry x = merge(route, a), y = merge(route, b);
  return x.has_attempts == y.has_attempts && x.attempts == y.attempts && x.has_on == y.has_on && x.on == y.on &&
         same_codes(x.status_codes, x.status_code_count, y.status_codes, y.status_code_count) &&
         x.takes_all_methods == y.takes_all_methods && x.has_base == y.has_base && x.base_ms == y.base_ms && x.has_max == y.has_max &&
         x.max_ms == y.max_ms && x.has_other_instance == y.has_other_instance && x.wants_other_instance == y.wants_other_instance &&
         x.has_buffer == y.has_buffer && x.buffer_bytes == y.buffer_bytes;
}

bool gw_timeouts_agree(const struct gw_timeouts_entry *route, const struct gw_timeouts_entry *a, const struct gw_timeouts_entry *b) {
  return (route->request_ms != 0 || a->request_ms == b->request_ms) && (route->per_try_ms != 0 || a->per_try_ms == b->per_try_ms) &&
         (route->per_try_idle_ms != 0 || a->per_try_idle_ms == b->per_try_idle_ms) &&
         (route->stream_idle_ms != 0 || a->stream_idle_ms == b->stream_idle_ms) &&
         (route->max_duration_ms != 0 || a->max_duration_ms == b->max_duration_ms);
}

/* One of the two may be written alone. */
static void set_backoff(const struct gw_retries_entry *entry, struct gw_retry_policy *policy) {
  policy->backoff_base_ms = entry->has_base ? entry->base_ms : GW_RETRY_BACKOFF_BASE_MS;
  policy->backoff_max_ms = entry->has_max ? entry->max_ms : policy->backoff_base_ms * GW_RETRY_BACKOFF_FACTOR;
  if (policy->backoff_base_ms > policy->backoff_max_ms) policy->backoff_base_ms = policy->backoff_max_ms;
}

const struct gw_retry_policy *gw_retries_resolve(const struct gw_retries_of *of, const struct gw_settings *settings, struct gw_arena *arena,
                                                 const struct gw_retry_policy **ret_others) {
  struct gw_retries_entry entry = merge(of->route, of->service);
  uint32_t attempts = entry.has_attempts ? entry.attempts : settings->retry_attempts;
  *ret_others = NULL;
  if (attempts == 0 && of->per_try_ms == 0 && of->per_try_idle_ms == 0) return NULL;
  struct gw_retry_policy *policy = gw_arena_calloc(arena, 2, sizeof(*policy)), *others = policy + 1;
  policy->count = attempts;
  policy->per_try_timeout_ms = of->per_try_ms;
  policy->per_try_idle_timeout_ms = of->per_try_idle_ms;
  set_backoff(&entry, policy);
  policy->host_attempts = HOST_ATTEMPTS;
  policy->avoids_previous_hosts = !entry.has_other_instance || entry.wants_other_instance;
  policy->buffer_bytes = entry.has_buffer ? entry.buffer_bytes : settings->retry_buffer_bytes;
  *ret_others = policy;
  if (attempts == 0) return policy;
  policy->on = entry.has_on ? entry.on : GW_RETRY_ALWAYS_SAFE;
  policy->status_codes = entry.status_codes;
  policy->status_code_count = entry.status_code_count;
  /* gRPC has no methods but POST: who names its codes means them. */
  uint32_t on_others = policy->on & (GW_RETRY_ALWAYS_SAFE | GRPC_BITS);
  if (entry.takes_all_methods || on_others == policy->on) return policy;
  *others = *policy;
  others->on = on_others;
  others->status_codes = NULL;
  others->status_code_count = 0;
  *ret_others = others;
  return policy;
}

bool gw_retry_policy_equal(const struct gw_retry_policy *a, const struct gw_retry_policy *b) {
  if (a == b) return true;
  if (a == NULL || b == NULL) return false;
  if (!same_codes(a->status_codes, a->status_code_count, b->status_codes, b->status_code_count)) return false;
  return a->on == b->on && a->count == b->count && a->per_try_timeout_ms == b->per_try_timeout_ms &&
         a->per_try_idle_timeout_ms == b->per_try_idle_timeout_ms && a->backoff_base_ms == b->backoff_base_ms &&
         a->backoff_max_ms == b->backoff_max_ms && a->avoids_previous_hosts == b->avoids_previous_hosts &&
         a->host_attempts == b->host_attempts && a->buffer_bytes == b->buffer_bytes;
}

struct gw_retry_budget_limits gw_retry_budget_resolve(const struct gw_retry_budget_entry *entry, const struct gw_settings *settings) {
  return (struct gw_retry_budget_limits){
      .percent = entry->has_percent ? entry->percent : settings->retry_budget_percent,
      .min_concurrency = entry->has_min ? entry->min_concurrency : settings->retry_budget_min_concurrency,
  };
}
