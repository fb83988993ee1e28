/* Why: what the settings say of Huawei Cloud, and what of it does not fit together.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_POLICY_HUAWEI_SETTINGS_H
#define GW_CONTROLPLANE_POLICY_HUAWEI_SETTINGS_H

#include "controlplane/policy/settings.h"

/* Names of settings that are secrets: never flags, which ps shows. */
#define GW_HUAWEI_SECRETS "GATEWAY_HUAWEI_SECRET_KEY", "GATEWAY_HUAWEI_SECURITY_TOKEN", "GATEWAY_HUAWEI_PASSWORD"

/* Whether there are credentials. */
bool gw_settings_has_huawei(const struct gw_settings *settings);

/* Mistakes: half a key, a key and a user, no region, an endpoint that is no https (or http on loopback), `huawei` in SERVICE_DISCOVERY_TYPE
 * without any of it. */
void gw_huawei_settings_check(const struct gw_settings *settings, struct gw_errors *errors);

#endif
