#include <string.h>

#include "controlplane/policy/service_tls_yaml.h"
#include "controlplane/policy/tracing_settings.h"
#include "controlplane/policy/translate.h"

/* All addresses are IPs: EDS, so that instances come and go without the cluster changing. Any host name: the data plane resolves them. */
void gw_policy_translate_services(const struct gw_service_list *services, const struct gw_settings *settings, struct gw_policy *policy) {
  struct gw_cluster *clusters = gw_arena_calloc(&policy->arena, services->count + 1u, sizeof(*clusters));
  struct gw_endpoints *all = gw_arena_calloc(&policy->arena, services->count, sizeof(*all));
  struct gw_endpoints *inline_ones = gw_arena_calloc(&policy->arena, services->count, sizeof(*inline_ones));
  struct gw_source_spec *sources = gw_arena_calloc(&policy->arena, services->count, sizeof(*sources));
  for (uint32_t i = 0; i < services->count; i++) {
    const struct gw_service_entry *service = &services->items[i];
    struct gw_endpoints endpoints = {.cluster_name = service->name, .items = service->endpoints, .count = service->endpoint_count};
    clusters[i] = (struct gw_cluster){.name = service->name,
                                      .kind = service->has_names ? GW_CLUSTER_STRICT_DNS : GW_CLUSTER_EDS,
                                      .balancing = service->balancing.balancing,
                                      .eds_service_name = service->name,
                                      .connect_timeout_ms = gw_timeout_or(service->timeouts.connect_ms, settings->connect_timeout_ms),
                                      .retry_budget = gw_retry_budget_resolve(&service->retry_budget, settings),
                                      .dns_refresh_ms = settings->dns_refresh_ms,
                                      .upstream_idle_timeout_ms = settings->upstream_idle_timeout_ms,
                                      .protocol = service->protocol,
                                      .tls = service->tls,
                                      .health_check = service->health.check,
                                      .limits = gw_service_limits_translate(&service->protection)};
    clusters[i].breaking = gw_service_protection_translate(&service->protection, settings->circuit_breaker, service->health.outlier,
                                                           &policy->arena, &clusters[i].outlier);
    if (service->protocol != GW_UPSTREAM_HTTP1) clusters[i].http2 = gw_policy_translate_http2(settings);
    if (service->has_names) {
      inline_ones[i] = endpoints;
      clusters[i].inline_endpoints = &inline_ones[i];
      continue;
    }
    struct gw_source_spec *source = &sources[policy->source_count++];
    *source = *service->source;
    if (strcmp(source->kind, GW_SOURCE_STATIC) != 0) continue;
    source->endpoints = &all[policy->static_endpoints_count];
    all[policy->static_endpoints_count++] = endpoints;
  }
  policy->clusters = clusters;
  policy->cluster_count = services->count;
  if (gw_tracing_is_on(settings)) clusters[policy->cluster_count++] = gw_tracing_translate_cluster(settings, &policy->arena);
  policy->static_endpoints = all;
  policy->sources = sources;
}

void gw_policy_translate_secrets(const struct gw_policy_parts *parts, const struct gw_settings *settings, struct gw_policy *policy) {
  struct gw_policy_secret *secrets = gw_arena_calloc(&policy->arena, parts->secrets.count + 1u + GW_TRACING_SECRETS_MAX, sizeof(*secrets));
  for (const struct gw_secret_entry *entry = parts->secrets.first; entry != NULL; entry = entry->next)
    secrets[policy->secret_count++] = entry->secret;
  if (parts->services.needs_system_ca) {
    const char **path = gw_arena_calloc(&policy->arena, 1, sizeof(*path));
    path[0] = gw_arena_strdup(&policy->arena, settings->ca_file);
    secrets[policy->secret_count++] = (struct gw_policy_secret){.name = GW_STR(GW_SYSTEM_CA),
                                                                .kind = GW_SECRET_VALIDATION,
                                                                .paths = path,
                                                                .path_count = 1,
                                                                .place = "GATEWAY_CA_FILE"};
  }
  if (gw_tracing_is_on(settings))
    policy->secret_count += gw_tracing_translate_secrets(settings, &policy->arena, secrets + policy->secret_count);
  policy->secrets = secrets;
}
