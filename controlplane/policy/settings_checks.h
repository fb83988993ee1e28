/* Why: what is allowed as the text of settings that are more than a number, a word of a list or a duration.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_POLICY_SETTINGS_CHECKS_H
#define GW_CONTROLPLANE_POLICY_SETTINGS_CHECKS_H

#include "common/base/arena.h"
#include "common/base/err.h"

/* Address ranges with commas; none is allowed, too. */
bool gw_setting_is_cidrs(struct gw_str text);
/* IP or IP:PORT, with commas. */
bool gw_setting_is_servers(struct gw_str text);
/* As nacos_servers.h has them. */
bool gw_setting_is_nacos_servers(struct gw_str text, struct gw_arena *arena);
/* ASCII without spaces. */
bool gw_setting_is_word(struct gw_str text);
/* Names of sources, with commas. Mistakes are added under `place`. */
void gw_setting_check_discovery(struct gw_str text, const char *place, struct gw_arena *arena, struct gw_errors *errors);
/* The host of a Redis, and what else it may be given as elsewhere. */
void gw_setting_check_redis(struct gw_str text, const char *place, struct gw_errors *errors);
/* Names of header fields with commas; empty: none. */
#define GW_SETTING_HEADERS_MAX 64u
bool gw_setting_is_header_names(struct gw_str text);

#endif
