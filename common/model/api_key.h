/* Why: an API key as a plain value (gateway.auth.v1.ApiKey): whose it is, and the hash that it is known by.
 * Life: in the arena of the resource that holds it, or the caller's; frozen.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_API_KEY_H
#define GW_COMMON_MODEL_API_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

#define GW_API_KEY_TEXT_MAX 255u  /* bytes of id, owner, name, plan, and of each role and permission */
#define GW_API_KEY_WORDS_MAX 100u /* of roles, and of permissions */

struct gw_api_key {
  struct gw_str id;
  uint8_t hash[32];
  bool is_imported; /* found by its hash: it has no id in it */
  struct gw_str owner;
  struct gw_str name; /* may be empty */
  const struct gw_str *roles;
  uint32_t role_count;
  const struct gw_str *permissions;
  uint32_t permission_count;
  struct gw_str plan;   /* may be empty */
  int64_t created_at_s; /* Unix time; 0: not known */
  int64_t expires_at_s; /* 0: never */
  int64_t revoked_at_s; /* 0: it is not */
};

#endif
