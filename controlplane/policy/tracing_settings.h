/* Why: OpenTelemetry's settings (OTEL_…) and ours beside them: what they say to data planes, and to the control plane's own exporter.
 * Life: what is translated lies in the arena given.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_POLICY_TRACING_SETTINGS_H
#define GW_CONTROLPLANE_POLICY_TRACING_SETTINGS_H

#include "common/model/cluster.h"
#include "common/model/tracing.h"
#include "common/otlp/exporter.h"
#include "controlplane/policy/policy.h"
#include "controlplane/policy/settings.h"

#define GW_TRACING_CLUSTER "opentelemetry/collector"
#define GW_TRACING_CA "opentelemetry/ca"
#define GW_TRACING_SECRETS_MAX 2u

/* Mistakes: an endpoint that is no URL, a list that is none, a sampler's argument out of its range, a propagator that is not known. */
void gw_tracing_settings_check(const struct gw_settings *settings, struct gw_errors *errors);
/* There is an endpoint, and nothing is switched off. */
bool gw_tracing_is_on(const struct gw_settings *settings);

/* All of the below only when it is on. */
const struct gw_tracing *gw_tracing_translate(const struct gw_settings *settings, struct gw_arena *arena);
struct gw_cluster gw_tracing_translate_cluster(const struct gw_settings *settings, struct gw_arena *arena);
/* Into `secrets`, at most GW_TRACING_SECRETS_MAX; how many. */
uint32_t gw_tracing_translate_secrets(const struct gw_settings *settings, struct gw_arena *arena, struct gw_policy_secret *secrets);
/* Of the control plane's own spans. TLS lacks the CA, which lies in the file *ret_ca_file (NULL: no TLS). */
struct gw_otlp_options gw_tracing_export_options(const struct gw_settings *settings, struct gw_arena *arena, struct gw_str instance,
                                                 const char **ret_ca_file);

#endif
