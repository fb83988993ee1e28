#include "controlplane/policy/translate_routes.h"

/* Of the entry's methods those that are idempotent (RFC 9110 section 9.2.2): how many, into `ret_methods`. */
static uint32_t list_idempotent(const struct gw_route_entry *entry, struct gw_str ret_methods[GW_METHOD_COUNT]) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < entry->method_count; i++)
    if (gw_method_is_idempotent(gw_method_find(entry->methods[i]))) ret_methods[count++] = entry->methods[i];
  for (enum gw_method method = 0; entry->method_count == 0 && method < GW_METHOD_COUNT; method++)
    if (gw_method_is_idempotent(method) && method != GW_METHOD_TRACE) ret_methods[count++] = gw_method_name(method);
  return count;
}

/* The services of a split say the same, or the route says it: so the first one speaks for all. */
void gw_policy_translate_retries(const struct gw_route_entry *entry, const struct gw_settings *settings, struct gw_arena *arena,
                                 struct gw_route_retries *ret_retries) {
  const struct gw_service_entry *service = gw_route_actions_service(&entry->actions);
  const struct gw_timeouts_entry *own = &entry->timeouts, *of_service = &service->timeouts;
  const struct gw_retries_of of = {.route = &entry->retries,
                                   .service = &service->retries,
                                   .per_try_ms = gw_timeout_or(own->per_try_ms, of_service->per_try_ms),
                                   .per_try_idle_ms = gw_timeout_or(own->per_try_idle_ms, of_service->per_try_idle_ms)};
  const struct gw_retry_policy *others, *policy = gw_retries_resolve(&of, settings, arena, &others);
  *ret_retries = (struct gw_route_retries){.policy = others};
  if (policy == others) return;
  uint32_t count = list_idempotent(entry, ret_retries->methods);
  if (count > 0 && count == entry->method_count) {
    ret_retries->policy = policy;
    return;
  }
  ret_retries->method_count = count;
  ret_retries->of_methods = policy;
}

const struct gw_retry_policy *gw_policy_share_retry(const struct gw_retry_policy *policy, const struct gw_retry_policy *of_host) {
  static const struct gw_retry_policy none = {.backoff_base_ms = GW_RETRY_BACKOFF_BASE_MS,
                                              .backoff_max_ms = (uint64_t)GW_RETRY_BACKOFF_BASE_MS * GW_RETRY_BACKOFF_FACTOR,
                                              .host_attempts = GW_RETRY_HOST_ATTEMPTS};
  if (policy == NULL && of_host != NULL) policy = &none;
  return gw_retry_policy_equal(policy, of_host) ? of_host : policy;
}
