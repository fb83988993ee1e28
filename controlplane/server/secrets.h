/* Why: keeps the secrets of certificate, key, CA and ticket files: watched, checked, the last good one of each. A change makes a new
 * version of that secret and of nothing else.
 * Life: gw_secrets_new … gw_secrets_free, after the catalog, which borrows them.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SERVER_SECRETS_H
#define GW_CONTROLPLANE_SERVER_SECRETS_H

#include "common/event/loop.h"
#include "common/observe/log.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/policy/policy.h"

struct gw_secrets;

/* on_change: what gw_secrets_append_warnings says has changed, by a file's doing. */
struct gw_secrets *gw_secrets_new(struct gw_loop *loop, struct gw_log *log, struct gw_catalog *catalog, void (*on_change)(void *arg),
                                  void *arg);
void gw_secrets_free(struct gw_secrets *secrets);
/* These are wanted now (copied): reads their files, and gives the catalog those that are good. One that has the name and the files of
 * before keeps its last good content when it can't be read now. */
void gw_secrets_follow(struct gw_secrets *secrets, const struct gw_policy_secret *sources, uint32_t count);
/* What the issuer of that secret's keys publishes now. False: no secret of that name, or no key set that could be used: then what was there
 * before stays. */
bool gw_secrets_set_fetched(struct gw_secrets *secrets, struct gw_str name, struct gw_str text);
/* From now on changes of their files are followed; one since they were read is taken soon. */
void gw_secrets_watch(struct gw_secrets *secrets);
/* One warning a secret that is missing, or is not what the files say. */
void gw_secrets_append_warnings(const struct gw_secrets *secrets, struct gw_errors *errors);

struct gw_secrets_stats {
  uint64_t rotations_total; /* new content of a secret, taken from changed files */
  uint64_t failures_total;  /* readings that gave none */
};
const struct gw_secrets_stats *gw_secrets_stats(const struct gw_secrets *secrets);

#endif
