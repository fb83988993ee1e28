/* Why: what config_source.c (that follows files and store) and config_changes.c (that is asked for changes) share.
 * Life: as config_source.h says.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SERVER_CONFIG_SOURCE_INTERNAL_H
#define GW_CONTROLPLANE_SERVER_CONFIG_SOURCE_INTERNAL_H

#include "common/base/list.h"
#include "common/event/timer.h"
#include "controlplane/server/config_source.h"

struct gw_config_source {
  struct gw_loop *loop;
  struct gw_log *log;
  bool is_api;
  struct gw_files *files;
  struct gw_revisions *revisions;
  struct gw_admin_changes changes;
  struct gw_timer later; /* for what waits, and what the store could not do */
  uint64_t current;      /* the revision in force; 0: none */
  /* files */
  bool has_unrecorded; /* what the files say is not known to be a revision yet */
  bool is_recording;
  /* revisions */
  uint64_t reading;      /* the one that is being read; 0: none */
  uint64_t newest_tried; /* of those that were put in force, or could not be; 0: none */
  uint64_t oldest_tried; /* UINT64_MAX: none */
  bool is_started;
  /* Changes that were asked for, one after the other: each builds on the one before. The first one is under way. */
  struct gw_list queue;
  uint32_t queued;
};

#define GW_CONFIG_CHANGES_MAX 64u /* that wait for each other */

/* The texts of the change under way, if the store may have it already and they have that hash: saves reading them. NULL: no such change. */
const struct gw_revision_texts *gw_config_changes_find_texts(const struct gw_config_source *source, struct gw_str hash);
/* After a revision was put in force, or could not be: what waited for that. */
void gw_config_changes_go_on(struct gw_config_source *source);
/* The store is gone: those that wait still are refused. */
void gw_config_changes_end(struct gw_config_source *source);
/* Puts a revision in force. */
void gw_config_source_put(struct gw_config_source *source, uint64_t number, const struct gw_revision_texts *texts);
/* Of gw_admin_changes. */
void gw_config_changes_change(void *arg, const struct gw_admin_change *wish, gw_admin_changed_fn fn, void *fn_arg);
void gw_config_changes_compare(void *arg, uint64_t from, uint64_t to, gw_admin_compared_fn fn, void *fn_arg);

#endif
