/* Why: the texts of a configuration and the names that their mistakes are told under: what is read, kept, and compared.
 * Life: gw_files_texts_read or gw_files_texts_copy … gw_files_texts_done.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SERVER_FILES_TEXTS_H
#define GW_CONTROLPLANE_SERVER_FILES_TEXTS_H

#include "controlplane/discovery/sources.h"
#include "controlplane/server/options.h"

struct gw_files_texts {
  const char *routes_name;
  struct gw_str routes;
  const char *services_name;
  struct gw_str services;
};

/* What the files, or the source of routes, say now. What can be read is read, so that all mistakes show at once. */
enum gw_err gw_files_texts_read(const struct gw_options *options, const struct gw_sources *sources, struct gw_errors *errors,
                                struct gw_files_texts *ret_texts);
struct gw_files_texts gw_files_texts_copy(const struct gw_files_texts *texts);
/* Of texts that were read or copied. */
void gw_files_texts_done(struct gw_files_texts *texts);
/* Differs when one of them does, or the file of settings (may be NULL), whose secrets show nowhere else. */
uint64_t gw_files_texts_digest(const struct gw_files_texts *texts, const char *env_file);

#endif
