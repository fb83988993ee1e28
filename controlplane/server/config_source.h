/* Why: who is the source of truth: the files, whose accepted changes become revisions, or the revisions, which become what is in force.
 * Joins the files' way of a change (files.h) with the store (store/revisions.h), and answers the admin API (api/admin_changes.h).
 * Life: gw_config_source_new … gw_config_source_free, after the store (whose last answers it takes), before the files.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SERVER_CONFIG_SOURCE_H
#define GW_CONTROLPLANE_SERVER_CONFIG_SOURCE_H

#include "controlplane/api/admin_changes.h"
#include "controlplane/server/files.h"

struct gw_config_source;

/* `is_api`: GATEWAY_CONFIG_SOURCE. */
struct gw_config_source *gw_config_source_new(struct gw_loop *loop, struct gw_log *log, bool is_api);
void gw_config_source_free(struct gw_config_source *source);
bool gw_config_source_is_api(const struct gw_config_source *source);
/* Both are borrowed, and have the two functions below (with the source) in their options. */
void gw_config_source_join(struct gw_config_source *source, struct gw_files *files, struct gw_revisions *revisions);
void gw_config_source_on_accepted(void *arg, const struct gw_files_texts *texts);
void gw_config_source_on_newest(void *arg);
/* Number of the revision in force; 0: none, or one that the store does not have yet. */
uint64_t gw_config_source_current(void *arg);

/* Puts in force what there is: the files, or the newest revision, or, where they are bad, the last good revision. Turns the loop for some
 * seconds at most, until the store has answered, or *is_stopping. GW_ERR_INVALID: nothing is good; gw_files_mistakes says why. With
 * revisions as the source and a store that is away or empty it is GW_OK, and nothing is served yet. */
enum gw_err gw_config_source_start(struct gw_config_source *source, const bool *is_stopping);

/* Lives with the source. */
const struct gw_admin_changes *gw_config_source_changes(const struct gw_config_source *source);

#endif
