/* Why: the way of a change, first half: the files are watched and read, become policy, and that goes into the catalog. What is bad changes
 * nothing and is kept for the status.
 * Life: gw_files_new … gw_files_free, after the catalog, which borrows from the policy in force.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SERVER_FILES_H
#define GW_CONTROLPLANE_SERVER_FILES_H

#include "common/base/arena.h"
#include "common/event/loop.h"
#include "common/observe/log.h"
#include "common/observe/metrics.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/discovery/registrations.h"
#include "controlplane/discovery/sources.h"
#include "controlplane/policy/policy.h"
#include "controlplane/server/change_trace.h"
#include "controlplane/server/files_texts.h"
#include "controlplane/server/options.h"
#include "controlplane/server/secrets.h"

struct gw_files;

struct gw_files_options {
  struct gw_loop *loop;
  struct gw_log *log;
  const struct gw_options *options;
  struct gw_catalog *catalog;
  struct gw_guard *guard;
  struct gw_sources *sources;
  struct gw_registrations *registrations; /* NULL: none; they follow the settings */
  struct gw_change_trace *trace;          /* NULL: changes are not traced */
  bool is_fed;                            /* configurations come by gw_files_put: the files are not looked at */
  /* The files, as they have become what is in force; NULL: nobody wants to know. */
  void (*on_accepted)(void *arg, const struct gw_files_texts *texts);
  void *arg;
};

struct gw_files *gw_files_new(const struct gw_files_options *options);
void gw_files_free(struct gw_files *files);
/* Where routes are a text that a source holds (--routes consul:KEY): begins to watch it, and runs the loop until it is there,
 * GW_FILES_TEXT_MS at most, or *is_stopping. Without it the load that follows fails. Else it does nothing. */
void gw_files_await_text(struct gw_files *files, const bool *is_stopping);
#define GW_FILES_TEXT_MS 5000u
/* Reads all now, whether or not something changed. GW_ERR_INVALID: what was in force stays; gw_files_mistakes says why. */
enum gw_err gw_files_load(struct gw_files *files);
/* Puts these in force, as a load of files with these texts would. GW_ERR_INVALID: what was in force stays; what is wrong is added. */
enum gw_err gw_files_put(struct gw_files *files, const struct gw_files_texts *texts, struct gw_errors *errors);
/* The same, up to where it would take effect. The caller frees *ret_policy. */
enum gw_err gw_files_check(struct gw_files *files, const struct gw_files_texts *texts, struct gw_errors *errors,
                           struct gw_policy **ret_policy);
/* What the files say now; the caller has to call gw_files_texts_done. A file that can't be read is a mistake. */
enum gw_err gw_files_read(const struct gw_files *files, struct gw_errors *errors, struct gw_files_texts *ret_texts);
/* Of what is in force. NULL before the first good load. Until the next one. */
const struct gw_files_texts *gw_files_texts(const struct gw_files *files);
/* Words for the status, beside the mistakes: why something else is in force than should be; NULL: nothing. */
void gw_files_set_trouble(struct gw_files *files, const char *words);
/* From now on a change of a file is followed by a load, once no file has changed for a moment; one since the last load at once. */
void gw_files_watch(struct gw_files *files);

/* Errors of the newest load, if it failed, and warnings of what is in force and of its secrets' files. */
const struct gw_errors *gw_files_mistakes(struct gw_files *files);
/* A token of that provider named a key that is not among its keys: perhaps it has published newer ones. */
void gw_files_on_unknown_key(struct gw_files *files, struct gw_str provider);
/* NULL before the first good load. */
const struct gw_policy *gw_files_policy(const struct gw_files *files);

struct gw_files_stats {
  uint64_t loads_total;
  uint64_t errors_total;         /* loads that failed */
  struct gw_histogram durations; /* of good loads, from reading to the snapshot */
};
const struct gw_secrets_stats *gw_files_secrets_stats(const struct gw_files *files);
const struct gw_files_stats *gw_files_stats(const struct gw_files *files);

#endif
