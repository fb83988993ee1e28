/* Why: keys that issuers publish (JWKS URLs, OIDC discovery): fetched, refreshed before they are stale, kept while the issuer is away.
 * Life: gw_issuer_keys_new … free, before the secrets, which keep what was fetched.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SERVER_ISSUER_KEYS_H
#define GW_CONTROLPLANE_SERVER_ISSUER_KEYS_H

#include "common/event/loop.h"
#include "common/observe/log.h"
#include "controlplane/policy/policy.h"

struct gw_issuer_keys;

/* What was fetched of the secret of that name: a JWKS. False: it can't be used, and what was there before stays. */
typedef bool (*gw_issuer_keys_fn)(void *arg, struct gw_str name, struct gw_str jwks);

struct gw_issuer_keys *gw_issuer_keys_new(struct gw_loop *loop, struct gw_log *log, gw_issuer_keys_fn fn, void *arg);
void gw_issuer_keys_free(struct gw_issuer_keys *keys);
/* Those of `sources` that are published are wanted now (copied); who was there before goes on as it was. */
void gw_issuer_keys_follow(struct gw_issuer_keys *keys, const struct gw_policy_secret *sources, uint32_t count, const char *ca_file);
/* A token had a key id of that provider that nobody knows: asks again, but not more often than every GW_ISSUER_KEYS_UNKNOWN_MS. */
#define GW_ISSUER_KEYS_UNKNOWN_MS 10000u
void gw_issuer_keys_on_unknown(struct gw_issuer_keys *keys, struct gw_str name);
/* One warning for each whose keys are not what the issuer says now: how old they are, and why. */
void gw_issuer_keys_append_warnings(const struct gw_issuer_keys *keys, struct gw_errors *errors);

#endif
